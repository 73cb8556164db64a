import json

import pytest

from hornbook.errors import RunFolderError
from hornbook.recipe import FilterConfig
from hornbook.run.folder import RunFolder
from hornbook.run.show import show_overlaps, show_run, show_stage
from tests.run.test_runner import make_graph, run


def test_a_run_is_one_line_a_stage(tmp_path):
    folder = RunFolder(tmp_path / "run")
    run(make_graph(), folder)
    first, second = show_run(folder)
    assert first.startswith("write_lines")
    assert "4 lines, 1 left out" in first
    assert "1 total" in second


def test_a_stage_shows_its_whole_manifest(tmp_path):
    folder = RunFolder(tmp_path / "run")
    run(make_graph(), folder)
    shown = "\n".join(show_stage(folder, "write_lines"))
    assert "rows: lines.txt = 4" in shown
    assert "drops: odd = 1" in shown
    assert "file: lines.txt, 7 bytes, sha256 " in shown


def test_what_has_finished_shows_before_the_run_is_whole(tmp_path):
    folder = RunFolder(tmp_path / "run")
    graph = make_graph()
    run(graph, folder, targets=[graph["write_lines"]])
    assert [line.split()[0] for line in show_run(folder)] == ["write_lines"]


def test_stages_that_are_not_part_of_the_whole_run_come_after_it(tmp_path):
    folder = RunFolder(tmp_path / "run")
    run(make_graph(), folder)
    graph = make_graph()
    varied = graph.vary(graph["add_up"], "study", config=FilterConfig(keep_share=0.7))
    run(graph, folder, targets=[varied])
    shown = list(show_run(folder))
    assert [line.split()[0] for line in shown] == ["write_lines", "add_up", "Besides", "study.add_up"]
    assert "metrics: total" in "\n".join(show_stage(folder, "study.add_up"))


def test_errors_name_the_folder_and_the_stages(tmp_path):
    with pytest.raises(RunFolderError, match=r"is not a run's folder\. Make one with: hornbook run nano"):
        list(show_run(RunFolder(tmp_path)))
    folder = RunFolder(tmp_path / "run")
    run(make_graph(), folder)
    with pytest.raises(RunFolderError, match=r"no finished stage 'filter'\. There are: write_lines, add_up"):
        list(show_stage(folder, "filter"))


def test_overlaps_stand_beside_each_other(tmp_path):
    similar = {"reason": "similar_function", "problem": "HumanEval/1", "shared": "f", "where": "function", "line": 3}
    entries = [
        {"row": "a.py", "reason": "heldout_copy", "problem": "task/1", "shared": "def f(x):"},
        *({"row": f"task/{n}", **similar, "rate": 0.961, "distance": 0.5} for n in range(3)),
    ]
    entries[1] |= {"row_text": "def f(x):\n    return x", "problem_text": "def g(y):\n    return y"}
    path = tmp_path / "overlaps.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert list(show_overlaps(path, per_reason=1)) == [
        "heldout_copy: a.py (line 1) and task/1: def f(x):",
        "similar_function: task/0 (function, line 3) and HumanEval/1, match rate 0.96, distance 0.50: f",
        "      row | def f(x):",
        "      row |     return x",
        "  problem | def g(y):",
        "  problem |     return y",
        f"similar_function: 2 more in {path}",
    ]

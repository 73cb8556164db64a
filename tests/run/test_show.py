import pytest

from hornbook.errors import RunFolderError
from hornbook.run.folder import RunFolder
from hornbook.run.show import show_run, show_stage
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


def test_errors_name_the_folder_and_the_stages(tmp_path):
    with pytest.raises(RunFolderError, match=r"is not a run's folder\. Make one with: hornbook run nano"):
        list(show_run(RunFolder(tmp_path)))
    folder = RunFolder(tmp_path / "run")
    run(make_graph(), folder)
    with pytest.raises(RunFolderError, match=r"no finished stage 'filter'\. There are: write_lines, add_up"):
        list(show_stage(folder, "filter"))

"""The runner from a user's side: reuse, reasons, resume, damage, locks and disks that refuse."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hornbook.errors import ArtifactError, RunFolderError, StageError
from hornbook.recipe import FilterConfig
from hornbook.run.artifact import RESUME, Artifact, Facts, read_manifest
from hornbook.run.folder import RunFolder
from hornbook.run.graph import Graph
from hornbook.run.machine import Machine
from hornbook.run.runner import execute, plan
from hornbook.run.stage import Stage, stage

MACHINE = Machine(workers=1)


class Lines(Artifact):
    pass


class Total(Artifact):
    pass


@stage(version=1)
def write_lines(*, count: int, out: Path) -> Lines:
    (out / "lines.txt").write_text("\n".join(str(n) for n in range(count)))
    return Lines(out, Facts(rows={"lines.txt": count}, drops={"odd": 1}))


@stage(version=1)
def add_up(*, lines: Lines, config: FilterConfig, out: Path) -> Total:
    total = sum(int(n) for n in (lines.folder / "lines.txt").read_text().split())
    (out / "total.txt").write_text(str(total))
    return Total(out, Facts(rows={"total.txt": 1}, metrics={"total": total}))


def make_graph(count: int = 4, keep_share: float = 0.2, summing: Stage = add_up) -> Graph:
    graph = Graph()
    lines = graph.add(write_lines, count=count)
    graph.add(summing, lines=lines, config=FilterConfig(keep_share=keep_share))
    return graph


def states(graph: Graph, folder: RunFolder) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {planned.node.name: (planned.state, planned.reasons) for planned in plan(graph, folder)}


def run(graph: Graph, folder: RunFolder, **options) -> dict[str, Artifact]:
    return execute(graph, folder, MACHINE, recipe_name="test", **options)


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_construction_and_planning_touch_nothing(folder):
    assert states(make_graph(), folder)["write_lines"] == ("run", ("not made yet",))
    assert not folder.path.exists()


def test_a_second_run_reuses_everything(folder):
    first = run(make_graph(), folder)
    manifest = read_manifest(first["add_up"].folder)
    assert manifest["metrics"] == {"total": 6}
    assert manifest["files"]["total.txt"]["size_bytes"] == 1
    assert manifest["identity"]["inputs"] == {"lines": make_graph()["write_lines"].fingerprint}

    assert {state for state, _ in states(make_graph(), folder).values()} == {"cached"}
    again = run(make_graph(), folder)
    assert again["add_up"].facts == first["add_up"].facts


def test_facts_keep_their_order_from_the_stage_to_a_later_run(folder):
    @stage(version=1)
    def measure(*, out: Path) -> Total:
        (out / "file.txt").write_text("x")
        return Total(out, Facts(metrics={"zebra": 1, "ant": 2}))

    graph = Graph()
    graph.add(measure)
    for _ in range(2):
        assert list(run(graph, folder)["measure"].facts.metrics) == ["zebra", "ant"]


def test_a_second_run_leaves_manifests_alone(folder):
    first = run(make_graph(), folder)
    manifest = read_manifest(first["add_up"].folder)
    again = run(make_graph(), folder)
    assert read_manifest(again["add_up"].folder)["finished_at"] == manifest["finished_at"]


def test_one_changed_field_reruns_just_what_depends_on_it_and_says_why(folder):
    run(make_graph(), folder)
    changed = states(make_graph(keep_share=0.5), folder)
    assert changed["write_lines"] == ("cached", ())
    assert changed["add_up"] == ("run", ("config.keep_share: 0.2 -> 0.5",))
    upstream = states(make_graph(count=5), folder)
    assert upstream["write_lines"] == ("run", ("count: 4 -> 5",))
    assert upstream["add_up"] == ("run", ("write_lines is made anew",))


def test_going_back_to_an_earlier_value_finds_the_earlier_artifact(folder):
    run(make_graph(), folder)
    run(make_graph(count=5), folder)
    assert states(make_graph(), folder)["add_up"][0] == "cached"


def test_a_raised_stage_version_is_a_reason(folder):
    run(make_graph(), folder)
    newer = make_graph(summing=Stage(add_up.function, version=2))
    assert states(newer, folder)["add_up"] == ("run", ("stage version 1 -> 2",))


def test_a_damaged_artifact_is_kept_aside_and_made_again(folder):
    first = run(make_graph(), folder)
    (first["write_lines"].folder / "lines.txt").write_text("0")
    state, reasons = states(make_graph(), folder)["write_lines"]
    assert state == "run"
    assert "lines.txt has 1 bytes, its manifest says 7 bytes" in reasons[0]
    again = run(make_graph(), folder)
    assert (again["write_lines"].folder / "lines.txt").read_text() == "0\n1\n2\n3"
    aside = list((folder.path / "write_lines").glob("*.damaged-1"))
    assert (aside[0] / "lines.txt").read_text() == "0"
    assert states(make_graph(count=5), folder)["write_lines"] == ("run", ("count: 4 -> 5",))


def test_too_many_drops_stop_the_run_and_keep_what_was_written(folder):
    with pytest.raises(StageError, match=r"write_lines: 1 of 5 rows were dropped.*max_drop_fraction 0.1.*odd 1"):
        run(make_graph(), folder, max_drop_fraction=0.1)
    partial = folder.partial_folder(make_graph()["write_lines"])
    assert (partial / "lines.txt").exists()
    assert not folder.artifact_folder(make_graph()["write_lines"]).exists()


def test_a_stage_that_leaves_nothing_stops_the_run(folder):
    with pytest.raises(StageError, match=r"write_lines: lines.txt has no rows left \(odd 1\)"):
        run(make_graph(count=0), folder)


def test_the_folder_of_another_run_is_refused(folder):
    run(make_graph(), folder)
    with pytest.raises(RunFolderError, match="is the folder of run 'test', not of 'other'"):
        execute(make_graph(), folder, MACHINE, recipe_name="other")


def test_a_folder_with_other_files_is_refused_and_left_alone(folder):
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="has files that are not a run's"):
        run(make_graph(), folder)
    assert [entry.name for entry in folder.path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunFolderError, match="is not a folder"):
        run(make_graph(), RunFolder(tmp_path / "run"))


def test_no_permission_is_named(folder, monkeypatch):
    # Root may write anywhere, so the refusal is made here, where the kernel would make it.
    def refuse(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFolderError, match=r"run: no permission to write\. Choose another folder"):
        run(make_graph(), folder)


def test_an_error_inside_a_stage_is_not_taken_for_one_of_the_folder(folder):
    @stage(version=1)
    def forbidden(*, lines: Lines, config: FilterConfig, out: Path) -> Total:
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/secret")

    with pytest.raises(PermissionError, match="/elsewhere/secret"):
        run(make_graph(summing=forbidden), folder)


def test_a_folder_that_cannot_be_made_is_named():
    with pytest.raises(RunFolderError, match="/proc/nowhere: cannot be used"):
        run(make_graph(), RunFolder(Path("/proc/nowhere")))


def test_a_locked_folder_names_the_process(folder):
    with folder.locked("test"), pytest.raises(RunFolderError, match=f"process {os.getpid()} is running here"):
        run(make_graph(), folder)


def test_a_full_disk_names_the_stage_and_keeps_what_was_finished(folder):
    @stage(version=1)
    def fill(*, lines: Lines, config: FilterConfig, out: Path) -> Total:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunFolderError, match="stage fill: no space left on the disk"):
        run(make_graph(summing=fill), folder)
    assert states(make_graph(), folder)["write_lines"][0] == "cached"


def test_a_killed_stage_resumes_from_what_it_left(tmp_path):
    program = textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        from hornbook.run.artifact import RESUME, Artifact, Facts
        from hornbook.run.folder import RunFolder
        from hornbook.run.graph import Graph
        from hornbook.run.machine import Machine
        from hornbook.run.runner import execute
        from hornbook.run.stage import stage

        @stage(version=1)
        def count(*, out: Path) -> Artifact:
            note = out / RESUME / "note.txt"
            if note.exists():
                assert not (out / "half.txt").exists(), "leftovers of the killed try must be gone"
                (out / "done.txt").write_text(note.read_text() + " resumed")
                return Artifact(out, Facts(rows={{"done.txt": 1}}))
            note.parent.mkdir()
            note.write_text("step 7")
            (out / "half.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)

        graph = Graph()
        graph.add(count)
        made = execute(graph, RunFolder(Path({str(tmp_path / "run")!r})), Machine(workers=1), recipe_name="test")
        print((made["count"].folder / "done.txt").read_text(), (made["count"].folder / RESUME).exists())
    """)
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert resumed.stdout.strip() == "step 7 resumed False", resumed.stderr


def test_plan_tells_a_resumable_stage(folder):
    graph = make_graph()
    (folder.partial_folder(graph["write_lines"]) / RESUME).mkdir(parents=True)
    assert states(graph, folder)["write_lines"][0] == "resume"


def test_targets_run_only_what_they_need_and_the_last_whole_run_stays_known(folder):
    graph = make_graph()
    assert set(run(graph, folder, targets=[graph["write_lines"]])) == {"write_lines"}
    assert folder.latest() == {}
    whole = run(graph, folder)
    run(make_graph(count=5), folder, targets=[make_graph(count=5)["write_lines"]])
    assert folder.latest_artifact("add_up") == whole["add_up"].folder


def test_a_stage_that_selects_may_leave_out_as_much_as_it_is_asked_to(folder):
    graph = Graph()
    graph.add(Stage(write_lines.function, version=1, selects=True), count=4)
    assert run(graph, folder, max_drop_fraction=0.1)["write_lines"].facts.drops == {"odd": 1}


def test_latest_points_at_the_artifacts_of_the_last_run(folder):
    made = run(make_graph(), folder)
    latest = json.loads((folder.path / "latest.json").read_text())
    assert folder.path / latest["add_up"] == made["add_up"].folder


def test_a_graph_refuses_wrong_wiring():
    graph = Graph()
    lines = graph.add(write_lines, count=1)
    with pytest.raises(TypeError, match="two nodes are named 'write_lines'"):
        graph.add(write_lines, count=2)
    with pytest.raises(TypeError, match=r"missing arguments \['config'\], unknown arguments \['colour'\]"):
        graph.add(add_up, lines=lines, colour=1)
    total = graph.add(add_up, lines=lines, config=FilterConfig())
    with pytest.raises(TypeError, match="lines takes Lines, not Total"):
        graph.add(add_up, variant="other", lines=total, config=FilterConfig())


def test_an_artifact_is_found_under_whatever_name_it_was_made(folder):
    first = run(make_graph(), folder)
    renamed = Graph()
    lines = renamed.add(write_lines, variant="other", count=4)
    renamed.add(add_up, variant="other", lines=lines, config=FilterConfig())
    assert {state for state, _ in states(renamed, folder).values()} == {"cached"}
    found = run(renamed, folder)
    assert found["other.add_up"].folder == first["add_up"].folder
    assert not (folder.path / "other.add_up").exists()


def test_a_damaged_artifact_of_another_name_is_kept_aside_and_made_again(folder):
    first = run(make_graph(), folder)
    (first["write_lines"].folder / "lines.txt").write_text("0")
    renamed = Graph()
    renamed.add(write_lines, variant="other", count=4)
    again = run(renamed, folder)
    assert again["other.write_lines"].folder.parent.name == "other.write_lines"
    assert (again["other.write_lines"].folder / "lines.txt").read_text() == "0\n1\n2\n3"
    assert len(list((folder.path / "write_lines").glob("*.damaged-1"))) == 1


def test_a_varied_node_differs_in_what_is_changed_and_one_that_is_the_same_is_not_added():
    graph = make_graph()
    varied = graph.vary(graph["add_up"], "strict", config=FilterConfig(keep_share=0.9))
    assert varied.name == "strict.add_up"
    assert varied.inputs == graph["add_up"].inputs
    assert varied.fingerprint != graph["add_up"].fingerprint
    assert graph.vary(graph["add_up"], "same", config=FilterConfig(keep_share=0.2)) is graph["add_up"]
    assert graph.vary(varied, "again") is varied
    assert [node.name for node in graph] == ["write_lines", "add_up", "strict.add_up"]
    with pytest.raises(TypeError, match=r"unknown arguments \['colour'\]"):
        graph.vary(varied, "wrong", colour=1)
    with pytest.raises(TypeError, match=r"two nodes are named 'strict\.add_up'"):
        graph.vary(varied, "strict", config=FilterConfig(keep_share=0.7))


def test_a_manifest_that_is_not_json_is_named(folder):
    made = run(make_graph(), folder)
    (made["add_up"].folder / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"manifest.json: cannot be read"):
        Total.load(made["add_up"].folder)

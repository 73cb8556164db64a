"""Curves at trackers: TensorBoard for real, the others by stand-ins for their packages, which do what those do."""

import contextlib
import json
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from hornbook.cli import main
from hornbook.errors import InputError, MissingDependencyError
from hornbook.run.artifact import RESUME
from hornbook.run.machine import Machine
from hornbook.train import trackers as trackers_module
from hornbook.train.step import Stepper
from hornbook.train.trackers import Trackers, check_installed
from tests.train.corpus import tiny_training
from tests.train.runs import lines, weights


class Stopped(Exception):
    """Stands in for a kill."""


@contextlib.contextmanager
def stopped(at):
    """Has the run inside the block stop before a step."""
    take = Stepper.take

    def stop(self, step):
        if step == at:
            raise Stopped
        return take(self, step)

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Stopped):
        patch.setattr(Stepper, "take", stop)
        yield
        pytest.fail(f"the run went beyond step {at}")


def curves(folder):
    """Each curve's points (step, value), as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder)).Reload()
    return {
        name: [(event.step, event.value) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def tensorboard_folder(out):
    (folder,) = {path.parent for path in (out / RESUME / "trackers" / "tensorboard").rglob("events.*")}
    return folder


def test_tensorboard_shows_the_curves_of_the_metrics(run):
    artifact = run(trackers=["tensorboard"], max_rollbacks=1)
    shown, kept = curves(tensorboard_folder(artifact.folder)), lines(artifact.folder)
    assert [step for step, _ in shown["train/loss"]] == list(range(1, 13))
    assert [value for _, value in shown["train/loss"]] == pytest.approx([line["loss"] for line in kept])
    assert [value for _, value in shown["train/grad_norm"]] == pytest.approx([line["grad_norm"] for line in kept])
    assert dict(shown["validation/code"]) == pytest.approx(
        {line["step"]: line["validation"]["code"] for line in kept if "validation" in line}
    )
    assert {"train/learning_rate", "train/rollbacks", "validation/textbooks", "speed/tokens_per_s"} <= set(shown)
    assert "speed/mfu" not in shown, "the peak of a CPU is not known"


def test_tensorboard_goes_on_with_the_same_curve_after_a_kill(run, tmp_path):
    whole = run()
    out = tmp_path / "killed"
    for at in (5, 11):
        with stopped(at):
            run(out=out, trackers=["tensorboard"])
    run(out=out, trackers=["tensorboard"])
    shown = curves(tensorboard_folder(out))
    assert [step for step, _ in shown["train/loss"]] == list(range(1, 13)), "no step is missing or there twice"
    assert [value for _, value in shown["train/loss"]] == pytest.approx([line["loss"] for line in lines(whole.folder)])
    assert len(shown["speed/tokens_per_s"]) == 12


def test_tensorboard_forgets_what_a_rollback_takes_back(run, monkeypatch):
    take = Stepper.take

    def spoil(self, step):
        loss_and_norm = take(self, step)
        return loss_and_norm * (float("nan") if step + self.batches_skipped == 8 else 1.0)

    monkeypatch.setattr(Stepper, "take", spoil)
    artifact = run(max_rollbacks=1, trackers=["tensorboard"], checkpoint_every=5)
    shown = curves(tensorboard_folder(artifact.folder))
    kept = [line["loss"] for line in lines(artifact.folder) if "loss" in line]
    assert [value for _, value in shown["train/loss"]] == pytest.approx(kept)
    assert [value for _, value in shown["train/rollbacks"]] == [0] * 5 + [1] * 7


def test_trackers_are_execution_and_not_identity(run, tmp_path):
    """A run goes on under other trackers than it began with, and its weights are the same."""
    plain, out = run(), tmp_path / "tracked"
    with stopped(7):
        run(out=out)
    run(out=out, trackers=["tensorboard"], tracker_project="other")
    assert weights(out) == weights(plain.folder)
    assert [step for step, _ in curves(tensorboard_folder(out))["train/loss"]] == list(range(1, 13))


class Service:
    """What both services keep of runs, by id or name: points by step, of which none is taken twice or backwards."""

    def __init__(self):
        self.runs, self.opened, self.num_finished = {}, [], 0
        self.fails_after = None

    def open(self, key, **arguments):
        self.opened.append(arguments)
        points = self.runs.setdefault(key, {})

        def log(values, step, commit=None):
            if self.fails_after is not None and step > self.fails_after:
                raise ConnectionError("no route to host")
            assert step not in points
            assert all(isinstance(value, float | int) for value in values.values())
            points[step] = values

        def finish():
            self.num_finished += 1

        next_step = max(points, default=-1) + 1
        return SimpleNamespace(log=log, step=next_step, _next_step=next_step, finish=finish)


@pytest.fixture(params=["wandb", "trackio"])
def service(request, monkeypatch):
    """A stand-in for a service's package, at the edge where it is imported."""
    module, service = ModuleType(request.param), Service()
    key = {"wandb": "id", "trackio": "name"}[request.param]
    module.init = lambda **arguments: service.open(arguments[key], **arguments)
    module.Settings = lambda **settings: settings
    monkeypatch.setitem(sys.modules, request.param, module)
    service.name = request.param
    return service


def test_a_service_gets_one_run_with_each_step_once_over_kills(run, service, tmp_path):
    out = tmp_path / "killed"
    for at in (5, 11):
        with stopped(at):
            run(out=out, trackers=[service.name], tracker_project="mine")
    run(out=out, trackers=[service.name], tracker_project="mine")
    ((key, points),) = service.runs.items()
    assert service.num_finished == 3
    assert list(points) == list(range(1, 13))
    assert [values["train/loss"] for values in points.values()] == [line["loss"] for line in lines(out)]
    assert [opened["resume"] for opened in service.opened] == ["allow"] * 3
    assert {opened["project"] for opened in service.opened} == {"mine"}
    assert service.opened[0]["config"]["batch_size"] == 4
    run(trackers=[service.name])
    assert len(service.runs) == 2, f"another run is not {key} again"


def test_a_service_that_lost_points_in_a_kill_gets_them_again(run, service, tmp_path):
    out = tmp_path / "killed"
    with stopped(8):
        run(out=out, trackers=[service.name])
    (points,) = service.runs.values()
    for step in (3, 4, 5, 6, 7, 8):
        del points[step]
    run(out=out, trackers=[service.name])
    assert sorted(points) == list(range(1, 13))


def test_a_tracker_that_fails_on_the_way_is_said_once_and_training_goes_on(run, service, capsys):
    plain = run()
    service.fails_after = 4
    tracked = run(trackers=[service.name, "tensorboard"])
    said = " ".join(capsys.readouterr().err.split())
    assert said.count(f"tracker {service.name} failed and is left alone from here on: ConnectionError: no route") == 1
    assert weights(tracked.folder) == weights(plain.folder)
    assert len(curves(tensorboard_folder(tracked.folder))["train/loss"]) == 12, "the other one goes on"


def test_a_tracker_that_does_not_start_is_an_error_that_says_why(run, service, monkeypatch):
    def refuse(**arguments):
        raise RuntimeError("no API key configured")

    monkeypatch.setattr(sys.modules[service.name], "init", refuse)
    with pytest.raises(InputError, match=rf"tracker '{service.name}' does not start: RuntimeError: no API key"):
        run(trackers=["tensorboard", service.name])


def test_a_tracker_that_cannot_close_does_not_hold_the_run(service, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trackers_module, "CLOSE_TIMEOUT_S", 0.05)
    open_ = Service.open

    def open_stuck(self, key, **arguments):
        opened = open_(self, key, **arguments)
        opened.finish = threading.Event().wait
        return opened

    monkeypatch.setattr(Service, "open", open_stuck)
    Trackers(tiny_training(trackers=[service.name]), tmp_path, Machine(device="cpu", workers=1)).close()
    assert "was not done closing after" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_a_missing_package_names_its_install_command(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    for part in [module for module in sys.modules if module.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, part)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'hornbook\[{name}\]'"):
        check_installed(tiny_training(trackers=[name]))


def test_the_command_line_refuses_a_missing_package_before_anything_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", None)
    arguments = ["run", "tiny", "--out", str(tmp_path / "run"), "--set", 'pretrain.trackers=["wandb"]']
    monkeypatch.setattr(sys, "argv", ["hornbook", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "pip install 'hornbook[wandb]'" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_real_trackio_keeps_each_step_once_over_a_kill(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio", reason="trackio is not installed: pip install 'hornbook[trackio]'")
    import trackio.sqlite_storage as storage

    out, project = tmp_path / "killed", f"hornbook-test-{tmp_path.name}"
    with stopped(8):
        run(out=out, trackers=["trackio"], tracker_project=project)
    run(out=out, trackers=["trackio"], tracker_project=project)
    (name,) = storage.SQLiteStorage.get_runs(project)
    logged = storage.SQLiteStorage.get_logs(project, name)
    assert [row["step"] for row in logged] == list(range(1, 13))


@pytest.mark.slow
def test_the_real_wandb_writes_offline(run, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed: pip install 'hornbook[wandb]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    artifact = run(trackers=["wandb"])
    (file,) = (artifact.folder / RESUME / "trackers" / "wandb").rglob("run-*.wandb")
    content = file.read_bytes()
    assert b"train/loss" in content
    assert json.dumps(lines(artifact.folder)[-1]["loss"]).encode() in content

"""A run's curves where people watch them: TensorBoard, Weights & Biases, trackio.

TensorBoard's and Weights & Biases' files lie below `trackers` in the run's folder, trackio's where trackio keeps them
(TRACKIO_DIR). A resumed run goes on with the same curve: what a tracker lacks of it, because a kill came before it was
sent or the tracker is new, comes from `metrics.jsonl`. TensorBoard drops points that a resumed run or a rollback takes
back. The other two cannot, so a step that they have is not sent again: in a resumed run it would be the same, and after
a rollback the curve goes on at the first step beyond.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hornbook.errors import InputError, MissingDependencyError
from hornbook.recipe import TrackerName, TrainConfig
from hornbook.run.artifact import RESUME
from hornbook.run.machine import Machine
from hornbook.run.progress import console

MODULES: dict[TrackerName, str] = {
    "tensorboard": "torch.utils.tensorboard",
    "wandb": "wandb",
    "trackio": "trackio",
}
CURVES = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
    "rollbacks": "train/rollbacks",
    "pass_at_1": "heldout/pass_at_1",
    "tokens_per_s": "speed/tokens_per_s",
    "mfu": "speed/mfu",
}
"""Names of the curves by the field of a line; `validation` has one for each source."""
RUN_ID = "tracked-run-id"
CLOSE_TIMEOUT_S = 60.0
"""An endpoint that is gone can keep a tracker from closing for days."""


class Tracker(Protocol):
    """One place that curves are sent to."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point at `step` to each curve that is named."""

    def go_back(self, step: int) -> None:
        """Says that the steps after `step` come again."""

    def close(self) -> None:
        """Sends what is left."""


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of the run."""

    id: str
    """Random, and the same when the run is resumed."""
    name: str
    project: str
    config: Mapping[str, Any]
    folder: Path
    """For the tracker's files."""


class Trackers:
    """All trackers of a run. One that fails is given up, and training goes on."""

    def __init__(
        self, config: TrainConfig, out: Path, machine: Machine, history: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Opens what `config.trackers` names and sends what it lacks of `history`, the lines of a resumed run so far.

        `out` is where the model goes. Raises MissingDependencyError for a package that is not installed, InputError for
        a tracker that does not open.
        """
        self._open: dict[TrackerName, Tracker] = {}
        if not config.trackers or not machine.world.is_main:
            return
        check_installed(config)
        # The runner's folders: NODE/FINGERPRINT.partial.
        node, fingerprint = out.parent.name, out.name.removesuffix(".partial")
        root, run_id = machine.trackers or out / RESUME / "trackers", _run_id(out / RESUME / RUN_ID)
        for kind in dict.fromkeys(config.trackers):
            run = TrackedRun(
                id=run_id,
                name=f"{node}-{run_id[:6]}",
                project=config.tracker_project,
                config=config.model_dump(mode="json"),
                folder=root / kind / node / fingerprint,
            )
            try:
                self._open[kind] = open_tracker(kind, run)
            except InputError:
                self.close()
                raise
        for line in history:
            self.log(line)

    def log(self, line: Mapping[str, Any]) -> None:
        """Sends a line of the metrics, which may also have `tokens_per_s` and `mfu`."""
        values = {CURVES[name]: value for name, value in line.items() if name in CURVES and value is not None}
        values |= {f"validation/{source}": loss for source, loss in line.get("validation", {}).items()}
        if values:
            self._tell(lambda tracker: tracker.log(line["step"], values))

    def go_back(self, step: int) -> None:
        """Says that the steps after `step` come again."""
        self._tell(lambda tracker: tracker.go_back(step))

    def close(self) -> None:
        """Sends what is left, unless that takes longer than a minute."""
        self._tell(_close_in_time)
        self._open = {}

    def _tell(self, what: Callable[[Tracker], None]) -> None:
        for kind, tracker in list(self._open.items()):
            try:
                what(tracker)
            except Exception as error:  # A tracker may raise anything, and none of it is worth a training run.
                del self._open[kind]
                console.print(
                    f"[yellow]! tracker {kind} failed and is left alone from here on:[/yellow] "
                    f"{type(error).__name__}: {error}",
                    soft_wrap=True,
                )


def _close_in_time(tracker: Tracker) -> None:
    errors: list[Exception] = []

    def close() -> None:
        try:
            tracker.close()
        except Exception as error:
            errors.append(error)

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(CLOSE_TIMEOUT_S)
    if closing.is_alive():
        raise TimeoutError(f"it was not done closing after {CLOSE_TIMEOUT_S:.0f} s")
    if errors:
        raise errors[0]


def check_installed(config: TrainConfig) -> None:
    """Raises MissingDependencyError, which names the install command, for a tracker whose package is missing."""
    for kind in config.trackers:
        _import(kind)


def open_tracker(kind: TrackerName, run: TrackedRun) -> Tracker:
    """A tracker by name. Raises MissingDependencyError, or InputError where it refuses to start."""
    kinds: dict[TrackerName, Callable[[Any, TrackedRun], Tracker]] = {
        "tensorboard": TensorBoard,
        "wandb": WeightsAndBiases,
        "trackio": Trackio,
    }
    module = _import(kind)
    try:
        return kinds[kind](module, run)
    except Exception as error:  # Whatever a third party's package raises.
        raise InputError(
            f"tracker {kind!r} does not start: {type(error).__name__}: {error}. Mend that, or take it out of trackers."
        ) from error


def _import(kind: TrackerName) -> Any:
    try:
        return importlib.import_module(MODULES[kind])
    except ImportError as error:
        if error.name == kind:
            raise MissingDependencyError(kind, f"the tracker {kind!r}", extra=kind) from None
        raise InputError(f"tracker {kind!r}: its package cannot be imported: {error}") from error


def _run_id(path: Path) -> str:
    """The id in the file, or a new one that is there from now on."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
        new.replace(path)
    return path.read_text(encoding="utf-8")


class TensorBoard:
    """Event files."""

    def __init__(self, module: Any, run: TrackedRun) -> None:
        """`module`: torch.utils.tensorboard."""
        # All that earlier files of the folder hold is hidden: the history comes again, and whole.
        self._writer = module.SummaryWriter(run.folder, purge_step=0)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Adds the points and flushes them."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def go_back(self, step: int) -> None:
        """Marks a start after `step`, as the writer itself does when it is given a `purge_step`."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        start = Event(session_log=SessionLog(status=SessionLog.START))
        self._writer.file_writer.add_event(start, step + 1)

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


class WeightsAndBiases:
    """A run at wandb.ai or, with WANDB_MODE=offline, in its folder, for `wandb sync`."""

    def __init__(self, module: Any, run: TrackedRun) -> None:
        """`module`: wandb."""
        run.folder.mkdir(parents=True, exist_ok=True)
        self._run = module.init(
            project=run.project,
            name=run.name,
            id=run.id,
            resume="allow",
            reinit="create_new",
            dir=run.folder,
            config=dict(run.config),
            # Our own progress is on the terminal.
            settings=module.Settings(silent=True, console="off"),
        )
        # What the server has; offline 0, since every start has a file of its own.
        self._next_step = int(self._run.step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the points, unless the step was sent before."""
        if step >= self._next_step:
            self._run.log(dict(values), step=step, commit=True)
            self._next_step = step + 1

    def go_back(self, step: int) -> None:
        """Does nothing: see the module."""

    def close(self) -> None:
        """Waits until all is uploaded."""
        self._run.finish()


class Trackio:
    """A run in trackio's own folder, or wherever its environment variables say."""

    def __init__(self, module: Any, run: TrackedRun) -> None:
        """`module`: trackio."""
        # It prints to standard output, which belongs to the command.
        with contextlib.redirect_stdout(sys.stderr):
            self._run = module.init(
                project=run.project,
                name=run.name,
                resume="allow",
                config=dict(run.config),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        # What its storage has; there is no public name for it.
        self._next_step = int(self._run._next_step)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Sends the points, unless the step was sent before."""
        if step >= self._next_step:
            self._run.log(dict(values), step=step)
            self._next_step = step + 1

    def go_back(self, step: int) -> None:
        """Does nothing: see the module."""

    def close(self) -> None:
        """Waits until all is written."""
        with contextlib.redirect_stdout(sys.stderr):
            self._run.finish()

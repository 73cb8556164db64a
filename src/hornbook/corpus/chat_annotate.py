"""Annotations by a language model: each window of a file scored on its own, the replies read strictly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hornbook.corpus.judgement import Judgement, Unreadable, judgement_request, read_judgement, repair_request
from hornbook.corpus.windows import Window, choose_windows, cut_windows
from hornbook.errors import TeacherError
from hornbook.recipe import AnnotatorConfig
from hornbook.records import Annotation, CodeFile
from hornbook.run.progress import Meter, console, meter
from hornbook.teacher.chat import ChatReply, ChatRequest, ChatTeacher, Failure, open_chat_teacher
from hornbook.teacher.tally import Tally, progress_of

FILES_PER_ROUND = {"live": 1024, "batch": 50_000}
"""What is asked for at once, by mode: a local model fills its batches from one round, and an endpoint's batch API may
take a day for each."""
MAX_DETAIL_CHARS = 500

Outcome = Judgement | Unreadable | Failure


@dataclass(frozen=True, slots=True)
class Unannotated:
    """A file that got no score, which is not a score of 0."""

    origin: str
    path: str
    reason: str
    """Of the first window without a judgement: a reason of `Failure` or of `Unreadable`."""
    detail: str
    """What the model or its endpoint said last."""


@dataclass
class Asked:
    """What the requests came to so far."""

    unannotated: list[Unannotated] = field(default_factory=list)
    num_annotated: int = 0
    num_repaired: int = 0
    """Windows whose first reply could not be read and whose second could."""
    tally: Tally = field(default_factory=Tally)
    """The teacher's own."""

    @property
    def drops(self) -> dict[str, int]:
        """Files without a score by reason."""
        return dict(sorted(Counter(file.reason for file in self.unannotated).items()))

    def metrics(self) -> dict[str, float]:
        """For the manifest: how many files got a score, how many replies were repaired, and what they cost."""
        return {
            "teacher_kept": self.num_annotated,
            "teacher_repaired": self.num_repaired,
            **self.tally.metrics("teacher_"),
        }

    def check(self, model: str) -> None:
        """Says how it went. Raises TeacherError where no file was scored."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.drops.items())
        if self.unannotated and not self.num_annotated:
            first = self.unannotated[0]
            raise TeacherError(
                f"annotate: {model!r} scored none of {len(self.unannotated):,} files ({reasons}). "
                f"The first, {first.origin} {first.path}: {first.detail}"
            )
        console.print(
            f"  annotate by {model}: {self.num_annotated:,} files of {self.num_annotated + len(self.unannotated):,} "
            f"scored, {self.num_repaired:,} replies repaired; {self.tally.note()}"
            + (f"; dropped: {reasons}" if reasons else ""),
            markup=False,
            soft_wrap=True,
        )


def annotation_requests(files: Iterable[CodeFile], config: AnnotatorConfig) -> Iterator[ChatRequest]:
    """Yields the first request about every window that is scored; an unreadable reply costs one more."""
    for file in files:
        yield from _requests(_cut(file, config), config)


def annotate_by_chat(
    files: Sequence[CodeFile], config: AnnotatorConfig, replies: Path, asked: Asked, *, device: str
) -> Iterator[Annotation]:
    """Yields the files that got a score, in their order; the others are counted in `asked`.

    `replies` is the reply cache's file, `device` is for a local model. Raises TeacherError as `ChatTeacher.ask` does.
    """
    cuts = [_cut(file, config) for file in files]
    num_windows = sum(len(cut.windows) for cut in cuts)
    waiting = iter(cuts)
    with (
        open_chat_teacher(config, replies, device=device) as teacher,
        meter("annotate", num_windows, "windows") as shown,
    ):
        asked.tally = teacher.tally
        while round_ := list(islice(waiting, FILES_PER_ROUND[config.mode])):
            requests = [request for cut in round_ for request in _requests(cut, config)]
            outcomes = iter(_ask(teacher, requests, asked, shown))
            for cut in round_:
                annotated = _combine(cut, list(islice(outcomes, len(cut.windows))), config.model)
                if isinstance(annotated, Annotation):
                    asked.num_annotated += 1
                    yield annotated
                else:
                    asked.unannotated.append(annotated)


@dataclass(frozen=True, slots=True)
class _CutFile:
    """A file with the windows that are scored, which may not be all."""

    file: CodeFile
    windows: Sequence[Window]
    num_windows: int


def _cut(file: CodeFile, config: AnnotatorConfig) -> _CutFile:
    windows = cut_windows(file.text, config.window_chars)
    return _CutFile(file, choose_windows(windows, config.max_windows), len(windows))


def _requests(cut: _CutFile, config: AnnotatorConfig) -> Iterator[ChatRequest]:
    for window in cut.windows:
        part = f"part {window.number} of {cut.num_windows} (lines {window.first_line} to {window.last_line})"
        yield judgement_request(window, part if cut.num_windows > 1 else "", config)


def _ask(teacher: ChatTeacher, requests: Sequence[ChatRequest], asked: Asked, shown: Meter) -> list[Outcome]:
    """One outcome for each request, after a second attempt where the first reply cannot be read."""
    advance = progress_of(teacher, shown)
    outcomes = [_read(first) for first in teacher.ask(requests, on_progress=advance)]
    unreadable = {
        index: repair_request(requests[index], outcome)
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Unreadable)
    }
    # The meter counts windows, and these are counted already.
    seconds = teacher.ask(list(unreadable.values()), on_progress=lambda _: advance(0)) if unreadable else []
    for index, second in zip(unreadable, seconds, strict=True):
        outcomes[index] = _read(second)
        asked.num_repaired += isinstance(outcomes[index], Judgement)
    return outcomes


def _read(reply: ChatReply | Failure) -> Outcome:
    return reply if isinstance(reply, Failure) else read_judgement(reply.text)


def _combine(cut: _CutFile, outcomes: Sequence[Outcome], model: str) -> Annotation | Unannotated:
    judgements: list[Judgement] = []
    for outcome in outcomes:
        if isinstance(outcome, Judgement):
            judgements.append(outcome)
            continue
        detail = outcome.detail if isinstance(outcome, Failure) else repr(outcome.text[:MAX_DETAIL_CHARS])
        return Unannotated(cut.file.origin, cut.file.path, outcome.reason, detail)
    # An empty window weighs a little, so that an empty file has a mean.
    weights = [max(1, len(window.text)) for window in cut.windows]
    total = sum(weight * judgement.value for weight, judgement in zip(weights, judgements, strict=True))
    return Annotation(
        text=cut.file.text,
        origin=cut.file.origin,
        path=cut.file.path,
        license=cut.file.license,
        educational_value=round(total / sum(weights), 4),
        reason=_join_reasons(cut.windows, judgements) if cut.num_windows > 1 else judgements[0].reason,
        annotator=model,
        num_windows=cut.num_windows,
        window_values=tuple(float(judgement.value) for judgement in judgements),
        share_read=round(sum(len(window.text) for window in cut.windows) / max(1, len(cut.file.text)), 4),
    )


def _join_reasons(windows: Sequence[Window], judgements: Sequence[Judgement]) -> str:
    return "\n".join(
        f"Lines {window.first_line} to {window.last_line} ({judgement.value}): {judgement.reason}"
        for window, judgement in zip(windows, judgements, strict=True)
    )

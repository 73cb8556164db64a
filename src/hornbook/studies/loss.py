"""Held-out loss in bits per byte: it compares across tokenizers, and says nothing of any benchmark."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from hornbook.model.artifact import ModelArtifact
from hornbook.model.phi import Phi
from hornbook.records import read_rows, write_rows
from hornbook.run.artifact import Artifact, Facts
from hornbook.run.machine import Machine
from hornbook.run.progress import meter
from hornbook.run.stage import stage
from hornbook.studies.heldout_text import HeldOutText
from hornbook.train.loss import IGNORED

LOSSES = "losses.parquet"
LOGITS_AT_ONCE = 1 << 22
"""16 MB on a CPU: more is no faster."""


@dataclass(frozen=True, slots=True)
class DocumentLoss:
    """One model's loss on one document."""

    part: str
    origin: str
    path: str
    num_bytes: int
    num_tokens: int
    bits: float
    """Of the whole document."""


class Losses(Artifact):
    """One model's loss on held-out text."""

    def read(self) -> Iterator[DocumentLoss]:
        """The documents, in the order of the text."""
        return read_rows(self.folder / LOSSES, DocumentLoss)

    def bits_per_byte(self) -> dict[str, float]:
        """By part: the bits of all its documents over their bytes."""
        return bits_per_byte(self.read())


def bits_per_byte(documents: Iterable[DocumentLoss]) -> dict[str, float]:
    """By part: the bits of all its documents over their bytes."""
    bits: dict[str, float] = defaultdict(float)
    num_bytes: dict[str, int] = defaultdict(int)
    for document in documents:
        bits[document.part] += document.bits
        num_bytes[document.part] += document.num_bytes
    return {part: bits[part] / num_bytes[part] for part in bits}


@dataclass(frozen=True)
class Window:
    """Positions of a document that go through the model at once."""

    start: int
    end: int
    first_scored: int
    """Targets before this one belong to an earlier window."""


@stage(version=1)
def measure_loss(
    *, model: ModelArtifact, text: HeldOutText, sequence_length: int, out: Path, machine: Machine
) -> Losses:
    """-log2 of the probability that a model gives to each document's tokens, after `<|endoftext|>`.

    Windows of `sequence_length` tokens overlap by half, so that every token but a document's first is predicted from at
    least half a window, or from all that is before it. Products run in fp32. The end of a document is not scored.
    """
    phi = model.load_model(machine.device)
    if next(phi.parameters()).device.type == "cpu":
        torch.set_num_threads(machine.workers)
    tokenizer, eos = model.tokenizer(), model.description().eos_token_id
    documents = list(text.read())
    rows: list[DocumentLoss] = []
    with meter("held-out loss", len(documents), "documents") as shown:
        for document in documents:
            ids = tokenizer.encode(document.text, add_special_tokens=False).ids
            bits = document_nats(phi, [eos, *ids], sequence_length) / math.log(2)
            num_bytes = len(document.text.encode())
            rows.append(DocumentLoss(document.part, document.origin, document.path, num_bytes, len(ids), bits))
            shown.advance()
    count = write_rows(out / LOSSES, DocumentLoss, rows)
    metrics = {f"{part}_bits_per_byte": round(value, 6) for part, value in bits_per_byte(rows).items()}
    return Losses(out, Facts(rows={LOSSES: count}, metrics=metrics))


@torch.no_grad()
def document_nats(model: Phi, ids: Sequence[int], length: int) -> float:
    """The sum of -ln p of all tokens but the first, each given those before it in its window."""
    device = next(model.parameters()).device
    all_ids = torch.tensor(ids, dtype=torch.int64)
    windows = list(overlapping_windows(len(ids) - 1, length))
    at_once = max(1, LOGITS_AT_ONCE // (length * model.vocab_size))
    total = 0.0
    for first in range(0, len(windows), at_once):
        taken = windows[first : first + at_once]
        longest = max(window.end - window.start for window in taken)
        inputs_BT = torch.zeros((len(taken), longest), dtype=torch.int64)
        targets_BT = torch.full((len(taken), longest), IGNORED, dtype=torch.int64)
        for row, window in enumerate(taken):
            inputs_BT[row, : window.end - window.start] = all_ids[window.start : window.end]
            scored = slice(window.first_scored - window.start, window.end - window.start)
            targets_BT[row, scored] = all_ids[window.first_scored + 1 : window.end + 1]
        logits_BTV = model(inputs_BT.to(device)).float()
        targets = targets_BT.to(device).flatten()
        total += float(F.cross_entropy(logits_BTV.flatten(0, 1), targets, ignore_index=IGNORED, reduction="sum"))
    return total


def overlapping_windows(num_targets: int, length: int) -> Iterator[Window]:
    """Windows of at most `length` inputs that score each target once, with half a window before it where there is.

    Position p is the input whose target is the token after it.
    """
    scored = 0
    while scored < num_targets:
        start = max(0, min(scored - length // 2, num_targets - length))
        end = min(start + length, num_targets)
        yield Window(start, end, scored)
        scored = end

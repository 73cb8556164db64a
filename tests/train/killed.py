"""The training that tests kill: `python -m tests.train.killed CORPUS OUT SETTINGS`, where SETTINGS is a JSON object."""

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train import hardware
from hornbook.train.pretrain import pretrain
from hornbook.train.step import Stepper
from tests.train.corpus import TINY_MODEL, tiny_training


def train(
    corpus: Path, out: Path, *, compile: bool, bad_batches: tuple[int, ...] = (), **settings: Any
) -> dict[str, Any]:
    """What a training of 60 steps in bf16 tells of itself; `bad_batches` ruin the weights, as a bad batch does."""
    take = Stepper.take

    def spoil(self, step):
        if step + self.batches_skipped in bad_batches:
            with torch.no_grad():
                self.model.final_norm_bias.fill_(float("nan"))
        return take(self, step)

    config = tiny_training(steps=60, checkpoint_every=7, batch_size=8, precision="bf16", **settings)
    out.mkdir(exist_ok=True)
    machine = Machine(device="cpu", workers=1)
    flops = 0.0 if compile else hardware.CPU_FLOPS_TO_COMPILE
    with patch.object(Stepper, "take", spoil), patch.object(hardware, "CPU_FLOPS_TO_COMPILE", flops):
        artifact = pretrain(tokens=TokenizedCorpus(corpus), model=TINY_MODEL, config=config, out=out, machine=machine)
    return dict(artifact.facts.metrics)


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))

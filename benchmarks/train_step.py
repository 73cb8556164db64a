"""Speed of a training step: each variant of the loop in turn, as tokens/s, GFLOP/s and share of a product's rate.

    GOMP_SPINCOUNT=2000 python benchmarks/train_step.py   # the nano shape, with the setting that hornbook runs with
    python benchmarks/train_step.py --hidden 512 --layers 8 --batch 8 --seconds 60
    python benchmarks/train_step.py --threads 1           # robust on a machine that others use, with --cpu-time

Variants alternate step by step in one process, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE

from hornbook.model.phi import Phi, num_parameters
from hornbook.recipe import ModelConfig, TrainConfig
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train import hardware
from hornbook.train.step import Stepper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--head", type=int, default=32)
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=Machine().workers)
    parser.add_argument(
        "--variants", default="muon,adamw,muon-compiled", help="OPTIMIZER[-compiled][-fp32][-dropout], ..."
    )
    parser.add_argument("--micro-batch", type=int, default=0)
    parser.add_argument("--cpu-time", action="store_true", help="count this thread's CPU time; with --threads 1")
    arguments = parser.parse_args()
    clock = time.thread_time if arguments.cpu_time else time.perf_counter

    with tempfile.TemporaryDirectory() as folder:
        steppers = {name: make_stepper(name, arguments, Path(folder)) for name in arguments.variants.split(",")}
        first = {name: timed(lambda s=stepper: s.take(0), clock) for name, stepper in steppers.items()}
        times: dict[str, list[float]] = {name: [] for name in steppers}
        peaks = []
        started = time.perf_counter()
        while time.perf_counter() - started < arguments.seconds:
            for name, stepper in steppers.items():
                step = 1 + len(times[name])
                times[name].append(timed(lambda s=stepper, n=step: s.take(n), clock))
            peaks.append(product_flops_per_s(arguments.batch * arguments.length, arguments.hidden, clock))
    peak = statistics.median(peaks)
    config = next(iter(steppers.values())).model.config
    print(f"{num_parameters(config, arguments.vocab):,} parameters; bf16 product of the MLP: {peak / 1e9:.0f} GFLOP/s")
    for name, stepper in steppers.items():
        median = statistics.median(times[name])
        rate = stepper.flops_per_step / median
        speed = stepper.config.tokens_per_step / median
        print(
            f"{name:16} {median * 1e3:6.0f} ms (best {min(times[name]) * 1e3:.0f}, first {first[name]:.1f} s), "
            f"{speed:7,.0f} tokens/s, {rate / 1e9:5.0f} GFLOP/s, {rate / peak:.0%} of that"
        )


def make_stepper(name: str, arguments: argparse.Namespace, folder: Path) -> Stepper:
    optimizer, *options = name.split("-")
    shape = ModelConfig(
        hidden_size=arguments.hidden,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.hidden // arguments.head,
        intermediate_size=4 * arguments.hidden,
        max_position_embeddings=arguments.length,
        attention_dropout=0.1 if "dropout" in options else 0.0,
        resid_pdrop=0.1 if "dropout" in options else 0.0,
    )
    config = TrainConfig(
        steps=100_000,
        batch_size=arguments.batch,
        sequence_length=arguments.length,
        optimizer=optimizer,
        precision="fp32" if "fp32" in options else "bf16",
    )
    hardware.CPU_FLOPS_TO_COMPILE = 0
    machine = Machine(
        device="cpu",
        workers=arguments.threads,
        use_compile="compiled" in options,
        micro_batch_size=arguments.micro_batch,
    )
    stepper = Stepper(Phi(shape, arguments.vocab), write_corpus(folder, arguments.vocab), config, machine)
    stepper.compile_for(config.steps)
    return stepper


def write_corpus(folder: Path, vocab_size: int) -> TokenizedCorpus:
    tokens = np.random.default_rng(0).integers(1, vocab_size, 1_000_000).astype(np.uint16)
    for split in ("train", "valid"):
        np.save(folder / f"code.{split}.tokens.npy", tokens)
        np.save(folder / f"code.{split}.documents.npy", np.array([0, len(tokens)]))
        np.save(folder / f"code.{split}.loss_starts.npy", np.array([0]))
    vocabulary = {"<|endoftext|>": 0} | {f"w{number}": number for number in range(1, vocab_size)}
    Tokenizer(BPE(vocab=vocabulary, merges=[])).save(str(folder / "tokenizer.json"))
    return TokenizedCorpus(folder)


def timed(step: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    step()
    return clock() - started


def product_flops_per_s(positions: int, width: int, clock: Callable[[], float]) -> float:
    """Of the MLP's first product in bf16, (positions, width) by (width, 4 width)."""
    x = torch.ones(positions, width, dtype=torch.bfloat16)
    weight = torch.ones(4 * width, width, dtype=torch.bfloat16)
    out = torch.empty(positions, 4 * width, dtype=torch.bfloat16)
    seconds = timed(lambda: [torch.mm(x, weight.T, out=out) for _ in range(10)] and None, clock)
    return 10 * 2 * positions * width * 4 * width / seconds


if __name__ == "__main__":
    main()

"""Training speed: hornbook's loop against transformers' PhiForCausalLM under Trainer, and litgpt, at one shape.

    python benchmarks/train_vs_transformers.py                       # a GPU: phi-1-small, sequence 2048, bf16
    python benchmarks/train_vs_transformers.py --recipe phi-1 --micro-batch 4
    python benchmarks/train_vs_transformers.py --only hornbook --profile
    python benchmarks/train_vs_transformers.py --device cpu --recipe nano --batch 8 --peers trainer,litgpt
    python benchmarks/train_vs_transformers.py --device cpu --recipe nano --batch 8 --hidden 512 --layers 8 --heads 8 \\
        --vocab 8192 --length 512 --steps 4

All train the same shape on random tokens with fused AdamW and the same number of tokens a step. Prints ratios: tokens/s
of hornbook over those of a peer.

On a GPU one side comes after the other, both compile, and dropout is as the recipe says. MFU counts attention in full
(PaLM, appendix B) against the card's dense bf16 peak. On a CPU each side is a process of its own (`train_sides.py`),
they take turns, so that other work on the machine slows all alike, and there is no dropout. A share is of a bf16
product's rate at the MLP's shape, measured in between. Other work disturbs the ratio of CPU time with `--threads 1`
least.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from train_sides import Settings
from train_step import product_flops_per_s, write_corpus

from hornbook.model.artifact import ModelDescription
from hornbook.model.convert import hugging_face_config
from hornbook.model.phi import Phi, flops_per_token, num_parameters
from hornbook.recipe import ModelConfig, load_recipe
from hornbook.run.machine import Machine
from hornbook.train.hardware import model_flops_utilization
from hornbook.train.step import Stepper

WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="phi-1-small")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batch", type=int, default=64, help="sequences a step")
    parser.add_argument("--micro-batch", type=int, default=0, help="0: what hornbook finds to fit; Trainer gets it too")
    parser.add_argument("--trainer-micro-batch", type=int, default=0, help="where hornbook's does not fit Trainer")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--layers", type=int, default=0, help="this and the next: other than the recipe's")
    parser.add_argument("--hidden", type=int, default=0)
    parser.add_argument("--heads", type=int, default=0)
    parser.add_argument("--vocab", type=int, default=0)
    parser.add_argument("--length", type=int, default=0)
    on_cpu = parser.add_argument_group("on a CPU")
    on_cpu.add_argument("--peers", default="trainer", help="trainer, litgpt; with -compiled through torch.compile")
    on_cpu.add_argument("--peer-python", default=sys.executable, help="a Python that has the peers")
    on_cpu.add_argument("--turns", type=int, default=6, help="how often each side takes --steps steps")
    on_cpu.add_argument("--threads", type=int, default=Machine().workers)
    parser.add_argument("--eager", action="store_true", help="compile neither")
    parser.add_argument("--only", choices=("hornbook", "trainer"))
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    shape = change_shape(recipe.model, arguments)
    length = arguments.length or recipe.pretrain.sequence_length
    vocab_size = arguments.vocab or recipe.tokenizer.vocab_size
    print(f"{arguments.recipe}: {num_parameters(shape, vocab_size):,} parameters, sequences of {length}")
    if arguments.device == "cpu":
        compare_on_cpu(shape, vocab_size, length, arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        stepper = make_stepper(shape, vocab_size, length, arguments, Path(folder))
        micro_batch, tokens, flops = stepper.micro_batch, stepper.config.tokens_per_step, stepper.flops_per_step
        print(f"batch {arguments.batch}, micro-batch {micro_batch}")
        rates = {}
        if arguments.only != "trainer":
            rates["hornbook"] = report("hornbook", time_hornbook(stepper, arguments), tokens, flops)
        del stepper
        gc.collect()
        torch.cuda.empty_cache()
        if arguments.only != "hornbook":
            micro_batch = arguments.trainer_micro_batch or micro_batch
            seconds = None
            while seconds is None:
                try:
                    seconds = time_trainer(shape, vocab_size, length, micro_batch, arguments, Path(folder))
                except torch.OutOfMemoryError:
                    # Beyond the except clause, whose traceback holds the tensors.
                    micro_batch //= 2
                    print(f"Trainer runs out of memory: micro-batch {micro_batch} for it", flush=True)
                gc.collect()
                torch.cuda.empty_cache()
            rates["Trainer"] = report("Trainer", seconds, tokens, flops)
    if len(rates) == 2:
        print(f"ratio: {rates['hornbook'] / rates['Trainer']:.2f}")


def change_shape(shape: ModelConfig, arguments: argparse.Namespace) -> ModelConfig:
    hidden = arguments.hidden or shape.hidden_size
    heads = arguments.heads or shape.num_attention_heads
    changed = {
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_hidden_layers": arguments.layers or shape.num_hidden_layers,
        "intermediate_size": hidden * shape.intermediate_size // shape.hidden_size,
        "rotary_dims": min(shape.rotary_dims, hidden // heads),
    }
    return ModelConfig(**(shape.model_dump() | changed))


class Side:
    """A process that takes steps when it is told to."""

    def __init__(self, name: str, settings: Settings, python: str) -> None:
        # Without this a peer's threads would spin, and a ratio on a busy machine flatter hornbook, which sets it.
        environment = os.environ | {"GOMP_SPINCOUNT": "2000"}
        script = Path(__file__).with_name("train_sides.py")
        self._process = subprocess.Popen(
            [python, str(script), json.dumps(asdict(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.name = name
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.peak_bytes = self.parameters = 0

    def take(self, steps: int, counts: bool = True) -> None:
        """Has it take so many steps and notes how long they took, if they count."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(steps, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} failed with exit status {self._process.wait()}; see above")
        answer = json.loads(line)
        if counts:
            self.seconds += answer["s"]
            self.cpu_seconds += answer["cpu_s"]
        self.peak_bytes, self.parameters = answer["peak_bytes"], answer["parameters"]

    def end(self) -> None:
        self._process.communicate()


def compare_on_cpu(shape: ModelConfig, vocab_size: int, length: int, arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    names = ["hornbook", *filter(None, arguments.peers.split(","))]
    if arguments.only:
        names = [arguments.only]
    sides = [start_side(name, shape, vocab_size, length, arguments) for name in names]
    tokens = arguments.batch * length
    products = []
    for _ in range(arguments.turns):
        for side in sides:
            side.take(arguments.steps)
        products.append(product_flops_per_s(tokens, shape.hidden_size, time.perf_counter))
    for side in sides:
        side.end()
    product = statistics.median(products)
    flops = tokens * flops_per_token(shape, vocab_size, length)
    print(f"load average {os.getloadavg()[0]:.1f}; bf16 product of the MLP: {product / 1e9:.0f} GFLOP/s")
    for side in sides:
        report_side(side, tokens, flops / product)
    for peer in sides[1:]:
        report_ratio(sides[0], peer)


def start_side(name: str, shape: ModelConfig, vocab_size: int, length: int, arguments: argparse.Namespace) -> Side:
    """A side that has taken its first steps."""
    side, _, compiled = name.partition("-")
    settings = Settings(
        side=side,
        hidden=shape.hidden_size,
        layers=shape.num_hidden_layers,
        heads=shape.num_attention_heads,
        inner=shape.intermediate_size,
        rotary=shape.rotary_dims,
        vocab=vocab_size,
        length=length,
        batch=arguments.batch,
        threads=arguments.threads,
        is_compiled=bool(compiled),
    )
    started = Side(name, settings, sys.executable if side == "hornbook" else arguments.peer_python)
    started.take(WARM_UP, counts=False)
    return started


def report_side(side: Side, tokens: int, seconds_of_products: float) -> None:
    median = statistics.median(side.seconds)
    print(
        f"{side.name}: {median * 1e3:.0f} ms a step (best {min(side.seconds) * 1e3:.0f}, CPU time "
        f"{statistics.median(side.cpu_seconds) * 1e3:.0f}), {tokens / median:,.0f} tokens/s, "
        f"{seconds_of_products / median:.0%} of the product's rate, memory {side.peak_bytes / 2**20:,.0f} MiB, "
        f"{side.parameters:,} parameters"
    )


def report_ratio(ours: Side, peer: Side) -> None:
    wall = statistics.median(peer.seconds) / statistics.median(ours.seconds)
    best = min(peer.seconds) / min(ours.seconds)
    cpu = statistics.median(peer.cpu_seconds) / statistics.median(ours.cpu_seconds)
    memory = ours.peak_bytes / peer.peak_bytes
    print(f"ratio to {peer.name}: {wall:.2f} (best steps {best:.2f}, CPU time {cpu:.2f}); memory {memory:.2f} of its")


def report(name: str, seconds: list[float], tokens: int, flops: float) -> float:
    median = statistics.median(seconds)
    mfu = model_flops_utilization(flops / median, torch.device("cuda"), torch.bfloat16)
    print(
        f"{name:9} {median * 1e3:7.0f} ms a step (best {min(seconds) * 1e3:.0f}), {tokens / median:9,.0f} tokens/s, "
        f"{flops / median / 1e12:.0f} TFLOP/s, MFU {mfu or 0:.1%}, "
        f"peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB",
        flush=True,
    )
    torch.cuda.reset_peak_memory_stats()
    return tokens / median


def make_stepper(
    shape: ModelConfig, vocab_size: int, length: int, arguments: argparse.Namespace, folder: Path
) -> Stepper:
    config = load_recipe(arguments.recipe).pretrain.model_copy(
        update={"batch_size": arguments.batch, "sequence_length": length, "precision": "bf16", "optimizer": "adamw"}
    )
    machine = Machine(device="cuda", use_compile=not arguments.eager, micro_batch_size=arguments.micro_batch)
    stepper = Stepper(Phi(shape, vocab_size), write_corpus(folder, vocab_size), config, machine)
    stepper.compile_for(config.steps)
    return stepper


def time_hornbook(stepper: Stepper, arguments: argparse.Namespace) -> list[float]:
    seconds = []
    for step in range(WARM_UP + arguments.steps):
        started = time.perf_counter()
        stepper.take(step)
        torch.cuda.synchronize()
        if step == 0:
            print(f"hornbook's first step: {time.perf_counter() - started:.1f} s", flush=True)
        if step >= WARM_UP:
            seconds.append(time.perf_counter() - started)
    if arguments.profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            stepper.take(WARM_UP + arguments.steps)
            torch.cuda.synchronize()
        print(profile.key_averages().table(sort_by="cuda_time_total", row_limit=25, max_name_column_width=90))
    return seconds


def time_trainer(
    shape: ModelConfig, vocab_size: int, length: int, micro_batch: int, arguments: argparse.Namespace, folder: Path
) -> list[float]:
    from transformers import PhiConfig, PhiForCausalLM, Trainer, TrainerCallback, TrainingArguments

    config = PhiConfig(**hugging_face_config(ModelDescription(shape, vocab_size, 0)))
    model = PhiForCausalLM._from_config(config, attn_implementation="sdpa")
    tokens = torch.randint(vocab_size, (4 * arguments.batch, length))
    rows = [{"input_ids": row, "labels": row} for row in tokens]
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            torch.cuda.synchronize()
            ends.append(time.perf_counter())

    settings = TrainingArguments(
        output_dir=str(folder / "trainer"),
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=arguments.batch // micro_batch,
        max_steps=WARM_UP + arguments.steps,
        bf16=True,
        optim="adamw_torch_fused",
        torch_compile=not arguments.eager,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    Trainer(model=model, args=settings, train_dataset=rows, callbacks=[Clock()]).train()
    return [after - before for before, after in zip(ends[WARM_UP - 1 :], ends[WARM_UP:], strict=False)]


if __name__ == "__main__":
    main()

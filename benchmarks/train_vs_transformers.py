"""Training speed on a GPU: hornbook's loop against transformers' PhiForCausalLM under Trainer, at one shape.

    python benchmarks/train_vs_transformers.py                       # phi-1-small, sequence 2048, bf16
    python benchmarks/train_vs_transformers.py --recipe phi-1 --micro-batch 4
    python benchmarks/train_vs_transformers.py --only hornbook --profile

Both train the same shape on random tokens with fused AdamW, dropout as the recipe says and the same number of tokens
a step; both compile. MFU counts attention in full (PaLM, appendix B) against the card's dense bf16 peak. Prints one
ratio: tokens/s of hornbook over those of Trainer.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from train_step import write_corpus

from hornbook.model.artifact import ModelDescription
from hornbook.model.convert import hugging_face_config
from hornbook.model.phi import Phi, num_parameters
from hornbook.recipe import ModelConfig, load_recipe
from hornbook.run.machine import Machine
from hornbook.train.hardware import model_flops_utilization
from hornbook.train.step import Stepper

WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="phi-1-small")
    parser.add_argument("--batch", type=int, default=64, help="sequences a step")
    parser.add_argument("--micro-batch", type=int, default=0, help="0: what hornbook finds to fit; Trainer gets it too")
    parser.add_argument("--trainer-micro-batch", type=int, default=0, help="where hornbook's does not fit Trainer")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--length", type=int, default=0)
    parser.add_argument("--eager", action="store_true", help="compile neither")
    parser.add_argument("--only", choices=("hornbook", "trainer"))
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    shape = recipe.model
    if arguments.layers:
        shape = shape.model_copy(update={"num_hidden_layers": arguments.layers})
    length = arguments.length or recipe.pretrain.sequence_length
    vocab_size = recipe.tokenizer.vocab_size
    print(f"{arguments.recipe}: {num_parameters(shape, vocab_size):,} parameters, sequences of {length}")
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

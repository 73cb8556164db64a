"""One side of `train_vs_transformers.py --device cpu`: a process that trains so many steps for each line it reads.

    python benchmarks/train_sides.py '{"side": "hornbook", "hidden": 192, ...}'

A line on stdin is a number of steps; the answer on stdout is one line of JSON with the seconds of each, the CPU seconds
of each, and by how much memory has peaked above what the imports took. The end of stdin ends it. Peers are imported
here alone, so they may run under an interpreter that does not have hornbook.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Settings:
    """The same for all sides; no side has dropout, and all have fp32 weights with bf16 products."""

    side: str
    hidden: int
    layers: int
    heads: int
    inner: int
    rotary: int
    vocab: int
    length: int
    batch: int
    threads: int
    is_compiled: bool
    """Peers only; hornbook decides for itself."""
    learning_rate: float = 1e-3


class Turns:
    """The commands of the parent: a side calls `begin` before its first step and `end_step` after each."""

    def __init__(self) -> None:
        # Whatever a library prints goes to stderr.
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._baseline_bytes = 0
        self._parameters = 0
        self._left = 0

    def end_imports(self) -> None:
        """Memory counts from here."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self._baseline_bytes = pages * os.sysconf("SC_PAGE_SIZE")

    def begin(self, model: torch.nn.Module) -> None:
        """Waits for the first command."""
        self._parameters = sum(parameter.numel() for parameter in model.parameters())
        self._wait()

    def _wait(self) -> None:
        line = sys.stdin.readline()
        if not line:
            raise SystemExit
        self._left, self._seconds, self._cpu_seconds = int(line), [], []
        self._started, self._cpu_started = time.perf_counter(), time.process_time()

    def end_step(self) -> None:
        """Notes the step; after the last of a command answers it and waits for the next."""
        self._seconds.append(time.perf_counter() - self._started)
        self._cpu_seconds.append(time.process_time() - self._cpu_started)
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
        self._left -= 1
        if not self._left:
            peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self._baseline_bytes
            answer = {
                "s": self._seconds,
                "cpu_s": self._cpu_seconds,
                "peak_bytes": peak_bytes,
                "parameters": self._parameters,
            }
            print(json.dumps(answer), file=self._answers, flush=True)
            self._wait()


def train_hornbook(settings: Settings, turns: Turns, folder: Path) -> None:
    from train_step import write_corpus

    from hornbook.model.phi import Phi
    from hornbook.recipe import ModelConfig, TrainConfig
    from hornbook.run.machine import Machine
    from hornbook.train.step import Stepper

    corpus = write_corpus(folder, settings.vocab)
    turns.end_imports()
    shape = ModelConfig(
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.inner,
        max_position_embeddings=settings.length,
        rotary_dims=settings.rotary,
        attention_dropout=0.0,
        resid_pdrop=0.0,
    )
    config = TrainConfig(
        steps=100_000,
        batch_size=settings.batch,
        sequence_length=settings.length,
        precision="bf16",
        learning_rate=settings.learning_rate,
    )
    stepper = Stepper(Phi(shape, settings.vocab), corpus, config, Machine(device="cpu", workers=settings.threads))
    stepper.compile_for(config.steps)
    turns.begin(stepper.model)
    for step in range(config.steps):
        stepper.take(step)
        turns.end_step()


def train_trainer(settings: Settings, turns: Turns, folder: Path) -> None:
    """Hugging Face's Trainer as a user calls it."""
    try:
        import accelerate  # noqa: F401  # Trainer needs it, and says so only when it is made
        from transformers import PhiConfig, PhiForCausalLM, Trainer, TrainerCallback, TrainingArguments
    except ImportError as error:
        raise SystemExit(f"{error}: pip install transformers accelerate, in the Python of --peer-python") from error
    torch.set_num_threads(settings.threads)
    turns.end_imports()
    config = PhiConfig(
        vocab_size=settings.vocab,
        hidden_size=settings.hidden,
        intermediate_size=settings.inner,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.length,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "partial_rotary_factor": settings.rotary / (settings.hidden // settings.heads),
        },
        use_cache=False,
    )
    rows = [{"input_ids": row, "labels": row} for row in random_tokens(settings, settings.length)]

    class Clock(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            turns.begin(model)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            turns.end_step()

    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch,
        max_steps=100_000,
        learning_rate=settings.learning_rate,
        bf16=True,
        use_cpu=True,
        optim="adamw_torch_fused",
        torch_compile=settings.is_compiled,
        dataloader_pin_memory=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    model = PhiForCausalLM._from_config(config, attn_implementation="sdpa")
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[Clock()]).train()


def train_litgpt(settings: Settings, turns: Turns, folder: Path) -> None:
    """The loop of litgpt's `pretrain`: Fabric, torch.compile, its chunked cross-entropy, clipping.

    Its AdamW is fused on a GPU alone; here it is on a CPU, too, as on the other sides.
    """
    try:
        import lightning
        from litgpt.model import GPT, Config
        from litgpt.utils import chunked_cross_entropy, get_default_supported_precision
    except ImportError as error:
        raise SystemExit(f"{error}: pip install litgpt, in the Python of --peer-python") from error
    torch.set_num_threads(settings.threads)
    turns.end_imports()
    fabric = lightning.Fabric(accelerator="cpu", devices=1, precision=get_default_supported_precision(training=True))
    fabric.launch()
    print(f"litgpt: precision {fabric._precision.precision}", file=sys.stderr)
    config = Config(
        block_size=settings.length,
        padded_vocab_size=settings.vocab,
        vocab_size=settings.vocab,
        n_layer=settings.layers,
        n_head=settings.heads,
        n_embd=settings.hidden,
        intermediate_size=settings.inner,
        rotary_percentage=settings.rotary / (settings.hidden // settings.heads),
        parallel_residual=True,
        shared_attention_norm=True,
        bias=True,
        lm_head_bias=True,
        norm_class_name="LayerNorm",
        mlp_class_name="GptNeoxMLP",
        gelu_approximate="tanh",
    )
    with fabric.init_module(empty_init=False):
        model: Any = GPT(config)
    if settings.is_compiled:
        model = torch.compile(model)
    model = fabric.setup(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.1, fused=True)
    optimizer = fabric.setup_optimizers(optimizer)
    batches = random_tokens(settings, settings.length + 1).split(settings.batch)
    turns.begin(model)
    step = 0
    while True:
        tokens = batches[step % len(batches)]
        step += 1
        loss = chunked_cross_entropy(model(tokens[:, :-1].contiguous()), tokens[:, 1:].contiguous())
        fabric.backward(loss)
        fabric.clip_gradients(model, optimizer, max_norm=1.0)
        optimizer.step()
        optimizer.zero_grad()
        turns.end_step()


def random_tokens(settings: Settings, length: int) -> torch.Tensor:
    return torch.randint(settings.vocab, (16 * settings.batch, length), generator=torch.Generator().manual_seed(0))


SIDES = {"hornbook": train_hornbook, "trainer": train_trainer, "litgpt": train_litgpt}


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        SIDES[settings.side](settings, Turns(), Path(folder))


if __name__ == "__main__":
    main()

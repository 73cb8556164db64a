"""Generation speed: hornbook's batched generation against transformers' `generate` and its continuous batching.

    python benchmarks/generate_vs_transformers.py                                  # a CPU, nano's shape
    python benchmarks/generate_vs_transformers.py --hidden 512 --layers 8 --head 64 --vocab 8192
    python benchmarks/generate_vs_transformers.py --device cuda --recipe phi-1-small --prompts 256 --new-tokens 256 \
        --continuous

Random weights, HumanEval's prompts, greedy; every completion is as long as it may get, so that all write the same
number of tokens. The sides take turns in one process. Prints the median tokens/s of each and the ratio of the medians,
by the clock and by the time that the process had a CPU, which other processes disturb less; and how many completions
both wrote alike.

transformers gets all prompts of a batch at once, padded on the left, and its prompts as token ids, while hornbook's
time includes cutting them into tokens and joining the completions.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# First, as when hornbook runs: it sets how OpenMP's threads wait, which torch reads when it is imported.
import hornbook  # noqa: F401  # isort: skip
import torch
from tokenizers import Tokenizer

from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.convert import export_hugging_face
from hornbook.model.decoder import decoding_dtype
from hornbook.model.generate import GenerationConfig, generate
from hornbook.model.phi import Phi, num_parameters
from hornbook.recipe import ModelConfig, load_recipe
from hornbook.run.datasets import humaneval_problems
from hornbook.tokens.tokenizer import END_OF_TEXT, train_bpe

Side = Callable[[int], list[str]]
"""Writes so many tokens after every prompt; the completions."""


def main() -> None:
    arguments = parse_arguments()
    recipe = load_recipe(arguments.recipe)
    tokenizer = library_tokenizer(arguments.vocab or recipe.tokenizer.vocab_size)
    problems = humaneval_problems()
    prompts = [problems[number % len(problems)].prompt.rstrip() for number in range(arguments.prompts)]
    lengths = sorted(len(tokenizer.encode(prompt).ids) for prompt in prompts)
    config = model_config(recipe.model, arguments, context=lengths[-1] + arguments.new_tokens)
    model = Phi(config, tokenizer.get_vocab_size())
    with torch.no_grad():
        model.lm_head_bias[tokenizer.token_to_id(END_OF_TEXT)] = -1e9  # no completion ends early
    with tempfile.TemporaryDirectory() as scratch:
        sides = make_sides(model, tokenizer, prompts, Path(scratch), arguments)
        print(
            f"{num_parameters(config, model.vocab_size):,} parameters: {config.hidden_size} x "
            f"{config.num_hidden_layers} layers, heads of {config.head_size}, vocabulary {model.vocab_size}; "
            f"{len(prompts)} prompts of {lengths[0]} to {lengths[-1]} tokens (median {statistics.median(lengths):.0f}),"
            f" {arguments.new_tokens} new tokens each; {arguments.device}, {torch.get_num_threads()} threads"
        )
        measure(sides, len(prompts), arguments)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="nano", help="whose model and vocabulary size")
    parser.add_argument("--hidden", type=int, help="hidden_size instead; the MLP is 4 times as wide")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--head", type=int, help="size of a head")
    parser.add_argument("--vocab", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto", help="auto: what ours takes")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=0, help="0: all prompts at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--continuous", action="store_true", help="time transformers' continuous batching, too")
    parser.add_argument("--skip-transformers", action="store_true")
    arguments = parser.parse_args()
    arguments.batch_size = arguments.batch_size or arguments.prompts
    torch.set_num_threads(arguments.threads)
    return arguments


def library_tokenizer(vocab_size: int) -> Tokenizer:
    """Trained on the standard library, as code-like as the corpus of a run and on every machine."""
    files = sorted(Path(os.__file__).parent.glob("*.py"))
    tokenizer = train_bpe([file.read_text(encoding="utf-8", errors="replace") for file in files], vocab_size)
    tokenizer.encode_special_tokens = True
    return tokenizer


def model_config(base: ModelConfig, arguments: argparse.Namespace, context: int) -> ModelConfig:
    hidden = arguments.hidden or base.hidden_size
    head = arguments.head or base.head_size
    return ModelConfig(
        hidden_size=hidden,
        num_hidden_layers=arguments.layers or base.num_hidden_layers,
        num_attention_heads=hidden // head,
        intermediate_size=4 * hidden if arguments.hidden else base.intermediate_size,
        rotary_dims=min(base.rotary_dims, head),
        max_position_embeddings=max(base.max_position_embeddings, context),
    )


def make_sides(
    model: Phi, tokenizer: Tokenizer, prompts: list[str], scratch: Path, arguments: argparse.Namespace
) -> dict[str, Side]:
    tokenizer.save(str(scratch / "tokenizer.json"))
    (scratch / "ours").mkdir()
    save_model(scratch / "ours", model, tokenizer.token_to_id(END_OF_TEXT), scratch / "tokenizer.json")
    (scratch / "theirs").mkdir()
    export_hugging_face(ModelArtifact(scratch / "ours"), scratch / "theirs")
    ours = ModelArtifact(scratch / "ours").load_model(arguments.device)
    chosen = {"auto": decoding_dtype(ours), "fp32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
    if chosen != decoding_dtype(ours):
        import hornbook.model.generate as module

        module.decoding_dtype = lambda _: chosen  # type: ignore[assignment]
    arguments.dtype = chosen
    sides = {"hornbook": hornbook_side(ours, tokenizer, prompts, arguments)}
    if arguments.skip_transformers:
        return sides
    ids = [tokenizer.encode(prompt).ids for prompt in prompts]
    theirs = load_theirs(scratch / "theirs", arguments)
    sides["transformers"] = generate_side(theirs, tokenizer, ids, arguments)
    if arguments.continuous:
        sides["its continuous batching"] = continuous_side(theirs, tokenizer, ids)
    return sides


def hornbook_side(model: Phi, tokenizer: Tokenizer, prompts: list[str], arguments: argparse.Namespace) -> Side:
    def run(new_tokens: int) -> list[str]:
        config = GenerationConfig(new_tokens, batch_size=arguments.batch_size, stop_at_function_end=False)
        return generate(model, tokenizer, prompts, config)

    return run


def load_theirs(folder: Path, arguments: argparse.Namespace) -> Any:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=arguments.dtype, attn_implementation="sdpa")
    # Nothing ends a text, so their length is not checked after every token.
    model.generation_config.eos_token_id = None
    return model.to(arguments.device).eval()


def generate_side(model: Any, tokenizer: Tokenizer, ids: list[list[int]], arguments: argparse.Namespace) -> Side:
    def run(new_tokens: int) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(ids), arguments.batch_size):
            batch = ids[start : start + arguments.batch_size]
            longest = max(map(len, batch))
            padded = torch.tensor([[0] * (longest - len(row)) + row for row in batch], device=arguments.device)
            is_text = [[0] * (longest - len(row)) + [1] * len(row) for row in batch]
            written = model.generate(
                padded,
                attention_mask=torch.tensor(is_text, device=arguments.device),
                max_new_tokens=new_tokens,
                do_sample=False,
                pad_token_id=0,
            )
            texts += tokenizer.decode_batch(written[:, longest:].tolist())
        return texts

    return run


def continuous_side(model: Any, tokenizer: Tokenizer, ids: list[list[int]]) -> Side:
    from transformers import GenerationConfig as TheirConfig

    def run(new_tokens: int) -> list[str]:
        config = TheirConfig(max_new_tokens=new_tokens, eos_token_id=-1, pad_token_id=0, do_sample=False)
        outputs = model.generate_batch(inputs=ids, generation_config=config, progress_bar=False)
        return tokenizer.decode_batch([output.generated_tokens for output in outputs.values()])

    return run


def measure(sides: dict[str, Side], num_prompts: int, arguments: argparse.Namespace) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    cpu_seconds: dict[str, list[float]] = {name: [] for name in sides}
    texts: dict[str, list[str]] = {}
    for side in sides.values():
        side(4)
    for number in range(arguments.rounds):
        for name, side in sides.items():
            started, cpu_started = time.perf_counter(), time.process_time()
            texts[name] = side(arguments.new_tokens)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - started)
            cpu_seconds[name].append(time.process_time() - cpu_started)
        shown = ", ".join(f"{name} {seconds[name][-1]:.2f} s (CPU {cpu_seconds[name][-1]:.2f} s)" for name in sides)
        print(f"round {number + 1}: {shown}; load {os.getloadavg()[0]:.1f}", flush=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    cpu_medians = {name: statistics.median(times) for name, times in cpu_seconds.items()}
    for name, median in medians.items():
        rate = num_prompts * arguments.new_tokens / median
        equal = sum(a == b for a, b in zip(texts["hornbook"], texts[name], strict=True))
        print(
            f"{name:24} {rate:9,.0f} tokens/s, hornbook is {median / medians['hornbook']:.2f} times as fast "
            f"({cpu_medians[name] / cpu_medians['hornbook']:.2f} by CPU time); "
            f"{equal} of {num_prompts} completions are hornbook's ({str(arguments.dtype).removeprefix('torch.')})"
        )


if __name__ == "__main__":
    main()

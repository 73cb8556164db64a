"""Generation speed: hornbook's batched generation against transformers' `generate` and its continuous batching.

    python benchmarks/generate_vs_transformers.py --device cuda   # phi-1-small's shape, HumanEval's prompts
    python benchmarks/generate_vs_transformers.py --device cpu --recipe nano --prompts 64 --new-tokens 64

Random weights, greedy, every completion as long as it may get, so that all write the same number of tokens. Prints
tokens/s for each and the ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.convert import export_hugging_face
from hornbook.model.generate import GenerationConfig, generate
from hornbook.model.phi import Phi
from hornbook.recipe import load_recipe
from hornbook.run.datasets import humaneval_problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="phi-1-small")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--skip-continuous", action="store_true")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    tokenizer = byte_tokenizer()
    problems = humaneval_problems()
    prompts = [problems[n % len(problems)].prompt[-200:] for n in range(arguments.prompts)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "ours").mkdir()
        # No end of text among its tokens: every completion runs to its full length.
        save_model(folder / "ours", Phi(recipe.model, recipe.tokenizer.vocab_size), 0, folder / "tokenizer.json")
        (folder / "theirs").mkdir()
        export_hugging_face(ModelArtifact(folder / "ours"), folder / "theirs")
        rates = {"hornbook": time_hornbook(folder / "ours", tokenizer, prompts, arguments)}
        rates["generate"] = time_generate(folder / "theirs", tokenizer, prompts, arguments)
        if not arguments.skip_continuous:
            rates["continuous batching"] = time_continuous(folder / "theirs", tokenizer, prompts, arguments)
    for name, rate in rates.items():
        print(f"{name:20} {rate:9,.0f} tokens/s, hornbook is {rates['hornbook'] / rate:.2f} times as fast")


def byte_tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(
        models.BPE(vocab={piece: n for n, piece in enumerate(["<|endoftext|>", *alphabet])}, merges=[])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def time_hornbook(folder: Path, tokenizer: Tokenizer, prompts: list[str], arguments: argparse.Namespace) -> float:
    model = ModelArtifact(folder).load_model(arguments.device)

    def run(new_tokens: int) -> None:
        config = GenerationConfig(
            max_new_tokens=new_tokens, batch_size=arguments.batch_size, stop_at_function_end=False
        )
        generate(model, tokenizer, prompts, config)

    run(4)
    return len(prompts) * arguments.new_tokens / timed(lambda: run(arguments.new_tokens))


def load_theirs(folder: Path, arguments: argparse.Namespace, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if arguments.device == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention)
    return model.to(arguments.device).eval()


def time_generate(folder: Path, tokenizer: Tokenizer, prompts: list[str], arguments: argparse.Namespace) -> float:
    model = load_theirs(folder, arguments, "sdpa")
    ids = [tokenizer.encode(prompt.rstrip()).ids for prompt in prompts]

    def run(new_tokens: int) -> None:
        for start in range(0, len(ids), arguments.batch_size):
            batch = ids[start : start + arguments.batch_size]
            longest = max(map(len, batch))
            padded = torch.tensor([[0] * (longest - len(row)) + row for row in batch], device=arguments.device)
            model.generate(
                padded,
                attention_mask=(torch.arange(longest) >= torch.tensor([[longest - len(r)] for r in batch]))
                .long()
                .to(arguments.device),
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                do_sample=False,
                pad_token_id=0,
            )

    run(4)
    return len(prompts) * arguments.new_tokens / timed(lambda: run(arguments.new_tokens))


def time_continuous(folder: Path, tokenizer: Tokenizer, prompts: list[str], arguments: argparse.Namespace) -> float:
    from transformers import GenerationConfig as TheirConfig

    model = load_theirs(folder, arguments, "sdpa")
    ids = [tokenizer.encode(prompt.rstrip()).ids for prompt in prompts]
    written = 0

    def run(new_tokens: int) -> None:
        nonlocal written
        config = TheirConfig(max_new_tokens=new_tokens, eos_token_id=-1, pad_token_id=0, do_sample=False)
        outputs = model.generate_batch(inputs=ids, generation_config=config, progress_bar=False)
        written = sum(len(output.generated_tokens) for output in outputs.values())

    run(4)
    seconds = timed(lambda: run(arguments.new_tokens))
    return written / seconds


if __name__ == "__main__":
    main()

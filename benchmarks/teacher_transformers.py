"""Tokens/s of the teacher's `transformers` backend against transformers' own `generate`, one request after the other.

    python benchmarks/teacher_transformers.py                          # a small model of random weights, any machine
    python benchmarks/teacher_transformers.py --folder models/qwen     # a chat model's folder
    python benchmarks/teacher_transformers.py --folder models/qwen --device cuda --requests 2048 --single 16

Both sides get the first requests for exercises of the recipe, sampled at temperature 0.8, with the same weights in the
same precision. Ours asks for all of them at once and keeps every reply in a reply cache; `generate` answers some of
them one by one, and padded in batches where `--batch` says so. The sides take turns; tokens are those that were
written. The ratio is of the median rates, by the clock and of this process on a core, which other work disturbs less.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# First, as when hornbook runs: it sets how OpenMP's threads wait, which torch reads when it is imported.
import hornbook  # noqa: F401  # isort: skip
import torch

from hornbook.recipe import WriterConfig
from hornbook.synthesize.requests import exercise_request
from hornbook.teacher.chat import ChatRequest
from hornbook.teacher.local.load import choose_device, load_model
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.transformers import TransformersTeacher

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

Side = Callable[[int], int]
"""Answers in round so and so; returns how many tokens it wrote."""


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or write_random_folder(Path(scratch) / "model", options)
        sides = make_sides(folder, options, Path(scratch))
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for round_ in range(options.rounds + 1):
            for name, side in sides.items():
                rate = timed(side, round_)
                # The first round warms up: memory, threads, compiled kernels.
                if round_:
                    rates[name].append(rate)
                    print(f"round {round_}, {name}: {rate[0]:,.1f} tokens/s, load {os.getloadavg()[0]:.1f}", flush=True)
    ours = median_rates(rates.pop("ours"))
    for name, found in rates.items():
        theirs = median_rates(found)
        print(
            f"ours / {name}: {ours[0] / theirs[0]:.2f} by the clock, {ours[1] / theirs[1]:.2f} on a core "
            f"({ours[0]:,.1f} and {theirs[0]:,.1f} tokens/s)"
        )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a chat model; left out: a Qwen2 of random weights is made")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--requests", type=int, default=64, help="that ours answers at once")
    parser.add_argument("--single", type=int, default=6, help="that `generate` answers one by one")
    parser.add_argument("--batch", type=int, default=0, help="also `generate` on so many at once, padded")
    parser.add_argument("--max-tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=512, help="of the random model")
    parser.add_argument("--layers", type=int, default=8)
    return parser.parse_args()


def make_sides(folder: Path, options: argparse.Namespace, scratch: Path) -> dict[str, Side]:
    config = WriterConfig(model="m", max_tokens=options.max_tokens)
    device = choose_device(options.device)
    tokenizer, model = load_model(str(folder), device)
    print(f"{sum(weight.numel() for weight in model.parameters()):,} weights in {model.dtype} on {device}", flush=True)

    def requests(round_: int) -> list[ChatRequest]:
        return [exercise_request(config, round_, index) for index in range(options.requests)]

    teachers: list[TransformersTeacher] = []

    def ours(round_: int) -> int:
        if not teachers:
            cache = ReplyCache(scratch / "replies.sqlite")
            teachers.append(TransformersTeacher(cache, model="m", folder=str(folder), device=options.device))
        before = teachers[0].tally.used
        teachers[0].ask(requests(round_))
        # By the tally, because a reply that cannot be used was written too.
        return (teachers[0].tally.used - before).completion

    def single(round_: int) -> int:
        return sum(generate(model, tokenizer, [one], device) for one in requests(round_)[: options.single])

    def batched(round_: int) -> int:
        asked = requests(round_)
        return sum(generate(model, tokenizer, part, device) for part in parts(asked, options.batch))

    sides: dict[str, Side] = {"ours": ours, "one by one": single}
    return sides | ({f"padded batches of {options.batch}": batched} if options.batch else {})


def parts(asked: Sequence[ChatRequest], size: int) -> Iterator[Sequence[ChatRequest]]:
    return (asked[start : start + size] for start in range(0, len(asked), size))


def generate(model: Any, tokenizer: Any, asked: Sequence[ChatRequest], device: torch.device) -> int:
    """As a user would: the chat template, left padding, `generate`; tokens that were written up to each end."""
    texts = [
        tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in request.messages],
            tokenize=False,
            add_generation_prompt=True,
        )
        for request in asked
    ]
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(device)
    with torch.inference_mode():
        written = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=asked[0].max_tokens,
            do_sample=True,
            temperature=asked[0].temperature,
            top_k=0,
            top_p=1.0,
            repetition_penalty=1.0,
            pad_token_id=tokenizer.pad_token_id,
        )[:, inputs["input_ids"].shape[1] :]
    ends = {tokenizer.eos_token_id}
    count = 0
    for row in written.tolist():
        stop = next((place for place, token in enumerate(row) if token in ends), len(row) - 1)
        count += stop + 1
    return count


def timed(side: Side, round_: int) -> tuple[float, float]:
    """Tokens/s by the clock, and by the time that this process was on a core."""
    started, on_core = time.perf_counter(), time.process_time()
    count = side(round_)
    return count / (time.perf_counter() - started), count / (time.process_time() - on_core)


def median_rates(rates: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(rate[0] for rate in rates), statistics.median(rate[1] for rate in rates)


def write_random_folder(folder: Path, options: argparse.Namespace) -> Path:
    """A Qwen2 of random weights with a tokenizer that was trained on the prompts; its replies seldom end early."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    config = WriterConfig(model="m")
    prompts = (message.content for index in range(200) for message in exercise_request(config, 0, index).messages)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=8192, special_tokens=SPECIALS, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(prompts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")
    fast.chat_template = CHAT_TEMPLATE
    heads = max(2, options.hidden // 64)
    shape = Qwen2Config(
        vocab_size=len(fast),
        hidden_size=options.hidden,
        intermediate_size=4 * options.hidden,
        num_hidden_layers=options.layers,
        num_attention_heads=heads,
        num_key_value_heads=2 - heads % 2,
        max_position_embeddings=4096,
        initializer_range=0.05,
        eos_token_id=fast.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(shape)
    with torch.no_grad():
        model.lm_head.weight[fast.eos_token_id] = 0
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()

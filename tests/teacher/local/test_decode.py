"""The decoding loop against transformers' own `generate`, and against the padded one."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from hornbook.teacher.local import decode
from hornbook.teacher.local.decode import RowDecoder
from hornbook.teacher.local.draw import Completion, Prompt
from hornbook.teacher.local.padded import run_padded
from hornbook.teacher.local.slots import KeyValueShape, Slots, UnsupportedModel
from tests.teacher.local.tiny import CONTEXT, tiny_model

STOP = 2


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A model this small computes for less time than two threads take to meet."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def prompts(count: int = 20, temperature: float = 0.0) -> list[Prompt]:
    generator = torch.Generator().manual_seed(0)
    lengths = [1 + 7 * number % 40 for number in range(count)]
    return [
        Prompt(
            number, tuple(torch.randint(3, 60, (length,), generator=generator).tolist()), 4 + 5 * number % 23, t, number
        )
        for number, (length, t) in enumerate(zip(lengths, [temperature] * count, strict=True))
    ]


def row_decoder(model: Any, num_rows: int = 8, notices: list[str] | None = None, **options: Any) -> RowDecoder:
    return RowDecoder(
        model,
        [STOP],
        num_rows=num_rows,
        num_positions=CONTEXT,
        max_new_tokens=30,
        notify=(notices if notices is not None else []).append,
        **options,
    )


def generated(model: Any, prompt: Prompt) -> Completion:
    """What transformers makes of it."""
    model.set_attn_implementation("eager")
    tokens = torch.tensor([prompt.tokens])
    out = model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=prompt.limit,
        do_sample=False,
        eos_token_id=STOP,
        pad_token_id=0,
    )[0, len(prompt.tokens) :].tolist()
    return Completion(prompt.number, tuple(out[:-1] if out[-1] == STOP else out), out[-1] == STOP)


def by_number(parts: Iterator[list[Completion]]) -> dict[int, Completion]:
    found = [done for part in parts for done in part]
    assert len({done.number for done in found}) == len(found)
    return {done.number: done for done in found}


@pytest.mark.parametrize("num_rows", [1, 8, 20])
def test_greedy_completions_are_those_of_generate(num_rows: int) -> None:
    model = tiny_model()
    asked = prompts()
    found = by_number(row_decoder(model, num_rows).run(asked))
    assert found == {prompt.number: generated(model, prompt) for prompt in asked}
    assert 0 < sum(done.has_stopped for done in found.values()) < len(found)


def test_a_draw_does_not_depend_on_the_rows_beside_it() -> None:
    model = tiny_model()
    asked = prompts(temperature=1.0)
    decoder = row_decoder(model)
    together = by_number(decoder.run(asked))
    assert by_number(decoder.run(asked[7:8])) == {7: together[7]}
    assert by_number(row_decoder(model, 3).run(list(reversed(asked)))) == together
    assert by_number(run_padded(model, [STOP], asked, 6)) == together
    greedy = by_number(decoder.run(prompts()))
    assert sum(greedy[number].tokens != done.tokens for number, done in together.items()) > len(asked) // 2


def test_a_run_that_is_left_does_not_harm_the_next() -> None:
    decoder = row_decoder(tiny_model())
    whole = by_number(decoder.run(prompts()))
    left = decoder.run(prompts(temperature=1.0))
    next(left)
    left.close()
    assert by_number(decoder.run(prompts())) == whole


def test_completions_come_while_others_are_still_written() -> None:
    model = tiny_model()
    long, short = Prompt(0, (5, 6, 7), 30, 0.0, 0), Prompt(1, (8, 9), 1, 0.0, 0)
    decoder = row_decoder(model, 2)
    (first,) = next(decoder.run([long, short]))
    assert first.number == 1
    assert decoder._num_steps < 5


def test_a_model_that_slots_do_not_serve_is_refused() -> None:
    windowed = tiny_model(use_sliding_window=True, sliding_window=16, max_window_layers=0)
    with pytest.raises(UnsupportedModel, match="window of 16 tokens"):
        row_decoder(windowed)
    wrong = tiny_model()
    unheard = wrong.forward

    def forward(*arguments: Any, slots: Any = None, **named: Any) -> Any:
        # Like a model with layers that keep their past elsewhere.
        passed = unheard(*arguments, slots=slots, **named)
        if slots is not None:
            passed.logits = passed.logits.flip(-1)
        return passed

    wrong.forward = forward
    with pytest.raises(UnsupportedModel, match="its logits are off by"):
        row_decoder(wrong)


def test_a_kernel_that_fails_is_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> Any:
        raise RuntimeError("no such instruction\nand more")

    monkeypatch.setattr("hornbook.teacher.local.slots._find_kernel", lambda *arguments: broken)
    notices: list[str] = []
    model = tiny_model()
    ((done,),) = row_decoder(model, notices=notices).run(prompts(1))
    assert done == generated(model, prompts(1)[0])
    assert notices == [
        "the attention kernel cannot serve here (RuntimeError: no such instruction): taking matrix products"
    ]


def test_compiling_that_fails_is_left_out_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> Any:
        def call(*passed: Any) -> Any:
            raise RuntimeError("no compiler")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: None)
    notices: list[str] = []
    model = tiny_model()
    ((done,),) = row_decoder(model, notices=notices, use_compile=True).run(prompts(1))
    assert done == generated(model, prompts(1)[0])
    assert notices == ["torch.compile failed (RuntimeError: no compiler): going on without"]


# Of torch.compile itself.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_a_compiled_step_gives_the_same_tokens() -> None:
    model = tiny_model()
    plain = by_number(row_decoder(model).run(prompts()))
    notices: list[str] = []
    assert by_number(row_decoder(model, notices=notices, use_compile=True).run(prompts())) == plain
    assert notices == []


def test_prompts_are_read_in_parts_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    whole = by_number(row_decoder(model, 20).run(prompts()))
    monkeypatch.setitem(decode.PROMPT_TOKENS_AT_ONCE, "cpu", 50)
    decoder = row_decoder(model, 20)
    sizes: list[int] = []
    read = decoder._read

    def counting(tokens: Any, rows: Any) -> None:
        sizes.append(tokens.numel())
        read(tokens, rows)

    monkeypatch.setattr(decoder, "_read", counting)
    assert by_number(decoder.run(prompts())) == whole
    assert len(sizes) > 5
    assert max(sizes) <= 50


@pytest.mark.gpu
def test_the_kernel_computes_the_attention_of_two_products() -> None:
    from hornbook.teacher.local import kernel

    rows, heads, group, size, positions = 40, 2, 6, 128, 320
    slots = Slots(KeyValueShape(1, heads, size), rows, positions, torch.bfloat16, torch.device("cuda"))
    generator = torch.Generator("cuda").manual_seed(0)
    slots.keys.normal_(generator=generator)
    slots.values.normal_(generator=generator)
    queries = torch.randn(rows * heads, group, size, device="cuda", dtype=torch.bfloat16, generator=generator)
    at = torch.arange(rows, device="cuda") * 8
    slots.step(at, positions)
    keys, values = slots.keys[0].flatten(0, 1), slots.values[0].flatten(0, 1)
    wanted = slots._attend_by_products(queries.float(), keys.float(), values.float(), size**-0.5)
    found = kernel.attend(queries, keys, values, at, size**-0.5)
    assert (found.float() - wanted).abs().max() < 0.02


@pytest.mark.gpu
def test_recorded_steps_write_what_generate_writes() -> None:
    model = tiny_model().to("cuda")
    notices: list[str] = []
    asked = [Prompt(p.number, p.tokens, p.limit, 0.0, 0) for p in prompts()]
    found = by_number(row_decoder(model, 16, notices).run(asked))
    model.to("cpu")
    assert found == {prompt.number: generated(model, prompt) for prompt in asked}
    assert notices == []

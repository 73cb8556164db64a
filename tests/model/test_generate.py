import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hornbook.errors import InputError
from hornbook.model import decoder
from hornbook.model.decoder import Decoder
from hornbook.model.generate import GenerationConfig, generate, room_for_prompt, stream
from tests.model.conftest import random_model, tiny_config

PROMPTS = ["def total(numbers):", "class Point:\n    def", "words", "def first_words(text, count):\n    words ="] * 3
LONG = GenerationConfig(max_new_tokens=40, stop_at_function_end=False)


@pytest.fixture(scope="module")
def model(tokenizer):
    return random_model(tiny_config(), tokenizer.get_vocab_size())


def greedy_without_cache(model, tokenizer, prompt, count):
    ids = tokenizer.encode(prompt).ids
    length = len(ids)
    with torch.no_grad():
        while len(ids) < length + count:
            token = int(model(torch.tensor([ids]))[0, -1].argmax())
            if token == tokenizer.token_to_id("<|endoftext|>"):
                break
            ids.append(token)
    return tokenizer.decode(ids[length:])


def test_the_cache_gives_what_the_whole_model_gives(model, tokenizer):
    expected = [greedy_without_cache(model, tokenizer, prompt, 25) for prompt in PROMPTS[:4]]
    config = GenerationConfig(max_new_tokens=25, stop_at_function_end=False)
    assert generate(model, tokenizer, PROMPTS[:4], config) == expected
    assert len({*expected}) == 4


def test_cached_logits_equal_whole_logits(model):
    lengths = [1, 5, 12, 20, 2, 7, 7, 30, 3, 16, 4]  # more than are attended to together
    tokens = torch.randint(model.vocab_size, (len(lengths), 40), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = model(tokens)
    cached = Decoder(model, len(lengths), 40, torch.float32)
    rows = list(range(len(lengths)))

    def admit(row):
        cached.admit([tokens[row, : lengths[row]].tolist()])

    def check_step():
        logits = cached.step([int(tokens[row, lengths[row] - 1]) for row in rows])
        expected = torch.stack([whole[row, lengths[row] - 1] for row in rows])
        assert torch.allclose(logits, expected, atol=1e-4)
        for row in rows:
            lengths[row] += 1

    cached.admit([tokens[row, :length].tolist() for row, length in enumerate(lengths)])
    for released in (3, 6, 0):
        for _ in range(2):
            check_step()
        cached.release(released)
        rows[released] = rows[-1]
        rows.pop()
    check_step()
    for row in (3, 6):
        admit(row)
        rows.append(row)
    check_step()


def test_logits_in_bf16_stay_near_those_in_fp32(model):
    prompts = [[5, 6, 7, 8], [9], [10] * 30]
    logits = []
    for dtype in (torch.float32, torch.bfloat16):
        cached = Decoder(model, 3, 40, dtype)
        cached.admit(prompts)
        logits.append([cached.step([token, token, token]) for token in (8, 11, 12)][-1])
    exact, rounded = logits
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    assert (rounded - exact).norm() < 0.03 * exact.norm()


ALIKE = ["def total(numbers):", "x", "class Point:\n    def", "words", "return", "def first(text):\n    words ="]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(ALIKE), min_size=1, max_size=12),
    st.integers(0, 7),
    st.sampled_from([(), ("e",), ("to", "s ")]),
)
def test_a_greedy_completion_is_the_same_in_any_company(model, tokenizer, prompts, batch_size, stop):
    config = GenerationConfig(12, stop_at_function_end=False, stop=stop)
    alone = {prompt: generate(model, tokenizer, [prompt], config)[0] for prompt in {*prompts}}
    together = generate(model, tokenizer, prompts, replace(config, batch_size=batch_size))
    assert together == [alone[prompt] for prompt in prompts]


@pytest.fixture
def ending_model(tokenizer):
    """A model whose drawn completions end at different times."""
    model = random_model(tiny_config(), tokenizer.get_vocab_size())
    with torch.no_grad():
        model.lm_head_bias[tokenizer.token_to_id("<|endoftext|>")] = 3
    return model


def test_finished_sequences_leave_the_batch_and_waiting_ones_enter_it(ending_model, tokenizer, monkeypatch):
    rows_of_steps = []
    taken = Decoder.step
    monkeypatch.setattr(Decoder, "step", lambda self, tokens: rows_of_steps.append(len(tokens)) or taken(self, tokens))
    config = GenerationConfig(30, temperature=1.0, stop_at_function_end=False, batch_size=1)
    one_by_one_texts = generate(ending_model, tokenizer, PROMPTS, config)
    one_by_one = list(rows_of_steps)
    assert {*one_by_one} == {1}
    rows_of_steps.clear()
    assert generate(ending_model, tokenizer, PROMPTS, replace(config, batch_size=3)) == one_by_one_texts
    assert max(rows_of_steps) == 3
    assert sum(rows_of_steps) == len(one_by_one)  # a finished row takes no part in a step
    assert rows_of_steps.count(3) > 0.7 * len(rows_of_steps)  # a free row is filled at once
    assert len(rows_of_steps) < 0.5 * len(one_by_one)


def test_drawn_completions_are_the_same_in_batches_of_any_size(ending_model, tokenizer):
    model = ending_model
    config = GenerationConfig(30, temperature=1.0, stop_at_function_end=False, seed=5)
    together = generate(model, tokenizer, PROMPTS, config)
    assert len({len(text) for text in together}) > 5
    for size in (1, 2, 5):
        assert generate(model, tokenizer, PROMPTS, replace(config, batch_size=size)) == together
    # A stream of its own for each prompt: those that come later change nothing.
    assert generate(model, tokenizer, PROMPTS[:4], config) == together[:4]


def test_prompts_read_in_several_passes_give_the_same(model, tokenizer, monkeypatch):
    at_once = generate(model, tokenizer, PROMPTS, LONG)
    passes = []
    read = Decoder._read
    monkeypatch.setattr(Decoder, "_read", lambda self, prompts: passes.append(len(prompts)) or read(self, prompts))
    monkeypatch.setitem(decoder.PROMPT_TOKENS_AT_ONCE, "cpu", 12)
    assert generate(model, tokenizer, PROMPTS, LONG) == at_once
    assert len(passes) > 5
    assert sum(passes) == len(PROMPTS)
    assert max(passes) > 1


def test_a_seed_repeats_and_another_differs(model, tokenizer):
    def draw(seed):
        return generate(model, tokenizer, PROMPTS, GenerationConfig(20, temperature=1.0, seed=seed))

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    same_prompt = generate(model, tokenizer, ["words"] * 4, GenerationConfig(20, temperature=1.0))
    assert len({*same_prompt}) > 1


@pytest.mark.parametrize("changes", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-6}])
def test_narrow_sampling_is_greedy(model, tokenizer, changes):
    settings = {"temperature": 1.0} | changes
    narrow = generate(model, tokenizer, PROMPTS, GenerationConfig(20, stop_at_function_end=False, **settings))
    assert narrow == generate(model, tokenizer, PROMPTS, GenerationConfig(20, stop_at_function_end=False))


def test_sampling_follows_the_distribution(model, tokenizer):
    prompt = "words"
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode(prompt).ids]))[0, -1]
    wanted = torch.softmax(logits / 2, dim=-1)
    texts = generate(
        model,
        tokenizer,
        [prompt] * 2000,
        GenerationConfig(1, temperature=2.0, stop_at_function_end=False, batch_size=500),
    )
    likeliest = int(wanted.argmax())
    found = sum(text == tokenizer.decode([likeliest]) for text in texts) / 2000
    assert found == pytest.approx(float(wanted[likeliest]), abs=0.04)


@pytest.mark.parametrize("changes", [{"top_k": 3}, {"top_p": 0.5}])
def test_sampling_keeps_to_the_likeliest_tokens(model, tokenizer, changes):
    prompt = "words"
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode(prompt).ids]))[0, -1].double()
    probabilities, order = torch.softmax(logits / 0.2, dim=-1).sort(descending=True)
    before = probabilities.cumsum(0) - probabilities
    kept = 3 if "top_k" in changes else int((before < 0.5).sum())
    assert 1 < kept < 20
    config = GenerationConfig(1, temperature=0.2, stop_at_function_end=False, **changes)
    drawn = {*generate(model, tokenizer, [prompt] * 1000, config)}
    assert drawn == {tokenizer.decode([token]) for token in order[:kept].tolist()}


def test_trailing_whitespace_of_a_prompt_makes_no_difference(model, tokenizer):
    assert generate(model, tokenizer, ["def total(numbers):\n    "], LONG) == generate(
        model, tokenizer, ["def total(numbers):"], LONG
    )


def test_end_of_text_ends_a_completion_and_is_not_in_it(tokenizer):
    model = random_model(tiny_config(), tokenizer.get_vocab_size())
    with torch.no_grad():
        model.lm_head_bias[tokenizer.token_to_id("<|endoftext|>")] = 1e4
    assert generate(model, tokenizer, PROMPTS, LONG) == [""] * len(PROMPTS)


def test_the_function_end_stops_and_cuts(model, tokenizer):
    full = generate(model, tokenizer, PROMPTS, GenerationConfig(60, temperature=1.0, stop_at_function_end=False))
    cut = generate(model, tokenizer, PROMPTS, GenerationConfig(60, temperature=1.0))
    assert any(len(short) < len(whole) for short, whole in zip(cut, full, strict=True))
    assert all(whole.startswith(short) for short, whole in zip(cut, full, strict=True))


def test_a_completion_ends_before_a_stop_string_wherever_tokens_end(model, tokenizer):
    for whole in generate(model, tokenizer, PROMPTS[:4], LONG):
        visible = len(whole) - len(whole.lstrip())
        for start, length in itertools.product(range(visible, len(whole) - 5, 9), (1, 2, 5)):
            stop = whole[start : start + length]
            cut = generate(model, tokenizer, PROMPTS[:4], replace(LONG, stop=(stop, "never written")))
            assert whole[: whole.index(stop, visible)] in cut
            assert not any(stop in text.lstrip() for text in cut)


def test_a_stop_string_ends_the_work(model, tokenizer, monkeypatch):
    steps = []
    taken = Decoder.step
    monkeypatch.setattr(Decoder, "step", lambda self, tokens: steps.append(len(tokens)) or taken(self, tokens))
    (whole,) = generate(model, tokenizer, PROMPTS[:1], LONG)
    assert len(steps) == 40
    steps.clear()
    generate(model, tokenizer, PROMPTS[:1], replace(LONG, stop=(whole.strip()[:2],)))
    assert len(steps) < 5


def test_streamed_pieces_are_the_completion(model, tokenizer):
    for config in (LONG, GenerationConfig(60, temperature=1.0, seed=3), GenerationConfig(60)):
        pieces = list(stream(model, tokenizer, PROMPTS[0], config))
        assert "".join(pieces) == generate(model, tokenizer, PROMPTS[:1], config)[0]
    assert len(list(stream(model, tokenizer, PROMPTS[0], LONG))) > 5


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_stream_never_shows_a_part_of_a_stop_string(model, tokenizer, data):
    config = GenerationConfig(25, temperature=1.5, seed=data.draw(st.integers(0, 3)), stop_at_function_end=False)
    prompt = data.draw(st.sampled_from(PROMPTS[:4]))
    (whole,) = generate(model, tokenizer, [prompt], config)
    assume(whole)
    cuts = st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 6))
    stop = tuple(whole[start : start + length] for start, length in data.draw(st.lists(cuts, max_size=3)))
    config = replace(config, stop=stop, stop_at_function_end=data.draw(st.booleans()))
    (expected,) = generate(model, tokenizer, [prompt], config)
    assert whole.startswith(expected)
    # Pieces are never taken back, so anything shown too early would be in the text.
    assert "".join(stream(model, tokenizer, prompt, config)) == expected


def test_progress_counts_every_prompt(model, tokenizer):
    counts = []
    generate(model, tokenizer, PROMPTS, GenerationConfig(5, batch_size=4), on_progress=counts.append)
    assert sum(counts) == len(PROMPTS)
    assert generate(model, tokenizer, [], GenerationConfig(5)) == []


def test_a_prompt_that_fills_the_context_is_refused_or_truncated(model, tokenizer):
    long_prompt = "total + " * 200
    with pytest.raises(InputError, match=r"prompt 1 has \d+ tokens.*context of 200"):
        generate(model, tokenizer, ["words", long_prompt], LONG)
    config = GenerationConfig(10, stop_at_function_end=False, too_long="truncate")
    ids = tokenizer.encode(long_prompt.rstrip()).ids[-190:]
    assert generate(model, tokenizer, [long_prompt], config) == generate(
        model, tokenizer, [tokenizer.decode(ids)], config
    )


def test_truncation_leaves_every_prompt_room_for_a_whole_completion(model, tokenizer):
    prompt = tokenizer.decode(tokenizer.encode("total + " * 200).ids[:195])
    assert 190 < len(tokenizer.encode(prompt.rstrip()).ids) < 200
    config = GenerationConfig(10, stop_at_function_end=False, too_long="truncate")
    kept = tokenizer.decode(tokenizer.encode(prompt.rstrip()).ids[-190:])
    assert generate(model, tokenizer, [prompt], config) == generate(model, tokenizer, [kept], config)


def test_truncation_keeps_a_prompt_that_half_the_context_holds(model, tokenizer):
    prompt = "total + " * 20
    assert 1 < len(tokenizer.encode(prompt.rstrip()).ids) <= 100
    plain, truncating = (
        generate(model, tokenizer, [prompt], GenerationConfig(200, stop_at_function_end=False, too_long=too_long))
        for too_long in ("error", "truncate")
    )
    assert truncating == plain != [""]
    assert [room_for_prompt(200, limit) for limit in (10, 99, 100, 101, 200, 1000)] == [190, 101, 100, 100, 100, 100]


def test_generation_ends_where_the_context_does(model, tokenizer):
    prompt = "total + " * 40
    count = len(tokenizer.encode(prompt.rstrip()).ids)
    assert count < 200
    unlimited, limited = (
        generate(model, tokenizer, [prompt], GenerationConfig(limit, stop_at_function_end=False))[0]
        for limit in (1000, 200 - count)
    )
    assert unlimited == limited != ""


def test_an_empty_prompt_is_refused(model, tokenizer):
    with pytest.raises(InputError, match="prompt 0 is empty"):
        generate(model, tokenizer, ["  \n"], LONG)


def test_a_foreign_tokenizer_is_refused(tokenizer):
    with pytest.raises(InputError, match="not in the model's vocabulary of 20"):
        generate(random_model(tiny_config(), 20), tokenizer, PROMPTS, LONG)


@pytest.mark.parametrize(
    "field",
    [
        {"max_new_tokens": 0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"temperature": -1.0},
        {"batch_size": -1},
        {"stop": ("x", "")},
        {"stop": "a string"},
    ],
)
def test_settings_out_of_range_are_named(field):
    with pytest.raises(InputError, match=next(iter(field))):
        GenerationConfig(**({"max_new_tokens": 5} | field))

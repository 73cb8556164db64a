import pytest
import torch

from hornbook.errors import InputError
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
    tokens = torch.randint(model.vocab_size, (3, 30))
    decoder = Decoder(model, 3, 40, torch.float32)
    with torch.no_grad():
        whole = model(tokens)
    lengths = torch.tensor([5, 12, 20])
    assert torch.allclose(decoder.admit(tokens[:, :20], lengths), whole[torch.arange(3), lengths - 1], atol=1e-4)
    for _ in range(8):
        logits = decoder.step(tokens[torch.arange(3), lengths], lengths)
        assert torch.allclose(logits, whole[torch.arange(3), lengths], atol=1e-4)
        lengths += 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_completion_does_not_depend_on_its_neighbours(model, tokenizer, temperature):
    config = GenerationConfig(max_new_tokens=30, temperature=temperature, stop_at_function_end=False, seed=5)
    together = generate(model, tokenizer, PROMPTS, config)
    for size in (1, 2, 5):
        alone = generate(
            model,
            tokenizer,
            PROMPTS,
            GenerationConfig(30, temperature, stop_at_function_end=False, seed=5, batch_size=size),
        )
        assert alone == together


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


def test_a_predicate_stops(model, tokenizer):
    config = GenerationConfig(50, stop_at_function_end=False, should_stop=lambda text: len(text) >= 5)
    lengths = [len(text) for text in generate(model, tokenizer, PROMPTS, config)]
    assert all(length < 30 for length in lengths)


def test_streamed_pieces_are_the_completion(model, tokenizer):
    for config in (LONG, GenerationConfig(60, temperature=1.0, seed=3), GenerationConfig(60)):
        pieces = list(stream(model, tokenizer, PROMPTS[0], config))
        assert "".join(pieces) == generate(model, tokenizer, PROMPTS[:1], config)[0]
    assert len(list(stream(model, tokenizer, PROMPTS[0], LONG))) > 5


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


@pytest.mark.parametrize("field", [{"max_new_tokens": 0}, {"top_p": 0.0}, {"temperature": -1.0}, {"batch_size": -1}])
def test_settings_out_of_range_are_named(field):
    with pytest.raises(InputError, match=next(iter(field))):
        GenerationConfig(**({"max_new_tokens": 5} | field))

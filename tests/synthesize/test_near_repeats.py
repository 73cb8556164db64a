"""Near-repeats of texts, and the estimate against the exact Jaccard index."""

import random

from hornbook.synthesize import near_repeats as module
from hornbook.synthesize.near_repeats import NearRepeats, sample_shingles

WORDS = [f"word{number}" for number in range(400)]


def text(seed: int, length: int = 200) -> list[str]:
    return random.Random(seed).choices(WORDS, k=length)


def test_a_repeat_with_other_case_spaces_and_marks_is_found() -> None:
    seen = NearRepeats(0.5)
    words = text(0)
    assert seen.add(" ".join(words))
    assert not seen.add(",\n".join(word.upper() for word in words))


def test_a_few_changed_words_make_no_new_text_and_many_do() -> None:
    seen = NearRepeats(0.5)
    words = text(1)
    assert seen.add(" ".join(words))
    few, many = list(words), list(words)
    for place in range(0, 200, 40):
        few[place] = "other"
    for place in range(0, 200, 4):
        many[place] = "other"
    assert not seen.add(" ".join(few))
    assert seen.add(" ".join(many))


def test_different_texts_are_all_let_through_and_each_is_remembered() -> None:
    seen = NearRepeats(0.5)
    texts = [" ".join(text(seed)) for seed in range(30)]
    assert all(seen.add(one) for one in texts)
    assert not any(seen.add(one) for one in texts)


def test_what_was_refused_is_not_remembered() -> None:
    seen = NearRepeats(0.5)
    words = text(2)
    assert seen.add(" ".join(words))
    drifted = words[:120] + text(3, 80)
    refused = words[:150] + text(4, 50)
    assert not seen.add(" ".join(refused))
    # Much like the refused one, not much like the one that stayed.
    assert seen.add(" ".join(drifted[40:] + refused[160:]))


def test_short_texts_are_compared_as_wholes() -> None:
    seen = NearRepeats(0.5)
    assert seen.add("one two three")
    assert not seen.add("One, two: three!")
    assert seen.add("one two four")
    assert len(sample_shingles("one two three")) == 1


def test_the_sample_estimates_the_share_in_common() -> None:
    estimates, exact = [], []
    for seed in range(40):
        left = text(seed, 400)
        right = left[: 100 + 7 * seed] + text(seed + 100, 300 - 7 * seed)
        samples = [sample_shingles(" ".join(words)) for words in (left, right)]
        wholes = [
            {tuple(words[start : start + module.SHINGLE_WORDS]) for start in range(396)} for words in (left, right)
        ]
        estimates.append(len(samples[0] & samples[1]) / len(samples[0] | samples[1]))
        exact.append(len(wholes[0] & wholes[1]) / len(wholes[0] | wholes[1]))
    errors = [abs(one - other) for one, other in zip(estimates, exact, strict=True)]
    assert sum(errors) / len(errors) < 0.05
    assert max(errors) < 0.15

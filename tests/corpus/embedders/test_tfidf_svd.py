import numpy as np
import scipy.sparse

from hornbook.corpus.embedders.tfidf_svd import NUM_FEATURES, TEXTS_PER_TASK, TfidfSvd, count_tokens, tokens_of
from hornbook.run.workers import TASKS_PER_WORKER


def test_tokens() -> None:
    assert tokens_of("def f(x_1):\n    return x_1 + 10\n") == [
        "def", "f", "(", "x_1", ")", ":", "\n    return", "x_1", "+", "10", "\n",
    ]  # fmt: skip


def test_a_line_starts_with_a_keyword_and_not_with_a_part_of_a_word() -> None:
    assert tokens_of("x\n  format\n  for y\n@a\n#") == ["x", "\n  ", "format", "\n  for", "y", "\n@", "a", "\n#"]


def test_counts_come_in_order_over_several_rounds() -> None:
    num_texts = TEXTS_PER_TASK * TASKS_PER_WORKER + TEXTS_PER_TASK + 1
    counts = scipy.sparse.vstack(list(count_tokens(("word " * number for number in range(num_texts)), workers=1)))
    assert counts.shape == (num_texts, NUM_FEATURES)
    assert np.asarray(counts.sum(axis=1)).ravel().tolist() == list(range(num_texts))


def test_counting_nothing_yields_nothing() -> None:
    assert list(count_tokens([], workers=1)) == []


def test_embed_repeats_what_fit_returned() -> None:
    texts = [f"def f{number}(x):\n    return x + {number}\n" * (number % 5 + 1) for number in range(40)]
    embedder = TfidfSvd(size=4, seed=0, workers=1)
    fitted = embedder.fit(texts)
    assert fitted.shape == (40, 4)
    runs = list(embedder.embed(texts))
    assert [len(run) for run in runs] == [TEXTS_PER_TASK, 40 - TEXTS_PER_TASK]
    np.testing.assert_allclose(np.concatenate(runs), fitted, atol=1e-10)
    assert TfidfSvd(size=4, seed=0, workers=1).fit(texts).tobytes() == fitted.tobytes()

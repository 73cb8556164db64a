import numpy as np
import pyarrow as pa
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from hornbook.corpus.embedders.tfidf_kernels import SPACE, WORD
from hornbook.corpus.embedders.tfidf_svd import (
    NUM_FEATURES,
    TASKS_PER_WORKER,
    TEXTS_PER_TASK,
    TfidfSvd,
    _character_classes,
    count_tokens,
    tokens_of,
)


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


PIECES = [
    "\n",
    " ",
    "def",
    "class",
    "if",
    "form",
    "import",
    '"""',
    '"',
    "@",
    "#",
    "a",
    "_",
    "9",
    "é",
    "日",
    "𝔘",
    "(",
    "٣",
]
PIECES += ["returns", "continue", "under_scored_name", "abcdefg", "abcdefgh", "12345678", '""', "/", "ÿ"]
PIECES += ["\xa0", "\u2028", "\x1c", "\x85", "\t", "\r", "²", "while", "from", "return"]


def test_character_classes_are_those_of_regular_expressions() -> None:
    characters = [chr(point) for point in range(0x110000)]
    words = np.array([character.isalnum() or character == "_" for character in characters])
    spaces = np.array([character.isspace() for character in characters])
    assert np.array_equal(_character_classes(), WORD * words + SPACE * spaces)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=150).map("".join), min_size=1, max_size=4))
def test_counts_are_those_of_scikit_learn(texts: list[str]) -> None:
    reference = HashingVectorizer(analyzer=tokens_of, n_features=NUM_FEATURES, norm=None, alternate_sign=False)
    (counts,) = count_tokens(texts, workers=1)
    expected = reference.transform(texts)
    assert counts.shape == expected.shape
    assert counts.indptr.tolist() == expected.indptr.tolist()
    assert counts.indices.tolist() == expected.indices.tolist()
    assert counts.data.tolist() == expected.data.tolist()


def test_embeddings_are_those_of_scikit_learn_to_the_last_bit() -> None:
    texts = [f"def f{number}(x):\n    return x + {number}\n" * (number % 5 + 1) for number in range(40)]
    embedder = TfidfSvd(size=8, seed=0, workers=2)
    embedder.fit(texts[:30])
    (counts, more) = count_tokens(texts, workers=1)
    pipeline = make_pipeline(TfidfTransformer(sublinear_tf=True), TruncatedSVD(n_components=8, random_state=0))
    with threadpool_limits(1):
        pipeline.fit(counts[:30])
    expected = np.concatenate([pipeline.transform(counts), pipeline.transform(more)])
    assert embedder.embed_array(pa.array(texts, pa.large_string())).tobytes() == expected.tobytes()

import itertools
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.caching import CacheImpl

from hornbook.corpus.compiled import compiled
from hornbook.corpus.duplicates import documentation_kernel, minhash_kernels
from hornbook.corpus.duplicates.minhash import (
    MinHashParams,
    band_keys,
    bands_for,
    documented_bytes,
    jaccard,
    shingle_hashes,
    signatures,
    sketch,
    text_jaccard,
)
from tests.corpus.duplicates import minhash_reference as reference

PARAMS = MinHashParams()
COMMENT_OR_STRING = re.compile(
    rb"""\#[^\n]*
    | (?P<triple>"{3}|'{3}) (?:\\.|(?!(?P=triple))[^\\])* (?:(?P=triple)|\\?\Z)
    | (?P<quote>["']) (?:\\.|(?!(?P=quote))[^\\\n])* (?:(?P=quote)|(?=\n)|\\?\Z)""",
    re.VERBOSE | re.DOTALL,
)
TEXTS = [
    "def add(a, b):\n    return a + b\n",
    "",
    " \n\t()[]{}...",
    "one",
    "one two three four",
    "one two three four five",
    "one two three four five six",
    "héllo wörld 漢字 and some more wörds in 漢字 été",
    "a" * 63,
    "a" * 64,
    "b " * 200,
    "x" * 65 + " " + "y" * 7 + " " + "z" * 8 + " " + "w" * 9,
    "\0\x7f@[`{/:^ a_b__c 09AZaz",
    " ".join(f"name_{i}" for i in range(5000)),
    " ".join(str(i % 7) for i in range(5000)),
]


def array(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def sets(texts: pa.Array, width: int = 5) -> list[list[int]]:
    offsets, hashes = shingle_hashes(texts, width)
    return [hashes[start:stop].tolist() for start, stop in itertools.pairwise(offsets)]


def words(count: int, seed: int) -> list[str]:
    return [f"w{number}" for number in random.Random(seed).choices(range(10**6), k=count)]


def test_shingles_are_those_of_the_reference() -> None:
    for width in (1, 2, 5):
        assert sets(array(TEXTS), width) == [sorted(reference.shingles(text, width)) for text in TEXTS]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("ab_ \n.é漢"), max_size=200), max_size=6))
def test_any_text_has_the_shingles_of_the_reference(texts: list[str]) -> None:
    assert sets(array(texts)) == [sorted(reference.shingles(text, 5)) for text in texts]


def test_signatures_and_keys_are_those_of_the_reference() -> None:
    for params in (PARAMS, MinHashParams(3, 20, 0.8)):
        signed = [reference.signature(text, params.shingle_tokens, params.num_permutations) for text in TEXTS]
        assert signatures(array(TEXTS), params).tolist() == signed
        expected = [reference.band_keys(rows, *params.bands_and_rows) for rows in signed]
        keys, fingerprints = sketch(array(TEXTS), params)
        assert keys.tolist() == expected
        assert band_keys(array(TEXTS), params).tolist() == expected
        assert fingerprints.tolist() == [[value & 255 for value in rows] for rows in signed]


def test_what_is_between_tokens_does_not_matter() -> None:
    same = ["def f(x):\n    return [x,1]", "def f ( x ) :\r\n\treturn (x + 1)", " def-f:x;return x,1 "]
    assert len({tuple(row) for row in band_keys(array(same), PARAMS).tolist()}) == 1
    assert text_jaccard(array(same[:1]), array(same[1:2])).tolist() == [1.0]
    other = ["def f(x):\n    return [X,1]", "def f(x):\n    return [x,1] # y", "def f(x1):\n    return [x,1]"]
    assert (text_jaccard(array(same[:1] * 3), array(other)) < 1).all()


def test_text_without_tokens_resembles_nothing() -> None:
    keys, _ = sketch(array(["", "...", "a"]), PARAMS)
    assert not keys[:2].any()
    assert keys[2].all()
    assert text_jaccard(array(["", "..."]), array(["", "a"])).tolist() == [0.0, 0.0]


def test_text_shorter_than_a_shingle_is_one_shingle() -> None:
    short, other, longer = array(["one two"]), array(["one three"]), array(["one two three four five"])
    assert [len(found) for found in sets(pa.concat_arrays([short, other, longer]))] == [1, 1, 1]
    assert text_jaccard(short, short).tolist() == [1.0]
    assert text_jaccard(short, other).tolist() == [0.0]
    assert text_jaccard(short, longer).tolist() == [0.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("abcd"), max_size=60), st.lists(st.sampled_from("abcd"), max_size=60))
def test_jaccard_is_that_of_the_token_tuples(a: list[str], b: list[str]) -> None:
    left, right = " ".join(a), " ".join(b)
    expected = reference.jaccard(left, right, 3)
    assert text_jaccard(array([left]), array([right]), 3).tolist() == [pytest.approx(expected)]
    assert jaccard(*(shingle_hashes(array([text]), 3)[1] for text in (left, right))) == pytest.approx(expected)


@pytest.mark.parametrize("count", [20, 120, 1000])
def test_estimate_is_unbiased_and_within_its_bound(count: int) -> None:
    """Share of equal rows against the true similarity, for sets below, about and above the number of rows."""
    pairs = 300
    base = [words(count, seed) for seed in range(pairs)]
    edited = [[*row[: count * 9 // 10], *words(count - count * 9 // 10, 10**6 + i)] for i, row in enumerate(base)]
    left, right = (array([" ".join(row) for row in rows]) for rows in (base, edited))
    truth = text_jaccard(left, right)
    estimates = (signatures(left, PARAMS) == signatures(right, PARAMS)).mean(axis=1)
    spread = np.sqrt(truth.mean() * (1 - truth.mean()) / PARAMS.num_permutations)
    assert abs(estimates.mean() - truth.mean()) < 4 * spread / np.sqrt(pairs)
    assert estimates.std() < 1.15 * spread
    assert abs(estimates - truth).max() < 5 * spread


def test_distinct_texts_have_distinct_keys_in_every_band() -> None:
    """What a product of two uint32 in 64 bits, or of uint64 and int64 in floating point, would break."""
    texts = array([" ".join(words(50, seed)) for seed in range(2000)])
    keys, fingerprints = sketch(texts, PARAMS)
    assert len(np.unique(keys)) == keys.size
    high = (keys >> np.uint64(32)).astype(np.uint32)
    low = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    for bits in (high, low, fingerprints.astype(np.uint32) << np.uint32(24)):
        assert bits.mean() == pytest.approx(2**31, rel=0.02)
    signed = signatures(texts, PARAMS)
    assert len(np.unique(signed)) > 0.999 * signed.size


def test_bands_hold_the_recall_and_are_the_longest_that_do() -> None:
    assert bands_for(0.7, 128) == (21, 6)
    assert bands_for(0.7, 256) == (36, 7)
    assert bands_for(1.0, 128) == (1, 128)
    for threshold in (0.5, 0.7, 0.85):
        for size in (64, 128, 256):
            _, rows = bands_for(threshold, size)
            found = [1 - (1 - threshold**r) ** (size // r) for r in (rows, rows + 1)]
            assert found[0] >= 0.9 > found[1]


@pytest.mark.parametrize(
    ("threshold", "size", "recall", "message"),
    [
        (0.0, 128, 0.9, "threshold is 0.0"),
        (1.5, 128, 0.9, "1.5"),
        (0.7, 128, 1.0, "recall"),
        (0.1, 8, 0.9, "more perm"),
    ],
)
def test_bands_that_cannot_be(threshold: float, size: int, recall: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bands_for(threshold, size, recall)


def test_params_are_checked() -> None:
    with pytest.raises(ValueError, match="shingle_tokens is 0"):
        MinHashParams(shingle_tokens=0)
    with pytest.raises(ValueError, match="threshold is 2"):
        MinHashParams(threshold=2)


def test_slices_types_and_batches_give_the_same() -> None:
    texts, whole = array(TEXTS * 3), sketch(array(TEXTS * 3), PARAMS)
    for start, stop in ((0, 4), (4, 30), (30, 31), (31, len(texts))):
        part = sketch(texts[start:stop], PARAMS)
        assert all((got == all_[start:stop]).all() for got, all_ in zip(part, whole, strict=True))
    for other in (pa.string(), pa.binary(), pa.large_binary()):
        assert (band_keys(texts.cast(other)[5:9], PARAMS) == whole[0][5:9]).all()


def test_threads_give_the_same() -> None:
    texts = array([" ".join(words(300, seed)) for seed in range(400)])
    whole = sketch(texts, PARAMS)[0]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda start: band_keys(texts[start : start + 10], PARAMS), range(0, 400, 10)))
    assert (np.concatenate(parts) == whole).all()


def test_no_texts() -> None:
    assert band_keys(array(TEXTS)[5:5], PARAMS).shape == (0, PARAMS.num_bands)
    nothing = array([])
    assert sketch(nothing, PARAMS)[0].shape == (0, PARAMS.num_bands)
    assert shingle_hashes(nothing)[0].tolist() == [0]
    assert documented_bytes(nothing).tolist() == []
    assert text_jaccard(nothing, nothing).tolist() == []


def test_texts_without_bytes() -> None:
    for empty in (array([""]), pa.array([""] * 3, pa.string())[1:], array(["abc", "", "de"])[1:2]):
        assert not band_keys(empty, PARAMS).any()
        assert shingle_hashes(empty)[0].tolist() == [0] * (len(empty) + 1)
        assert documented_bytes(empty).tolist() == [0] * len(empty)


def test_nothing_is_compiled_twice() -> None:
    """Empty arrays, slices and other string types meet the same machine code."""
    for texts in (array([]), array([""]), array(TEXTS), array(TEXTS)[3:5], pa.array(["a"]), pa.array([b"a"])):
        sketch(texts, PARAMS)
        shingle_hashes(texts)
        documented_bytes(texts)
    for loop in (minhash_kernels.sign_all, minhash_kernels.shingle_all, documentation_kernel.documented_all):
        assert len(loop.signatures) == 1, loop


def test_texts_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="row 1 of 3 texts is null"):
        sketch(pa.array(["a", None, "b"], pa.large_string()), PARAMS)
    with pytest.raises(ValueError, match="texts are int64"):
        sketch(pa.array([1, 2]), PARAMS)


def test_giant_single_line() -> None:
    """Millions of bytes without a newline: as one token, as ever the same two, and as very many."""
    giants = array(["x" * 4_000_000, "y 12 " * 800_000, " ".join(map(str, range(400_000)))])
    found = sets(giants)
    assert [len(row) for row in found] == [1, 2, 400_000 - 4]
    assert found[2] == sorted(found[2])
    assert sketch(giants, PARAMS)[0].all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("x = 1\n", 0),
        ("x = 1  # why\ny = 2\n", len("# why")),
        ("# a\n# b", 6),
        ('"""Doc."""\nx = 1\n', 10),
        ('def f():\n    r"""Doc\n    on."""\n    return 1\n', len('"""Doc\n    on."""')),
        ("x = '''no doc # here'''\n", 0),
        ("x = '# no' + \"# no\" # yes\n", 5),
        ("x = 'it\\'s # no'\n", 0),
        ("x = 'open\n# yes\n", 5),
        ('"""never closed # one', 21),
        ("'''a\\'''b'''", 12),
        ('x = ""\n# é\n', 4),
    ],
)
def test_documented_bytes(text: str, expected: int) -> None:
    assert documented_bytes(array(["# other\n", text, "'''"]))[1] == expected


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("#'\"\\\n r=aé"), max_size=80), st.sampled_from(["", '"""', "'''", "#"]))
def test_documented_bytes_of_any_text(text: str, piece: str) -> None:
    text = piece.join([text[:20], text[20:40], text[40:]])
    assert documented_bytes(array([text, "x"])).tolist() == [documented_by_regex(text.encode()), 0]


def documented_by_regex(source: bytes) -> int:
    total = 0
    for match in COMMENT_OR_STRING.finditer(source):
        line = source[: match.start()].rpartition(b"\n")[2]
        is_docstring = match["triple"] is not None and not line.strip(b" \t\f\rrRuU")
        if is_docstring or match[0].startswith(b"#"):
            total += len(match[0])
    return total


def test_machine_code_is_kept() -> None:
    documented_bytes(array(["# a"]))
    assert list(Path(documentation_kernel.documented_all.stats.cache_path).glob("documentation_kernel.*.nbi"))


def test_machine_code_need_not_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only install, and no home: numba finds no folder to write."""

    def double(x: int) -> int:
        return 2 * x

    def refuse(*_: object) -> None:
        raise OSError("read-only")

    for locator in CacheImpl._locator_classes:
        monkeypatch.setattr(locator, "ensure_cache_path", refuse)
    made = compiled(double)
    assert made(21) == 42
    assert made.stats.cache_path is None

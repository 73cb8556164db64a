import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.duplicates import near_duplicates
from hornbook.corpus.duplicates.minhash import (
    Integers,
    MinHashParams,
    Similarities,
    shingle_hashes,
    sketch,
    text_jaccard,
)
from hornbook.corpus.duplicates.near_duplicates import (
    BEST_PAIRS,
    SIMILAR_PAIRS,
    Decision,
    Pairs,
    ShingleFile,
    candidate_pairs,
    decide,
    merge_pairs,
    preference,
)

PARAMS = MinHashParams()


def words(count: int, seed: int) -> list[str]:
    return [f"w{number}" for number in random.Random(seed).choices(range(10**6), k=count)]


def edited(tokens: list[str], share: float, seed: int) -> list[str]:
    """The tokens with about that share of them replaced."""
    rng = random.Random(f"{seed} {share}")
    return [f"new{rng.random()}" if rng.random() < share else token for token in tokens]


def table(texts: list[str], documented: list[int] | None = None) -> pa.Table:
    count = len(texts)
    return pa.table(
        {
            "text": pa.array(texts, pa.large_string()),
            "documented_bytes": pa.array(documented or [0] * count, pa.int64()),
            "license": ["MIT"] * count,
            "digest": [str(hash_of(text)) for text in texts],
            "source": ["s"] * count,
            "origin": ["o"] * count,
            "path": [f"{i}.py" for i in range(count)],
        }
    )


def hash_of(text: str) -> int:
    _, hashes = shingle_hashes(pa.array([text], pa.large_string()))
    return int(np.bitwise_xor.reduce(hashes)) if len(hashes) else 0


def find(files: pa.Table, folder: Path, num_parts: int = 1) -> tuple[pa.Table, Decision]:
    """Files in order of preference and what is dropped, with the band table cut into parts by key."""
    files = files.take(pa.array(preference(files)))
    texts = files["text"].combine_chunks()
    keys, fingerprints = sketch(texts, PARAMS)
    numbers = np.repeat(np.arange(len(files)), PARAMS.num_bands)
    part_of = keys.reshape(-1) % np.uint64(num_parts)
    parts = []
    for part in range(num_parts):
        rows = np.flatnonzero(part_of == part)
        rows = np.random.default_rng(part).permutation(rows)
        parts.append(candidate_pairs(keys.reshape(-1)[rows], numbers[rows], fingerprints, PARAMS.threshold))
    pairs = merge_pairs(parts)
    with ShingleFile(folder / "shingles") as file:
        for some in np.array_split(pairs.numbers(), num_parts):
            file.add(some, texts.take(pa.array(some)))
        return files, decide(pairs, file.verify(pairs), PARAMS.threshold)


def kept_paths(files: pa.Table, decision: Decision) -> set[str]:
    paths = files["path"].to_pylist()
    return set(paths) - {paths[number] for number in decision.dropped.tolist()}


def pairs_of(*pairs: tuple[int, int]) -> Pairs:
    ordered = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    return Pairs(*(np.array(side, np.int64) for side in zip(*ordered, strict=True)))


def test_best_file_is_the_longest_documented_then_the_freest_then_by_name() -> None:
    columns = {
        "documented_bytes": [5, 9, 5, 5, 5, 5, 5, 5],
        "license": ["MIT", "", "0BSD", "GPL-3.0-only", None, "MIT", "BSD License", "MIT"],
        "digest": ["b", "b", "b", "b", "b", "b", "b", "a"],
        "source": ["s", "s", "s", "s", "s", "r", "s", "s"],
        "origin": ["o"] * 8,
        "path": ["p", "p", "p", "p", "p", "p", "a", "p"],
    }
    files = pa.table(columns)
    assert preference(files).tolist() == [1, 2, 7, 5, 6, 0, 3, 4]
    earlier = files.append_column("earlier", pa.array([row == 4 for row in range(8)]))
    assert preference(earlier).tolist() == [4, 1, 2, 7, 5, 6, 0, 3]
    assert preference(files.slice(0, 0)).tolist() == []


def test_chain_does_not_swallow_its_far_end() -> None:
    """Each link resembles the next: the first stays, the second goes, and the third stays with the second gone."""
    chain = pairs_of((0, 1), (1, 2), (2, 3))
    decision = decide(chain, np.array([0.8, 0.8, 0.8]), 0.7)
    assert (decision.dropped.tolist(), decision.kept.tolist()) == ([1, 3], [0, 2])


def test_the_most_similar_of_the_kept_files_is_named() -> None:
    pairs = pairs_of((0, 3), (1, 3), (2, 3), (0, 2), (0, 4), (1, 4))
    # Ascending by the worse file: (0, 2), (0, 3), (1, 3), (2, 3), (0, 4), (1, 4). File 2 is gone.
    decision = decide(pairs, np.array([0.9, 0.7, 0.8, 0.99, 0.75, 0.75]), 0.7)
    assert decision.dropped.tolist() == [2, 3, 4]
    assert decision.kept.tolist() == [0, 1, 0]
    assert decision.jaccard.tolist() == [0.9, 0.8, 0.75]


def test_below_the_threshold_nothing_goes() -> None:
    decision = decide(pairs_of((0, 1)), np.array([0.6999]), 0.7)
    assert len(decision.dropped) == 0
    assert decide(pairs_of((0, 1)), np.array([0.7]), 0.7).dropped.tolist() == [1]


def test_planted_near_duplicates_are_found_with_their_true_similarity(tmp_path: Path) -> None:
    bases = [words(400, seed) for seed in range(60)]
    texts = [" ".join(base) for base in bases]
    texts += [" ".join(edited(base, share, seed)) for seed, base in enumerate(bases) for share in (0.005, 0.01, 0.02)]
    files, decision = find(table(texts, [100] * 60 + [0] * 180), tmp_path)
    paths, ordered = files["path"].to_pylist(), files["text"].combine_chunks()
    truth = text_jaccard(ordered.take(pa.array(decision.dropped)), ordered.take(pa.array(decision.kept)))
    assert decision.jaccard.tolist() == truth.tolist()
    assert (truth >= 0.7).all()
    copies = pa.array(texts[60:], pa.large_string())
    originals = pa.array([text for text in texts[:60] for _ in range(3)], pa.large_string())
    near = np.flatnonzero(text_jaccard(originals, copies) >= 0.7)
    kept = kept_paths(files, decision)
    assert {f"{i}.py" for i in range(60)} <= kept
    missed = sum(f"{60 + row}.py" in kept for row in near)
    assert len(near) > 150
    assert missed <= 0.02 * len(near)
    assert {paths[number] for number in decision.kept.tolist()} <= {f"{i}.py" for i in range(60)}


def paired_share(texts: list[list[str]], sought: list[tuple[int, int]]) -> float:
    """Share of pairs of files that are candidates, of files that are numbered as they come."""
    keys, fingerprints = sketch(pa.array([" ".join(text) for text in texts], pa.large_string()), PARAMS)
    numbers = np.repeat(np.arange(len(texts)), PARAMS.num_bands)
    pairs = candidate_pairs(keys.reshape(-1), numbers, fingerprints, PARAMS.threshold)
    found = set(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True))
    return sum(pair in found for pair in sought) / len(sought)


@pytest.mark.parametrize(("shared", "bound"), [(165, 0.928), (184, 0.9999)])
def test_candidates_hold_the_recall_of_the_bands(shared: int, bound: float) -> None:
    """Pairs that share the first of their 200 tokens: of similarity 0.70 and 0.85, and fingerprints let none go."""
    pairs = 1000
    bases = [words(200, seed) for seed in range(pairs)]
    copies = [[*base[:shared], *words(200 - shared, 10**6 + seed)] for seed, base in enumerate(bases)]
    left, right = (pa.array([" ".join(text) for text in side], pa.large_string()) for side in (bases, copies))
    assert text_jaccard(left, right) == pytest.approx(round(text_jaccard(left, right).mean(), 2), abs=0.02)
    share = paired_share(bases + copies, [(i, pairs + i) for i in range(pairs)])
    assert share >= bound - 4 * np.sqrt(bound * (1 - bound) / pairs)


def test_leaders_of_a_crowd_do_not_hide_the_families_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one boilerplate, all about 0.5 similar, in families of three that are 0.8 similar and more."""
    monkeypatch.setattr(near_duplicates, "LEADERS", 8)
    boilerplate, families = words(200, -1), 400
    first = [[*boilerplate, *words(100, seed)] for seed in range(families)]
    second = [[*text[:280], *words(20, 10**6 + seed)] for seed, text in enumerate(first)]
    sought = [(i, families + i) for i in range(families)]
    assert paired_share(first + second, sought) >= 0.93


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_order_and_split_do_not_matter(tmp_path_factory: pytest.TempPathFactory, seed: int, num_parts: int) -> None:
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("order")
    bases = [words(60, seed + i) for i in range(6)]
    texts = [" ".join(edited(base, rng.choice([0, 0.01, 0.03, 0.06]), i)) for i in range(5) for base in bases]
    files = table(texts, [rng.randrange(3) for _ in texts])
    expected = find(files, folder)
    shuffled = files.take(pa.array(rng.sample(range(len(texts)), len(texts))))
    found = find(shuffled, folder, num_parts)
    assert len(expected[1].dropped) > 0
    assert found[0].equals(expected[0])
    for name in ("dropped", "kept", "jaccard"):
        assert getattr(found[1], name).tolist() == getattr(expected[1], name).tolist()


def test_dropping_twice_drops_nothing_more(tmp_path: Path) -> None:
    bases = [words(100, seed) for seed in range(20)]
    texts = [" ".join(edited(base, 0.02, i)) for i in range(6) for base in bases]
    files, decision = find(table(texts), tmp_path)
    assert len(decision.dropped) > 0
    kept = files.filter(pa.array(~np.isin(np.arange(len(files)), decision.dropped)))
    assert len(find(kept, tmp_path)[1].dropped) == 0


def test_twenty_thousand_files_alike_cost_linear_time(tmp_path: Path) -> None:
    """As pairs they would be 200 million."""
    texts = pa.array([" ".join(words(30, 0))] * 20_000, pa.large_string())
    params = MinHashParams(num_permutations=32)
    keys, fingerprints = sketch(texts[:1], params)
    count = len(texts)
    numbers = np.repeat(np.arange(count), params.num_bands)
    pairs = candidate_pairs(np.tile(keys[0], count), numbers, np.tile(fingerprints, (count, 1)), params.threshold)
    assert len(pairs) <= count * (BEST_PAIRS + SIMILAR_PAIRS)
    with ShingleFile(tmp_path / "shingles") as file:
        file.add(np.arange(count), texts)
        decision = decide(pairs, file.verify(pairs, threads=2), PARAMS.threshold)
    assert decision.dropped.tolist() == list(range(1, count))
    assert not decision.kept.any()


def test_pairs_of_many_passes_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pa.array([" ".join(edited(words(60, i % 10), 0.02, i)) for i in range(200)], pa.large_string())
    keys, fingerprints = sketch(texts, PARAMS)
    table = (keys.reshape(-1), np.repeat(np.arange(200), PARAMS.num_bands), fingerprints, PARAMS.threshold)
    once = candidate_pairs(*table)
    monkeypatch.setattr(near_duplicates, "PAIRS_PER_PASS", 50)
    many = candidate_pairs(*table)
    assert len(once) > 200
    assert (many.better.tolist(), many.worse.tolist()) == (once.better.tolist(), once.worse.tolist())


def test_bucket_attack_costs_linear_time_and_hides_no_near_duplicate() -> None:
    """Files that share one band with all others: nobody pairs them but with what their fingerprints resemble."""
    count = 20_000
    rng = np.random.default_rng(0)
    fingerprints = rng.integers(0, 256, (count, PARAMS.num_permutations), np.uint8)
    keys = rng.integers(1, 2**63, (count, PARAMS.num_bands), np.uint64)
    keys[:, 0] = 7
    fingerprints[-1], keys[-1, 3] = fingerprints[count // 2], keys[count // 2, 3]
    numbers = np.repeat(np.arange(count), PARAMS.num_bands)
    pairs = candidate_pairs(keys.reshape(-1), numbers, fingerprints, PARAMS.threshold)
    assert list(zip(pairs.better.tolist(), pairs.worse.tolist(), strict=True)) == [(count // 2, count - 1)]


def test_of_many_alike_the_best_and_the_most_similar_are_paired() -> None:
    fingerprints = np.zeros((101, PARAMS.num_permutations), np.uint8)
    fingerprints[np.arange(100), np.arange(100)] = 1
    fingerprints[100, 90:93] = 1
    pairs = candidate_pairs(np.full(101, 5, np.uint64), np.arange(101), fingerprints, PARAMS.threshold)
    last = pairs.better[pairs.worse == 100].tolist()
    assert last[:BEST_PAIRS] == list(range(BEST_PAIRS))
    assert last[BEST_PAIRS:] == [90, 91, 92]


def test_texts_without_tokens_are_no_candidates() -> None:
    keys, fingerprints = sketch(pa.array(["", "()", "..."], pa.large_string()), PARAMS)
    numbers = np.repeat(np.arange(3), PARAMS.num_bands)
    assert len(candidate_pairs(keys.reshape(-1), numbers, fingerprints, PARAMS.threshold)) == 0


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    none = np.empty(0, np.int64)
    pairs = candidate_pairs(np.empty(0, np.uint64), none, np.empty((0, 128), np.uint8), 0.7)
    assert len(pairs) == len(merge_pairs([])) == 0
    with ShingleFile(tmp_path / "shingles") as file:
        file.add(none, pa.array([], pa.large_string()))
        similarities = file.verify(pairs)
    assert len(decide(pairs, similarities, 0.7).dropped) == 0


def verified(folder: Path, texts: list[str], pairs: Pairs) -> Similarities:
    with ShingleFile(folder / "shingles") as file:
        # In two calls, and not in the order of the numbers.
        half = len(texts) // 2
        for numbers in (range(half, len(texts)), range(half)):
            file.add(np.array(numbers), pa.array([texts[number] for number in numbers], pa.large_string()))
        return file.verify(pairs, threads=2)


@pytest.mark.parametrize("block_bytes", [1, 3000, 10**9])
def test_verified_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    monkeypatch.setattr(near_duplicates, "BLOCK_BYTES", block_bytes)
    base = words(100, 0)
    texts = [" ".join(edited(base, i / 100, i)) for i in range(10)] + ["", "short"]
    everything = pairs_of(*((i, j) for j in range(12) for i in range(j)))
    arrays: list[Integers] = [everything.better, everything.worse]
    left, right = (pa.array([texts[i] for i in side.tolist()], pa.large_string()) for side in arrays)
    assert verified(tmp_path, texts, everything).tolist() == text_jaccard(left, right).tolist()


def test_pair_of_a_file_that_was_not_added(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="file 9 is in a pair"):
        verified(tmp_path, ["a", "b"], pairs_of((0, 1), (0, 9)))


def test_shingles_that_something_has_cut(tmp_path: Path) -> None:
    with ShingleFile(tmp_path / "shingles") as file:
        file.add(np.arange(2), pa.array(["a b", "a c"], pa.large_string()))
        os.truncate(tmp_path / "shingles", 8)
        with pytest.raises(OSError, match="ends at byte 8"):
            file.verify(pairs_of((0, 1)))


def test_pairs_of_parts_are_merged_without_repetition() -> None:
    merged = merge_pairs([pairs_of((0, 5), (2, 3)), pairs_of((0, 5), (1, 5))])
    assert list(zip(merged.better.tolist(), merged.worse.tolist(), strict=True)) == [(2, 3), (0, 5), (1, 5)]
    with pytest.raises(ValueError, match="below 2\\^31"):
        merge_pairs([pairs_of((0, 2**31))])

"""What `hornbook.corpus.duplicates.minhash` computes, in plain Python: slow, short enough to be checked by eye."""

import re

WORD = (1 << 64) - 1
LENGTH_FACTOR, CHUNK_FACTOR, BASE = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xD1342543DE82EF95
TOKEN = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
EMPTY = 0xFFFFFFFF


def tokens(text: str) -> list[bytes]:
    return TOKEN.findall(text.encode())


def mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & WORD
    value = (value ^ value >> 27) * 0x94D049BB133111EB & WORD
    return value ^ value >> 31


def token_hash(token: bytes) -> int:
    value = len(token) * LENGTH_FACTOR & WORD
    for start in range(0, len(token), 8):
        value = (value ^ int.from_bytes(token[start : start + 8], "little")) * CHUNK_FACTOR & WORD
        value ^= value >> 29
    return value


def shingles(text: str, width: int) -> set[int]:
    hashes = [token_hash(token) for token in tokens(text)]
    width = min(width, len(hashes))
    found = set()
    for start in range(len(hashes) - width + 1 if hashes else 0):
        rolled = 0
        for value in hashes[start : start + width]:
            rolled = (rolled * BASE + value) & WORD
        found.add(mix(rolled))
    return found


def jaccard(a: str, b: str, width: int) -> float:
    """Of the sets of token tuples themselves, no hash involved."""
    a_set, b_set = (_tuples(tokens(text), width) for text in (a, b))
    return len(a_set & b_set) / max(len(a_set | b_set), 1)


def _tuples(found: list[bytes], width: int) -> set[tuple[bytes, ...]]:
    width = min(width, len(found))
    return {tuple(found[i : i + width]) for i in range(len(found) - width + 1)} if found else set()


def signature(text: str, width: int, size: int) -> list[int]:
    rows, attempt, found = [EMPTY] * size, 0, shingles(text, width)
    while found and EMPTY in rows:
        fresh = [row == EMPTY for row in rows]
        for shingle in found:
            value = mix((shingle + attempt * LENGTH_FACTOR) & WORD) if attempt else shingle
            row = attempt - size if attempt >= size else (value >> 32) * size >> 32
            if fresh[row]:
                rows[row] = min(rows[row], value & 0xFFFFFFFF, EMPTY - 1)
        attempt += 1
    return rows


def band_keys(rows: list[int], bands: int, per_band: int) -> list[int]:
    keys = []
    for band in range(bands):
        value = (band + 1) * LENGTH_FACTOR & WORD
        for row in rows[band * per_band : (band + 1) * per_band]:
            value = mix(value ^ row)
        keys.append(max(value, 1))
    return keys if rows[0] != EMPTY else [0] * bands

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from hornbook.corpus.duplicates.stored_texts import StoredTexts, store_texts, texts_path

BLOCKS = [["first", "", "zweite Zeile: ü\n", "third"], [], ["", "x" * 5000, "last"]]


@pytest.fixture
def stored(tmp_path: Path) -> StoredTexts:
    """All texts of BLOCKS, in order; each array that is stored is a part of a longer one."""
    places = []
    for number, texts in enumerate(BLOCKS):
        store_texts(texts_path(tmp_path, number), pa.array(["left out", *texts], pa.large_string())[1:])
        sizes = [len(text.encode()) for text in texts]
        places += [(number, sum(sizes[:row]), size) for row, size in enumerate(sizes)]
    return StoredTexts(tmp_path, *np.array(places, np.int64).T)


def test_texts_are_read_in_any_order(stored: StoredTexts) -> None:
    texts = [text for block in BLOCKS for text in block]
    assert stored.read().equals(pa.array(texts, pa.large_string()))
    assert stored[2:5].read().to_pylist() == texts[2:5]
    for rows in ([6, 0, 5, 1, 2, 3, 4], [5, 6, 2, 3], [3, 2, 2], []):
        assert stored[np.array(rows, np.int64)].read().to_pylist() == [texts[row] for row in rows]


def test_a_text_that_was_cut_is_not_read(stored: StoredTexts) -> None:
    path = texts_path(stored.folder, 2)
    path.write_bytes(path.read_bytes()[:-1])
    assert stored[:6].read().to_pylist()[-1] == "x" * 5000
    with pytest.raises(OSError, match="ends at byte 5003"):
        stored.read()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        stored[6:].read()

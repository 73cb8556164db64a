import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.corpus.duplicates.digests import DIGEST_BYTES, content_digests

BLANKS = " \t\v\f\x1c\x1d\x1e\x1f"
PIECES = ["a", "b", "\n", "\n", "\r", "\r\n", "é", "x" * 61, "def f():\n    return 1\n", *BLANKS]


def digest(*texts: str) -> list[bytes]:
    return content_digests(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize("other", ["a = 1\n\nb = 2", "a = 1\nb = 3", "A = 1\nb = 2", "\ta = 1\nb = 2"])
def test_digest_sees_what_matters(other: str) -> None:
    one, same, different = digest("a = 1\nb = 2", "\n\na = 1 \r\nb = 2\t\n", other)
    assert one == same != different


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), max_size=5))
def test_digest_is_that_of_the_stripped_lines(texts: list[str]) -> None:
    expected = []
    for text in texts:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        normalised = "\n".join(line.rstrip(BLANKS) for line in lines).strip("\n")
        expected.append(hashlib.sha256(normalised.encode()).digest()[:DIGEST_BYTES])
    assert digest(*texts) == expected
    # Texts that lie in one piece are taken as they are, but for the last bytes of all.
    assert digest(*texts, "behind" * 20)[:-1] == expected
    assert content_digests(pa.array(["left out", *texts], pa.large_string())[1:]) == expected

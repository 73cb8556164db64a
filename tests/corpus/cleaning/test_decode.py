import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.corpus.cleaning.decode import decode

CODE = "def double(number):\n    return number * 2\n" * 5


@pytest.mark.parametrize(
    ("content", "text", "notes"),
    [
        (b"a = 1\n", "a = 1\n", ()),
        (b"a\r\nb\rc\n", "a\nb\nc\n", ()),
        ("a\r\nb\rc\n", "a\nb\nc\n", ()),
        ("\ufeffname = 'é'\n".encode(), "name = 'é'\n", ()),
        ("\ufeffname = 'é'\n", "name = 'é'\n", ()),
        ("# -*- coding: latin-1 -*-\n'é'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\n'é'\n", ()),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'€'\n".encode("cp1252"), None, ()),
        ("# coding: koi8-r\nx = 'привет'\n".encode("koi8-r"), "# coding: koi8-r\nx = 'привет'\n", ()),
        ("# coding: utf-8-sig\nx = 'é'\n".encode(), "# coding: utf-8-sig\nx = 'é'\n", ()),
        # A cookie counts on the first two lines alone.
        ("\n\n# coding: koi8-r\nx = 'é'\n".encode(), "\n\n# coding: koi8-r\nx = 'é'\n", ()),
        ((CODE + "# café\n").encode("latin-1"), CODE + "# café\n", ("latin1",)),
        (b"# coding: utf-8\n'\xe9'\n", "# coding: utf-8\n'é'\n", ("latin1",)),
        ("x = 'é'\r\n".encode("utf-16"), "x = 'é'\n", ("utf16",)),
        (b"", "", ()),
    ],
)
def test_decode(content: bytes | str, text: str | None, notes: tuple[str, ...]) -> None:
    expected = text if text is not None else "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'€'\n"
    assert decode(content) == (expected, notes)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"# coding: nonsense\n", id="unknown cookie"),
        pytest.param(b"# coding: hex\n61", id="cookie of bytes to bytes"),
        pytest.param(b"# coding: punycode\nabc-", id="cookie of a part of a text"),
        pytest.param(b"# coding: raw_unicode_escape\n'\\ud800'\n", id="cookie of an escape"),
        pytest.param(b"# coding: ascii\n'\xe9'\n", id="cookie that is not true"),
        pytest.param(b"\xff\xfe\x00\xd8", id="UTF-16 mark, lone surrogate"),
        pytest.param(CODE.encode() + b"\x80\x93", id="control characters of Latin-1"),
        pytest.param(CODE.encode() + b"\xe9\x00", id="null"),
        pytest.param(bytes(range(256)), id="binary"),
        pytest.param("привет, мир\n".encode("koi8-r"), id="another script without a cookie"),
        pytest.param("x = '\ud800'", id="text that UTF-8 cannot hold"),
    ],
)
def test_not_utf8(content: bytes | str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(content)


@given(st.binary() | st.binary().map(lambda tail: b"# coding: " + tail))
def test_any_bytes_give_a_text_that_utf8_holds_or_a_value_error(content: bytes) -> None:
    try:
        text, _ = decode(content)
    except ValueError:
        return
    assert "\r" not in text
    assert text.encode().decode() == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_utf8_comes_back(text: str) -> None:
    if "coding" not in text:
        assert decode(text.encode()) == (text.removeprefix("\ufeff"), ())

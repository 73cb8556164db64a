"""From the bytes of a source file to its text."""

from __future__ import annotations

import codecs
import io
import tokenize

MAX_HIGH_SHARE = 0.1
"""Latin-1 code has few letters above ASCII; of other scripts and of binary data most bytes are there."""

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_LATIN1 = bytes(byte for byte in range(256) if (byte < 32 and byte not in b"\t\n\f\r\x1b") or 127 <= byte < 160)
_HIGH = bytes(range(160, 256))
_NOT_FOR_TEXT = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs that Python has for parts of a text; as a cookie they make no source of it."""


def decode(content: bytes | str) -> tuple[str, tuple[str, ...]]:
    r"""The text with `\n` newlines and no byte order mark, and notes on how it was come by.

    Bytes are decoded by their mark, else by their cookie (PEP 263), else as UTF-8. What is then no UTF-8, but has no
    control characters and at most `MAX_HIGH_SHARE` bytes above ASCII, is taken for Latin-1 (note `latin1`); UTF-16 with
    its mark is noted as `utf16`. Raises ValueError where nothing of this holds, where the cookie names no codec for
    text, and for text that UTF-8 cannot hold (lone surrogates).
    """
    text, notes = (content, ()) if isinstance(content, str) else _decode_bytes(content)
    if not text.isascii():
        text.encode("utf-8")
        text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, notes


def _decode_bytes(data: bytes) -> tuple[str, tuple[str, ...]]:
    if data.startswith(_UTF16_MARKS):
        return data.decode("utf-16"), ("utf16",)
    encoding = _cookie(data)
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError:
        if encoding != "utf-8" or not _is_plausible_latin1(data):
            raise
        return data.decode("latin-1"), ("latin1",)


def _cookie(data: bytes) -> str:
    """The codec that the first two lines name. Raises ValueError where there is no such codec for text."""
    head = data[:1000]
    if b"coding" not in head or b"coding" not in b"".join(head.splitlines()[:2]):
        return "utf-8"
    try:
        # A line that is not UTF-8 has no cookie either, as far as detect_encoding goes, and is an error of its own.
        named, _ = tokenize.detect_encoding(io.BytesIO(head.decode("latin-1").encode()).readline)
        codec = codecs.lookup(named)
        # "" would not do: several codecs of bytes to bytes take it.
        codec_gives_text = isinstance(b"a".decode(codec.name, "ignore"), str)
    except (SyntaxError, LookupError, ValueError, AssertionError) as error:
        raise ValueError(f"the cookie names no codec for text: {error}") from None
    if codec.name in _NOT_FOR_TEXT or not codec_gives_text:
        raise ValueError(f"the cookie names {codec.name!r}, which is not a codec of whole texts")
    return "utf-8" if codec.name in ("utf-8", "utf-8-sig") else codec.name


def _is_plausible_latin1(data: bytes) -> bool:
    if len(data.translate(None, _NOT_LATIN1)) != len(data):
        return False
    return len(data) - len(data.translate(None, _HIGH)) <= MAX_HIGH_SHARE * len(data)

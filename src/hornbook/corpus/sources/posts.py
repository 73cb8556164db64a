"""The rows of a Stack Exchange dump's Posts.xml, streamed.

Source of the format: "Database schema documentation for the public data dump", meta.stackexchange.com/questions/2677.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

import pyarrow as pa

from hornbook.errors import InputError

BLOCK_BYTES = 1 << 20
QUESTION, ANSWER = "1", "2"

_CONTROL = re.compile(rb"&#x0*(?:[0-8BCEFbcef]|1[0-9A-Fa-f]);")

Row = dict[str, str]
"""The attributes of a post: Id, PostTypeId, Body and more."""


def read_posts(path: Path) -> Iterator[Row]:
    """Yields the attributes of each question and answer, in the order of the file, with bounded memory.

    The file may be compressed (.gz, .bz2, .xz, .zst). Raises InputError where it cannot be read, is cut off, is not
    XML, or is not the rows of a Posts.xml; the line and column are named. Rows before the error have been yielded: a
    caller that may not lose the rest has to let the error through.
    """
    waiting: list[Row] = []
    parser = _parser(path, waiting)
    try:
        with _open(path) as file:
            for block in _blocks(file):
                parser.Parse(block, False)
                yield from waiting
                waiting.clear()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise InputError(
            f"{path}: line {error.lineno:,}, column {error.offset + 1:,}: {expat.ErrorString(error.code)}. "
            "The file is damaged or cut off; unpack or download it again."
        ) from None
    except (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            f"{path}: cannot be read after line {parser.CurrentLineNumber:,}: {reason}. Give Posts.xml of a dump, as "
            "it is or compressed (.gz, .bz2, .xz, .zst)."
        ) from None


def _blocks(file: io.BufferedIOBase) -> Iterator[bytes]:
    """The file in pieces, without the control characters that dumps have and XML does not allow."""
    carried = b""
    while block := file.read(BLOCK_BYTES):
        block = carried + block
        # A reference must not be cut in two.
        last = block.rfind(b"&", max(0, len(block) - 8))
        cut = last if last >= 0 else len(block)
        carried = block[cut:]
        yield _CONTROL.sub(b" ", block[:cut])
    yield _CONTROL.sub(b" ", carried)


def _parser(path: Path, rows: list[Row]) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: Row) -> None:
        nonlocal depth
        expected = ("posts", "row")[depth] if depth < 2 else None
        if name != expected:
            raise InputError(
                f"{path}: line {parser.CurrentLineNumber:,}: <{name}> where "
                + (f"<{expected}>" if expected else "nothing")
                + " was expected, so this is not Posts.xml of a Stack Exchange dump"
            )
        depth += 1
        if name == "row" and attributes.get("PostTypeId") in (QUESTION, ANSWER):
            rows.append(attributes)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: object) -> None:
        # A dump has none, and what it may define can grow without bounds.
        raise InputError(f"{path}: line {parser.CurrentLineNumber:,}: a document type, which no dump has")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = doctype
    return parser


def _open(path: Path) -> io.BufferedIOBase:
    match path.suffix:
        case ".gz":
            return gzip.open(path)
        case ".bz2":
            return bz2.open(path)
        case ".xz":
            return lzma.open(path)
        case ".zst":
            stream: io.BufferedIOBase = pa.input_stream(str(path), compression="zstd")
            return stream
        case ".7z":
            raise InputError(f"{path}: a .7z archive is not read. Unpack it (7z x {path.name}) and give Posts.xml.")
    return path.open("rb")

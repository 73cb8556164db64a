"""From a post's HTML to text, with its code in fenced blocks."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import groupby

_BLOCKS = frozenset(
    {"blockquote", "div", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul"}
)
_HIDDEN = frozenset({"script", "style"})
_LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#-]+)")
_LANGUAGES = {"py": "python", "python3": "python"}
_FENCE = re.compile(r"`{3,}")
_MANY_NEWLINES = re.compile(r"\n{3,}")


class _Block(str):
    """Text that stays as it is, such as code."""

    __slots__ = ()


def html_text(html: str) -> str:
    r"""The text of a fragment of HTML: paragraphs with a blank line between, `pre` as fenced code, entities resolved.

    Inline code is in backticks, items of lists begin with `- `, lines of quotes with `> `. Of links and images the
    words stay. HTML that is not well formed is read as a browser would, as far as Python's parser goes.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._code: list[str] | None = None
        self._language = ""
        self._quotes: list[int] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif self._code is not None:
            self._note_language(attrs)
        elif tag == "pre":
            self._code = []
            self._note_language(attrs)
        elif tag == "code":
            self._parts.append("`")
        elif tag == "br":
            self._parts.append("\n")
        elif tag == "hr":
            self._parts.append("\n\n---\n\n")
        elif tag == "li":
            self._parts.append("\n- ")
        elif tag == "img":
            self._parts.append(dict(attrs).get("alt") or "")
        elif tag in _BLOCKS:
            self._parts.append("\n\n")
            if tag == "blockquote":
                self._quotes.append(len(self._parts))
            elif tag.startswith("h"):
                self._parts.append("#" * int(tag[1]) + " ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif self._code is not None:
            if tag == "pre":
                self._end_code()
        elif tag == "code":
            self._parts.append("`")
        elif tag == "tr":
            self._parts.append("\n")
        elif tag in ("td", "th"):
            self._parts.append(" ")
        elif tag in _BLOCKS:
            if tag == "blockquote" and self._quotes:
                self._end_quote()
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._code is not None:
            self._code.append(data)
        else:
            # Outside of `pre`, a newline is a blank.
            self._parts.append(re.sub(r"\s+", " ", data))

    def text(self) -> str:
        """What was read so far, with what a post left open closed."""
        if self._code is not None:
            self._end_code()
        while self._quotes:
            self._end_quote()
        return _joined(self._parts)

    def _note_language(self, attrs: list[tuple[str, str | None]]) -> None:
        found = _LANGUAGE.search(dict(attrs).get("class") or "")
        if found and found[1] != "none":
            self._language = _LANGUAGES.get(found[1], found[1])

    def _end_code(self) -> None:
        code = "".join(self._code or []).strip("\n").rstrip()
        # A fence must be longer than any inside it.
        fence = "`" * max([3, *(len(inner) + 1 for inner in _FENCE.findall(code))])
        if code:
            self._parts.append(_Block(f"{fence}{self._language}\n{code}\n{fence}"))
        self._code, self._language = None, ""

    def _end_quote(self) -> None:
        start = self._quotes.pop()
        quoted = _joined(self._parts[start:])
        del self._parts[start:]
        self._parts.append(_Block("\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))))


def _joined(parts: list[str]) -> str:
    """Parts with a blank line around each block, and what is between them tidied."""
    pieces: list[str] = []
    for is_block, group in groupby(parts, key=lambda part: isinstance(part, _Block)):
        if is_block:
            pieces.extend(group)
        else:
            pieces.append(_tidy("".join(group)))
    return "\n\n".join(filter(None, pieces))


def _tidy(prose: str) -> str:
    """No blanks at the beginnings and ends of lines, and one blank line at most."""
    lines = "\n".join(line.strip() for line in prose.split("\n"))
    return _MANY_NEWLINES.sub("\n\n", lines).strip()

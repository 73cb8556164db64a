"""Drop reasons that the text of a Python file gives without being parsed."""

from __future__ import annotations

import re
from functools import lru_cache

from hornbook.corpus.cleaning.header import Header
from hornbook.corpus.cleaning.look import Look
from hornbook.corpus.cleaning.words import may_have
from hornbook.recipe import CollectConfig

MIN_MINIFIED_CHARS = 500
"""Below, one long message is enough to make lines long on average."""

_GENERATED_COMMENT = re.compile(
    r"(?i:\b(?:auto|automatically|machine)[- ]?generated\b|@generated\b|\bgenerated content\b"
    r"|\b(?:do not|don't) (?:edit|modify|change)\b(?! or (?:delete|remove)))"
    # In the middle of a sentence it is about something else.
    r"|^\W*(?:Generated|GENERATED) (?:\w+ )?(?i:by|from|with|using|on|at)\b"
    r"|(?i:\b(?:class(?:es)?|code|content|data|file|lexer|mappings?|module|parser|script|stubs?|tables?)\b[^\n]{0,40}"
    r"\bgenerated (?:\w+ )?(?:by|from|with|using|on)\b)",
    re.MULTILINE,
)
# A docstring can be about generated things, so there it has to be this file.
_GENERATED_DOCSTRING = re.compile(
    r"\b(?:this|the following) (?:\w+ )?(?:file|module|code|script|package|class)\b[^.]{0,40}"
    r"\b(?:(?:was|is|has been) (?:\w+ )?(?:auto(?:matically)?|machine)?[- ]?generated|auto[- ]?generated)\b"
    r"|@generated\b|^\W*(?:auto[- ]?|automatically |machine[- ])generated (?:file|module|code|by|from|using|with)\b"
    r"|\bdo not (?:edit|modify|change) (?:this|manually|by hand|the (?:file|code|class))|\bdo not edit\b\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_VENDORED = re.compile(
    r"\bvendored (?:copy|from|version|in from)\b"
    r"|\b(?:taken|copied|borrowed) (?:verbatim|as[- ]is|wholesale|unchanged|unmodified) from\b"
    r"|\bverbatim copy (?:of|from)\b",
    re.IGNORECASE,
)
# One of these is in every match.
_GENERATED_WORDS = ("generated", "do not edit", "do not modify", "do not change", "don't ")
_VENDORED_WORDS = (
    "vendored ",
    "verbatim ",
    "as-is from",
    "as is from",
    "wholesale from",
    "unchanged from",
    "unmodified from",
)


def text_drop_reason(text: str, look: Look, header: Header, config: CollectConfig) -> str | None:
    """The first of the reasons below that holds for a text of proper length, or None.

    `too_long_lines`: a line is longer than `max_line_chars`.
    `auto_generated`: the header says that a program wrote the file, or that nobody should edit it.
    `vendored_copy`: the header says that the file is a copy of another project's.
    `minified`: lines that are not blank are longer than `max_mean_line_chars` on average, if the text is not tiny.
    `mostly_data`: less than `min_letter_share` of the characters that are not blank are letters, or more than
    `max_data_share` are on lines of literals, commas and brackets alone.
    """
    if look.longest_line > config.max_line_chars:
        return "too_long_lines"
    if reason := _comments_reason(header.comments) or _docstring_reason(header.docstring):
        return reason
    if len(text) >= MIN_MINIFIED_CHARS and len(text) > config.max_mean_line_chars * look.num_lines:
        return "minified"
    return "mostly_data" if _is_mostly_data(text, look, config) else None


# The files of a project have the same comments at their tops.
@lru_cache(maxsize=1024)
def _comments_reason(comments: str) -> str | None:
    if may_have(comments, *_GENERATED_WORDS) and _GENERATED_COMMENT.search(comments):
        return "auto_generated"
    return "vendored_copy" if may_have(comments, *_VENDORED_WORDS) and _VENDORED.search(comments) else None


def _docstring_reason(docstring: str) -> str | None:
    if not docstring:
        return None
    if may_have(docstring, *_GENERATED_WORDS) and _GENERATED_DOCSTRING.search(docstring):
        return "auto_generated"
    return "vendored_copy" if may_have(docstring, *_VENDORED_WORDS) and _VENDORED.search(docstring) else None


def _is_mostly_data(text: str, look: Look, config: CollectConfig) -> bool:
    if look.num_letters < config.min_letter_share * look.num_dense:
        return True
    most = config.max_data_share * look.num_dense
    # Calls with an argument a line look the same at their beginning, so it takes the whole lines to tell.
    return look.num_like_data > most and _num_on_data_lines(text) > most


def _num_on_data_lines(text: str) -> int:
    from hornbook.corpus.cleaning.byte_bits import padded
    from hornbook.corpus.cleaning.data_line_kernel import num_on_data_lines

    return num_on_data_lines(padded(text.encode()))

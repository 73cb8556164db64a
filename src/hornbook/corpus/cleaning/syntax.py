"""Whether a text is Python."""

from __future__ import annotations

import warnings

_STOP = "hornbook_parses_and_goes_no_further"
_FIRST_LINE = f"from __future__ import {_STOP}\n"


def is_python(text: str, data: bytes | None = None) -> bool:
    """Whether the text, `data` in UTF-8, is Python; quick, and in doubt as `parses` says.

    What the tables of `grammar` take is not parsed again. They take nearly all files that are Python, twenty times as
    fast as the parser, and with them about four of a thousand files that one random edit has broken, such as a call
    with a positional argument behind a named one; into an f-string's braces they do not look. No file that parses is
    ever refused.
    """
    from hornbook.corpus.cleaning import syntax_kernel

    line = syntax_kernel.doubtful_line(text.encode() if data is None else data)
    if line is None:
        return True
    # One line is quickly tried, and what is wrong with a text is most often on the line where the tables stopped.
    return parses(line.decode()) and parses(text)


def parses(text: str) -> bool:
    """Whether the text parses by the grammar of the Python that runs, as `ast.parse` has it.

    Nothing is compiled, and no tree of Python objects is made, which is half of what `ast.parse` costs: a future
    feature that does not exist is refused right after the parser has accepted the whole text, and before anything else.
    What is nested deeper than the parser goes does not parse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(_FIRST_LINE + text, "<corpus>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.lineno == 1 and _STOP in (error.msg or "")
        except (ValueError, RecursionError, MemoryError):
            # ValueError: null bytes. RecursionError, MemoryError: nested deeper than the parser goes.
            return False
    raise AssertionError(f"this Python takes the future feature {_STOP!r}")

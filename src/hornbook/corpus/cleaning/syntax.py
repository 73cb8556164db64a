"""Whether a text is Python."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_STOP = "hornbook_parses_and_goes_no_further"
_FIRST_LINE = f"from __future__ import {_STOP}\n"


def is_python(text: str, data: np.ndarray | None = None) -> bool:
    """Whether the text, `data` where it was `padded` before, is Python; quick, and in doubt as `parses` says.

    What the tables of `grammar` take is not parsed again. They take nearly all files that are Python, more than twenty
    times as fast as the parser, and with them a few of a thousand files that a random edit has broken, such as by an
    assignment to a sum; into an f-string's braces they do not look. No file that parses is ever refused.
    """
    from hornbook.corpus.cleaning.syntax_kernel import doubt_of

    if data is None:
        from hornbook.corpus.cleaning.byte_bits import padded

        data = padded(text.encode())
    doubt = doubt_of(data)
    if doubt is None:
        return True
    # A part is quickly tried, and what is wrong with a text is most often in it.
    return parses(doubt.part.decode()) and (doubt.is_all or parses(text))


def parses(text: str) -> bool:
    """Whether the text parses by the grammar of the Python that runs, as `ast.parse` has it.

    Nothing is compiled, and no tree of Python objects is made, which is half of what `ast.parse` costs: a future
    feature that does not exist is refused right after the parser has accepted the whole text, and before anything else.
    What is nested deeper than the parser goes does not parse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # A file with a name would be looked for, to show its line in the error.
            compile(_FIRST_LINE + text, "", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.lineno == 1 and _STOP in (error.msg or "")
        except (ValueError, RecursionError, MemoryError):
            # ValueError: null bytes. RecursionError, MemoryError: nested deeper than the parser goes.
            return False
    raise AssertionError(f"this Python takes the future feature {_STOP!r}")

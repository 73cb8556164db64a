"""Where a completed function ends: the text that a model writes after it is not part of the answer."""

from __future__ import annotations

_CLOSING = frozenset(")]}")
_OPENING = frozenset("([{")


def cut_at_function_end(completion: str) -> str:
    """A completion of a function up to the first line that begins in column 0, which is not part of its body.

    The completion's first line continues the prompt's last one, so it is never cut. Lines inside a triple-quoted
    string of the body stay, and so does a bracket in column 0 that closes one of the body's. Comments, decorators
    and statements in column 0 end the function.
    """
    return completion[: _function_end(completion)]


def has_function_ended(completion: str) -> bool:
    """Whether `cut_at_function_end` cuts, so that more tokens cannot change the answer."""
    return _function_end(completion) < len(completion)


def _function_end(text: str) -> int:
    depth, quote, at = 0, "", 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 2
                continue
            if text.startswith(quote, at):
                at += len(quote)
                quote = ""
                continue
            if char == "\n" and len(quote) == 1:
                quote = ""  # an unfinished string ends with its line
                continue
        elif char == "\n":
            following = text[at + 1 : at + 2]
            if following and not following.isspace() and not (depth and following in _CLOSING):
                return at + 1
        elif char == "#":
            newline = text.find("\n", at)
            at = len(text) if newline < 0 else newline
            continue
        elif char in "\"'":
            quote = char * 3 if text.startswith(char * 3, at) else char
            at += len(quote)
            continue
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth = max(0, depth - 1)
        at += 1
    return len(text)

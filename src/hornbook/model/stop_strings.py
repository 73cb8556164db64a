"""Stop strings: texts that end a completion wherever they come after its first visible character.

Whitespace that a completion begins with cannot stop it. A prompt is read without its trailing whitespace, so whether a
line break ends the prompt or begins the completion must make no difference.
"""

from __future__ import annotations

from collections.abc import Collection


def stop_place(completion: str, stops: Collection[str]) -> int:
    """Where the stop string begins that is complete first; the completion's length where none is in it.

    Which one is complete first, and not which one begins first, does not depend on how the text is cut into tokens.
    """
    begins = _first_visible(completion)
    found = [(place + len(stop), place) for stop in stops if (place := completion.find(stop, begins)) >= 0]
    return min(found)[1] if found else len(completion)


def certain_length(completion: str, stops: Collection[str]) -> int:
    """How many characters no stop string can take back, whatever the text goes on with."""
    longest = max(map(len, stops), default=0)
    for place in range(max(_first_visible(completion), len(completion) - longest + 1), len(completion)):
        if any(stop.startswith(completion[place:]) for stop in stops):
            return place
    return len(completion)


def _first_visible(text: str) -> int:
    return len(text) - len(text.lstrip())

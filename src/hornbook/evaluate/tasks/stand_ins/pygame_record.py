"""What a program did with pygame, and the events that it is given: the part of the stand-in that a check reads.

A frame begins when the one before it is shown (`display.flip` or `update`). After `num_frames` frames the window is
closed; a program that goes on long after that, or calls for ever without showing anything, is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

QUIT, KEYDOWN, KEYUP = 256, 768, 769
FRAMES_AFTER_QUIT = 30
MAX_CALLS = 200_000
MAX_CALLS_WITHOUT_FRAME = 2_000


class Stopped(BaseException):
    """Ends a program that does not end by itself; no `except Exception` catches it."""


@dataclass(frozen=True)
class Shape:
    """Something drawn, in pixels of the window."""

    kind: str
    color: tuple[int, int, int] | None
    center: tuple[float, float]
    size: tuple[float, float]
    """Width and height; of a circle twice its radius."""


@dataclass(frozen=True)
class Frame:
    """What the window showed."""

    background: tuple[int, int, int] | None
    is_fresh: bool
    """Whether the background was painted again, so that nothing of the frame before is left."""
    shapes: tuple[Shape, ...]


@dataclass
class Record:
    """The calls and frames of one program, and the script that it is played."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    window_size: tuple[int, int] | None = None
    caption: str = ""
    num_frames: int = 60
    """Frames before the window is closed."""
    held: list[tuple[int, int, int]] = field(default_factory=list)
    """(key, first frame, last frame) of each key that is held down."""
    milliseconds: float = 0.0
    was_stopped: bool = False
    _last_shown: int = 0

    def call(self, name: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        """Counts a call and keeps its arguments."""
        self.calls.append((name, args, kwargs or {}))
        if len(self.calls) > MAX_CALLS or len(self.calls) - self._last_shown > MAX_CALLS_WITHOUT_FRAME:
            self.stop()

    def show(self, frame: Frame) -> None:
        """Ends a frame."""
        self.frames.append(frame)
        self._last_shown = len(self.calls)
        if len(self.frames) > self.num_frames + FRAMES_AFTER_QUIT:
            self.stop()

    def stop(self) -> None:
        """Ends the program."""
        self.was_stopped = True
        raise Stopped

    def events_of(self, frame: int) -> list[tuple[int, dict[str, Any]]]:
        """(type, attributes) of the events that arrive in a frame."""
        found: list[tuple[int, dict[str, Any]]] = []
        for key, first, last in self.held:
            if frame == first:
                found.append((KEYDOWN, {"key": key, "mod": 0, "unicode": ""}))
            if frame == last + 1:
                found.append((KEYUP, {"key": key, "mod": 0}))
        if frame == self.num_frames:
            found.append((QUIT, {}))
        return found

    def is_held(self, key: int) -> bool:
        """Whether a key is down in the present frame."""
        return any(key == one and first <= len(self.frames) <= last for one, first, last in self.held)

    def named(self, *names: str) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """The calls of these functions, in order."""
        return [call for call in self.calls if call[0] in names]


RECORD = Record()

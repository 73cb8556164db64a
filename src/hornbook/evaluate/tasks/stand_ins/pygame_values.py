"""pygame's plain values: `error`, `Color`, `Rect` and `Vector2`, as far as a small program uses them.

Source: the reference at https://www.pygame.org/docs/ref (color, rect, math).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

NAMED_COLORS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 165, 0),
    "purple": (160, 32, 240),
    "pink": (255, 192, 203),
    "brown": (165, 42, 42),
    "gray": (190, 190, 190),
    "grey": (190, 190, 190),
}


class error(RuntimeError):
    """What pygame raises when it cannot do what it is asked."""


def to_color(value: Any) -> tuple[int, int, int]:
    """Red, green and blue of anything that pygame takes for a colour. Raises ValueError or TypeError as pygame does."""
    if isinstance(value, str):
        name = value.lower().replace(" ", "")
        if name in NAMED_COLORS:
            return NAMED_COLORS[name]
        if name.startswith("#") and len(name) in (7, 9):
            return int(name[1:3], 16), int(name[3:5], 16), int(name[5:7], 16)
        raise ValueError("invalid color name")
    if isinstance(value, int) and not isinstance(value, bool):
        return value >> 16 & 255, value >> 8 & 255, value & 255
    if not isinstance(value, list | tuple | Color):
        raise TypeError("invalid color argument")
    parts = list(value)
    if len(parts) not in (3, 4) or not all(isinstance(part, int) and 0 <= part <= 255 for part in parts):
        raise ValueError("invalid color argument")
    return parts[0], parts[1], parts[2]


def to_pair(value: Any, what: str = "position") -> tuple[float, float]:
    """Two numbers. Raises TypeError as pygame does."""
    if isinstance(value, Vector2 | list | tuple):
        parts = list(value)
        if len(parts) == 2 and all(isinstance(part, int | float) for part in parts):
            return parts[0], parts[1]
    raise TypeError(f"{what} argument must be a pair of numbers")


class Color:
    """A colour with red, green, blue and alpha."""

    def __init__(self, *values: Any) -> None:
        self.r, self.g, self.b = to_color(values[0] if len(values) == 1 else values[:3])
        self.a = values[3] if len(values) == 4 else 255

    def __iter__(self) -> Iterator[int]:
        return iter((self.r, self.g, self.b, self.a))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Color | tuple) and tuple(self)[: len(other)] == tuple(other)

    __hash__ = None  # type: ignore[assignment]


class Vector2:
    """A point or a direction."""

    x: float
    y: float

    def __init__(self, x: Any = 0, y: Any = None) -> None:
        self.x, self.y = to_pair(x) if isinstance(x, Vector2 | list | tuple) else (x, x if y is None else y)

    def __iter__(self) -> Iterator[float]:
        return iter((self.x, self.y))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> float:
        return (self.x, self.y)[index]

    def __setitem__(self, index: int, value: float) -> None:
        setattr(self, "xy"[index], value)

    def __add__(self, other: Any) -> Vector2:
        x, y = to_pair(other)
        return Vector2(self.x + x, self.y + y)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Vector2:
        x, y = to_pair(other)
        return Vector2(self.x - x, self.y - y)

    def __neg__(self) -> Vector2:
        return Vector2(-self.x, -self.y)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int | float):
            return Vector2(self.x * other, self.y * other)
        x, y = to_pair(other)
        return self.x * x + self.y * y

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Vector2:
        return Vector2(self.x / other, self.y / other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vector2 | list | tuple) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def length(self) -> float:
        """Euclidean length."""
        return math.hypot(self.x, self.y)

    magnitude = length

    def normalize(self) -> Vector2:
        """The same direction with length 1."""
        if not self.length():
            raise ValueError("Can't normalize Vector of length zero")
        return self / self.length()

    def copy(self) -> Vector2:
        """An equal vector."""
        return Vector2(self.x, self.y)

    def update(self, x: Any = 0, y: Any = None) -> None:
        """Takes other coordinates."""
        self.__init__(x, y)  # type: ignore[misc]


class Rect:
    """A rectangle of whole numbers, moved by any of its named points."""

    x: int
    y: int
    w: int
    h: int

    def __init__(self, *values: Any) -> None:
        if len(values) == 1:
            values = tuple(getattr(values[0], "rect", values[0]))
        if len(values) == 2:
            values = (*to_pair(values[0]), *to_pair(values[1]))
        if len(values) != 4 or not all(isinstance(value, int | float) for value in values):
            raise TypeError("Argument must be rect style object")
        self.x, self.y, self.w, self.h = (int(value) for value in values)

    def __iter__(self) -> Iterator[int]:
        return iter((self.x, self.y, self.w, self.h))

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: Any) -> Any:
        return (self.x, self.y, self.w, self.h)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rect | list | tuple) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Rect:
        """An equal rectangle."""
        return Rect(*self)

    def move(self, x: float, y: float) -> Rect:
        """A rectangle moved by an offset."""
        return Rect(self.x + int(x), self.y + int(y), self.w, self.h)

    def move_ip(self, x: Any, y: Any = None) -> None:
        """Moves by an offset in place."""
        x, y = to_pair(x) if y is None else (x, y)
        self.x, self.y = self.x + int(x), self.y + int(y)

    def inflate(self, x: float, y: float) -> Rect:
        """A rectangle that is larger around the same centre."""
        return Rect(self.x - int(x / 2), self.y - int(y / 2), self.w + x, self.h + y)

    def clamp(self, other: Any) -> Rect:
        """A rectangle moved to be inside another, in its middle where it does not fit."""
        outer, inner = Rect(other), self.copy()
        for start, size in (("x", "w"), ("y", "h")):
            low, outer_size, inner_size = getattr(outer, start), getattr(outer, size), getattr(inner, size)
            inside = min(max(getattr(inner, start), low), low + outer_size - inner_size)
            setattr(inner, start, low + outer_size // 2 - inner_size // 2 if inner_size > outer_size else inside)
        return inner

    def clamp_ip(self, *other: Any) -> None:
        """Moves inside another rectangle in place."""
        self.x, self.y, _, _ = self.clamp(Rect(*other))

    def collidepoint(self, x: Any, y: Any = None) -> bool:
        """Whether a point is inside."""
        x, y = to_pair(x) if y is None else (x, y)
        return bool(self.x <= x < self.x + self.w and self.y <= y < self.y + self.h)

    def colliderect(self, *other: Any) -> bool:
        """Whether two rectangles overlap."""
        o = Rect(*other)
        if 0 in (self.w, self.h, o.w, o.h):
            return False
        return self.x < o.x + o.w and o.x < self.x + self.w and self.y < o.y + o.h and o.y < self.y + self.h

    def contains(self, *other: Any) -> bool:
        """Whether another rectangle is all inside."""
        o = Rect(*other)
        fits_across = self.x <= o.x and o.x + o.w <= self.x + self.w
        return fits_across and self.y <= o.y and o.y + o.h <= self.y + self.h


def _edge(coordinate: str, share: float) -> property:
    """A rectangle's left, middle or right, top or bottom, which can also be set."""
    size = {"x": "w", "y": "h"}[coordinate]

    def read(rect: Rect) -> int:
        return int(getattr(rect, coordinate)) + int(getattr(rect, size) * share)

    def write(rect: Rect, value: float) -> None:
        setattr(rect, coordinate, int(value) - int(getattr(rect, size) * share))

    return property(read, write)


def _point(x_name: str, y_name: str) -> property:
    def read(rect: Rect) -> tuple[int, int]:
        return getattr(rect, x_name), getattr(rect, y_name)

    def write(rect: Rect, value: Any) -> None:
        x, y = to_pair(value)
        setattr(rect, x_name, x)
        setattr(rect, y_name, y)

    return property(read, write)


def _edge_size(short: str) -> property:
    return property(lambda rect: getattr(rect, short), lambda rect, value: setattr(rect, short, int(value)))


def _complete_rect() -> None:
    across, down = {"left": 0.0, "centerx": 0.5, "right": 1.0}, {"top": 0.0, "centery": 0.5, "bottom": 1.0}
    for name, share in across.items():
        setattr(Rect, name, _edge("x", share))
    for name, share in down.items():
        setattr(Rect, name, _edge("y", share))
    for name, x_name, y_name in (
        ("topleft", "left", "top"),
        ("topright", "right", "top"),
        ("bottomleft", "left", "bottom"),
        ("bottomright", "right", "bottom"),
        ("midtop", "centerx", "top"),
        ("midbottom", "centerx", "bottom"),
        ("midleft", "left", "centery"),
        ("midright", "right", "centery"),
        ("center", "centerx", "centery"),
        ("size", "w", "h"),
    ):
        setattr(Rect, name, _point(x_name, y_name))
    Rect.width = _edge_size("w")  # type: ignore[attr-defined]
    Rect.height = _edge_size("h")  # type: ignore[attr-defined]


_complete_rect()

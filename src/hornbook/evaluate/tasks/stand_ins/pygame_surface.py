"""pygame's `Surface` and `draw`: a surface remembers what was drawn on it since it was last filled."""

from __future__ import annotations

from typing import Any

from hornbook.evaluate.tasks.stand_ins.pygame_record import RECORD, Frame, Shape
from hornbook.evaluate.tasks.stand_ins.pygame_values import Color, Rect, error, to_color, to_pair


class Surface:
    """Something to draw on."""

    def __init__(self, size: Any, *args: Any, **kwargs: Any) -> None:
        width, height = to_pair(size, "size")
        if width < 0 or height < 0:
            raise error("Invalid resolution for Surface")
        self._size = (int(width), int(height))
        self._background: tuple[int, int, int] | None = None
        self._is_fresh = False
        self._shapes: list[Shape] = []
        self.is_gone = False
        """Whether it was the window's and the window is closed."""

    def fill(self, color: Any, rect: Any = None, special_flags: int = 0) -> Rect:
        """Paints the surface, or a part of it."""
        RECORD.call("Surface.fill", (color,) if rect is None else (color, rect))
        return self.paint(to_color(color), Rect(0, 0, *self._size) if rect is None else Rect(rect))

    def paint(self, color: tuple[int, int, int], area: Rect) -> Rect:
        """Covers an area; one that is the whole surface becomes its background."""
        self._check()
        if area.x <= 0 and area.y <= 0 and area.x + area.w >= self._size[0] and area.y + area.h >= self._size[1]:
            self._background, self._is_fresh, self._shapes = color, True, []
        else:
            center = (area.x + area.w / 2, area.y + area.h / 2)
            self._shapes.append(Shape("rect", color, center, (area.w, area.h)))
        return area

    def add(self, kind: str, color: Any, center: tuple[float, float], size: tuple[float, float]) -> Rect:
        """Draws a shape."""
        self._check()
        self._shapes.append(Shape(kind, to_color(color), center, size))
        return Rect(center[0] - size[0] / 2, center[1] - size[1] / 2, *size)

    def blit(self, source: Any, dest: Any, area: Any = None, special_flags: int = 0) -> Rect:
        """Draws another surface."""
        if not isinstance(source, Surface):
            raise TypeError(f"argument 1 must be pygame.surface.Surface, not {type(source).__name__}")
        RECORD.call("Surface.blit", (source, dest))
        self._check()
        x, y = (dest.x, dest.y) if isinstance(dest, Rect) else to_pair(list(dest)[:2])
        placed = Rect(x, y, *source._size)
        if source._background is not None and not source._shapes:
            return self.paint(source._background, placed)
        for shape in source._shapes:
            center = (shape.center[0] + x, shape.center[1] + y)
            self._shapes.append(Shape(shape.kind, shape.color, center, shape.size))
        if not source._shapes:
            center = (x + source._size[0] / 2, y + source._size[1] / 2)
            self._shapes.append(Shape("image", None, center, source._size))
        return placed

    def _check(self) -> None:
        if self.is_gone:
            raise error("display Surface quit")

    def to_frame(self) -> Frame:
        """What is to be seen now; the next frame begins with it."""
        frame = Frame(self._background, self._is_fresh, tuple(self._shapes))
        self._is_fresh = False
        return frame

    def get_size(self) -> tuple[int, int]:
        """Width and height."""
        return self._size

    def get_width(self) -> int:
        """Width in pixels."""
        return self._size[0]

    def get_height(self) -> int:
        """Height in pixels."""
        return self._size[1]

    def get_rect(self, **places: Any) -> Rect:
        """The whole surface's rectangle, moved by what is given."""
        rect = Rect(0, 0, *self._size)
        for name, value in places.items():
            setattr(rect, name, value)
        return rect

    def copy(self) -> Surface:
        """An equal surface."""
        other = Surface(self._size)
        other._background, other._shapes = self._background, list(self._shapes)
        return other

    def convert(self, *args: Any) -> Surface:
        """The same surface in the window's format."""
        return self

    convert_alpha = convert

    def set_alpha(self, *args: Any) -> None:
        """Nothing that a check looks at."""

    set_colorkey = set_clip = set_alpha


def _surface(value: Any) -> Surface:
    if not isinstance(value, Surface):
        raise TypeError(f"argument 1 must be pygame.surface.Surface, not {type(value).__name__}")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} argument must be a number")
    return value


def circle(surface: Any, color: Any, center: Any, radius: Any, width: int = 0, **quarters: bool) -> Rect:
    """Draws a circle."""
    RECORD.call("draw.circle", (surface, color, center, radius))
    radius = _number(radius, "radius")
    return _surface(surface).add("circle", color, to_pair(center, "center"), (2 * radius, 2 * radius))


def ellipse(surface: Any, color: Any, rect: Any, width: int = 0) -> Rect:
    """Draws an ellipse inside a rectangle."""
    RECORD.call("draw.ellipse", (surface, color, rect))
    area = Rect(rect)
    return _surface(surface).add("circle", color, (area.x + area.w / 2, area.y + area.h / 2), (area.w, area.h))


def rect(surface: Any, color: Any, rect: Any, width: int = 0, border_radius: int = -1, **corners: int) -> Rect:
    """Draws a rectangle."""
    RECORD.call("draw.rect", (surface, color, rect))
    area = Rect(rect)
    if width == 0:
        return _surface(surface).paint(to_color(color), area)
    return _surface(surface).add("outline", color, (area.x + area.w / 2, area.y + area.h / 2), (area.w, area.h))


def polygon(surface: Any, color: Any, points: Any, width: int = 0) -> Rect:
    """Draws a polygon."""
    RECORD.call("draw.polygon", (surface, color, points))
    pairs = [to_pair(point) for point in points]
    across, down = [x for x, _ in pairs], [y for _, y in pairs]
    center = ((min(across) + max(across)) / 2, (min(down) + max(down)) / 2)
    return _surface(surface).add("polygon", color, center, (max(across) - min(across), max(down) - min(down)))


def line(surface: Any, color: Any, start_pos: Any, end_pos: Any, width: int = 1) -> Rect:
    """Draws a line."""
    RECORD.call("draw.line", (surface, color, start_pos, end_pos))
    (x, y), (other_x, other_y) = to_pair(start_pos), to_pair(end_pos)
    size = (abs(x - other_x), abs(y - other_y))
    return _surface(surface).add("line", color, ((x + other_x) / 2, (y + other_y) / 2), size)


aaline = line


def filled_circle(surface: Any, x: int, y: int, r: int, color: Any) -> None:
    """`gfxdraw`'s circle."""
    circle(surface, color if isinstance(color, Color) else Color(*color), (x, y), r)


aacircle = filled_circle

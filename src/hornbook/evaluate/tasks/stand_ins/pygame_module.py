"""pygame as a program sees it: the functions, classes and constants of the other files under pygame's names."""

from __future__ import annotations

import types
from typing import Any

from hornbook.evaluate.tasks.stand_ins import pygame_surface as _drawing
from hornbook.evaluate.tasks.stand_ins import pygame_window as _window
from hornbook.evaluate.tasks.stand_ins.pygame_record import KEYDOWN, KEYUP, QUIT, Shape
from hornbook.evaluate.tasks.stand_ins.pygame_surface import Surface
from hornbook.evaluate.tasks.stand_ins.pygame_values import NAMED_COLORS, Color, Rect, Vector2, error, to_color

init, quit, get_init = _window.init, _window.close, _window.get_init

# Source of the numbers: pygame 2 follows SDL 2's event types and key codes.
_CONSTANTS: dict[str, int] = {
    "NOEVENT": _window.NOEVENT,
    "QUIT": QUIT,
    "KEYDOWN": KEYDOWN,
    "KEYUP": KEYUP,
    "MOUSEMOTION": 1024,
    "MOUSEBUTTONDOWN": 1025,
    "MOUSEBUTTONUP": 1026,
    "USEREVENT": 32866,
    "RESIZABLE": 16,
    "FULLSCREEN": -2147483648,
    "DOUBLEBUF": 1073741824,
    "HWSURFACE": 1,
    "SCALED": 512,
    "SRCALPHA": 65536,
    "K_RIGHT": 1073741903,
    "K_LEFT": 1073741904,
    "K_DOWN": 1073741905,
    "K_UP": 1073741906,
    "K_SPACE": 32,
    "K_RETURN": 13,
    "K_ESCAPE": 27,
    "K_BACKSPACE": 8,
    "K_TAB": 9,
    "K_LSHIFT": 1073742049,
    "K_RSHIFT": 1073742053,
    "K_LCTRL": 1073742048,
    **{f"K_{letter}": ord(letter) for letter in "abcdefghijklmnopqrstuvwxyz0123456789"},
}
globals().update(_CONSTANTS)


class _Sprite:
    """Something with an image and a rectangle."""

    image: Surface
    rect: Rect

    def __init__(self, *groups: Any) -> None:
        self._groups: list[_Group] = []
        for group in groups:
            group.add(self)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """For classes that derive from it."""

    def kill(self) -> None:
        """Leaves every group."""
        for group in list(self._groups):
            group.remove(self)


class _Group:
    """Sprites that are updated and drawn together."""

    def __init__(self, *sprites: _Sprite) -> None:
        self._sprites: list[_Sprite] = []
        self.add(*sprites)

    def add(self, *sprites: Any) -> None:
        """Takes sprites in."""
        for sprite in sprites:
            self._sprites.append(sprite)
            sprite._groups.append(self)

    def remove(self, *sprites: _Sprite) -> None:
        """Lets sprites go."""
        for sprite in sprites:
            self._sprites.remove(sprite)
            sprite._groups.remove(self)

    def sprites(self) -> list[_Sprite]:
        """The sprites in order."""
        return list(self._sprites)

    def __iter__(self) -> Any:
        return iter(self.sprites())

    def __len__(self) -> int:
        return len(self._sprites)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Updates every sprite."""
        for sprite in self.sprites():
            sprite.update(*args, **kwargs)

    def draw(self, surface: Surface) -> None:
        """Draws every sprite's image at its rectangle."""
        for sprite in self._sprites:
            surface.blit(sprite.image, sprite.rect)


class _Font:
    """A font; its text is a surface with one shape of the kind `text`."""

    def __init__(self, name: Any = None, size: int = 20, *args: Any, **kwargs: Any) -> None:
        self._size = size

    def render(self, text: str, antialias: Any, color: Any, background: Any = None) -> Surface:
        """A picture of the text."""
        size = (self._size * len(text) // 2, self._size)
        picture = Surface(size)
        picture._shapes.append(Shape("text", to_color(color), (size[0] / 2, size[1] / 2), size))
        return picture


def _scale(surface: Surface, size: Any, *args: Any) -> Surface:
    old, new = surface.get_size(), Surface(size)
    across, down = (new.get_width() / max(1, old[0]), new.get_height() / max(1, old[1]))
    new._background = surface._background
    new._shapes = [
        Shape(
            one.kind,
            one.color,
            (one.center[0] * across, one.center[1] * down),
            (one.size[0] * across, one.size[1] * down),
        )
        for one in surface._shapes
    ]
    return new


def _load(file: Any, *args: Any) -> Surface:
    raise FileNotFoundError(f"No file '{file}' found in working directory.")


def _nothing(*args: Any, **kwargs: Any) -> None:
    """For calls whose effect no check looks at."""


def _module(name: str, **contents: Any) -> types.ModuleType:
    module = types.ModuleType(f"pygame.{name}")
    vars(module).update(contents)
    return module


SUBMODULES = {
    "locals": _module("locals", Rect=Rect, Color=Color, Vector2=Vector2, **_CONSTANTS),
    "display": _module(
        "display",
        init=_window.init,
        quit=_window.close,
        get_init=_window.get_init,
        set_mode=_window.set_mode,
        get_surface=_window.get_surface,
        set_caption=_window.set_caption,
        set_icon=_nothing,
        flip=_window.flip,
        update=_window.update,
    ),
    "event": _module(
        "event",
        Event=_window.Event,
        EventType=_window.Event,
        get=_window.get,
        poll=_window.poll,
        wait=_window.wait,
        pump=_window.pump,
        post=_window.post,
        clear=_window.get,
        set_allowed=_nothing,
        set_blocked=_nothing,
    ),
    "key": _module("key", get_pressed=_window.get_pressed, set_repeat=_nothing),
    "mouse": _module(
        "mouse", get_pos=lambda: (0, 0), get_pressed=lambda *args: (False, False, False), set_visible=_nothing
    ),
    "time": _module(
        "time",
        Clock=_window.Clock,
        delay=_window.delay,
        wait=_window.delay,
        get_ticks=_window.get_ticks,
        set_timer=_nothing,
    ),
    "draw": _module(
        "draw",
        circle=_drawing.circle,
        ellipse=_drawing.ellipse,
        rect=_drawing.rect,
        polygon=_drawing.polygon,
        line=_drawing.line,
        aaline=_drawing.aaline,
    ),
    "gfxdraw": _module("gfxdraw", filled_circle=_drawing.filled_circle, aacircle=_drawing.aacircle),
    "font": _module("font", init=_nothing, quit=_nothing, Font=_Font, SysFont=_Font),
    "image": _module("image", load=_load),
    "transform": _module("transform", scale=_scale, smoothscale=_scale),
    "math": _module("math", Vector2=Vector2),
    "sprite": _module("sprite", Sprite=_Sprite, Group=_Group, RenderPlain=_Group),
    "surface": _module("surface", Surface=Surface),
    "color": _module("color", Color=Color, THECOLORS=NAMED_COLORS),
    "rect": _module("rect", Rect=Rect),
}
globals().update({name: module for name, module in SUBMODULES.items() if name != "gfxdraw"})
version = _module("version", ver="2.6.0", vernum=(2, 6, 0))

__all__ = [
    "Color",
    "Rect",
    "Surface",
    "Vector2",
    "error",
    "get_init",
    "init",
    "quit",
    *_CONSTANTS,
    *set(SUBMODULES) - {"gfxdraw"},
]

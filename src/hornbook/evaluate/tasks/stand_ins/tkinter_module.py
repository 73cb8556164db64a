"""tkinter as a program sees it: the widgets and constants of the other files under tkinter's names, and `ttk`."""

from __future__ import annotations

import types
from typing import Any

from hornbook.evaluate.tasks.stand_ins.tkinter_base import Misc, Tk, Toplevel
from hornbook.evaluate.tasks.stand_ins.tkinter_variables import (
    BooleanVar,
    DoubleVar,
    IntVar,
    StringVar,
    TclError,
    Variable,
)
from hornbook.evaluate.tasks.stand_ins.tkinter_widgets import (
    Button,
    Canvas,
    Checkbutton,
    Entry,
    Frame,
    Label,
    LabelFrame,
    Message,
    Radiobutton,
    Text,
)

MESSAGES: list[tuple[str, tuple[Any, ...]]] = []
"""(function, arguments) of every message box."""

TkVersion = TclVersion = 8.6
Widget = Misc

# Source: tkinter.constants of the standard library.
_NAMED_LIKE_THEIR_VALUE = """
N S E W NW SW NE SE NS EW NSEW CENTER X Y BOTH LEFT TOP RIGHT BOTTOM RAISED SUNKEN FLAT RIDGE GROOVE SOLID HORIZONTAL
VERTICAL END INSERT NORMAL DISABLED ACTIVE HIDDEN WORD CHAR NONE BROWSE SINGLE ANCHOR
"""
_CONSTANTS: dict[str, Any] = {
    **{name: name.lower() for name in _NAMED_LIKE_THEIR_VALUE.split()},
    **{"YES": 1, "NO": 0, "TRUE": 1, "FALSE": 0},
}
globals().update(_CONSTANTS)


def mainloop(n: int = 0) -> None:
    """Returns at once: a check plays the events when the window is there."""


def _themed(name: str, base: type[Misc]) -> type[Misc]:
    return type(name, (base,), {"_kind": f"ttk.{name}", "state": Misc._does_nothing})


class _Style:
    """Looks, which no check looks at."""

    def __init__(self, master: Any = None) -> None: ...

    def configure(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    map = theme_use = configure


class _Font:
    """A font."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...


def _message_box(name: str, answer: Any) -> Any:
    def show(*args: Any, **kwargs: Any) -> Any:
        MESSAGES.append((name, (*args, *kwargs.values())))
        return answer

    return show


def _module(name: str, **contents: Any) -> types.ModuleType:
    module = types.ModuleType(f"tkinter.{name}")
    vars(module).update(contents)
    return module


SUBMODULES = {
    "constants": _module("constants", **_CONSTANTS),
    "ttk": _module(
        "ttk",
        **{
            name: _themed(name, base)
            for name, base in {
                "Frame": Frame,
                "LabelFrame": LabelFrame,
                "Label": Label,
                "Button": Button,
                "Checkbutton": Checkbutton,
                "Radiobutton": Radiobutton,
                "Entry": Entry,
                "Separator": Misc,
            }.items()
        },
        Style=_Style,
    ),
    "messagebox": _module(
        "messagebox",
        **{name: _message_box(name, "ok") for name in ("showinfo", "showwarning", "showerror")},
        **{name: _message_box(name, True) for name in ("askyesno", "askokcancel", "askretrycancel")},
    ),
    "font": _module("font", Font=_Font),
}
__all__ = [
    "BooleanVar",
    "Button",
    "Canvas",
    "Checkbutton",
    "DoubleVar",
    "Entry",
    "Frame",
    "IntVar",
    "Label",
    "LabelFrame",
    "Message",
    "Misc",
    "Radiobutton",
    "StringVar",
    "TclError",
    "Text",
    "Tk",
    "TkVersion",
    "Toplevel",
    "Variable",
    "Widget",
    "mainloop",
]
__all__ += _CONSTANTS

"""Tk's widgets: they keep their contents, and do what a click on them would do."""

from __future__ import annotations

from typing import Any

from hornbook.evaluate.tasks.stand_ins.tkinter_base import Misc
from hornbook.evaluate.tasks.stand_ins.tkinter_variables import TclError, Variable


class Frame(Misc):
    """A box for other widgets."""

    _kind = "Frame"


class LabelFrame(Frame):
    """A box with a title."""

    _kind = "LabelFrame"


class Label(Misc):
    """A text."""

    _kind = "Label"


class Message(Label):
    """A text of several lines."""

    _kind = "Message"


class Button(Misc):
    """A button."""

    _kind = "Button"

    def invoke(self) -> Any:
        """What a click does, but for its bindings."""
        command = self._options.get("command")
        if str(self._options.get("state", "normal")) != "disabled" and callable(command):
            return command()
        return ""

    flash = Misc._does_nothing


class Checkbutton(Button):
    """A box to tick."""

    _kind = "Checkbutton"

    def invoke(self) -> Any:
        """Ticks or unticks."""
        variable = self._options.get("variable")
        if isinstance(variable, Variable):
            on, off = self._options.get("onvalue", 1), self._options.get("offvalue", 0)
            variable.set(off if variable.get() == on else on)
        return super().invoke()


class Radiobutton(Button):
    """One of several choices."""

    _kind = "Radiobutton"

    def invoke(self) -> Any:
        """Chooses."""
        variable = self._options.get("variable")
        if isinstance(variable, Variable):
            variable.set(self._options.get("value", ""))
        return super().invoke()


class Entry(Misc):
    """A field of one line."""

    _kind = "Entry"

    def get(self) -> str:
        """What is in it."""
        variable = self._options.get("textvariable")
        return str(variable.get()) if isinstance(variable, Variable) else str(self._options.get("contents", ""))

    def write(self, contents: str) -> None:
        """Puts something else in, as a user does."""
        variable = self._options.get("textvariable")
        if isinstance(variable, Variable):
            variable.set(contents)
        else:
            self._options["contents"] = contents

    def text(self) -> str:
        """What it shows."""
        return self.get()

    def _place_of(self, index: Any) -> int:
        length = len(self.get())
        if isinstance(index, int):
            return min(max(index, 0), length)
        if str(index) in ("end", "insert"):
            return length
        if str(index).isdigit():
            return min(int(index), length)
        raise TclError(f'bad entry index "{index}"')

    def insert(self, index: Any, string: str) -> None:
        """Writes at a place."""
        if str(self._options.get("state", "normal")) == "normal":
            place, held = self._place_of(index), self.get()
            self.write(f"{held[:place]}{string}{held[place:]}")

    def delete(self, first: Any, last: Any = None) -> None:
        """Takes characters out; only the first one where no end is given."""
        if str(self._options.get("state", "normal")) == "normal":
            start, held = self._place_of(first), self.get()
            end = start + 1 if last is None else self._place_of(last)
            self.write(held[:start] + held[max(start, end) :])

    icursor = select_range = selection_range = xview = Misc._does_nothing


class Text(Misc):
    """A field of many lines. Places are read as its start or its end."""

    _kind = "Text"
    _held = ""

    def get(self, index1: Any, index2: Any = None) -> str:
        """What is in it; Tk adds a line break at the end."""
        return self._held[:1] if index2 is None else self._held + ("\n" if str(index2) == "end" else "")

    def insert(self, index: Any, chars: str, *tags: Any) -> None:
        """Writes at the start or the end."""
        self._held = f"{chars}{self._held}" if str(index) in ("0.0", "1.0") else f"{self._held}{chars}"

    def delete(self, index1: Any, index2: Any = None) -> None:
        """Empties it, or takes its first character out."""
        self._held = self._held[1:] if index2 is None else ""

    def text(self) -> str:
        """What it shows."""
        return self._held

    see = Misc._does_nothing


class Canvas(Misc):
    """A place to draw on; what is drawn is not kept."""

    _kind = "Canvas"

    def _draw(self, *args: Any, **options: Any) -> int:
        return 1

    create_line = create_oval = create_rectangle = create_text = create_polygon = create_image = create_window = _draw
    itemconfig = itemconfigure = move = coords = delete = Misc._does_nothing


class Event:
    """What a binding is called with."""

    def __init__(self, widget: Misc) -> None:
        self.widget = widget
        self.x = self.y = 0
        self.char = self.keysym = ""


def click(widget: Misc) -> None:
    """Does what a click with the left mouse button does: the bindings, then the command."""
    for sequence in ("<Button-1>", "<ButtonPress-1>", "<1>", "<ButtonRelease-1>"):
        for callback in widget.bindings.get(sequence, []):
            callback(Event(widget))
    if isinstance(widget, Button):
        widget.invoke()

"""What every Tk widget can do, and the windows: options, places, bindings, and the error that Tk raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hornbook.evaluate.tasks.stand_ins.tkinter_options import OPTIONS, SHORT
from hornbook.evaluate.tasks.stand_ins.tkinter_variables import TclError, Variable

WIDGETS: list[Misc] = []
"""Every widget that was made and not destroyed, in order."""


class Misc:
    """What every widget can do."""

    _kind = ""

    def __init__(self, master: Misc | None = None, cnf: dict[str, Any] | None = None, **options: Any) -> None:
        if master is not None and not isinstance(master, Misc):
            raise AttributeError(f"{type(master).__name__!r} object has no attribute 'tk'")
        self.master = master if master is not None or self._kind == "Tk" else _default_root()
        self.children: list[Misc] = []
        self.manager = ""
        self.place_options: dict[str, Any] = {}
        self.bindings: dict[str, list[Callable[..., Any]]] = {}
        self._options: dict[str, Any] = {}
        self.configure({**(cnf or {}), **options})
        if self.master is not None:
            self.master.children.append(self)
        WIDGETS.append(self)

    def configure(self, cnf: dict[str, Any] | None = None, **options: Any) -> Any:
        """Changes options."""
        for name, value in {**(cnf or {}), **options}.items():
            known = OPTIONS.get(self._kind)
            if known is not None and name not in known:
                raise TclError(f'unknown option "-{name}"')
            self._options[SHORT.get(name, name)] = value

    config = configure

    def cget(self, key: str) -> Any:
        """An option's value."""
        known = OPTIONS.get(self._kind)
        if known is not None and key not in known:
            raise TclError(f'unknown option "-{key}"')
        name = SHORT.get(key, key)
        return self.text() if name == "text" else self._options.get(name, "")

    __getitem__ = cget

    def __setitem__(self, key: str, value: Any) -> None:
        self.configure({key: value})

    def text(self) -> str:
        """The text that the widget shows."""
        variable = self._options.get("textvariable")
        if isinstance(variable, Variable):
            return str(variable.get())
        return str(self._options.get("text", ""))

    def _manage(self, manager: str, cnf: dict[str, Any] | None, options: dict[str, Any]) -> None:
        if self.master is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {manager!r}")
        inside = {**(cnf or {}), **options}
        master = inside.pop("in_", self.master)
        others = {child.manager for child in master.children if child is not self} - {"", "place"}
        if manager != "place" and others - {manager}:
            raise TclError(
                f"cannot use geometry manager {manager} inside . which already has slaves managed by {others.pop()}"
            )
        if manager == "pack" and self.manager == "pack":
            # Packed again, it comes last.
            master.children.remove(self)
            master.children.append(self)
        self.manager, self.place_options = manager, {**self.place_options, **inside}

    def pack(self, cnf: dict[str, Any] | None = None, **options: Any) -> None:
        """Puts the widget against a side of what is left of its master."""
        self._manage("pack", cnf, options)

    pack_configure = pack

    def grid(self, cnf: dict[str, Any] | None = None, **options: Any) -> None:
        """Puts the widget into a cell of its master."""
        options = {**(cnf or {}), **options}
        rows = (
            [child.place_options["row"] for child in self.master.children if child.manager == "grid"]
            if self.master
            else []
        )
        self._manage("grid", None, {"row": max(rows, default=-1) + 1, "column": 0, **options})

    grid_configure = grid

    def place(self, cnf: dict[str, Any] | None = None, **options: Any) -> None:
        """Puts the widget at a point of its master."""
        self._manage("place", cnf, options)

    def pack_forget(self) -> None:
        """Takes the widget out of its master."""
        self.manager = ""

    grid_forget = grid_remove = place_forget = forget = pack_forget

    def bind(self, sequence: str = "", func: Callable[..., Any] | None = None, add: Any = None) -> str:
        """Calls a function with the event when it happens."""
        if func is not None:
            self.bindings.setdefault(sequence, []).append(func)
        return ""

    def after(self, ms: int, func: Callable[..., Any] | None = None, *args: Any) -> str:
        """Would call later; no time passes here."""
        return "after#0"

    def destroy(self) -> None:
        """Takes the widget and all in it away."""
        for child in list(self.children):
            child.destroy()
        if self.master is not None and self in self.master.children:
            self.master.children.remove(self)
        if self in WIDGETS:
            WIDGETS.remove(self)

    quit = destroy

    def winfo_children(self) -> list[Misc]:
        """The widgets in it."""
        return list(self.children)

    def winfo_exists(self) -> bool:
        """Whether it was not destroyed."""
        return self in WIDGETS

    def winfo_toplevel(self) -> Misc:
        """The window that it is in."""
        return self if self.master is None or isinstance(self, Toplevel) else self.master.winfo_toplevel()

    def _does_nothing(self, *args: Any, **kwargs: Any) -> None:
        """For calls whose effect no check looks at."""

    mainloop = update = update_idletasks = focus = focus_set = lift = tkraise = after_cancel = _does_nothing
    grid_columnconfigure = grid_rowconfigure = columnconfigure = rowconfigure = _does_nothing
    pack_propagate = grid_propagate = grab_set = unbind = bell = option_add = wait_window = _does_nothing


class Toplevel(Misc):
    """A window."""

    _kind = "Toplevel"
    _title = ""

    def title(self, string: str | None = None) -> str | None:
        """Names the window, or says its name."""
        if string is None:
            return self._title
        self._title = str(string)
        return None

    wm_title = title

    def _window_does_nothing(self, *args: Any, **kwargs: Any) -> None:
        """For calls whose effect no check looks at."""

    geometry = resizable = minsize = maxsize = protocol = attributes = iconbitmap = iconphoto = _window_does_nothing
    withdraw = deiconify = state = transient = wm_geometry = _window_does_nothing


class Tk(Toplevel):
    """The main window."""

    _kind = "Tk"

    def __init__(self, screenName: Any = None, baseName: Any = None, className: str = "Tk", **options: Any) -> None:
        super().__init__(None)
        self._title = className.lower()


def _default_root() -> Misc:
    roots = [widget for widget in WIDGETS if isinstance(widget, Tk)]
    return roots[0] if roots else Tk()

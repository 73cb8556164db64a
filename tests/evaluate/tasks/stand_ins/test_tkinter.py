import re

import pytest

from hornbook.evaluate.tasks.stand_ins.tkinter_base import WIDGETS, Tk
from hornbook.evaluate.tasks.stand_ins.tkinter_layout import positions
from hornbook.evaluate.tasks.stand_ins.tkinter_module import __all__ as names
from hornbook.evaluate.tasks.stand_ins.tkinter_options import OPTIONS
from hornbook.evaluate.tasks.stand_ins.tkinter_variables import IntVar, StringVar, TclError
from hornbook.evaluate.tasks.stand_ins.tkinter_widgets import Button, Checkbutton, Entry, Frame, Label, click


@pytest.fixture(autouse=True)
def fresh() -> None:
    WIDGETS.clear()


# The docstrings of these two list no option.
@pytest.mark.parametrize("kind", sorted(set(OPTIONS) - {"Tk", "Message"}))
def test_a_widget_takes_at_least_what_the_standard_librarys_docstring_lists(kind: str) -> None:
    tkinter = pytest.importorskip("tkinter")
    themed = pytest.importorskip("tkinter.ttk")
    documented = getattr(themed if kind.startswith("ttk.") else tkinter, kind.removeprefix("ttk.")).__init__.__doc__
    listed = re.split(r"OPTIONS|Valid resource names:", documented, maxsplit=1)[-1]
    words = set(re.findall(r"\b[a-z0-9]{2,}\b", listed.split("VALIDATION")[0]))
    assert words - OPTIONS[kind] == set()
    assert len(words) > 3


def test_the_stand_in_has_no_name_that_tkinter_does_not_have() -> None:
    tkinter = pytest.importorskip("tkinter")
    assert [name for name in names if not hasattr(tkinter, name)] == []


def test_what_tk_refuses_is_refused() -> None:
    root = Tk()
    with pytest.raises(TclError, match='unknown option "-label"'):
        Label(root, label="Name")
    with pytest.raises(TclError, match="unknown option"):
        root["text"] = "x"
    Label(root).pack()
    with pytest.raises(TclError, match="cannot use geometry manager grid inside"):
        Label(root).grid(row=0, column=0)
    with pytest.raises(TclError, match="bad entry index"):
        Entry(root).delete("first", "last")
    with pytest.raises(AttributeError):
        Label("root", text="x")  # type: ignore[arg-type]


def test_fields_and_variables_hold_what_is_written() -> None:
    root = Tk()
    name = StringVar(root, "Ida")
    entry, label = Entry(root, textvariable=name), Label(root, textvariable=name)
    entry.insert("end", " May")
    entry.delete(0)
    assert (name.get(), label.text(), entry.get()) == ("da May", "da May", "da May")
    entry.delete(2, "end")
    entry.insert(0, "I")
    assert label["text"] == "Ida"
    entry.config(state="disabled")
    entry.delete(0, "end")
    assert entry.get() == "Ida"
    with pytest.raises(TclError):
        IntVar(root, "x").get()


def test_a_click_runs_bindings_and_the_command_of_what_is_not_disabled() -> None:
    root, done = Tk(), []
    button = Button(root, text="Go", command=lambda: done.append("command"))
    button.bind("<Button-1>", lambda event: done.append(event.widget.text()))
    click(button)
    button.configure(state="disabled")
    click(button)
    assert done == ["Go", "command", "Go"]
    ticked = IntVar(root)
    click(Checkbutton(root, variable=ticked))
    assert ticked.get() == 1


def test_pack_takes_from_what_is_left() -> None:
    root = Tk()
    sides = {side: Label(root, text=side) for side in ("top", "right", "left", "bottom")}
    for side, label in sides.items():
        label.pack(side=side)
    rest = Label(root)
    rest.pack(side="left")
    found = positions(root)
    x, y = found[rest]
    assert found[sides["left"]][0] < x < found[sides["right"]][0]
    assert found[sides["top"]][1] < y < found[sides["bottom"]][1]
    assert found[sides["left"]][1] == found[sides["right"]][1]


def test_grid_places_by_row_and_column_whatever_the_order() -> None:
    root = Tk()
    cells = {(row, column): Label(root) for row in (2, 0) for column in (5, 1)}
    for (row, column), label in cells.items():
        label.grid(row=row, column=column)
    wide = Label(root)
    wide.grid(row=1, column=1, columnspan=5)
    below = Label(root)
    below.grid()
    found = positions(root)
    assert found[cells[0, 1]][0] < found[cells[0, 5]][0]
    assert found[cells[0, 1]][1] == found[cells[0, 5]][1] < found[wide][1] < found[cells[2, 1]][1] < found[below][1]
    assert found[wide][0] == (found[cells[0, 1]][0] + found[cells[0, 5]][0]) / 2


def test_frames_move_what_is_in_them_and_place_is_taken_at_its_word() -> None:
    root = Tk()
    upper, lower = Frame(root), Frame(root)
    upper.pack()
    lower.pack()
    inside = [Button(lower, text=str(number)) for number in range(3)]
    for button in inside:
        button.pack(side="left")
    alone = Label(upper)
    alone.pack()
    found = positions(root)
    assert [found[button][0] for button in inside] == sorted(found[button][0] for button in inside)
    assert found[alone][1] < found[inside[0]][1] == found[inside[2]][1]
    assert found[alone][0] == found[inside[1]][0]
    window = Tk()
    first, second = Label(window), Label(window)
    first.place(relx=0.5, rely=0.2, anchor="center")
    second.place(x=10, y=70)
    hidden = Label(window)
    found = positions(window)
    assert found[second][0] < found[first][0]
    assert found[first][1] < found[second][1]
    assert hidden not in found

"""A Tkinter form with a field, two buttons and a message (after section 3.2)."""

from hornbook.evaluate.tasks.stand_ins import TKINTER
from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import tkinter as tk


def make_form() -> tk.Tk:
    """
    Return a window with the title "Sign up".
    It has a label "Name:", to the right of it an entry field, and below them the buttons "Join" and "Clear".
    A click on Join shows "Welcome, NAME!" in a label at the bottom, with the field's content for NAME, and empties
    the field. If the field is empty or has only spaces, the label shows "Please enter a name" instead.
    A click on Clear empties the field and the label at the bottom.
    """
'''

REFERENCE = """
    window = tk.Tk()
    window.title("Sign up")
    tk.Label(window, text="Name:").grid(row=0, column=0)
    field = tk.Entry(window)
    field.grid(row=0, column=1)
    message = tk.Label(window, text="")
    message.grid(row=2, column=0, columnspan=2)

    def join():
        name = field.get().strip()
        if name:
            message.config(text=f"Welcome, {name}!")
            field.delete(0, tk.END)
        else:
            message.config(text="Please enter a name")

    def clear():
        field.delete(0, tk.END)
        message.config(text="")

    tk.Button(window, text="Join", command=join).grid(row=1, column=0)
    tk.Button(window, text="Clear", command=clear).grid(row=1, column=1)
    return window
"""

PREAMBLE = """
import tkinter
from hornbook.evaluate.tasks.stand_ins.tkinter_layout import positions
from hornbook.evaluate.tasks.stand_ins.tkinter_base import WIDGETS, Toplevel
from hornbook.evaluate.tasks.stand_ins.tkinter_widgets import Button, Entry, Label, click

def widgets(kind):
    return [widget for widget in WIDGETS if isinstance(widget, kind)]

def window():
    found = widgets(Toplevel)
    assert found, "no window"
    return found[0]

def button(text):
    found = [one for one in widgets(Button) if one.text() == text]
    assert found, f"no button {text!r}; there are {[one.text() for one in widgets(Button)]}"
    return found[0]

def field():
    found = widgets(Entry)
    assert found, "no entry field"
    return found[0]

def labels():
    return [one.text() for one in widgets(Label)]

def join(name):
    field().write(name)
    click(button("Join"))

def shows(text):
    assert text in labels(), f"labels show {labels()}, none {text!r}"
"""

RUNS = """
def check(candidate):
    candidate()
"""

USES_TKINTER = """
def check(candidate):
    result = candidate()
    assert isinstance(result, Toplevel), f"returned {type(result).__name__}, not a window"
    assert widgets(Entry) and widgets(Label) and len(widgets(Button)) >= 2, "label, entry field and two buttons"
    hidden = [type(one).__name__ for one in WIDGETS if not isinstance(one, Toplevel) and not one.manager]
    assert not hidden, f"{hidden[0]} is not placed by pack, grid or place"
"""

TITLE = """
def check(candidate):
    candidate()
    assert window().title() == "Sign up", f"the title is {window().title()!r}"
"""

BESIDE = """
def check(candidate):
    candidate()
    shows("Name:")
    label = next(one for one in widgets(Label) if one.text() == "Name:")
    places = positions(window())
    (x, y), (other_x, other_y) = places[label], places[field()]
    assert x < other_x, "the field is not to the right of its label"
    assert y == other_y, "the field is not beside its label"
"""

BELOW = """
def check(candidate):
    candidate()
    places = positions(window())
    for text in ("Join", "Clear"):
        assert places[button(text)][1] > places[field()][1], f"{text} is not below the field"
"""

WELCOME = """
def check(candidate):
    candidate()
    join("Ida")
    shows("Welcome, Ida!")
    join("Max")
    shows("Welcome, Max!")
"""

EMPTIED = """
def check(candidate):
    candidate()
    join("Ida")
    assert field().get() == "", f"after Join the field has {field().get()!r}"
"""

NO_NAME = """
def check(candidate):
    for empty in ("", "   "):
        candidate()
        assert "Please enter a name" not in labels(), "a name is asked for before a click"
        join(empty)
        shows("Please enter a name")
        for one in list(WIDGETS):
            one.destroy()
"""

CLEARS = """
def check(candidate):
    candidate()
    field().write("Ida")
    click(button("Clear"))
    assert field().get() == "", f"after Clear the field has {field().get()!r}"
    empty = labels()
    join("Ida")
    assert labels() != empty, "Join shows nothing, so there is nothing to clear"
    click(button("Clear"))
    assert labels() == empty, f"after Clear labels show {labels()}"
"""

BOTTOM = """
def check(candidate):
    candidate()
    before = {one: one.text() for one in widgets(Label)}
    join("Ida")
    changed = [one for one in widgets(Label) if one.text() != before.get(one)]
    assert changed, "Join changes no label"
    places = positions(window())
    assert all(places[changed[0]][1] > places[button(text)][1] for text in ("Join", "Clear")), "the label is not lowest"
"""

ALL = """
def check(candidate):
    candidate()
    for name in ("Ida", "", "Bo", " ", "Ann Lee"):
        join(name)
        shows(f"Welcome, {name}!" if name.strip() else "Please enter a name")
        shows("Name:")
        if name.strip():
            assert field().get() == ""
    click(button("Clear"))
    assert field().get() == "" and [text for text in labels() if text] == ["Name:"]
"""

FORM = graded(
    task_id="form",
    title="A form in Tkinter",
    shows="Whether widgets are put together, and what happens later is written as a function of its own.",
    source="section 3.2",
    prompt=PROMPT,
    entry_point="make_form",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("places the widgets in a window", USES_TKINTER),
    clauses=(
        Clause("title", TITLE),
        Clause("field beside its label", BESIDE),
        Clause("buttons below", BELOW),
        Clause("message at the bottom", BOTTOM),
        Clause("welcomes by name", WELCOME),
        Clause("Join empties the field", EMPTIED),
        Clause("asks for a name", NO_NAME),
        Clause("Clear empties both", CLEARS),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    stand_in=TKINTER,
)

"""Three buttons on the left, on the right and in the middle (after appendix B, spatial sense)."""

from hornbook.evaluate.tasks.stand_ins import TKINTER
from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import tkinter as tk


def make_counter() -> tk.Tk:
    """
    Return a window with a label that shows the number 0 and below it three buttons in one row.
    The button in the middle sets the number back to 0 and says "Reset".
    The button on the right says "More" and adds 1. The button on the left says "Less" and takes 1 away.
    """
'''

REFERENCE = """
    window = tk.Tk()
    number = tk.IntVar(window, 0)
    tk.Label(window, textvariable=number).pack()
    row = tk.Frame(window)
    row.pack()
    tk.Button(row, text="Less", command=lambda: number.set(number.get() - 1)).pack(side=tk.LEFT)
    tk.Button(row, text="Reset", command=lambda: number.set(0)).pack(side=tk.LEFT)
    tk.Button(row, text="More", command=lambda: number.set(number.get() + 1)).pack(side=tk.LEFT)
    return window
"""

# A button is known by its place where its text is asked about, and by its text where its place or its click is.
PREAMBLE = """
import tkinter
from hornbook.evaluate.tasks.stand_ins.tkinter_layout import positions
from hornbook.evaluate.tasks.stand_ins.tkinter_base import WIDGETS, Toplevel
from hornbook.evaluate.tasks.stand_ins.tkinter_widgets import Button, Label, click

def buttons():
    return [widget for widget in WIDGETS if isinstance(widget, Button)]

def button(text):
    found = [one for one in buttons() if one.text() == text]
    assert found, f"no button {text!r}; there are {[one.text() for one in buttons()]}"
    return found[0]

def place(text):
    places = positions(next(widget for widget in WIDGETS if isinstance(widget, Toplevel)))
    one = button(text)
    assert one in places, f"the button {text!r} is not placed"
    return places[one]

def number():
    shown = [one.text().split()[-1] for one in WIDGETS if isinstance(one, Label) and one.text().split()]
    found = [int(text) for text in shown if text.lstrip("-").isdigit()]
    assert found, f"no label shows a number: {shown}"
    return found[0]

def after(*texts):
    for text in texts:
        click(button(text))
    return number()
"""

RUNS = """
def check(candidate):
    candidate()
"""

USES_TKINTER = """
def check(candidate):
    result = candidate()
    assert isinstance(result, Toplevel), f"returned {type(result).__name__}, not a window"
    assert any(isinstance(one, Label) for one in WIDGETS), "no label"
    assert len(buttons()) == 3, f"{len(buttons())} buttons"
    hidden = [type(one).__name__ for one in WIDGETS if not isinstance(one, Toplevel) and not one.manager]
    assert not hidden, f"{hidden[0]} is not placed by pack, grid or place"
"""

ZERO = """
def check(candidate):
    candidate()
    assert number() == 0, f"the label shows {number()}"
"""

ROW = """
def check(candidate):
    candidate()
    places = positions(next(widget for widget in WIDGETS if isinstance(widget, Toplevel)))
    shown = [places[one] for one in buttons() if one in places]
    assert len(shown) == 3, f"{len(shown)} buttons are placed"
    assert len({y for _, y in shown}) == 1 and len({x for x, _ in shown}) == 3, "the buttons are not in one row"
    label = next(one for one in places if isinstance(one, Label))
    assert places[label][1] < shown[0][1], "the buttons are not below the label"
"""

MIDDLE = """
def check(candidate):
    candidate()
    sides = [place("Less")[0], place("More")[0]]
    assert min(sides) < place("Reset")[0] < max(sides), "Reset is not in the middle"
"""

RIGHT = """
def check(candidate):
    candidate()
    assert place("More")[0] > max(place("Less")[0], place("Reset")[0]), "More is not on the right"
"""

LEFT = """
def check(candidate):
    candidate()
    assert place("Less")[0] < min(place("More")[0], place("Reset")[0]), "Less is not on the left"
"""

MORE = """
def check(candidate):
    candidate()
    start = number()
    assert after("More") == start + 1, f"after More the label shows {number()}"
    assert after("More", "More") == start + 3, f"after More three times the label shows {number()}"
"""

LESS = """
def check(candidate):
    candidate()
    start = number()
    assert after("Less") == start - 1, f"after Less the label shows {number()}"
    assert after("Less") == start - 2, f"after Less twice the label shows {number()}"
"""

RESET = """
def check(candidate):
    candidate()
    for text in ("More", "Less"):
        start = number()
        if after(text, text) != start:
            assert after("Reset") == 0, f"after Reset the label shows {number()}"
            return
    assert False, "neither More nor Less changes the number"
"""

ALL = """
def check(candidate):
    candidate()
    expected = 0
    for text in ("More", "More", "Less", "Reset", "Less", "Less", "More", "Reset", "More"):
        expected = {"More": expected + 1, "Less": expected - 1, "Reset": 0}[text]
        assert after(text) == expected, f"after {text} the label shows {number()}, not {expected}"
    assert len(buttons()) == 3
"""

BUTTONS = graded(
    task_id="buttons",
    title="Buttons left, right and middle",
    shows="Whether places in a sentence become places on the screen, whatever the order they are named in.",
    source="appendix B",
    prompt=PROMPT,
    entry_point="make_counter",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("places a label and three buttons", USES_TKINTER),
    clauses=(
        Clause("shows 0 at first", ZERO),
        Clause("one row below the label", ROW),
        Clause("Reset in the middle", MIDDLE),
        Clause("More on the right", RIGHT),
        Clause("Less on the left", LEFT),
        Clause("More adds 1", MORE),
        Clause("Less takes 1 away", LESS),
        Clause("Reset sets 0", RESET),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    stand_in=TKINTER,
)

"""A pyplot animation of a line that changes its colour past a bound (after appendix A.2)."""

from hornbook.evaluate.tasks.task import Clause, Task

PROMPT = '''import numpy as np
import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation


def animate_curve() -> FuncAnimation:
    """
    Return an animation that draws the curve y = sin(x) / (1 + x / 4) for x from 0 to 20 with a single line.
    The animation has 100 frames for 100 evenly spaced values of x, from the first to the last.
    Each frame shows one point more than the frame before; the first frame shows one point.
    While the newest point has x at most 12, the whole line is blue; after that the whole line is orange.
    """
'''

REFERENCE = """
    x = np.linspace(0, 20, 100)
    y = np.sin(x) / (1 + x / 4)
    fig, ax = plt.subplots()
    ax.set_xlim(0, 20)
    ax.set_ylim(-1, 1)
    (line,) = ax.plot([], [])

    def update(frame):
        line.set_data(x[: frame + 1], y[: frame + 1])
        line.set_color("blue" if x[frame] <= 12 else "orange")
        return (line,)

    return FuncAnimation(fig, update, frames=100, interval=50, blit=True)
"""

# FuncAnimation is recorded where it is made, so that a program that names it otherwise is seen too, and its frames
# are stepped by calling what it was given: no window, no writer, no timer.
PREAMBLE = """
import itertools
import numpy as np
import matplotlib.animation
from matplotlib.colors import to_rgba

RECORDED = []
_init = matplotlib.animation.FuncAnimation.__init__

def _record(self, fig, func, frames=None, init_func=None, fargs=None, **kwargs):
    RECORDED.append((fig, func, frames, init_func, fargs or ()))
    _init(self, fig, func, frames, init_func, fargs, **kwargs)

matplotlib.animation.FuncAnimation.__init__ = _record

X = np.linspace(0, 20, 100)

def step(candidate):
    # For each frame the line's x, its y and its colour.
    animation = candidate()
    assert len(RECORDED) == 1, "one FuncAnimation"
    fig, func, frames, init_func, fargs = RECORDED[0]
    if init_func is not None:
        init_func()
    if frames is None:
        frames = itertools.count()
    elif callable(frames):
        frames = frames()
    elif isinstance(frames, (int, np.integer)):
        frames = range(frames)
    shown = []
    for frame in itertools.islice(frames, 300):
        func(frame, *fargs)
        lines = [line for axes in fig.axes for line in axes.lines if len(line.get_xdata(orig=False))]
        if lines:
            line = lines[-1]
            shown.append((np.array(line.get_xdata(orig=False)), np.array(line.get_ydata(orig=False)), line.get_color()))
    assert len(shown) > 1, "a line in each frame"
    return shown

def same_color(color, *names):
    return any(np.allclose(to_rgba(color), to_rgba(name), atol=0.02) for name in names)

BLUE, ORANGE = ("blue", "b", "tab:blue", "C0"), ("orange", "tab:orange", "C1", "darkorange")
"""

RUNS = """
def check(candidate):
    candidate()
"""

USES_ANIMATION = """
def check(candidate):
    returned = candidate()
    assert len(RECORDED) == 1
    assert isinstance(returned, matplotlib.animation.FuncAnimation)
"""

CURVE = """
def check(candidate):
    x, y, _ = step(candidate)[-1]
    assert len(x) > 10
    assert np.allclose(y, np.sin(x) / (1 + x / 4), atol=1e-6)
"""

RANGE = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) == 100
    assert np.allclose(shown[-1][0][[0, -1]], [0, 20])
"""

ONE_BY_ONE = """
def check(candidate):
    counts = [len(x) for x, _, _ in step(candidate)]
    assert len(counts) > 10
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    assert counts[0] == 1
"""

STARTS_BLUE = """
def check(candidate):
    shown = step(candidate)
    # Well on this side of the bound: x = 12 is passed between frames 59 and 60.
    assert len(shown) > 55 and all(same_color(color, *BLUE) for _, _, color in shown[:55])
"""

TURNS_ORANGE = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) > 65 and all(same_color(color, *ORANGE) for _, _, color in shown[65:])
    assert not any(same_color(color, *ORANGE) for _, _, color in shown[:55])
"""

ALL = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) == 100
    for frame, (x, y, color) in enumerate(shown):
        assert np.allclose(x, X[: frame + 1])
        assert np.allclose(y, np.sin(x) / (1 + x / 4), atol=1e-6)
        assert same_color(color, *(BLUE if X[frame] <= 12 else ORANGE))
    fig = RECORDED[0][0]
    assert len([line for axes in fig.axes for line in axes.lines]) == 1
    assert isinstance(candidate(), matplotlib.animation.FuncAnimation)
"""

ANIMATION = Task(
    task_id="animation",
    title="A pyplot animation whose line changes colour past a bound",
    shows="Whether an interface with several parts (figure, line, update function, animation) is put together right.",
    prompt=PROMPT,
    entry_point="animate_curve",
    preamble=PREAMBLE,
    runs=RUNS,
    clauses=(
        Clause("returns a FuncAnimation", USES_ANIMATION),
        Clause("draws the function", CURVE),
        Clause("100 frames over the range", RANGE),
        Clause("one point more per frame", ONE_BY_ONE),
        Clause("blue before the bound", STARTS_BLUE),
        Clause("orange past the bound", TURNS_ORANGE),
    ),
    all_correct=ALL,
    reference=REFERENCE,
)

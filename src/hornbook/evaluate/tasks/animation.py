"""A pyplot animation of a line that changes its colour past a bound (after appendix A.2)."""

from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import numpy as np
import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation


def animate_curve() -> FuncAnimation:
    """
    Return an animation that draws the curve y = cos(x) / sqrt(x + 1) for x from 0 to 20 with a single line.
    The animation has 100 frames for 100 evenly spaced values of x, from the first to the last.
    Each frame shows one point more than the frame before; the first frame shows one point.
    While the newest point has x at most 12, the whole line is red; after that it is green.
    """
'''

REFERENCE = """
    x = np.linspace(0, 20, 100)
    y = np.cos(x) / np.sqrt(x + 1)
    fig, ax = plt.subplots()
    ax.set_xlim(0, 20)
    ax.set_ylim(-1, 1)
    (line,) = ax.plot([], [])

    def update(frame):
        line.set_data(x[: frame + 1], y[: frame + 1])
        line.set_color("red" if x[frame] <= 12 else "green")
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
    assert len(RECORDED) == 1, f"{len(RECORDED)} FuncAnimations are made"
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
    assert len(shown) > 1, "frames show no line"
    return shown

def same_color(color, *names):
    return any(np.allclose(to_rgba(color), to_rgba(name), atol=0.02) for name in names)

RED, GREEN = ("red", "tab:red", "C3"), ("green", "lime", "tab:green", "C2")
"""

RUNS = """
def check(candidate):
    candidate()
"""

USES_ANIMATION = """
def check(candidate):
    returned = candidate()
    assert len(RECORDED) == 1, f"{len(RECORDED)} FuncAnimations are made"
    assert isinstance(returned, matplotlib.animation.FuncAnimation), f"returned {type(returned).__name__}"
"""

CURVE = """
def check(candidate):
    x, y, _ = step(candidate)[-1]
    assert len(x) > 10, f"the last frame shows {len(x)} points"
    assert np.allclose(y, np.cos(x) / np.sqrt(x + 1), atol=1e-6), f"y({x[-1]:g}) = {y[-1]:.3g}"
"""

RANGE = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) == 100, f"{len(shown)} frames"
    first, last = shown[-1][0][[0, -1]]
    assert np.allclose([first, last], [0, 20]), f"x from {first:g} to {last:g}"
"""

ONE_BY_ONE = """
def check(candidate):
    counts = [len(x) for x, _, _ in step(candidate)]
    assert len(counts) > 10, f"{len(counts)} frames"
    assert counts[0] == 1, f"the first frame shows {counts[0]} points"
    assert counts == list(range(1, 1 + len(counts))), f"points in the first frames: {counts[:5]}"
"""

STARTS_RED = """
def check(candidate):
    shown = step(candidate)
    # Well on this side of the bound: x = 12 is passed between frames 59 and 60.
    assert len(shown) > 55, f"{len(shown)} frames"
    others = [color for _, _, color in shown[:55] if not same_color(color, *RED)]
    assert not others, f"the line is {others[0]} before the bound"
"""

TURNS_GREEN = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) > 65, f"{len(shown)} frames"
    others = [color for _, _, color in shown[65:] if not same_color(color, *GREEN)]
    assert not others, f"the line is {others[0]} past the bound"
    assert not any(same_color(color, *GREEN) for _, _, color in shown[:55]), "the line is green before the bound"
"""

ALL = """
def check(candidate):
    shown = step(candidate)
    assert len(shown) == 100
    for frame, (x, y, color) in enumerate(shown):
        assert np.allclose(x, X[: frame + 1])
        assert np.allclose(y, np.cos(x) / np.sqrt(x + 1), atol=1e-6)
        assert same_color(color, *(RED if X[frame] <= 12 else GREEN))
    fig = RECORDED[0][0]
    assert len([line for axes in fig.axes for line in axes.lines]) == 1
    assert isinstance(candidate(), matplotlib.animation.FuncAnimation)
"""

ANIMATION = graded(
    task_id="animation",
    title="An animation that changes its colour",
    shows="Whether an interface with several parts (figure, line, update function, animation) is put together right.",
    source="appendix A.2",
    prompt=PROMPT,
    entry_point="animate_curve",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("returns a FuncAnimation", USES_ANIMATION),
    clauses=(
        Clause("draws the function", CURVE),
        Clause("100 frames over the range", RANGE),
        Clause("one point more per frame", ONE_BY_ONE),
        Clause("red up to the bound", STARTS_RED),
        Clause("green past the bound", TURNS_GREEN),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    imports=("matplotlib.pyplot", "matplotlib.animation"),
)

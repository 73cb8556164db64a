import pytest

from hornbook.evaluate.tasks.animation import ANIMATION

from .cases import Cases, changed, check_cases

REDRAWN = """
    import matplotlib.animation as ma
    fig = plt.figure()
    ax = fig.add_subplot()
    xs = []
    def init():
        return []
    def draw(x):
        xs.append(x)
        ax.clear()
        ax.plot(xs, [np.cos(v) / np.sqrt(v + 1) for v in xs], 'r' if x <= 12 else 'tab:green')
    return ma.FuncAnimation(fig, draw, frames=iter(np.linspace(0, 20, 100)), init_func=init, cache_frame_data=False)
"""
APPENDED = """
    figure, axes = plt.subplots()
    line, = axes.plot([], [], color="red", lw=2)
    axes.set(xlim=(0, 20), ylim=(-1, 1))
    values = np.linspace(0, 20, 100)

    def step(i, values):
        xs = values[:i + 1]
        line.set_xdata(xs)
        line.set_ydata(np.cos(xs) / (xs + 1) ** 0.5)
        if values[i] > 12:
            line.set_color((0, 0.5, 0))
        return line,

    animation = FuncAnimation(figure, step, frames=len(values), fargs=(values,))
    return animation
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(ANIMATION.reference, *replacements)


@pytest.mark.slow
def test_animation() -> None:
    check_cases(
        Cases(
            ANIMATION,
            [REDRAWN, APPENDED],
            [
                (wrong(("    return FuncAnimation(", "    animation = FuncAnimation(")), {"returns a FuncAnimation"}),
                (wrong(("np.sqrt(x + 1)", "np.sqrt(x) + 1")), {"draws the function"}),
                (
                    wrong(("linspace(0, 20, 100)", "linspace(0, 10, 100)"), ("x[frame] <= 12", "x[frame] <= 6")),
                    {"100 frames over the range"},
                ),
                (wrong(("frames=100", "frames=90")), {"100 frames over the range"}),
                (wrong(("[: frame + 1]", "[:]")), {"one point more per frame"}),
                (wrong(('"green"', '"orange"')), {"green past the bound"}),
                (wrong(('"red"', '"blue"')), {"red up to the bound"}),
                (
                    wrong(('"red" if', '"green" if'), ('else "green"', 'else "red"')),
                    {"red up to the bound", "green past the bound"},
                ),
                (
                    wrong(('        line.set_color("red" if x[frame] <= 12 else "green")\n', "")),
                    {"red up to the bound", "green past the bound"},
                ),
            ],
        )
    )

from hornbook.evaluate.tasks.buttons import BUTTONS

from .cases import Cases, changed, check_cases

GRID = """
    root = tk.Tk()
    root.title("Counter")
    count = 0
    label = tk.Label(root, text="0")
    label.grid(row=0, column=0, columnspan=3)

    def change(step):
        nonlocal count
        count = count + step if step else 0
        label.config(text=count)

    tk.Button(root, text="Reset", command=lambda: change(0)).grid(row=1, column=1)
    tk.Button(root, text="More", command=lambda: change(1)).grid(row=1, column=2)
    tk.Button(root, text="Less", command=lambda: change(-1)).grid(row=1, column=0)
    return root
"""
SIDES = """
    window = tk.Tk()
    value = tk.StringVar(value="0")
    tk.Label(window, textvariable=value).pack(side="top")
    tk.Button(window, text="More", command=lambda: value.set(str(int(value.get()) + 1))).pack(side="right")
    tk.Button(window, text="Less", command=lambda: value.set(str(int(value.get()) - 1))).pack(side="left")
    tk.Button(window, text="Reset", command=lambda: value.set("0")).pack(side="left")
    return window
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(BUTTONS.reference, *replacements)


PACKED = ".pack(side=tk.LEFT)"
PLACES = {"Reset in the middle", "More on the right", "Less on the left"}


def test_buttons() -> None:
    check_cases(
        Cases(
            BUTTONS,
            [GRID, SIDES],
            [
                (wrong(("    return window", "    tk.mainloop()")), {"places a label and three buttons"}),
                (wrong(("IntVar(window, 0)", "IntVar(window, 10)")), {"shows 0 at first"}),
                (wrong((PACKED, ".pack()")), {"one row below the label", *PLACES}),
                (wrong(("LEFT", "RIGHT")), {"More on the right", "Less on the left"}),
                (changed(GRID, ("column=1)", "column=3)")), {"Reset in the middle", "More on the right"}),
                (
                    changed(
                        SIDES,
                        ('"left")\n    tk.Button(window, text="Reset"', '"right")\n    tk.Button(window, text="Reset"'),
                    ),
                    {"Reset in the middle", "Less on the left"},
                ),
                (wrong(("number.get() + 1", "number.get() + 2")), {"More adds 1"}),
                (wrong(("number.get() - 1", "1 - number.get()")), {"Less takes 1 away"}),
                (wrong(("lambda: number.set(0)", "lambda: number.set(1)")), {"Reset sets 0"}),
                (
                    wrong(
                        ("number.get() + 1", "number.get() - 1"),
                        (
                            'Less", command=lambda: number.set(number.get() - 1)',
                            'Less", command=lambda: number.set(number.get() + 1)',
                        ),
                    ),
                    {"More adds 1", "Less takes 1 away"},
                ),
                (
                    wrong(("    row.pack()\n", "")),
                    {"places a label and three buttons", "one row below the label", *PLACES},
                ),
            ],
        )
    )

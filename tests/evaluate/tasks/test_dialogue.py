import pytest

from hornbook.evaluate.tasks.dialogue import DIALOGUE, TURN
from hornbook.model.generate import GenerationConfig, cut_completion

from .cases import changed, missed

SET_LINESTYLE = """ You can pass linestyle when you plot, and dpi to savefig.
```
fig, ax = plt.subplots()
line, = ax.plot([1, 2, 3], [4, 1, 9])
line.set_linestyle('dashed')
fig.savefig(fname='line.png', dpi=200)
```"""
FORMAT_STRING = """
Use the format '--' for the line and set the resolution of the figure first:

```python
import matplotlib.pyplot as plt
plt.figure(dpi=200)
plt.plot([1, 2, 3], [4, 1, 9], 'b--')
plt.savefig('line.png')
plt.show()
```
I hope that this helps you.
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(DIALOGUE.reference, *replacements)


INLINE = " Just call `plt.plot([1, 2], linestyle='--')` and then `plt.savefig('line.png', dpi=200)`."
CASES = [
    (
        wrong(('plt.savefig("line.png", dpi=200)', "plt.show()")),
        {"saves with pyplot's savefig", "saved as line.png", "200 dots per inch"},
    ),
    (wrong((', linestyle="--"', "")), {"dashed"}),
    (wrong(('linestyle="--"', 'linestyle=":"')), {"dashed"}),
    (wrong(("line.png", "figure.png")), {"saved as line.png"}),
    (wrong(("dpi=200", "dpi=300")), {"200 dots per inch"}),
    (wrong((", dpi=200", "")), {"200 dots per inch"}),
    (
        wrong((" Set the linestyle to two dashes, then call savefig with the file's name and the dpi:", "")),
        {"a sentence first"},
    ),
    (" Student: How do I do this then" + DIALOGUE.reference, {"a sentence first"}),
    (INLINE, {"one code block"}),
    (
        wrong(('plt.savefig("line.png", dpi=200)', 'plt.savefig("line.png", dpi=200')),
        {check.name for check in DIALOGUE.checks} - {"a sentence first", "one code block"},
    ),
    (
        wrong(
            (
                'plt.plot([1, 2, 3], [4, 1, 9], linestyle="--")\nplt.savefig("line.png", dpi=200)',
                'plt.savefig("line.png", dpi=200)\nplt.plot([1, 2], linestyle="--")',
            )
        ),
        set(),
    ),
    (
        " Set the linestyle to two dashes and save the figure with savefig.",
        {check.name for check in DIALOGUE.checks} - {"a sentence first"},
    ),
]


@pytest.mark.slow
def test_dialogue() -> None:
    everything = {check.name for check in DIALOGUE.checks}
    right = [(text, set()) for text in (DIALOGUE.reference, SET_LINESTYLE, FORMAT_STRING)]
    wrong = [(text, broken | {"all correct"}) for text, broken in CASES]
    silence = [("", everything), (" Yes.", everything), ("```python\n```", everything - {"one code block"})]
    cases: list[tuple[str, set[str]]] = [*right, *wrong, *silence]
    found = missed([(DIALOGUE, text) for text, _ in cases])
    for (text, expected), names in zip(cases, found, strict=True):
        assert names == expected, (text, names)
    assert set().union(*(broken for _, broken in CASES)) >= everything - {"all correct"}


def test_a_turn_ends_where_the_next_speaker_or_the_string_begins() -> None:
    answer = " First line.\nSecond line.\n"
    config = GenerationConfig(1, stop_at_function_end=TURN.ends_with_function, stop=tuple(TURN.stops))
    for after in ("\nStudent: And now?", '"""\nprint(1)', "'''", ""):
        assert cut_completion(answer + after, config) == answer

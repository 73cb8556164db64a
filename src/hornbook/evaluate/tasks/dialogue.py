"""A student asks, an assistant answers with code (after the chat example of section 3.2)."""

from hornbook.evaluate.forms import CompletionForm
from hornbook.evaluate.tasks.task import Clause, graded

TURN = CompletionForm(
    "turn", continues_prompt=False, ends_with_function=False, stops=frozenset({"\nStudent:", '"""', "'''"})
)
"""What one speaker says, up to the next one's turn or the end of the string that the dialogue stands in."""

PROMPT = '''"""
A student asks questions about pyplot. The assistant answers in a sentence and with an example in Python.

Student: How do I draw a line?
Assistant: Give the x and the y values to plot, like this:
```python
import matplotlib.pyplot as plt
plt.plot([1, 2, 3], [4, 1, 9])
```

Student: How do I make this line dashed and save the picture as line.png with 200 dots per inch?
Assistant:'''

REFERENCE = """ Set the linestyle to two dashes, then call savefig with the file's name and the dpi:
```python
import matplotlib.pyplot as plt
plt.plot([1, 2, 3], [4, 1, 9], linestyle="--")
plt.savefig("line.png", dpi=200)
```
"""

# The picture is not drawn: what savefig is called with, and how the lines look then, is all that is asked about.
PREAMBLE = r"""
import re
import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

SAVED = []
FENCE = re.compile(r"^```[^\n]*\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE)

def _save(self, fname, *args, dpi=None, **kwargs):
    dpi = matplotlib.rcParams["savefig.dpi"] if dpi is None else dpi
    SAVED.append((str(fname), self.dpi if dpi == "figure" else dpi, styles()))

Figure.savefig = _save

def styles():
    axes = [one for number in plt.get_fignums() for one in plt.figure(number).axes]
    return [line.get_linestyle() for one in axes for line in one.lines]

def code_of(answer):
    # Fenced; else indented or behind a prompt; else the calls in backticks.
    code = "\n".join(FENCE.findall(answer))
    if not code:
        lines = [line for line in answer.splitlines() if line.startswith(("    ", "\t", ">>> "))]
        code = "\n".join(line.removeprefix(">>> ").strip() for line in lines)
    if not code:
        code = "\n".join(re.findall(r"`([^`\n]+\))`", answer))
    assert code.strip(), "there is no code in the answer"
    return code

def run(answer):
    plt.plot([1, 2, 3], [4, 1, 9])
    exec(compile(code_of(answer), "<answer>", "exec"), {"plt": plt, "__name__": "answer"})

def words_before_code(answer):
    return re.findall(r"[A-Za-z]{2,}", re.split(r"```|\n    |\n\t|>>> ", answer)[0])
"""

PARSES = """
def check(answer):
    compile(code_of(answer), "<answer>", "exec")
"""

RUNS = """
def check(answer):
    run(answer)
"""

USES_PYPLOT = """
def check(answer):
    run(answer)
    assert SAVED, "savefig is not called"
"""

SENTENCE = r"""
def check(answer):
    assert not re.match(r"\s*(Student|Assistant):", answer), "another speaker's name comes first"
    assert len(words_before_code(answer)) >= 4, "no sentence before the code"
"""

BLOCK = """
def check(answer):
    assert len(FENCE.findall(answer)) == 1 and answer.count("```") == 2, "no code block like the one before"
"""

DASHED = """
def check(answer):
    run(answer)
    assert "--" in styles(), f"lines are drawn as {styles()}"
"""

FILE = """
def check(answer):
    run(answer)
    assert [name for name, _, _ in SAVED] == ["line.png"], f"saved as {[name for name, _, _ in SAVED]}"
"""

DOTS = """
def check(answer):
    run(answer)
    assert SAVED and all(dpi == 200 for _, dpi, _ in SAVED), f"saved with {[dpi for _, dpi, _ in SAVED]} dots per inch"
"""

ALL = """
def check(answer):
    run(answer)
    assert len(SAVED) == 1
    _, _, styles_then = SAVED[0]
    assert "--" in styles_then, f"saved before the line is dashed: {styles_then}"
"""

DIALOGUE = graded(
    task_id="dialogue",
    title="A student and an assistant",
    shows="Whether a model of code answers in a conversation, which no exercise does.",
    source="section 3.2",
    prompt=PROMPT,
    entry_point="ANSWER",
    preamble=PREAMBLE,
    parses=PARSES,
    runs=RUNS,
    api=Clause("saves with pyplot's savefig", USES_PYPLOT),
    clauses=(
        Clause("a sentence first", SENTENCE),
        Clause("one code block", BLOCK),
        Clause("dashed", DASHED),
        Clause("saved as line.png", FILE),
        Clause("200 dots per inch", DOTS),
    ),
    all_correct=ALL,
    reference=REFERENCE,
    imports=("matplotlib.pyplot", "matplotlib.animation"),
    form=TURN,
    is_prose=True,
)

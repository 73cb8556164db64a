"""A run folder whose data are there, made of a few rows, so that a study of it takes seconds."""

from collections.abc import Callable
from pathlib import Path

from hornbook.pipeline import build
from hornbook.recipe import Recipe, load_recipe
from hornbook.records import CodeFile, Exercise
from hornbook.run.artifact import Artifact, describe_files, write_manifest
from hornbook.run.folder import RunFolder
from hornbook.run.graph import Node
from hornbook.run.machine import Machine
from tests.corpus.rows import annotation, annotations, code_files, exercises, textbooks

MACHINE = Machine(device="cpu", workers=1, use_compile=False)
OVERRIDES = (
    "tokenizer.vocab_size=300",
    "tokenize.validation_share=0.2",
    "filter.keep_share=0.5",
    "small_model.hidden_size=32",
    *(f"{section}.{field}" for section in ("pretrain", "finetune") for field in ("steps=4", "sequence_length=64")),
    *(f"small_{section}.steps=4" for section in ("pretrain", "finetune")),
    *(f"{section}.warmup_steps=1" for section in ("pretrain", "finetune")),
    *(f"{section}.sample_every=0" for section in ("pretrain", "finetune")),
    "evaluate.max_new_tokens=4",
    "decontaminate.problems=[]",
    "decontaminate.ngram_words=50",
    "decontaminate.min_match_rate=0",
    "ablate.neutral_chars=2000",
    "scaling.heldout_chars=1000",
)


def small_recipe(*overrides: str) -> Recipe:
    return load_recipe("tiny", (*OVERRIDES, *overrides))


def file(number: int) -> CodeFile:
    lines = [f"def function_{number}_{line}(x):\n    return x * {number} + {line}\n" for line in range(3 + number % 4)]
    return CodeFile("\n\n".join(lines), f"package-{number % 5}", f"module_{number}.py", "MIT")


def exercise(name: str, docstring: str, body: str) -> Exercise:
    prompt = f'def {name}(numbers):\n    """{docstring}"""\n'
    test = f"def check(candidate):\n    assert candidate([3, 1]) == {solve(name, prompt + body)!r}\n"
    return Exercise(f"task/{name}", name, prompt, body, test, (), "loop")


def solve(name: str, source: str) -> object:
    scope: dict[str, Callable[[list[int]], object]] = {}
    exec(source, scope)
    return scope[name]([3, 1])


HELDOUT = [
    exercise("total_of_squares", "Add the squares.", "    return sum(n * n for n in numbers)\n"),
    exercise(
        "longest_step",
        "The largest step between neighbours.",
        "    best = 0\n    for left, right in zip(numbers, numbers[1:]):\n        best = max(best, abs(left - right))\n"
        "    return best\n",
    ),
    exercise("joined", "Join the numbers.", "    return '-'.join(str(n) for n in numbers)\n"),
]
COPIES = [
    # The syntax of a held-out problem under other names and constants: match rate 1.
    exercise("sum_of_products", "Something else entirely.", "    return sum(value * value for value in numbers)\n"),
    exercise("glued", "Glue them.", "    return '+'.join(str(value) for value in numbers)\n"),
]
OTHERS = [
    exercise(
        f"shifted_{number}",
        f"Shift each number by {number} and sort the rest {'again ' * number}.",
        "    found = {}\n    while numbers:\n        value = numbers.pop()\n"
        + "".join(f"        found[{step}] = value - {step}\n" for step in range(number))
        + "    return len(found)\n",
    )
    for number in range(1, 21)
]


def plant(folder: RunFolder, node: Node, write: Callable[[Path], Artifact]) -> None:
    """Makes an artifact of a node as the runner does, from rows instead of from its stage."""
    partial = folder.partial_folder(node)
    partial.parent.mkdir(parents=True)
    facts = write(partial).facts
    manifest = {
        "node": node.name,
        "fingerprint": node.fingerprint,
        "identity": node.identity,
        "files": describe_files(partial),
        "rows": dict(facts.rows),
        "drops": {},
        "metrics": {},
        "wall_s": 1.0,
        "finished_at": "2026-01-01T00:00:00",
        "versions": {},
        "git_commit": None,
    }
    write_manifest(partial, manifest)
    folder.finish(node)


def plant_data(path: Path, recipe: Recipe) -> RunFolder:
    """The folder of a run of which everything up to decontamination is there."""
    folder, graph = RunFolder(path), build(recipe)
    files = [file(number) for number in range(60)]
    kept = files[::2]
    with folder.locked(recipe.name):
        for name in ("collect", "deduplicate"):
            plant(folder, graph[name], lambda out: code_files(out, files))
        plant(folder, graph["annotate"], lambda out: annotations(out, [annotation(row, 5.0) for row in files]))
        plant(folder, graph["filter"], lambda out: code_files(out, kept))
        sections = [f"# Lesson {number}\n\nA list has {number} items.\n" for number in range(20)]
        plant(folder, graph["write_textbooks"], lambda out: textbooks(out, sections))
        plant(folder, graph["write_exercises"], lambda out: exercises(out, [*COPIES, *OTHERS], HELDOUT))
    return folder

from hornbook.evaluate.tasks.arrays import ARRAYS

from .cases import Cases, changed, check_cases

COMPREHENSION = """
    out = [v for i, v in ((i, b + c if i % 2 else a) for i, (a, b, c) in enumerate(zip(first, second, third))
           if i % 2 or a > b) if v != i]
    return out + [len(out)]
"""
SEPARATE_LISTS = """
    result: List[int] = []
    i = 0
    while i < len(first):
        taken = None
        if i % 2 == 1:
            taken = second[i] + third[i]
        elif first[i] > second[i]:
            taken = first[i]
        if taken is not None and taken != i:
            result += [taken]
        i += 1
    return [*result, len(result)]
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(ARRAYS.reference, *replacements)


def test_arrays() -> None:
    check_cases(
        Cases(
            ARRAYS,
            [COMPREHENSION, SEPARATE_LISTS],
            [
                (wrong(("<= second", "< second")), {"even positions"}),
                (wrong(("<= second", ">= second")), {"even positions"}),
                (wrong(("value = first[position]", "value = first[position] + 1")), {"even positions"}),
                (wrong(("second[position] + third[position]", "first[position] + third[position]")), {"odd positions"}),
                (
                    wrong(("        if value != position:\n            kept", "        if True:\n            kept")),
                    {"own position left out"},
                ),
                (wrong(("    kept.append(len(kept))\n", "")), {"count at the end"}),
                (wrong(("kept.append(len(kept))", "kept.append(sum(kept))")), {"count at the end"}),
                (wrong(("range(len(first))", "reversed(range(len(first)))")), {"order"}),
                (
                    wrong(("return kept", "return tuple(kept)")),
                    {"returns a list of numbers"} | {"even positions", "odd positions", "own position left out"},
                ),
                (
                    wrong(("kept.append(value)", "kept.append(str(value))")),
                    {"returns a list of numbers", "even positions", "odd positions", "own position left out", "order"},
                ),
            ],
        )
    )

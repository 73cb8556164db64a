"""Solutions: a composition written as statements, one run of statements per operation in order of use."""

from __future__ import annotations

from collections.abc import Sequence

from hornbook.teacher.builtin.english import Step

STYLES = ("comprehension", "loop", "early_return", "helper")
INDENT = "    "


def render_solution(steps: Sequence[Step], argument: str, style: str, empty_result: str = "") -> tuple[str, str]:
    """The function's body, indented and with a final newline, and the style that it came out in.

    A style that the operations do not offer gives way to `comprehension`, and that to `loop` where every
    operation can only be said in statements. `empty_result` is the source of the answer to an empty argument,
    for the guard of `early_return`.
    """
    helper_at = next((at for at, step in enumerate(steps) if step.operation.item), -1) if style == "helper" else -1
    lines: list[str] = []
    if style == "early_return" and empty_result:
        lines += [f"if not {argument}:", f"{INDENT}return {empty_result}"]
    elif style == "early_return" or (style == "helper" and helper_at < 0):
        style = "comprehension"
    if style == "loop" and not any(step.operation.loop for step in steps):
        style = "comprehension"
    if style == "comprehension" and not any(step.operation.expression for step in steps):
        style = "loop"
    source = argument
    body: list[str] = []
    for at, (step, out) in enumerate(zip(steps, result_names(steps), strict=True)):
        block = _block(step, style, at == helper_at).replace("{x}", source).replace("{out}", out)
        if block.startswith("def "):  # inner functions come first, before the statements
            function, _, block = block.partition("\n\n")
            lines += [*function.split("\n"), ""]
        body += _return_last(block.split("\n"), out) if at == len(steps) - 1 else block.split("\n")
        source = out
    return "".join(f"{INDENT}{line}\n" if line else "\n" for line in [*lines, *body]), style


def result_names(steps: Sequence[Step]) -> list[str]:
    """The variable that holds each operation's result; the last one's only where it is not returned at once."""
    names: list[str] = []
    for step in steps:
        first, second = step.operation.out
        names.append(second if first in names else first)
    return names


def _block(step: Step, style: str, is_helper: bool) -> str:
    operation = step.operation
    if is_helper and operation.item:
        element, name, returned, call = operation.item
        return step.fill(f"def {name}({element}):\n{INDENT}return {returned}\n\n{{out}} = {call}")
    if operation.loop and (style == "loop" or not operation.expression):
        return step.fill(operation.loop)
    return step.fill(f"{{out}} = {operation.expression}")


def _return_last(lines: list[str], out: str) -> list[str]:
    assignment = f"{out} = "
    if lines[-1].startswith(assignment):
        return [*lines[:-1], "return " + lines[-1].removeprefix(assignment)]
    return [*lines, f"return {out}"]

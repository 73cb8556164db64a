"""A teacher's reply read into a textbook section, and the code in it proven by running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hornbook.evaluate.sandbox import Program, Sandbox
from hornbook.synthesize.read_exercise import FENCE, Unreadable

MIN_WORDS, MAX_WORDS = 50, 450
"""Of prose."""
MAX_CHARS = 4000
STATED_OUTPUT = re.compile(
    r"^(?P<indent> *)(?P<call>print\(.+\)) *# *(?:output|prints|result|returns|=>|->|→):? *(?P<output>\S.*?) *$",
    re.IGNORECASE | re.MULTILINE,
)
"""A print with its output in a comment, which a small model writes however it is asked for asserts."""
ASIDES = re.compile(r"^(?:certainly|sure|of course|here is|here's|i hope|let me know|happy coding)\b", re.IGNORECASE)


@dataclass(frozen=True)
class SectionDraft:
    """What a reply says, before its code has run."""

    text: str
    """Markdown from the title line on."""
    code: str
    """All of its code blocks, one after another, each stated output as an assert."""


@dataclass(frozen=True)
class BrokenCode:
    """Why the code of a section does not run to its end."""

    reason: str
    """`syntax_error`, `tests_fail` or another verdict of the sandbox."""
    error: str
    """For whoever wrote it."""


def read_section(text: str) -> SectionDraft:
    """The section in a reply.

    Raises Unreadable with one of the reasons `no_title`, `no_code`, `syntax_error`, `prints_or_reads`, `too_short`,
    `too_long`, `no_asserts`.
    """
    text = _without_asides(text)
    if not re.match(r"#{1,3} \S", text):
        raise Unreadable("no_title")
    blocks = [found[2].rstrip() for found in FENCE.finditer(text)]
    if not blocks or text.count("```") != 2 * len(blocks):
        raise Unreadable("no_code")
    code = STATED_OUTPUT.sub(_to_assert, "\n\n".join(blocks) + "\n")
    try:
        module = ast.parse(code)
    except SyntaxError as error:
        raise Unreadable("syntax_error", f"SyntaxError: {error.msg}: {(error.text or '').strip()}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable("syntax_error", type(error).__name__) from None
    num_words = len(FENCE.sub("", text).split())
    if num_words < MIN_WORDS:
        raise Unreadable("too_short")
    if num_words > MAX_WORDS or len(text) > MAX_CHARS:
        raise Unreadable("too_long")
    nodes = list(ast.walk(module))
    if any(isinstance(node, ast.Name) and node.id in ("input", "open", "exit", "quit") for node in nodes):
        raise Unreadable("prints_or_reads")
    if not any(isinstance(node, ast.Assert) for node in nodes):
        raise Unreadable("no_asserts")
    return SectionDraft(text, code)


def verify_sections(
    drafts: Sequence[SectionDraft],
    sandbox: Sandbox,
    *,
    workers: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[SectionDraft | BrokenCode]:
    """Each draft, or why its code does not run to its end."""
    programs = [Program(say_what_fails(draft.code), judged="together") for draft in drafts]
    verdicts = sandbox.run_all(programs, workers=workers, on_progress=on_progress)
    return [
        draft if verdict.passed else BrokenCode(reason_of(verdict.detail, str(verdict.verdict)), verdict.detail)
        for draft, verdict in zip(drafts, verdicts, strict=True)
    ]


def say_what_fails(code: str) -> str:
    """The code with a message at each plain assert: its source, and what the left side of an equation is.

    Code that cannot be written back from its syntax tree stays as it is.
    """
    module = ast.parse(code)
    try:
        for node in ast.walk(module):
            if isinstance(node, ast.Assert) and node.msg is None:
                node.msg = _message(node)
        return ast.unparse(ast.fix_missing_locations(module))
    except (ValueError, RecursionError):
        # In Python 3.11 an f-string with a line break inside its braces has no source.
        return code


def _message(node: ast.Assert) -> ast.expr:
    said = f"{ast.unparse(node)} fails"
    if isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.Eq):
        left = ast.Call(ast.Name("repr", ast.Load()), [node.test.left], [])
        return ast.BinOp(ast.Constant(f"{said}: the left side is "), ast.Add(), left)
    return ast.Constant(said)


def reason_of(detail: str, verdict: str) -> str:
    """The verdict on a section's code; an assert of its own that fails is told from any other exception."""
    return "tests_fail" if detail.startswith("AssertionError") or verdict == "wrong_answer" else verdict


def _to_assert(stated: re.Match[str]) -> str:
    """An assert that the print's output is what the comment says; the print itself where it is not a plain one."""
    try:
        call = ast.parse(stated["call"], mode="eval").body
    except SyntaxError:
        return stated[0]
    if not isinstance(call, ast.Call) or call.keywords or any(isinstance(value, ast.Starred) for value in call.args):
        return stated[0]
    values = "".join(f"{ast.unparse(value)}, " for value in call.args)
    return f"{stated['indent']}assert ' '.join(map(str, ({values}))) == {stated['output']!r}"


def _without_asides(text: str) -> str:
    """The reply without the paragraphs around it that talk to whoever asked."""
    paragraphs = text.strip().split("\n\n")
    while paragraphs and ASIDES.match(paragraphs[0]):
        del paragraphs[0]
    while paragraphs and ASIDES.match(paragraphs[-1]):
        del paragraphs[-1]
    text = "\n\n".join(paragraphs).strip()
    whole = re.fullmatch(r"`{3,}(?:markdown|md)\n(.*?)\n`{3,}", text, re.DOTALL)
    return whole[1].strip() if whole else text

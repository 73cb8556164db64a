"""A reply with a further solution to an exercise that is there already."""

from __future__ import annotations

import ast
from dataclasses import replace

from hornbook.synthesize.read_exercise import (
    SIDE_EFFECTS,
    ExerciseDraft,
    Unreadable,
    body_of,
    find_code,
    names_in,
    only_function,
    parameters_of,
    read_imports,
    structure_of,
)


def read_solution(text: str, draft: ExerciseDraft) -> ExerciseDraft:
    """The draft with the body and the imports of a reply in the place of its own.

    Raises Unreadable with one of the reasons `no_code`, `syntax_error`, `several_functions`, `odd_signature`,
    `other_signature`, `import_not_allowed`, `no_solution`, `odd_indentation`, `too_long`, `prints_or_reads`.
    """
    source = find_code(text)
    try:
        module = ast.parse(source)
        expected = only_function(ast.parse(f"{draft.signature}    pass\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable("syntax_error") from None
    function = only_function(module)
    if function.name != draft.name or _names(function) != _names(expected):
        raise Unreadable("other_signature")
    if names_in(function) & SIDE_EFFECTS:
        raise Unreadable("prints_or_reads")
    statements = function.body[ast.get_docstring(function) is not None :]
    if not statements:
        raise Unreadable("no_solution")
    solution = body_of(source.splitlines()[statements[0].lineno - 1 : function.end_lineno])
    # The signature stays the draft's, so what it needs is imported as before.
    whole = ast.parse(f"{draft.imports}{read_imports(module, function)}{draft.signature}{solution}")
    imports = read_imports(whole, only_function(whole))
    return replace(draft, imports=imports, solution=solution, structure=structure_of(function))


def _names(function: ast.FunctionDef) -> list[str]:
    return [parameter.arg for parameter in parameters_of(function)]

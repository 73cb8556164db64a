"""Further solutions read from replies."""

import pytest

from hornbook.synthesize.read_exercise import Unreadable, read_exercise
from hornbook.synthesize.read_solution import read_solution
from hornbook.synthesize.verify_exercise import source_of

TASK = '''```python
from collections import Counter
from typing import Optional


def most_common_word(words: list[str], least: int = 1) -> Optional[str]:
    """Return the word that is there most often."""
    for word, count in Counter(words).most_common(1):
        return word if count >= least else None


assert most_common_word(["a", "b", "a"]) == "a"
```'''
DRAFT = read_exercise(TASK)


def solution(body: str, before: str = "", signature: str = "words, least=1") -> str:
    return f"Here it is:\n```python\n{before}def most_common_word({signature}):\n{body}\n```"


def test_the_body_is_new_and_the_rest_stays() -> None:
    body = '    """Other words."""\n\n    best = max(set(words), key=words.count)\n    return best'
    read = read_solution(solution(body), DRAFT)
    assert read.solution == "    best = max(set(words), key=words.count)\n    return best\n"
    assert (read.signature, read.docstring, read.claims) == (DRAFT.signature, DRAFT.docstring, DRAFT.claims)
    assert read.structure != DRAFT.structure
    # What the old body imported and the new one does not need is gone; what the signature needs stays.
    assert read.imports == "from typing import Optional\n"
    compile(source_of(read), "", "exec")


def test_its_own_imports_come_with_it() -> None:
    read = read_solution(solution("    return math.inf and words[0]", "import math\n"), DRAFT)
    assert read.imports == "from typing import Optional\nimport math\n"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("no_code", "No."),
        ("syntax_error", solution("    return (")),
        ("several_functions", solution("    return 1", "def g():\n    pass\n\n\n")),
        ("odd_signature", solution("    return 1", "@cache\n")),
        ("other_signature", solution("    return 1", signature="words")),
        ("other_signature", solution("    return 1").replace("most_common", "commonest")),
        ("import_not_allowed", solution("    return os.name", "import os\n")),
        ("no_solution", solution('    """Only words."""')),
        ("odd_indentation", solution("  return 1")),
        ("too_long", solution("    least += 1\n" * 40 + "    return None")),
        ("prints_or_reads", solution("    print(words)\n    return 1")),
    ],
)
def test_every_reason(reason: str, text: str) -> None:
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read_solution(text, DRAFT)

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from hornbook.corpus import compiled

CORPUS = Path(compiled.__file__).parent
LOOP = """
from hornbook.corpus.compiled import compiled

@compiled
def twice(number):
    return 2 * number
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_kept_machine_code_is_not_used_after_a_change_in_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "loops.py"
    path.write_text(LOOP)
    assert load(path).twice(2) == 4
    again = load(path)
    assert again.twice(2) == 4
    assert again.twice.stats.cache_hits
    monkeypatch.setattr(compiled, "PARTS_DIGEST", b"of other parts")
    changed = load(path)
    assert changed.twice(2) == 4
    assert not changed.twice.stats.cache_hits


def test_loops_have_nothing_of_files_that_are_no_parts() -> None:
    parts = {f"hornbook.corpus.{part[:-3].replace('/', '.')}" for part in compiled.PARTS}
    # Used beside the loops, not in them.
    beside = {"hornbook.corpus.cleaning.look", "hornbook.corpus.cleaning.token_kernel"}
    found: set[str] = set()
    for path in CORPUS.rglob("*.py"):
        text = path.read_text()
        if "@compiled" in text or "@inlined" in text:
            for module, names in re.findall(r"^from (hornbook[\w.]*) import (.*)$", text, re.MULTILINE):
                is_package = module == "hornbook.corpus.cleaning"
                found |= {f"{module}.{name.split()[0]}" for name in names.split(", ")} if is_package else {module}
    assert found == parts | beside

from pathlib import Path
from unittest.mock import Mock

import pytest

from hornbook.run.data_process import Report

from .environment import GOOD, Environment


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    root = tmp_path / "environment"
    root.mkdir()
    made = Environment(root)
    made.add_stdlib("heapq.py", GOOD.format(name="push"))
    made.add_stdlib("json/decoder.py", GOOD.format(name="decode"))
    made.add_stdlib("test/test_heapq.py", GOOD)
    made.add_stdlib("site-packages/other.py", GOOD)
    made.install(
        "free", "1.0", "License-Expression: MIT", {"free/core.py": GOOD.format(name="core"), "free/data.txt": "x"}
    )
    made.install("bound", "2.0", "License-Expression: GPL-3.0-only", {"bound/a.py": GOOD, "bound/b.py": GOOD})
    made.install("silent", "3.0", "", {"silent.py": GOOD})
    made.install("hornbook", "0.1", "License-Expression: Apache-2.0", {"hornbook/cli.py": GOOD})
    made.use(monkeypatch)
    return made


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter without a data process, which takes two seconds of a processor: for what does not hang on it."""
    report = Mock(spec=Report)
    monkeypatch.setattr(
        "hornbook.corpus.filter.in_data_process", lambda stage, machine, function, *args: function(report, *args)
    )
    for module in ("predictions", "duplicates.sorted_shards"):
        monkeypatch.setattr(f"hornbook.corpus.{module}.over_shards", map)

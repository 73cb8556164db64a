import pytest

from hornbook.corpus.sources.environment import environment_identity, list_environment
from hornbook.corpus.sources.listed import ListedFile
from tests.corpus.environment import GOOD, Environment


def test_golden(environment: Environment) -> None:
    found = list_environment()
    assert [file for file in found if file.drop_reason is None] == [
        ListedFile("free-1.0", "free/core.py", "MIT", str(environment.site / "free/core.py")),
        ListedFile("python-3.11.7", "heapq.py", "PSF-2.0", str(environment.stdlib / "heapq.py")),
        ListedFile("python-3.11.7", "json/decoder.py", "PSF-2.0", str(environment.stdlib / "json/decoder.py")),
        # What a path says is looked at when files are read.
        ListedFile("python-3.11.7", "test/test_heapq.py", "PSF-2.0", str(environment.stdlib / "test/test_heapq.py")),
    ]
    assert [(file.origin, file.path, file.drop_reason) for file in found if file.drop_reason is not None] == [
        ("bound-2.0", "bound/a.py", "license_not_permissive"),
        ("bound-2.0", "bound/b.py", "license_not_permissive"),
        ("silent-3.0", "silent.py", "license_unknown"),
    ]


def test_scripts_outside_of_the_distribution_are_no_candidates(environment: Environment) -> None:
    environment.install("tool", "1", "License: MIT", {"../bin/tool.py": GOOD, "tool.py": GOOD})
    assert [file.path for file in list_environment() if file.origin == "tool-1"] == ["tool.py"]


def test_first_of_two_installations_counts(environment: Environment) -> None:
    environment.install("Free", "0.9", "License-Expression: GPL-3.0-only", {"free/old.py": GOOD})
    origins = {file.origin for file in list_environment()}
    assert len(origins & {"free-1.0", "free-0.9"}) == 1


def test_identity_follows_permissive_distributions_alone(environment: Environment) -> None:
    before = environment_identity()
    assert before == environment_identity()
    environment.install("bound2", "1", "License-Expression: GPL-3.0-only", {"bound2.py": GOOD})
    assert environment_identity() == before
    environment.install("free2", "1", "License-Expression: MIT", {"free2.py": GOOD})
    assert environment_identity() != before


def test_identity_follows_python(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment_identity()
    monkeypatch.setattr("hornbook.corpus.sources.environment.platform.python_version", lambda: "3.12.0")
    assert environment_identity() != before

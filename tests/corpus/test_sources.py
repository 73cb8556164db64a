import pytest

from hornbook.corpus.sources import SourceFile, environment_identity, list_environment, name_drop_reason

from .environment import GOOD, Environment


def test_golden(environment: Environment) -> None:
    found = list_environment()
    assert [file for file in found if file.drop_reason is None] == [
        SourceFile("free-1.0", "free/core.py", "MIT", str(environment.site / "free/core.py")),
        SourceFile("python-3.11.7", "heapq.py", "PSF-2.0", str(environment.stdlib / "heapq.py")),
        SourceFile("python-3.11.7", "json/decoder.py", "PSF-2.0", str(environment.stdlib / "json/decoder.py")),
    ]
    assert [(file.origin, file.path, file.drop_reason) for file in found if file.drop_reason is not None] == [
        ("bound-2.0", "bound/a.py", "license_not_permissive"),
        ("bound-2.0", "bound/b.py", "license_not_permissive"),
        ("python-3.11.7", "test/test_heapq.py", "test_file"),
        ("silent-3.0", "silent.py", "license_unknown"),
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("numpy/linalg/tests/test_linalg.py", "test_file"),
        ("lib2to3/tests/data/py3_test.py", "test_file"),
        ("idlelib/idle_test/mock_idle.py", "test_file"),
        ("test/support/os_helper.py", "test_file"),
        ("package/test_things.py", "test_file"),
        ("package/things_test.py", "test_file"),
        ("package/conftest.py", "test_file"),
        ("numpy/testing/overrides.py", None),
        ("unittest/mock.py", None),
        ("package/contest.py", None),
        ("package/latest.py", None),
        ("pip/_vendor/rich/text.py", "license_unknown"),
        ("joblib/externals/loky/__init__.py", "license_unknown"),
        ("ensurepip/_bundled/x.py", "license_unknown"),
        ("proto/message_pb2.py", "generated"),
        ("_sysconfigdata__linux_x86_64-linux-gnu.py", "generated"),
    ],
)
def test_name(path: str, reason: str | None) -> None:
    assert name_drop_reason(path) == reason


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
    monkeypatch.setattr("hornbook.corpus.sources.platform.python_version", lambda: "3.12.0")
    assert environment_identity() != before

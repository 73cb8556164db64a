"""What the path of a file inside its origin says about it."""

from __future__ import annotations

import re

_TEST_FOLDERS = frozenset({"test", "tests", "idle_test", "testsuite"})
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest)\.py")
_VENDOR_FOLDERS = frozenset(
    {
        "_bundled",
        "_vendor",
        "_vendored",
        "_vendored_packages",
        "extern",
        "externals",
        "node_modules",
        "site-packages",
        "third_party",
        "thirdparty",
        "vendor",
        "vendored",
    }
)
_GENERATED_FILE = re.compile(r"(?:.*_pb2(?:_grpc)?|_sysconfigdata.*|.*\.generated|_?version_?generated)\.py")
_MINIFIED_FILE = re.compile(r".*[.-]min\.py")


def path_drop_reason(path: str) -> str | None:
    """Why a file is left out for its path alone, or None.

    `test_file`: by the names that pytest and unittest look for. `vendored_copy`: in a folder for other projects' code,
    whose licence and origin the carrier's do not state. `auto_generated`, `minified`: by the names that tools give.
    """
    *folders, name = path.split("/")
    # A word of each pattern first, since hardly any file has it and a pattern takes ten times as long.
    if not _TEST_FOLDERS.isdisjoint(folders) or ("test" in name and _TEST_FILE.fullmatch(name)):
        return "test_file"
    if not _VENDOR_FOLDERS.isdisjoint(folders):
        return "vendored_copy"
    if _GENERATED_FILE.fullmatch(name):
        return "auto_generated"
    return "minified" if "min.py" in name and _MINIFIED_FILE.fullmatch(name) else None

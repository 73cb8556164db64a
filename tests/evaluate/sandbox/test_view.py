import os
import sys
import sysconfig
from pathlib import Path

from hornbook.evaluate.sandbox.inside import view


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")


def test_the_python_installation_is_readable_and_nothing_lies_in_another() -> None:
    found = view.readable_paths([])
    needed = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), os.path.realpath(sys.executable)]
    for path in map(os.path.realpath, needed):
        assert any(path == one or path.startswith(one + "/") for one in found), path
    for one in found:
        assert not any(one != other and one.startswith(other + "/") for other in found), one
    for path in ("/etc/passwd", str(Path.home()), "/tmp", __file__, "/proc", "/"):
        assert path not in found


def test_places_of_modules_are_readable(tmp_path: Path) -> None:
    make(tmp_path, "package/__init__.py")
    assert str(tmp_path / "package") in view.readable_paths([str(tmp_path / "package")])
    assert str(tmp_path / "absent") not in view.readable_paths([str(tmp_path / "absent")])


def test_hidden_folders_are_left_out_and_their_neighbours_are_not(tmp_path: Path) -> None:
    make(tmp_path, "a/hidden/x", "a/shown/x", "a/file", "b/x")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert view.without([a, b], [f"{a}/hidden"]) == [f"{a}/file", f"{a}/shown", b]
    assert view.without([a], [a]) == []
    assert view.without([a], []) == [a]


def test_links_that_lead_to_what_is_readable_are_found(tmp_path: Path) -> None:
    make(tmp_path, "real/deep/file")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "again").symlink_to(tmp_path / "link")
    found = dict(view.links_on([str(tmp_path / "again" / "deep" / "file")]))
    assert found[str(tmp_path / "again")] == str(tmp_path / "link")
    assert found[str(tmp_path / "link")] == "real"

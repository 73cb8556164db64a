import os
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.sources.locate import locate, open_file
from hornbook.errors import InputError

from .trees import forbid_reading, write_tree


def names(path: Path | str) -> list[str]:
    return [file.name for file in locate("rows", str(path), (".x",))]


def test_links_to_files_are_files_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"sub/a.x": "a", "blobs/123": "blob"})
    (root / "sub" / "b.x").symlink_to("../blobs/123")
    (root / "sub" / "loop").symlink_to("..")
    files = locate("rows", str(root), (".x",))
    assert [(file.name, file.size_bytes) for file in files] == [("sub/a.x", 1), ("sub/b.x", 4)]
    with open_file("rows", files[1].location) as opened:
        assert opened.read() == b"blob"
    before = files[1].stamp
    os.utime(root / "blobs" / "123", ns=(0, 1))
    assert locate("rows", str(root), (".x",))[1].stamp != before


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.x": ""})
    (tmp_path / "gone.x").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"source 'rows': .*/gone\.x is a link to nothing"):
        names(tmp_path)


@pytest.mark.parametrize("pattern", ["", "/**/*.x"])
def test_a_folder_inside_without_permission_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    write_tree(tmp_path, {"a.x": "", "shut/b.x": ""})
    forbid_reading(monkeypatch, "shut")
    with pytest.raises(InputError, match=r"cannot be read: no permission .*shut"):
        names(f"{tmp_path}{pattern}")


def test_what_a_library_for_urls_raises_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentials(Exception):
        pass

    def refuse(_: str) -> Any:
        raise NoCredentials("Unable to locate credentials")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(InputError, match="source 'rows': s3://b/x cannot be read: Unable to locate credentials"):
        names("s3://b/x")
    with pytest.raises(InputError, match="Unable to locate credentials"), open_file("rows", "s3://b/x"):
        pass


def test_home_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"deep/a.x": ""})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "deep")
    assert names("~/deep") == names(".") == names("a.x") == ["a.x"]

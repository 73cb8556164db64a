import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hornbook.corpus.sources import RawFile
from hornbook.corpus.sources.folder import Folder
from hornbook.errors import InputError
from hornbook.recipe import FolderSource

from .trees import GPL, MIT, forbid_reading, write_tree

MAX_CHARS = 1000


def folder(path: Path, seed: int | None = None, **fields: Any) -> Folder:
    return Folder(FolderSource(type="folder", path=str(path), **fields), MAX_CHARS, seed)


def read(path: Path, **fields: Any) -> list[RawFile]:
    source = folder(path, **fields)
    return [file for shard in source.shards() for file in pickle.loads(pickle.dumps(source)).read(shard)]


def paths(path: Path) -> list[str]:
    return [file.path for file in read(path)]


def test_files_and_notebooks_in_order(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b.py": "b", "a/z.py": "z", "a.txt": "", "note.ipynb": "{}", "setup.cfg": "", "x.PY": ""})
    assert read(tmp_path) == [
        RawFile("folder", "a/z.py", "", b"z"),
        RawFile("folder", "b.py", "", b"b"),
        RawFile("folder", "note.ipynb", "", b"{}", "notebook"),
    ]


def test_ignored_files_are_those_that_git_ignores(tmp_path: Path) -> None:
    tree = {
        ".gitignore": "build/\n*_local.py\n!keep_local.py\n/only_top.py\n# comment\n\\#odd.py\ndoc/*/gen.py\n",
        "a.py": "",
        "a_local.py": "",
        "keep_local.py": "",
        "only_top.py": "",
        "#odd.py": "",
        "build/b.py": "",
        "doc/api/gen.py": "",
        "doc/gen.py": "",
        "pkg/only_top.py": "",
        "pkg/.gitignore": "secret.py\n!b_local.py\ndata/\n",
        "pkg/b_local.py": "",
        "pkg/c_local.py": "",
        "pkg/secret.py": "",
        "pkg/data/d.py": "",
        "pkg/data/.gitignore": "!d.py\n",
        "pkg/sub/secret.py": "",
        "pkg/sub/.gitignore": "!secret.py\n",
        "other/secret.py": "",
        "out/.gitignore": "*\n!.gitignore\n!kept.py\n",
        "out/gone.py": "",
        "out/kept.py": "",
    }
    write_tree(tmp_path, tree)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    listed = ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard", "*.py"]
    by_git = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    assert "pkg/sub/secret.py" in by_git
    assert paths(tmp_path) == sorted(by_git)


def test_a_line_that_is_no_pattern_is_passed_over(tmp_path: Path) -> None:
    write_tree(tmp_path, {".gitignore": "!\n/\nb.py\n", "a.py": "", "b.py": ""})
    assert paths(tmp_path) == ["a.py"]


def test_a_mark_and_odd_line_ends_are_read_as_git_reads_them(tmp_path: Path) -> None:
    tree = {
        ".gitignore": b"\xef\xbb\xbfpkg/\r\n# no\x0cb.py\n# nor\xe2\x80\xa8c.py\n",
        "pkg/a.py": "",
        "b.py": "",
        "c.py": "",
    }
    write_tree(tmp_path, tree)
    assert paths(tmp_path) == ["b.py", "c.py"]


def test_the_nearest_licence_holds(tmp_path: Path) -> None:
    tree = {
        "LICENSE": MIT,
        "a.py": "",
        "gpl/COPYING": GPL,
        "gpl/deep/b.py": "",
        "odd/LICENSE.txt": "You may look at this on Tuesdays, after asking.\n" * 3,
        "odd/c.py": "",
        "two/LICENSE-MIT": MIT,
        "two/LICENSE-GPL": GPL,
        "two/d.py": "",
        "code/license.py": "def license(): ...",
    }
    write_tree(tmp_path, tree)
    assert {file.path: file.license for file in read(tmp_path, license="ISC")} == {
        "a.py": "MIT",
        "gpl/deep/b.py": "GPL-3.0-only",
        "odd/c.py": "",
        "two/d.py": "GPL-3.0-only AND MIT",
        "code/license.py": "MIT",
    }


def test_the_recipe_states_what_no_licence_file_does(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "", "repo/.git/HEAD": "", "repo/b.py": ""})
    assert [file.license for file in read(tmp_path, license="ISC")] == ["ISC", "ISC"]
    assert [file.license for file in read(tmp_path)] == ["", ""]


def test_a_repository_inside_is_an_origin_of_its_own(tmp_path: Path) -> None:
    tree = {
        "LICENSE": MIT,
        ".gitignore": "*.gen.py\n",
        "a.py": "",
        "repos/one/.git": "gitdir: elsewhere",
        "repos/one/b.gen.py": "",
        "repos/one/LICENSE": GPL,
        "repos/two/.git/config": "",
        "repos/two/hook.py": "",
        "repos/two/.git/hooks/hook.py": "",
    }
    write_tree(tmp_path, tree)
    assert [(file.origin, file.path, file.license) for file in read(tmp_path, name="mine")] == [
        ("mine", "a.py", "MIT"),
        ("mine/repos/one", "b.gen.py", "GPL-3.0-only"),
        ("mine/repos/two", "hook.py", ""),
    ]


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a.py": "", "sub/b.py": ""})
    write_tree(tmp_path / "outside", {"c.py": ""})
    (root / "loop").symlink_to(root)
    (root / "sub" / "up").symlink_to("..")
    (root / "itself.py").symlink_to("itself.py")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "also.py").symlink_to("a.py")
    (root / "gone.py").symlink_to("nowhere.py")
    dropped = {file.path: file.drop_reason for file in read(root)}
    told = dict.fromkeys(["also.py", "gone.py", "itself.py", "loop", "out", "sub/up"], "link")
    assert dropped == {"a.py": None, "sub/b.py": None} | told


def test_a_folder_without_permission_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"a.py": "", "shut/b.py": ""})
    forbid_reading(monkeypatch, "shut")
    assert [(file.path, file.drop_reason) for file in read(tmp_path)] == [("a.py", None), ("shut/", "unreadable")]
    with pytest.raises(InputError, match=r"source 'folder': .*/shut cannot be read: Permission denied"):
        folder(tmp_path / "shut").identity()


def test_what_is_no_file_is_counted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    write_tree(tmp_path, {"a.py": "x"})
    assert [(file.path, file.drop_reason) for file in read(tmp_path)] == [("a.py", None), ("pipe.py", "unreadable")]


def test_names_with_spaces_and_any_letters(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "mein ordner ü 漢字 [1] #2", {"sub ordner/é ñ.py": "x", "a::b.py": "y", "100%.py": "z"}
    )
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe.py"))).write_bytes(b"w")
    files = read(root)
    assert [file.path for file in files] == ["100%.py", "a::b.py", "sub ordner/é ñ.py", "\ufffd\ufffd.py"]
    assert [file.content for file in files] == [b"z", b"y", b"x", b"w"]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.py").open("wb") as file:
        file.write(b"x = '")
        file.truncate(2 << 30)
    (read_file,) = read(tmp_path)
    assert read_file.drop_reason == "too_large"
    assert len(read_file.content) <= 200
    assert read_file.content.startswith(b"x = '")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_text(""), "Not a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_a_path_that_is_no_folder(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "place")
    with pytest.raises(InputError, match=f"source 'folder': .*place cannot be read: {message}. Give a folder"):
        folder(tmp_path / "place").identity()


def test_identity_follows_files_licences_and_rules_and_not_the_place(tmp_path: Path) -> None:
    tree = {"LICENSE": MIT, "a.py": "x", "b.py": "y"}
    one, two = write_tree(tmp_path / "one", tree), write_tree(tmp_path / "two", tree)
    for root in (one, two):
        for path in root.iterdir():
            os.utime(path, ns=(0, 1_000_000))
    before = folder(one).identity()
    assert folder(two).identity() == before
    changes = [
        lambda: os.utime(two / "a.py", ns=(0, 2_000_000)),
        lambda: write_tree(two, {"LICENSE": GPL}),
        lambda: write_tree(two, {".gitignore": "b.py"}),
        lambda: write_tree(two, {"c.py": ""}),
    ]
    seen = {before}
    for change in changes:
        change()
        seen.add(folder(two).identity())
    assert len(seen) == len(changes) + 1
    write_tree(two, {"read.txt": "not code"})
    assert folder(two).identity() in seen


def test_a_seed_sets_the_order(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"{n}.py": "" for n in range(20)})
    orders = [[file.path for file in read(tmp_path, seed=seed)] for seed in (None, 0, 0, 1)]
    assert orders[0] == sorted(orders[1]) == sorted(orders[3])
    assert orders[1] == orders[2]
    assert len({tuple(order) for order in orders}) == 3

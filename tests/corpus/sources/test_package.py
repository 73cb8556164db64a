import gzip
import tarfile
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from hornbook.corpus.sources import archives
from hornbook.corpus.sources.archives import read_archive
from hornbook.corpus.sources.package import Package
from hornbook.corpus.sources.protocol import RawFile
from hornbook.errors import InputError
from hornbook.recipe import PackageSource

from .packages import CODE, add, index, metadata, sdist, wheel

MAX_CHARS = 1000


def package(archives: Path | str = "", *packages: str) -> Package:
    return Package(PackageSource(type="package", packages=packages, archives=str(archives)), MAX_CHARS)


def read(source: Package) -> list[RawFile]:
    return [file for shard in source.shards() for file in source.read(shard)]


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"])
def test_source_distribution(tmp_path: Path, suffix: str) -> None:
    files = {"src/calm/core.py": CODE, "setup.py": "raise SystemExit", "README.md": "x", "notes.ipynb": "{}"}
    sdist(tmp_path, "Calm_Sea", "1.0", files, suffix=suffix)
    assert read(package(tmp_path)) == [
        RawFile("calm-sea-1.0", "src/calm/core.py", "MIT", CODE.encode()),
        RawFile("calm-sea-1.0", "setup.py", "MIT", b"raise SystemExit"),
        RawFile("calm-sea-1.0", "notes.ipynb", "MIT", b"{}", "notebook"),
    ]


def test_a_notebook_may_be_as_large_as_elsewhere(tmp_path: Path) -> None:
    sdist(tmp_path, "calm", "1", {"large.ipynb": "#" * 64_000, "larger.ipynb": "#" * 64_001, "large.py": "#" * 4001})
    files = {file.path: (len(file.content), file.drop_reason) for file in read(package(tmp_path))}
    assert files == {"large.ipynb": (64_000, None), "larger.ipynb": (0, "too_large"), "large.py": (0, "too_large")}


def test_wheel(tmp_path: Path) -> None:
    wheel(tmp_path, "calm", "1.0", {"calm/core.py": CODE, "calm/data.txt": "x", "calm.py": "x = 1"})
    assert read(package(tmp_path)) == [
        RawFile("calm-1.0", "calm/core.py", "MIT", CODE.encode()),
        RawFile("calm-1.0", "calm.py", "MIT", b"x = 1"),
    ]


@pytest.mark.parametrize(
    ("lines", "files", "license"),
    [
        ("License-Expression: Apache-2.0 OR MIT\n", {}, "Apache-2.0 OR MIT"),
        ("Classifier: License :: OSI Approved :: BSD License\n", {}, "BSD License"),
        ("License: GPLv3\n", {"LICENSE": "MIT"}, "GPLv3"),
        ("", {"LICENSE": "MIT License"}, "(MIT)"),
        ("", {"LICENSE.txt": "MIT", "COPYING": "Ask us first."}, ""),
        ("", {"license.py": "MIT"}, ""),
        ("", {}, ""),
    ],
)
def test_license(tmp_path: Path, lines: str, files: dict[str, str], license: str) -> None:
    sdist(tmp_path, "calm", "1.0", {"core.py": CODE, **files}, lines)
    assert {file.license for file in read(package(tmp_path))} == {license}


def test_what_an_archive_may_try(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bad-1.tar.gz", "w:gz") as tar:
        add(tar, "bad-1/PKG-INFO", metadata("bad", "1"))
        add(tar, "bad-1/good.py", CODE)
        add(tar, "bad-1/good.py", CODE)
        add(tar, "bad-1/../../escape.py", CODE)
        add(tar, "/etc/absolute.py", CODE)
        add(tar, "bad-1/link.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(tar, "bad-1/hard.py", type=tarfile.LNKTYPE, linkname="bad-1/good.py")
        add(tar, "bad-1/pipe.py", type=tarfile.FIFOTYPE)
        add(tar, "bad-1/large.py", "#" * 4001)
        add(tar, "bad-1/caf\udce9.py", CODE)
    files = read(package(tmp_path))
    assert [(file.path, file.drop_reason) for file in files] == [
        ("good.py", None),
        ("good.py", "name_clash"),
        ("../../escape.py", "unsafe_path"),
        ("etc/absolute.py", "unsafe_path"),
        ("link.py", "link"),
        ("hard.py", "link"),
        ("pipe.py", "link"),
        ("large.py", "too_large"),
        ("caf\ufffd.py", None),
    ]
    assert all(not file.content for file in files if file.drop_reason)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["bad-1.tar.gz"]


def test_links_in_a_zip(tmp_path: Path) -> None:
    path = wheel(tmp_path, "calm", "1", {})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("calm/link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("../escape.py", CODE)
        archive.writestr("C:/windows.py", CODE)
    assert [file.drop_reason for file in read(package(tmp_path))] == ["link", "unsafe_path", "unsafe_path"]


def test_a_size_that_is_not_true_is_not_believed(tmp_path: Path) -> None:
    path = wheel(tmp_path, "calm", "1", {"calm.py": "#" * 100_000})
    data = path.read_bytes()
    assert data.count((100_000).to_bytes(4, "little")) == 4
    path.write_bytes(data.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(InputError, match="calm-1"):
        read(package(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a-1.tar.gz", b"", "not a wheel or source distribution"),
        ("a-1.tar.gz", b"nonsense", "not a wheel or source distribution"),
        ("a-1.tar.gz", gzip.compress(b"nonsense"), "not a wheel or source distribution"),
        ("a-1.whl", b"PK\x03\x04", "not a wheel or source distribution"),
        ("a-1.zip", b"", "not a wheel or source distribution"),
    ],
)
def test_damaged(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        read(package(tmp_path))
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz", ".tar.bz2", ".zip"])
def test_cut_off(tmp_path: Path, suffix: str) -> None:
    numbers = "".join(f"value_{number} = {number * 7919 % 1000}\n" for number in range(3000))
    path = sdist(tmp_path, "calm", "1", {"core.py": numbers}, suffix=suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="calm-1"):
        read(package(tmp_path))


def test_no_metadata(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as tar:
        add(tar, "a-1/a.py", CODE)
    with pytest.raises(InputError, match="no METADATA and no PKG-INFO"):
        read(package(tmp_path))
    with tarfile.open(tmp_path / "a-1.tar.gz", "w:gz") as tar:
        add(tar, "a-1/PKG-INFO", "Name: a\n")
    with pytest.raises(InputError, match="no Name or no Version"):
        read(package(tmp_path))


def test_what_would_unpack_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sdist(tmp_path, "calm", "1", {"core.py": CODE, "data.bin": "0" * 100_000})
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 50_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        list(read_archive(path, 1000))
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1 << 30)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(InputError, match="or 2 files"):
        list(read_archive(path, 1000))


def test_folder_without_archives(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="has no archive"):
        package(tmp_path).shards()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        package(tmp_path / "gone").identity()


def test_identity(tmp_path: Path) -> None:
    sdist(tmp_path, "calm", "1", {"core.py": CODE})
    before = package(tmp_path).identity()
    assert package(tmp_path).identity() == before
    assert package(tmp_path, "calm").identity() != before
    sdist(tmp_path, "calm", "2", {"core.py": CODE})
    assert package(tmp_path).identity() != before


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        ((), "both empty"),
        (("--index-url=x",), "no package's name"),
        (("../a",), "no package's name"),
        (("a @ git+https://a.b/c",), "more than a package's name"),
        (("a; python_version > '3'",), "more than a package's name"),
        (("a[extra]",), "more than a package's name"),
    ],
)
def test_config(packages: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PackageSource(type="package", packages=packages)


@pytest.fixture
def only_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose archives `pip` finds after `index`, and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", (folder / "simple").as_uri())
    return folder


def test_by_name(only_local: Path) -> None:
    wheel(only_local, "calm", "1.0", {"calm.py": "x = 1"})
    wheel(only_local, "calm", "2.0", {"calm.py": "x = 2"}, "License-Expression: ISC\nRequires-Dist: absent\n")
    index(only_local)
    source = package("", "calm==1.0", "calm")
    assert [shard.name for shard in source.shards()] == ["package:calm==1.0", "package:calm"]
    assert read(source) == [
        RawFile("calm-1.0", "calm.py", "MIT", b"x = 1"),
        RawFile("calm-2.0", "calm.py", "ISC", b"x = 2"),
    ]


def test_no_code_of_a_package_is_run(only_local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = only_local / "was-run"
    sdist(only_local, "evil", "1.0", {"setup.py": f"open({str(mark)!r}, 'w').close()\n"})
    index(only_local)
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    with pytest.raises(
        InputError, match=r"no wheel of 'evil'.*No matching distribution.*give its folder as `archives`"
    ):
        read(package("", "evil"))
    assert not mark.exists()
    assert [file.path for file in read(package(only_local))] == ["setup.py"]
    assert not mark.exists()

"""Small wheels and source distributions, and an index of them, made of files."""

import io
import tarfile
import zipfile
from pathlib import Path

CODE = "def add(first, second):\n    return first + second\n"


def metadata(name: str, version: str, lines: str = "License-Expression: MIT\n") -> str:
    return f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{lines}"


def wheel(
    folder: Path, name: str, version: str, files: dict[str, str], lines: str = "License-Expression: MIT\n"
) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": metadata(name, version, lines),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*contents, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


def sdist(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str],
    lines: str = "License-Expression: MIT\n",
    suffix: str = ".tar.gz",
) -> Path:
    top = f"{name}-{version}"
    path = folder / f"{top}{suffix}"
    # PKG-INFO last, as it may be.
    contents = {**files, "PKG-INFO": metadata(name, version, lines)}
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in contents.items():
                archive.writestr(f"{top}/{file}", text)
        return path
    with tarfile.open(path, f"w:{suffix.removeprefix('.tgz').removeprefix('.tar.') or 'gz'}") as tar:
        for file, text in contents.items():
            add(tar, f"{top}/{file}", text)
    return path


def add(tar: tarfile.TarFile, name: str, text: str = "", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode())
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(text.encode()))


def index(folder: Path) -> str:
    """The URL of a simple index of the archives in a folder."""
    root = folder / "simple"
    for path in sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")]):
        page = root / path.name.split("-")[0].lower() / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        with page.open("a") as file:
            file.write(f'<a href="{path.as_uri()}">{path.name}</a>\n')
    return root.as_uri()

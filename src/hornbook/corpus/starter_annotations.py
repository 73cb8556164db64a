"""The starter set's annotations, from a corpus to what ships: how they were made, and are made again.

python -m hornbook.corpus.starter_annotations sample runs/x/deduplicate/... annotated --files 1500
python -m hornbook.corpus.starter_annotations ask annotated --backend transformers --model-folder models/qwen
python -m hornbook.corpus.starter_annotations pack annotated src/hornbook/teacher/starter/annotated

`sample` looks at the distributions that are installed, for the texts of their licences, so it belongs where the corpus
was collected. `ask` needs nothing but the folder and the model, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import lzma
import platform
import re
import statistics
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from hornbook.corpus.annotate import sample_names
from hornbook.corpus.chat_annotate import Asked, annotate_by_chat, annotation_requests
from hornbook.corpus.judgement import Unreadable, read_judgement, repair_request
from hornbook.corpus.licenses import is_permissive_name
from hornbook.errors import HornbookError, InputError
from hornbook.recipe import AnnotatorConfig
from hornbook.records import CodeFile
from hornbook.run.datasets import CodeFiles
from hornbook.teacher.chat import ChatReply, usable
from hornbook.teacher.replies import ReplyCache
from hornbook.teacher.starter import ENDINGS, MODEL, pack_line
from hornbook.teacher.starter.annotation_set import (
    FILES,
    LICENSES,
    REPLIES,
    SETTINGS,
    AnnotationSet,
    AnnotationSettings,
    LicenseText,
    pack_rows,
)

CACHE = "replies.sqlite"
WINDOWS_PER_FILE = 2
"""A long file is judged by two of its windows: enough for a start, at a bounded price."""
_LICENSE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|authors)", re.IGNORECASE)


def sample(corpus: CodeFiles, licenses: Mapping[str, Sequence[LicenseText]], out: Path, *, count: int, seed: int,
           settings: AnnotationSettings) -> Counter[str]:  # fmt: skip
    """Writes the files to annotate, their licences and how to ask; returns how many files were taken and left out.

    Files under a permissive licence whose text is at hand, spread over origins and lengths as `sample_names` does.
    Raises InputError where there are none, or none are asked for.
    """
    if count < 1:
        raise InputError(f"--files {count}: ask for one file at least")
    counts: Counter[str] = Counter()
    names = []
    for file in corpus.read():
        if not is_permissive_name(file.license):
            counts["license_not_permissive"] += 1
        elif file.origin not in licenses:
            counts["license_text_missing"] += 1
        else:
            names.append((file.origin, len(file.text), file.path))
    chosen = sample_names(names, count, seed)
    files = [file for file in corpus.read() if (file.origin, file.path) in chosen]
    if not files:
        raise InputError(
            f"{corpus.folder}: no file to take ({dict(counts)}). Collect the corpus on this machine first."
        )
    _write(out, sorted(files, key=lambda file: (file.origin, file.path)), licenses, settings)
    counts["taken"] = len(files)
    return counts


def installed_licenses() -> dict[str, list[LicenseText]]:
    """The files with licences and notices of the standard library and of the installed distributions, by origin."""
    python = f"python-{platform.python_version()}"
    found = {python: [LicenseText(python, file.name, _read_text(file)) for file in _python_licenses()]}
    for distribution in metadata.distributions():
        # A damaged installation has no name in its metadata.
        names = distribution.metadata.get_all("Name") or []
        if not names:
            continue
        origin = f"{canonicalize_name(names[0])}-{distribution.version}"
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            is_metadata = any(part.endswith((".dist-info", ".egg-info")) for part in file.parts)
            if is_metadata and _LICENSE_FILE.match(file.name) and path.is_file():
                found.setdefault(origin, []).append(LicenseText(origin, file.name, _read_text(path)))
    return {origin: texts for origin, texts in found.items() if texts}


def ask(folder: Path, config: AnnotatorConfig, *, device: str) -> None:
    """Has the files of a folder annotated; the replies stay in the folder, and what is there is not asked for again.

    Raises TeacherError as `ChatTeacher.ask` does.
    """
    asked = Asked()
    rows = list(annotate_by_chat(AnnotationSet(folder).read_files(), config, folder / CACHE, asked, device=device))
    asked.check(config.model)
    values = [row.educational_value for row in rows]
    counts = Counter(round(value) for value in values)
    print(f"mean {statistics.fmean(values):.2f}; files by value: {dict(sorted(counts.items()))}")


def pack(folder: Path, out: Path) -> Counter[str]:
    """Writes what ships of a folder: files whose every request has a reply, and the replies. Returns how many.

    Files that got no reply are left out. Files whose replies cannot be read stay: they are counted when the set is
    replayed. Raises ArtifactError where the folder or its replies are not there.
    """
    source = AnnotationSet(folder)
    config = AnnotatorConfig(**asdict(source.read_settings()))
    counts: Counter[str] = Counter()
    files, lines = [], []
    with ReplyCache(folder / CACHE, must_exist=True) as cache:
        for file in source.read_files():
            answered = _recorded(file, config, cache)
            if answered is None:
                counts["files_without_reply"] += 1
                continue
            files.append(file)
            lines += answered
    licenses: dict[str, list[LicenseText]] = {}
    for text in source.read_licenses():
        licenses.setdefault(text.origin, []).append(text)
    _write(out, files, licenses, source.read_settings())
    (out / REPLIES).write_bytes(lzma.compress("".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))
    return counts + Counter({"files": len(files), "replies": len(lines)})


def _recorded(file: CodeFile, config: AnnotatorConfig, cache: ReplyCache) -> list[str] | None:
    """The replies about a file as lines, those to second requests among them; None where one is missing."""
    requests = list(annotation_requests([file], config))
    kept = cache.find_all(requests)
    lines = []
    while requests:
        request = requests.pop(0)
        reply = kept.get(request.digest) or cache.find(request)
        if reply is None or reply.finish_reason not in ENDINGS:
            return None
        lines.append(pack_line(request, reply))
        read = usable(reply)
        judged = read_judgement(read.text) if isinstance(read, ChatReply) else None
        # As `annotate_by_chat`: the second reply is the last.
        if isinstance(judged, Unreadable) and request.digest in kept:
            requests.append(repair_request(request, judged))
    return lines


def _write(
    out: Path,
    files: Sequence[CodeFile],
    licenses: Mapping[str, Sequence[LicenseText]],
    settings: AnnotationSettings,
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / SETTINGS).write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")
    (out / FILES).write_bytes(pack_rows(files))
    origins = sorted({file.origin for file in files})
    (out / LICENSES).write_bytes(pack_rows(text for origin in origins for text in licenses[origin]))


def _python_licenses() -> Iterator[Path]:
    """Where `site` looks for the text that `license()` shows, and beside the interpreter's own folder."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in (library / "LICENSE.txt", library.parent / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE.txt"):
        if path.is_file():
            yield path
            return


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The starter set's annotations, from a corpus to what ships.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    sampling = verbs.add_parser("sample", help="choose the files, with the texts of their licences")
    sampling.add_argument("corpus", type=Path, help="the artifact of collect or deduplicate")
    sampling.add_argument("out", type=Path, help="the folder to write")
    sampling.add_argument("--files", type=int, default=1500)
    sampling.add_argument("--seed", type=int, default=0)
    sampling.add_argument("--model", default=MODEL, help="its name in the requests")
    asking = verbs.add_parser("ask", help="have the files annotated")
    asking.add_argument("folder", type=Path)
    asking.add_argument("--backend", choices=["transformers", "openai"], default="transformers")
    asking.add_argument("--model-folder", default="")
    asking.add_argument("--base-url", default="http://127.0.0.1:8080/v1")
    asking.add_argument("--concurrency", type=int, default=8)
    asking.add_argument("--device", default="auto")
    packing = verbs.add_parser("pack", help="write what ships")
    packing.add_argument("folder", type=Path)
    packing.add_argument("out", type=Path, help="src/hornbook/teacher/starter/annotated")
    given = parser.parse_args()
    try:
        _run(given)
    except HornbookError as error:
        sys.exit(f"error: {error}")


def _run(given: argparse.Namespace) -> None:
    if given.verb == "ask":
        settings = AnnotationSet(given.folder).read_settings()
        config = AnnotatorConfig(
            **asdict(settings),
            backend=given.backend,
            model_folder=given.model_folder,
            base_url=given.base_url,
            concurrency=given.concurrency,
            timeout_s=600.0,
            deadline_s=3600.0,
        )
        ask(given.folder, config, device=given.device)
        return
    if given.verb == "sample":
        settings = AnnotationSettings.of(AnnotatorConfig(model=given.model, max_windows=WINDOWS_PER_FILE))
        corpus = CodeFiles.load(given.corpus)
        counts = sample(corpus, installed_licenses(), given.out, count=given.files, seed=given.seed, settings=settings)
        out = given.out
    else:
        counts, out = pack(given.folder, given.out), given.out
    num_bytes = sum((out / name).stat().st_size for name in (FILES, LICENSES, REPLIES) if (out / name).is_file())
    print(f"{out}: {', '.join(f'{name} {count:,}' for name, count in sorted(counts.items()))}; {num_bytes:,} bytes")


if __name__ == "__main__":
    main()

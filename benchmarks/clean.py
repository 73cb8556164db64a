"""Cleaning of Python files, rule by rule, on one core: `nice python benchmarks/clean.py [--every N]`.

Reads every Nth Python file that is installed (8: about 40 MB and a minute). Ends with the ratio that counts: how much
faster `is_python` is than `ast.parse`, which takes most of the time of a cleaning that asks it.
"""

from __future__ import annotations

import argparse
import ast
import sysconfig
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hornbook.corpus.cleaning.byte_bits import padded
from hornbook.corpus.cleaning.clean import clean
from hornbook.corpus.cleaning.decode import decode
from hornbook.corpus.cleaning.header import header_of
from hornbook.corpus.cleaning.masking import mask_addresses
from hornbook.corpus.cleaning.secret_patterns import find_secret, parts_with_keys
from hornbook.corpus.cleaning.syntax import is_python, parses
from hornbook.corpus.cleaning.text_kernels import look_at
from hornbook.corpus.cleaning.text_rules import text_drop_reason
from hornbook.corpus.license_texts import license_of_header
from hornbook.corpus.sources.protocol import RawFile
from hornbook.recipe import CollectConfig

CONFIG = CollectConfig()


def read_files(every: int) -> list[bytes]:
    root = Path(sysconfig.get_path("purelib"))
    contents = (path.read_bytes() for path in sorted(root.rglob("*.py"))[::every])
    return [content for content in contents if CONFIG.min_chars <= len(content) <= CONFIG.max_chars]


def measure(name: str, rule: Callable[..., Any], inputs: Sequence[Any], megabytes: float) -> tuple[float, list[Any]]:
    start = time.process_time()
    outcomes = [rule(given) for given in inputs]
    rate = megabytes / (time.process_time() - start)
    print(f"{name:12} {rate:8.1f} MB/s")
    return rate, outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=8, help="take every Nth file")
    contents = read_files(parser.parse_args().every)
    megabytes = sum(map(len, contents)) / 1e6
    print(f"{len(contents):,} files, {megabytes:.1f} MB")
    # Compiled loops are compiled, or read from where they are kept, before the clock runs.
    clean(RawFile("origin", "file.py", "MIT", contents[0]), CONFIG), parts_with_keys(padded(b"x"))
    warnings.simplefilter("ignore")
    decoded = measure("decode", decode, contents, megabytes)[1]
    texts = [text for text, _ in decoded]
    headers = measure("header", header_of, texts, megabytes)[1]
    measure("license", license_of_header, headers, megabytes)
    encoded = measure("encode", lambda text: padded(text.encode()), texts, megabytes)[1]
    looks = measure("look", look_at, encoded, megabytes)[1]
    given = list(zip(texts, looks, headers, strict=True))
    measure("text rules", lambda one: text_drop_reason(*one, CONFIG), given, megabytes)
    looked = list(zip(encoded, looks, strict=True))
    measure(
        "secrets", lambda one: one[1].may_have_key and any(map(find_secret, parts_with_keys(one[0]))), looked, megabytes
    )
    measure("masking", lambda one: mask_addresses(*one), list(zip(texts, looks, strict=True)), megabytes)
    quick, _ = measure("is_python", lambda one: is_python(*one), list(zip(texts, encoded, strict=True)), megabytes)
    measure("parses", parses, texts, megabytes)
    slow, _ = measure("ast.parse", lambda text: ast.parse(text) is None, texts, megabytes)
    raws = [RawFile("origin", "file.py", "MIT", content) for content in contents]
    measure("clean", lambda raw: clean(raw, CONFIG), raws, megabytes)
    print(f"is_python to ast.parse: {quick / slow:.1f}x")


if __name__ == "__main__":
    main()

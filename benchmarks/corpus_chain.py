"""The corpus from raw files to what a model reads: MB/s of collect, deduplicate and filter, and of the three together.

    python benchmarks/near_dedup_truth.py /tmp/chain/300 --megabytes 300
    python benchmarks/near_dedup_truth.py /tmp/chain/1200 --megabytes 1200
    python benchmarks/corpus_chain.py /tmp/chain/300 /tmp/chain/1200

Runs the recipe `nano` until `filter` with each folder's texts as its source, and reads from the manifests how long each
stage took, its processes' start included, and what it left. Paths are made up, because `collect` would leave out what
lies in `site-packages` or among tests. `annotate`, which scores a sample of `--sample` files whatever the size of the
corpus, is shown and not counted. MB/s are of the raw source that comes into `collect`, for every stage. With several
sizes the last column says whether the time grows as the data does: MB/s relative to the first folder's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STAGES = ("collect", "deduplicate", "filter")
SHOWN = ("collect", "deduplicate", "annotate", "filter")

RECIPE = """
extends = "nano"
name = "corpus-chain"
description = "Raw tables to filtered code."
max_drop_fraction = 1.0

[collect]
max_files = 0

[[collect.sources]]
type = "parquet"
name = "tables"
path = {path}

[annotate]
sample_files = {sample}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="+", help="folders that near_dedup_truth.py made")
    parser.add_argument("--engine", default="native")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=800, help="files that are annotated")
    options = parser.parse_args()
    print(
        f"{'source MB':>10} {'files':>8}" + "".join(f"{name:>20}" for name in (*SHOWN, "together")) + f"{'linear':>9}"
    )
    first_rate = 0.0
    for corpus in options.corpus:
        with tempfile.TemporaryDirectory() as folder:
            num_mb, num_files = write_tables(corpus, Path(folder, "tables"))
            manifests = run(Path(folder), options.engine, options.workers, options.sample)
        seconds = {name: float(manifest["wall_s"]) for name, manifest in manifests.items()}
        together = sum(seconds[name] for name in STAGES)
        rate = num_mb / together
        first_rate = first_rate or rate
        columns = "".join(f"{seconds[name]:>8.1f} s {num_mb / seconds[name]:>5.0f} MB/s" for name in SHOWN)
        print(f"{num_mb:>10.0f} {num_files:>8}{columns}{together:>8.1f} s {rate:>5.0f} MB/s{rate / first_rate:>9.2f}")
        left = ", ".join(f"{name} {manifests[name]['rows']['files']:,}" for name in STAGES)
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in manifests["collect"]["drops"].items())
        print(f"{'':>10} files left: {left}; collect left out: {dropped or 'nothing'}")


def write_tables(corpus: Path, tables: Path) -> tuple[float, int]:
    """Writes the texts as raw tables and returns their megabytes in UTF-8, and how many they are."""
    tables.mkdir()
    num_bytes = num_files = 0
    for shard in sorted((corpus / "files").glob("part-*.parquet")):
        texts = pq.read_table(shard, columns=["text"]).column(0)
        names = pa.array([f"{number:08}.py" for number in range(num_files, num_files + len(texts))])
        licenses = pa.array(["MIT"] * len(texts))
        table = pa.table({"content": texts, "path": names, "license": licenses})
        pq.write_table(table, tables / shard.name, row_group_size=1024)
        num_bytes += pc.sum(pc.binary_length(texts)).as_py()
        num_files += len(texts)
    return num_bytes / 1e6, num_files


def run(folder: Path, engine: str, workers: int, sample: int) -> dict[str, dict[str, Any]]:
    """The manifest of each stage."""
    recipe = folder / "chain.toml"
    recipe.write_text(RECIPE.format(path=json.dumps(str(folder / "tables")), sample=sample))
    command = [sys.executable, "-m", "hornbook", "run", str(recipe), "--until", "filter"]
    command += ["--out", f"{folder}/run", "--engine", engine, "--workers", str(workers)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"{' '.join(command)}\n{made.stderr}")
    manifests = {name: next((folder / "run" / name).glob("*/manifest.json")) for name in SHOWN}
    return {name: json.loads(path.read_text()) for name, path in manifests.items()}


if __name__ == "__main__":
    main()

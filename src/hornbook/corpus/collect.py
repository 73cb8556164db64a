"""Collects raw Python code (section 2 of the paper): every file has a source, an origin and a permissive licence.

Differs from paper: by default the code that is installed on this machine, instead of The Stack and StackOverflow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from hornbook.corpus.intake.drops import DROPS, write_drops
from hornbook.corpus.intake.parts import Names, Part, put_together
from hornbook.corpus.intake.read_shard import ShardOutcome
from hornbook.corpus.intake.take import Intake, IntakeMeter, take_all
from hornbook.corpus.sources.registry import open_sources
from hornbook.recipe import CollectConfig
from hornbook.run.artifact import RESUME, Fact, Facts
from hornbook.run.datasets import FILES, CodeFiles
from hornbook.run.machine import Machine
from hornbook.run.progress import console, meter
from hornbook.run.stage import stage


@stage(version=4, loads="hornbook.corpus.loaded")
def collect(*, config: CollectConfig, seed: int, sources: Mapping[str, str], out: Path, machine: Machine) -> CodeFiles:
    """The files of the sources that `clean` lets through, source by source and in the order of each.

    `sources` is `source_identities(config)`: it is not read here, it makes the fingerprint follow what the sources
    hold. A shard that was read before a kill is not read again. `drops.jsonl` shows up to twenty files of each reason.
    Where limits end a source early, the drops are those of the files that were tried by then. Raises InputError where
    a source is empty or cannot be read.
    """
    resume = out / RESUME
    resume.mkdir(exist_ok=True)
    opened = zip(config.sources, open_sources(config, seed), strict=True)
    intakes = [Intake(section, source, config, resume) for section, source in opened]
    total = config.max_files or sum(len(intake.shards) for intake in intakes)
    with meter("collect", total, "files" if config.max_files else "shards") as shown:
        take_all(intakes, config.max_files, machine.workers, IntakeMeter(shown, counts_files=bool(config.max_files)))
    taken = [outcome for intake in intakes for outcome in intake.taken]
    parts = [
        Part(resume / f"{outcome.key}.parquet", outcome.num_chars)
        for outcome in taken
        # One part at least, so that a corpus without files has its columns.
        if outcome.num_files or outcome is taken[0]
    ]
    names = put_together(parts, out, machine.workers)
    write_drops(out / DROPS, (drop for outcome in taken for drop in outcome.shown))
    for intake in intakes:
        if not intake.num_files:
            console.print(f"  collect: no file of source {intake.name!r} stays; {DROPS} shows some", style="yellow")
    num_files = sum(outcome.num_files for outcome in taken)
    return CodeFiles(out, Facts(rows={FILES: num_files}, drops=_drops(taken), metrics=_metrics(intakes, taken, names)))


def _drops(taken: Sequence[ShardOutcome]) -> dict[str, int]:
    drops = Counter[str]()
    for outcome in taken:
        drops.update(outcome.drops)
    return dict(sorted(drops.items()))


def _metrics(intakes: Sequence[Intake], taken: Sequence[ShardOutcome], names: Names) -> dict[str, Fact]:
    notes = Counter[str]()
    for outcome in taken:
        notes.update(outcome.notes)
    metrics: dict[str, Fact] = {
        "files_tried": sum(outcome.num_tried for outcome in taken),
        "origins": names.num_origins,
        "chars": sum(outcome.num_chars for outcome in taken),
        "renamed_files": names.num_renamed,
    }
    for intake in intakes:
        metrics[f"{intake.name}.files"] = intake.num_files
        metrics[f"{intake.name}.chars"] = intake.num_chars
    return metrics | {f"{note}_files": count for note, count in sorted(notes.items())}

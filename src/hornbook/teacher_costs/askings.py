"""What the stages of a plan will ask language models: their requests, rendered as the stages would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.corpus.annotate import read_sample, starter_sample
from hornbook.corpus.chat_annotate import annotation_requests
from hornbook.errors import InputError, MissingDependencyError
from hornbook.evaluate.grader import grading_request
from hornbook.evaluate.problem_sets import load_set, set_label
from hornbook.recipe import ChatConfig, Recipe
from hornbook.records import CodeFile, Subtopic
from hornbook.run.folder import RunFolder
from hornbook.run.runner import PlannedNode
from hornbook.synthesize.chat_sections import Catalogue
from hornbook.synthesize.requests import exercise_request, plain_exercise_request, proposal_request
from hornbook.synthesize.topics import read_tree
from hornbook.synthesize.variety import Variety
from hornbook.teacher.chat import ChatRequest, replies_file
from hornbook.teacher_costs.follow_ups import (
    FollowUp,
    further_solutions,
    grade_repairs,
    judgement_repairs,
    section_repairs,
)


@dataclass(frozen=True)
class Asking:
    """A stage that asks, before it is looked at."""

    node: str
    config: ChatConfig
    replies: Path
    num_requests: int
    sample: Callable[[int], Sequence[ChatRequest]]
    """So many of its requests, spread over all of them."""
    note: str = ""
    follow_up: FollowUp | None = None


def find_askings(recipe: Recipe, planned: Sequence[PlannedNode], folder: RunFolder) -> Iterator[Asking]:
    """What the stages of a plan will ask, in its order; those that ask for nothing too."""
    for entry in planned:
        if entry.state == "cached":
            continue
        name = entry.node.name
        if name in ("write_exercises", "write_textbooks"):
            yield from _writing(recipe, name, folder)
        elif name == "annotate" and recipe.annotator.backend:
            yield _annotating(recipe, entry, folder)
        elif entry.node.stage.name == "grade":
            yield from _grading(recipe, entry, folder)


def _writing(recipe: Recipe, name: str, folder: RunFolder) -> Iterator[Asking]:
    writer, seed = recipe.writer, recipe.seed
    replies = replies_file(writer.replies, folder.replies)

    def asking(
        label: str, count: int, request: Callable[[int], ChatRequest], note: str = "", follow_up: FollowUp | None = None
    ) -> Asking:
        def sample(size: int) -> list[ChatRequest]:
            return [request(index) for index in spread(count, size)]

        return Asking(label, writer, replies, count, sample, note, follow_up)

    if name == "write_exercises":
        exercises, more = recipe.write_exercises, further_solutions(recipe)
        yield asking(name, exercises.num_requests, lambda index: exercise_request(writer, seed, index), "", more)
        count = exercises.num_baseline_requests
        yield asking(f"{name} baseline", count, lambda index: plain_exercise_request(writer, seed, index))
        return
    textbooks, tree = recipe.write_textbooks, read_tree()
    topics = list(dict.fromkeys(leaf.topic for leaf in tree))[: textbooks.num_proposed_topics]
    yield asking(
        f"{name} topics",
        len(topics),
        lambda index: proposal_request(writer, topics[index], _names(tree, topics[index]), seed),
    )
    repairs = section_repairs(recipe)
    is_listed = textbooks.topics == "list"
    catalogue = Catalogue(writer, seed, () if is_listed else tree, Variety.of(textbooks))
    note = "by the tree of topics before it is extended" if topics else ""
    yield asking(name, textbooks.num_requests, catalogue.request, note, repairs)


def _names(tree: Sequence[Subtopic], topic: str) -> list[str]:
    return [leaf.name for leaf in tree if leaf.topic == topic]


def _annotating(recipe: Recipe, entry: PlannedNode, folder: RunFolder) -> Asking:
    config = recipe.annotator
    replies = replies_file(config.replies, folder.replies)
    if config.backend == "starter":
        requests = list(annotation_requests(starter_sample(recipe.annotate, config, recipe.seed), config))
        return Asking("annotate", config, replies, len(requests), lambda size: requests[:size])
    files = _finished(entry, "files", folder)
    if files is None:
        # What will be in the corpus is not known yet, so every file is taken for a long one.
        count = recipe.annotate.sample_files * config.max_windows
        longest = CodeFile(text="x = 1\n" * (config.window_chars // 6), origin="", path="", license="")
        requests = list(annotation_requests([longest], config))
        return Asking(
            "annotate",
            config,
            replies,
            count,
            lambda size: requests,
            "at most; its files are not there yet",
            judgement_repairs(),
        )
    requests = list(annotation_requests(read_sample(files, recipe.annotate, recipe.seed), config))
    return Asking(
        "annotate",
        config,
        replies,
        len(requests),
        lambda size: [requests[index] for index in spread(len(requests), size)],
        follow_up=judgement_repairs(),
    )


def _grading(recipe: Recipe, entry: PlannedNode, folder: RunFolder) -> Iterator[Asking]:
    """Requests for the completions that are there, or for as many with the reference solution in their place."""
    config = recipe.grade
    evaluation, exercises = _finished(entry, "evaluation", folder), _finished(entry, "exercises", folder)
    requests: list[ChatRequest] = []
    left_out: list[str] = []
    for text in recipe.evaluate.problems:
        label = set_label(text)
        if label not in config.problems:
            continue
        try:
            problems = {problem.task_id: problem for problem in load_set(text, exercises).problems}
        except (InputError, MissingDependencyError):
            left_out.append(label)
            continue
        if evaluation is not None:
            asked = [(problems[sample.task_id], sample.completion) for sample in evaluation.samples(label)]
        else:
            repeats = recipe.evaluate.samples_per_problem
            asked = [(problem, problem.canonical_solution) for problem in problems.values() for _ in range(repeats)]
        requests += [grading_request(problem, completion, config) for problem, completion in asked]
    yield Asking(
        entry.node.name,
        config,
        folder.replies,
        len(requests),
        lambda size: [requests[index] for index in spread(len(requests), size)],
        f"without {', '.join(left_out)}, which is not there yet" if left_out else "",
        grade_repairs(),
    )


def _finished(entry: PlannedNode, name: str, folder: RunFolder) -> Any:
    """An input's artifact, or None where it is not there as the recipe asks for it."""
    node = entry.node.inputs[name]
    if not folder.artifact_folder(node).is_dir():
        return None
    return node.output_type.load(folder.artifact_folder(node))


def spread(count: int, size: int) -> Iterator[int]:
    """`size` indices of `count`, or all where there are no more, at even distances."""
    size = min(count, size)
    return (number * count // size for number in range(size))

"""The whole of hornbook on one screen: which stage feeds which, in the order of the paper.

    collect -> deduplicate -> annotate -> filter --+
                                                   +-> decontaminate -> tokenize -> pretrain -> (base) --+
    write_textbooks -------------------------------+                                                     |
    write_exercises -> decontaminate -> tokenize -> finetune <-------------------------------------------+
    base, finetuned, small -> evaluate -> compare -> report -> export

The studies `ablate`, `prune` and `scaling` (`hornbook.studies`) add nodes to this graph.

Building the graph runs nothing.
"""

from __future__ import annotations

from typing import Any

from hornbook.corpus.annotate import annotate, annotator_identity
from hornbook.corpus.collect import collect
from hornbook.corpus.contamination.compared import compared_identities
from hornbook.corpus.decontaminate import decontaminate_codeexercises, decontaminate_codetextbook
from hornbook.corpus.deduplicate import deduplicate
from hornbook.corpus.duplicates.earlier import earlier_identity
from hornbook.corpus.embedders import embedder_identity
from hornbook.corpus.filter import filter
from hornbook.corpus.sources.registry import source_identities
from hornbook.evaluate.compare import compare
from hornbook.evaluate.evaluate import evaluate
from hornbook.evaluate.grade import grade
from hornbook.evaluate.grader import grader_identity
from hornbook.evaluate.problem_sets import benchmark_entry_points, problem_set_identities
from hornbook.recipe import Recipe, TrainConfig
from hornbook.release.export import export
from hornbook.release.report import report
from hornbook.run.graph import Graph
from hornbook.synthesize.requests import requests_identity
from hornbook.synthesize.write_exercises import write_exercises
from hornbook.synthesize.write_textbooks import write_textbooks
from hornbook.tokens.packing import tokenize_codeexercises, tokenize_codetextbook
from hornbook.tokens.tokenizer import tokenizer_identity, train_tokenizer
from hornbook.train.finetune import finetune
from hornbook.train.pretrain import pretrain

MODELS = {"base": "pretrain", "finetuned": "finetune", "small-base": "small.pretrain", "small": "small.finetune"}
"""The node that leaves each model behind, by the name that people use for the model."""


def build(recipe: Recipe) -> Graph:
    """The graph of a recipe. A node that several places need stands here once."""
    graph = Graph()
    add, seed, teacher = graph.add, recipe.seed, recipe.teacher

    # Section 2.1: raw code, and the part of it that teaches.
    collected = add(collect, config=recipe.collect, seed=seed, sources=source_identities(recipe.collect))
    earlier = earlier_identity(recipe.deduplicate)
    files = add(deduplicate, files=collected, config=recipe.deduplicate, against=earlier)
    prompts = annotator_identity(recipe.annotator)
    judging: dict[str, Any] = {"teacher": teacher, "annotator": recipe.annotator, "prompts": prompts}
    annotations = add(annotate, files=files, config=recipe.annotate, seed=seed, **judging)
    embedder = embedder_identity(recipe.filter)
    filtered = add(filter, files=files, annotations=annotations, config=recipe.filter, embedder=embedder, seed=seed)

    # Section 2.2: what the teacher writes.
    requests = requests_identity() if recipe.writer.backend else ""
    writing: dict[str, Any] = {"teacher": teacher, "writer": recipe.writer, "requests": requests, "seed": seed}
    textbooks = add(write_textbooks, config=recipe.write_textbooks, **writing)
    names = benchmark_entry_points(recipe.evaluate.problems)
    exercises = add(write_exercises, config=recipe.write_exercises, entry_points=names, **writing)

    # Section 5: nothing that the evaluation asks may be in what the models read.
    against = recipe.decontaminate.with_problems(recipe.evaluate.problems)
    asked_of = {"problems": compared_identities(against), "embedder": embedder_identity(against)}
    clean: dict[str, Any] = {"config": against, **asked_of}
    codetextbook = add(decontaminate_codetextbook, code=filtered, textbooks=textbooks, exercises=exercises, **clean)
    codeexercises = add(decontaminate_codeexercises, exercises=exercises, **clean)

    tokenizer = add(
        train_tokenizer,
        corpus=codetextbook,
        config=recipe.tokenizer,
        given=tokenizer_identity(recipe.tokenizer),
        seed=seed,
    )
    tokenize: dict[str, Any] = {"tokenizer": tokenizer, "config": recipe.tokenize, "seed": seed}
    textbook_tokens = add(tokenize_codetextbook, corpus=codetextbook, **tokenize)
    exercise_tokens = add(tokenize_codeexercises, exercises=codeexercises, **tokenize)

    # Section 2.3: phi-1-base, phi-1, and the same pipeline at a smaller size (section 3: phi-1-small).
    def settings(config: TrainConfig) -> dict[str, Any]:
        # Held-out problems only where they are asked on the way: without that, weights do not depend on them.
        probed = {"exercises": codeexercises, "evaluation": recipe.evaluate} if config.evaluate_every else {}
        return {"config": config, **probed}

    base = add(pretrain, tokens=textbook_tokens, model=recipe.model, **settings(recipe.pretrain))
    finetuned = add(finetune, base=base, tokens=exercise_tokens, **settings(recipe.finetune))
    small_base = add(
        pretrain,
        variant="small",
        tokens=textbook_tokens,
        model=recipe.small_model,
        **settings(recipe.small_pretrain),
    )
    small = add(finetune, variant="small", base=small_base, tokens=exercise_tokens, **settings(recipe.small_finetune))

    # Section 3: scores, and the three models side by side.
    asked: dict[str, Any] = {
        "exercises": codeexercises,
        "config": recipe.evaluate,
        "problems": problem_set_identities(recipe.evaluate.problems),
        "seed": seed,
    }
    scores: dict[str, Any] = {
        f"{name}_scores": add(evaluate, variant=name, model=model, label=name, **asked)
        for name, model in (("base", base), ("finetuned", finetuned), ("small_base", small_base), ("small", small))
    }

    # Section 4: a teacher's opinion of the same completions, where one is configured.
    grades: dict[str, Any] = {}
    if recipe.grade.backend:
        grading = {"config": recipe.grade, "evaluated": recipe.evaluate, "prompts": grader_identity(), "seed": seed}
        for name, scored in scores.items():
            label = name.removesuffix("_scores")
            asking = {"evaluation": scored, "exercises": codeexercises, "label": label, **grading}
            grades[f"{label}_grades"] = add(grade, variant=label, **asking)

    comparison = add(
        compare,
        small=small,
        base=base,
        finetuned=finetuned,
        exercises=codeexercises,
        config=recipe.compare,
        seed=seed,
    )
    exported = add(export, model=finetuned, scores=scores["finetuned_scores"], name=recipe.name)
    add(
        report,
        name=recipe.name,
        description=recipe.description,
        collected=collected,
        files=files,
        annotations=annotations,
        filtered=filtered,
        textbooks=textbooks,
        exercises=exercises,
        codetextbook=codetextbook,
        codeexercises=codeexercises,
        textbook_tokens=textbook_tokens,
        exercise_tokens=exercise_tokens,
        base=base,
        finetuned=finetuned,
        small_base=small_base,
        small=small,
        comparison=comparison,
        exported=exported,
        **scores,
        **grades,
    )
    return graph

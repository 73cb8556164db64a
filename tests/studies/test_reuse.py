"""Nothing is trained twice: within a study, between studies, after a run, and after a kill."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.run.folder import RunFolder
from hornbook.run.runner import execute, plan
from hornbook.studies import loss
from hornbook.studies.ablate import build_ablation
from hornbook.studies.ablate_page import NUMBERS, write_ablation
from hornbook.studies.ablation import collect_outcome
from hornbook.studies.prune import build_pruning
from hornbook.studies.scale import build_scaling
from tests.studies.conftest import study
from tests.studies.small_run import MACHINE, small_recipe

TRAININGS = ("pretrain", "finetune")


def trainings(names: list[str]) -> set[str]:
    return {name for name in names if name.endswith(TRAININGS)}


def finished(folder: RunFolder) -> list[Path]:
    return [manifest.parent for manifest in folder.path.glob("*/*/manifest.json")]


@pytest.mark.parametrize("build_study", [build_ablation, build_pruning, build_scaling])
def test_a_study_adds_to_the_recipes_graph_and_changes_nothing_of_it(build_study):
    recipe = load_recipe("nano")
    studied = build_study(recipe).graph
    for node in build(recipe):
        assert studied[node.name].fingerprint == node.fingerprint
    counts = Counter(node.fingerprint for node in studied)
    assert max(counts.values()) == 1


def test_after_a_run_of_nano_only_what_is_missing_is_trained():
    recipe = load_recipe("nano")
    own = {node.fingerprint for node in build(recipe)}
    ablation = build_ablation(recipe)
    new = [node.name for node in ablation.graph.ancestors(*ablation.targets) if node.fingerprint not in own]
    # Three data sets and three seeds, each pretrained and finetuned, but for the recipe's own model.
    assert len(trainings(new)) == 3 * 3 * 2 - 2
    pruning = build_pruning(recipe)
    new = [node.name for node in pruning.graph.ancestors(*pruning.targets) if node.fingerprint not in own]
    # Four thresholds, pruned and at random, and all exercises; the recipe's own finetuning is one of these.
    assert len(trainings(new)) == 3 * (4 * 2 + 1) - 1
    assert not [name for name in new if name.endswith("pretrain")]


def test_the_large_model_of_a_run_is_reused_like_the_small_one():
    recipe = load_recipe("nano", ['ablate.sizes=["model"]', "ablate.seeds=1"])
    own = {node.fingerprint for node in build(recipe)}
    ablation = build_ablation(recipe)
    reused = {arm.model.name for arm in ablation.arms if arm.model.fingerprint in own}
    assert reused == {"pretrain", "finetune"}
    assert {arm.scores.name for arm in ablation.arms if arm.data == "textbooks"} == {
        "base.evaluate",
        "finetuned.evaluate",
    }


def test_prune_after_ablate_makes_only_its_own_and_a_second_call_nothing(ablated, pruned):
    assert {"small.pretrain", "small.finetune"} <= trainings(ablated.ran)
    assert len(trainings(ablated.ran)) == 3 * 2 * 2
    assert trainings(pruned.ran) == {
        f"prune.small.tau-{tau}.{how}.0.finetune" for tau in ("0.9", "0.8") for how in ("matched", "random")
    }
    for done, build_study in ((ablated, build_ablation), (pruned, build_pruning)):
        before = sorted(finished(done.folder))
        again = study(done.recipe, done.folder, build_study)
        assert again.ran == []
        assert sorted(finished(done.folder)) == before


def test_no_two_artifacts_of_a_folder_have_one_identity(scaled):
    counts = Counter(folder.name for folder in finished(scaled.folder))
    assert max(counts.values()) == 1
    assert len(counts) == len(finished(scaled.folder)) > 40


def test_another_seed_trains_that_seed_alone(ablated):
    recipe = small_recipe("ablate.seeds=3")
    ablation = build_ablation(recipe)
    planned = plan(ablation.graph, ablated.folder, ablation.targets)
    waiting = [entry.node.name for entry in planned if entry.state == "run"]
    assert trainings(waiting) == {
        f"ablate.small.{data}.2.{stage}" for data in ("unfiltered", "filtered", "textbooks") for stage in TRAININGS
    }
    assert all(".2." in name for name in waiting)


def test_another_threshold_trains_that_threshold_alone(pruned):
    recipe = small_recipe("prune.thresholds=[0.95,0.9,0.8]")
    pruning = build_pruning(recipe)
    planned = plan(pruning.graph, pruned.folder, pruning.targets)
    waiting = [entry.node.name for entry in planned if entry.state == "run"]
    assert len(trainings(waiting)) == 2
    assert all("tau-0.95" in name for name in waiting)


def test_what_a_study_made_serves_a_run_under_the_runs_own_names(ablated):
    planned = {entry.node.name: entry.state for entry in plan(build(ablated.recipe), ablated.folder)}
    assert planned["small.finetune"] == "cached"
    # The same training, reached under another name.
    graph = build(ablated.recipe)
    renamed = graph.vary(graph["small.pretrain"], "elsewhere", config=ablated.recipe.small_pretrain)
    assert renamed.name == "small.pretrain"
    alone = build(small_recipe("small_pretrain.seed=1"))["small.pretrain"]
    found = ablated.folder.artifact_folder(alone)
    assert found.parent.name == "ablate.small.textbooks.1.pretrain"
    assert ablated.folder.finished_manifest(alone)["fingerprint"] == alone.fingerprint


def test_a_study_that_stops_half_way_goes_on_and_ends_with_the_same_numbers(ablated, tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(ablated.folder.path, folder.path, ignore=shutil.ignore_patterns("small*", "ablate.small*"))
    measure, calls = loss.document_nats, []
    recipe = small_recipe("ablate.seeds=1")

    def stops(*arguments):
        calls.append(1)
        if len(calls) == 25:
            raise KeyboardInterrupt
        return measure(*arguments)

    ablation = build_ablation(recipe)
    with monkeypatch.context() as patched:
        patched.setattr(loss, "document_nats", stops)
        with pytest.raises(KeyboardInterrupt):
            execute(ablation.graph, folder, MACHINE, recipe_name="tiny", targets=ablation.targets)
    done = {entry.node.name for entry in plan(ablation.graph, folder, ablation.targets) if entry.state == "cached"}
    assert "small.finetune" in done or "ablate.small.unfiltered.0.finetune" in done
    resumed = study(recipe, folder, build_ablation)
    assert not done & set(resumed.ran)
    whole = study(recipe, ablated.folder, build_ablation)
    assert whole.ran == []
    for one in (whole, resumed):
        write_ablation(one.folder.path, "tiny", collect_outcome(one.study, one.made))
    numbers = [json.loads((one.folder.path / NUMBERS).read_text()) for one in (whole, resumed)]
    assert numbers[0] == numbers[1]

"""Nothing is trained twice: within a study, between studies, after a run, and after a kill."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.records import write_rows
from hornbook.run.folder import RunFolder
from hornbook.run.runner import execute, plan
from hornbook.studies import loss
from hornbook.studies.ablate import build_ablation
from hornbook.studies.ablate_page import NUMBERS, write_ablation
from hornbook.studies.ablation import collect_outcome
from hornbook.studies.matches import PAIRS, PROBLEMS, RATES, ExerciseRate, Matches, ProblemRate
from hornbook.studies.prune import build_matching, build_pruning
from hornbook.studies.scale import build_scaling
from tests.studies.conftest import study, study_pruning
from tests.studies.small_run import MACHINE, small_recipe

TRAININGS = ("pretrain", "finetune")


def trainings(names: list[str]) -> set[str]:
    return {name for name in names if name.endswith(TRAININGS)}


def finished(folder: RunFolder) -> list[Path]:
    return [manifest.parent for manifest in folder.path.glob("*/*/manifest.json")]


@pytest.mark.parametrize("build_study", [build_ablation, lambda recipe: build_pruning(recipe, {}), build_scaling])
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
    pruning = build_pruning(recipe, {})
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
    # Both thresholds prune the two copies, which match at 1.
    assert trainings(pruned.ran) == {f"prune.small.tau-1.{how}.0.finetune" for how in ("matched", "random")}
    for done in (ablated, pruned):
        before = sorted(finished(done.folder))
        repeated = (
            study(done.recipe, done.folder, build_ablation)
            if done is ablated
            else study_pruning(done.recipe, done.folder)
        )
        assert repeated.ran == []
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


def matched(recipe, folder, rates) -> dict[str, Matches]:
    """What `build_matching` asks for, made up: the n-th exercise matches a problem at the n-th rate."""
    made = {}
    for node in build_matching(recipe).targets:
        out = folder / node.fingerprint[:12]
        out.mkdir(exist_ok=True)
        least = node.values["least_rate"]
        rows = [ExerciseRate(n, f"t/{n}", rate, "heldout", "p") for n, rate in enumerate(rates) if rate >= least]
        write_rows(out / RATES, ExerciseRate, rows)
        write_rows(out / PROBLEMS, ProblemRate, [])
        (out / PAIRS).write_text("[]")
        made[node.name] = Matches(out)
    return made


def pruned_models(thresholds, rates, folder) -> dict[str, str]:
    """The fingerprints of a pruning's finetunings but for the recipe's own, by node."""
    recipe = small_recipe(f"prune.thresholds={thresholds}", "prune.seeds=2")
    own = {node.fingerprint for node in build(recipe)}
    pruning = build_pruning(recipe, matched(recipe, folder, rates) if rates is not None else {})
    for threshold in pruning.matches:
        assert {arm.how for arm in pruning.arms if arm.threshold == threshold} == {"matched", "random"}
    needed = pruning.graph.ancestors(*pruning.targets)
    return {n.name: n.fingerprint for n in needed if n.name.endswith("finetune") and n.fingerprint not in own}


@pytest.mark.parametrize(
    ("rates", "num_trained"),
    [
        (None, 1 + 3 * 4),  # Not known yet: as if each threshold pruned other exercises.
        ([0.97, 0.92, 0.85], 1 + 3 * 4),
        ([0.97, 0.85], 1 + 2 * 4),
        ([0.85], 1 + 4),
        ([0.97], 1 + 4),
        ([], 1),
    ],
)
def test_thresholds_that_prune_the_same_share_their_models(tmp_path, rates, num_trained):
    assert len(pruned_models("[0.95,0.9,0.8]", rates, tmp_path)) == num_trained


def test_a_threshold_without_matches_is_the_model_with_all_exercises(tmp_path):
    recipe = small_recipe("prune.seeds=2")
    pruning = build_pruning(recipe, matched(recipe, tmp_path, [0.85]))
    whole = {arm.seed: arm for arm in pruning.arms if arm.how == "all"}
    for arm in pruning.arms:
        if arm.threshold == 0.9:
            assert (arm.scores, arm.exercises) == (whole[arm.seed].scores, whole[arm.seed].exercises)
    assert whole[0].scores.name == "small.evaluate"


@pytest.mark.parametrize("rates", [None, [0.97, 0.92, 0.85, 0.75]])
@pytest.mark.parametrize("added", [0.95, 0.7])
def test_another_threshold_trains_that_threshold_alone(tmp_path, rates, added):
    before = pruned_models("[0.9,0.8]", rates, tmp_path)
    after = pruned_models(f"[0.9,0.8,{added}]", rates, tmp_path)
    assert before.items() < after.items()
    assert len(after) == len(before) + 4


def test_a_low_threshold_that_prunes_no_more_than_a_high_one_trains_nothing(tmp_path):
    rates = [0.97, 0.85]
    assert pruned_models("[0.9,0.8]", rates, tmp_path) == pruned_models("[0.9,0.8,0.7]", rates, tmp_path)


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

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from hornbook.recipe import Recipe
from hornbook.run.artifact import Artifact
from hornbook.run.folder import RunFolder
from hornbook.run.runner import execute, plan
from hornbook.studies.ablate import build_ablation
from hornbook.studies.prune import build_matching, build_pruning
from hornbook.studies.scale import build_scaling
from tests.studies.small_run import MACHINE, plant_data, small_recipe


@dataclass
class Studied:
    """A study that was run, with the nodes that it had to run."""

    recipe: Recipe
    folder: RunFolder
    study: Any
    ran: list[str] = field(default_factory=list)
    made: dict[str, Artifact] = field(default_factory=dict)


def study(recipe: Recipe, folder: RunFolder, build: Callable[[Recipe], Any]) -> Studied:
    found = Studied(recipe, folder, build(recipe))
    planned = plan(found.study.graph, folder, found.study.targets)
    found.ran = [entry.node.name for entry in planned if entry.state != "cached"]
    found.made = execute(found.study.graph, folder, MACHINE, recipe_name=recipe.name, targets=found.study.targets)
    return found


def study_pruning(recipe: Recipe, folder: RunFolder) -> Studied:
    first = study(recipe, folder, build_matching)
    second = study(recipe, folder, lambda recipe: build_pruning(recipe, first.made))
    second.ran = [*first.ran, *second.ran]
    return second


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="session")
def without_humaneval():
    """Its 164 texts would be most of the time that a loss takes; `test_heldout_text` asks for them itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hornbook.studies.ablate.humaneval_identity", lambda: "")
        yield


@pytest.fixture(scope="session")
def run_path(tmp_path_factory) -> Path:
    """The folder that the studies of a session share, one after the other."""
    return tmp_path_factory.mktemp("studied") / "run"


@pytest.fixture(scope="session")
def ablated(run_path) -> Studied:
    recipe = small_recipe("ablate.seeds=2")
    return study(recipe, plant_data(run_path, recipe), build_ablation)


@pytest.fixture(scope="session")
def pruned(ablated) -> Studied:
    return study_pruning(ablated.recipe, ablated.folder)


@pytest.fixture(scope="session")
def scaled(pruned) -> Studied:
    recipe = small_recipe("ablate.seeds=2", "scaling.hidden_sizes=[32,48,64,80]", "scaling.tokens_per_parameter=0.02")
    return study(recipe, pruned.folder, build_scaling)

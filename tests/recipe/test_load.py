"""Recipes as a user meets them: names, paths, extends, overrides, and errors that say what to do."""

import pytest

from hornbook.errors import RecipeError
from hornbook.recipe import load_recipe, shipped_recipes, walk_fields


def test_all_shipped_recipes_load_under_their_own_name():
    assert shipped_recipes() == ["half-hour", "nano", "phi-1", "phi-1-small", "starter", "tiny"]
    assert [load_recipe(name).name for name in shipped_recipes()] == shipped_recipes()


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


def test_every_field_explains_itself():
    assert [name for name, _, text in walk_fields() if not text.strip()] == []

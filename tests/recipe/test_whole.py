import pytest

from hornbook.recipe import Recipe, load_recipe


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


def test_a_recipe_cannot_be_changed():
    recipe = load_recipe("nano")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1
    assert isinstance(recipe, Recipe)

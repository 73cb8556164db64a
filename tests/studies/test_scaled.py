import json

import numpy as np
import pytest

from hornbook.costs import training_costs
from hornbook.errors import RecipeError
from hornbook.model.phi import Phi
from hornbook.pipeline import build
from hornbook.recipe import load_recipe
from hornbook.studies.loss import DocumentLoss
from hornbook.studies.scale import build_scaling, matrix_weights, widened
from hornbook.studies.scaled import MIXTURE, collect_outcome, training_flops, weigh
from hornbook.studies.scaling_page import NUMBERS, PAGE, TABLE, write_scaling
from tests.studies.small_run import small_recipe


@pytest.fixture(scope="module")
def outcome(scaled):
    return collect_outcome(scaled.study, scaled.made, scaled.recipe)


def test_nano_trains_five_widths_on_as_many_tokens_a_weight():
    recipe = load_recipe("nano")
    scaling = build_scaling(recipe)
    assert [arm.hidden_size for arm in scaling.arms] == [32, 48, 64, 96, 128]
    for arm in scaling.arms:
        tokens = arm.train.steps * arm.train.tokens_per_step
        weights = matrix_weights(arm.model_config, recipe.tokenizer.vocab_size)
        assert tokens / weights == pytest.approx(6, rel=0.02)
        assert arm.train.warmup_steps < arm.train.steps
        assert arm.model.values["config"].mixture == recipe.small_pretrain.mixture


def test_a_models_matrix_weights_are_those_that_are_multiplied():
    recipe = load_recipe("nano")
    phi = Phi(recipe.small_model, recipe.tokenizer.vocab_size)
    counted = sum(
        parameter.numel()
        for name, parameter in phi.named_parameters()
        if parameter.ndim == 2 and name != "embed_tokens"
    )
    assert matrix_weights(recipe.small_model, recipe.tokenizer.vocab_size) == counted


@pytest.mark.parametrize(("width", "heads"), [(32, 1), (48, 1), (64, 2), (80, 2), (96, 3), (112, 2), (128, 4)])
def test_heads_divide_the_width(width, heads):
    recipe = load_recipe("nano")
    model = widened(recipe.small_model, recipe.scaling, width)
    assert (model.num_attention_heads, model.intermediate_size) == (heads, 4 * width)


def test_a_width_that_the_architecture_cannot_have_is_named():
    with pytest.raises(RecipeError, match=r"scaling\.hidden_sizes: width 16 does not fit small_model: rotary_dims 32"):
        build_scaling(small_recipe("scaling.hidden_sizes=[16,32,48,64]"))


def test_compute_is_counted_as_the_plan_counts_it():
    recipe = load_recipe("phi-1")
    counted = training_flops(recipe.model, recipe.pretrain, recipe.tokenizer.vocab_size)
    planned = {cost.node: cost.flops for cost in training_costs(build(recipe), recipe.tokenizer.vocab_size)}
    assert counted["with_attention"] == planned["pretrain"]
    assert counted["without_attention"] == 6 * 1_312_817_152 * 24_000 * 1024 * 2048
    assert counted["without_attention"] < counted["with_attention"]


def test_points_are_the_losses_of_the_trainings(scaled, outcome):
    assert [point.hidden_size for point in outcome.points] == [32, 48, 64, 80]
    for arm, point in zip(scaled.study.arms, outcome.points, strict=True):
        bits = scaled.made[arm.losses.name].bits_per_byte()
        assert point.bits_per_byte["code"] == pytest.approx(bits["code"])
        assert point.bits_per_byte[MIXTURE] == pytest.approx(0.1 * bits["code"] + 0.9 * bits["textbooks"])
        facts = scaled.made[arm.model.name].facts.metrics
        assert point.tokens == facts["tokens"]
        assert point.flops["without_attention"] == 6 * point.parameters * point.tokens
    assert outcome.shares == pytest.approx({"code": 0.1, "textbooks": 0.9})


def test_what_is_resampled_has_the_points_losses(scaled, outcome):
    documents = [list(scaled.made[arm.losses.name].read()) for arm in scaled.study.arms]
    for part in (MIXTURE, "code", "textbooks"):
        bits, num_bytes = weigh(documents, part, outcome.shares)
        found = bits.sum(axis=1) / num_bytes.sum()
        assert found == pytest.approx(np.array([point.bits_per_byte[part] for point in outcome.points]))


def test_a_mixture_of_one_source_weighs_that_source_alone():
    documents = [
        DocumentLoss(part, "origin", str(place), 100, 30, bits)
        for part, bits in (("code", 200.0), ("textbooks", 50.0))
        for place in range(5)
    ]
    bits, num_bytes = weigh([documents], MIXTURE, {"code": 1.0})
    assert num_bytes.shape == (5,)
    assert bits.sum() / num_bytes.sum() == pytest.approx(2.0)


def test_predictions_lie_where_the_law_says_and_far_beyond_the_trainings(outcome):
    for law in outcome.laws:
        largest = max(point.flops[law.counting] for point in outcome.points)
        assert [one.recipe for one in law.predictions] == ["phi-1-small", "phi-1"]
        for one in law.predictions:
            assert one.loss.value == pytest.approx(law.law.at(one.flops))
            assert 10**one.orders_beyond == pytest.approx(one.flops / largest)
            assert one.orders_beyond > 5


def test_page_table_and_numbers_say_the_same(outcome, tmp_path):
    lines = write_scaling(tmp_path, "made-up", outcome)
    page, table = (tmp_path / PAGE).read_text(), (tmp_path / TABLE).read_text()
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    value = outcome.points[-1].bits_per_byte[MIXTURE]
    shown = f"{value:.3f}"
    assert shown in page
    assert shown in table
    assert any(shown in line for line in lines)
    assert numbers["points"][-1]["bits_per_byte"][MIXTURE] == value
    assert numbers["laws"][0]["predictions"][1]["recipe"] == "phi-1"
    assert "powers of ten beyond the largest" in page
    # For the mixture and both sources: the fit, and how it goes on.
    assert page.count("<svg") == 6

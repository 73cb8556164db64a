import json
import statistics
from dataclasses import replace

import pytest

from hornbook.evaluate.pass_at_k import compare_paired
from hornbook.studies.ablate_page import NUMBERS, PAGE, TABLE, spread_text, verdict_lines, write_ablation
from hornbook.studies.ablation import STEPS, Spread, collect_outcome, compare_steps
from tests.studies.outcomes import LEVELS, ablation_outcome


def test_the_arms_differ_in_their_data_and_in_nothing_else(ablated):
    graph, arms = ablated.study.graph, ablated.study.arms
    bases = {arm.data: arm.model for arm in arms if not arm.is_finetuned and arm.seed == 0}
    configs = {data: node.values["config"] for data, node in bases.items()}
    own = ablated.recipe.small_pretrain
    assert configs["textbooks"] == own
    for data in ("unfiltered", "filtered"):
        assert dict(configs[data].mixture) == {"code": 1.0}
        assert configs[data].model_copy(update={"mixture": own.mixture}) == own
    assert bases["filtered"].inputs["tokens"] is bases["textbooks"].inputs["tokens"] is graph["tokenize_codetextbook"]
    raw = bases["unfiltered"].inputs["tokens"]
    assert raw.inputs["tokenizer"] is graph["train_tokenizer"]
    clean, own_clean = raw.inputs["corpus"], graph["decontaminate_codetextbook"]
    assert clean.values == own_clean.values
    assert {name for name in clean.inputs if clean.inputs[name] is not own_clean.inputs[name]} == {"code"}
    for arm in arms:
        if arm.is_finetuned:
            assert arm.model.inputs["tokens"] is graph["tokenize_codeexercises"]
            assert arm.model.inputs["base"].values["config"].seed == arm.model.values["config"].seed == arm.seed


def test_all_arms_read_as_many_tokens(ablated):
    facts = [ablated.made[arm.model.name].facts.metrics for arm in ablated.study.arms]
    assert len({(one["steps"], one["tokens"]) for one in facts}) == 1
    assert len({one["parameters"] for one in facts}) == 1


def test_code_alone_is_read_where_there_are_no_textbooks(ablated):
    for arm in ablated.study.arms:
        if not arm.is_finetuned:
            epochs = {name for name in ablated.made[arm.model.name].facts.metrics if name.startswith("epochs_")}
            assert epochs == ({"epochs_code", "epochs_textbooks"} if arm.data == "textbooks" else {"epochs_code"})


def test_scores_and_losses_are_those_of_the_artifacts(ablated):
    outcome = collect_outcome(ablated.study, ablated.made)
    assert len(outcome.kinds) == 6
    kept_share = ablated.made["ablate.hold_out_code"].facts.metrics["kept_share"]
    for kind in outcome.kinds:
        arms = [a for a in ablated.study.arms if (a.data, a.is_finetuned) == (kind.data, kind.is_finetuned)]
        assert [arm.seed for arm in arms] == [0, 1]
        for place, arm in enumerate(arms):
            samples = list(ablated.made[arm.scores.name].samples("heldout"))
            assert kind.pass_at_1["heldout"].values[place] == sum(s.passed for s in samples) / len(samples)
            rows = list(ablated.made[arm.losses.name].read())
            by_part = {
                part: sum(r.bits for r in rows if r.part == part) / sum(r.num_bytes for r in rows if r.part == part)
                for part in ("kept", "rejected")
            }
            for part, value in by_part.items():
                assert kind.bits_per_byte[part].values[place] == pytest.approx(value)
            corpus = kept_share * by_part["kept"] + (1 - kept_share) * by_part["rejected"]
            assert kind.bits_per_byte["corpus"].values[place] == pytest.approx(corpus)
    assert {part: texts for part, (texts, _) in outcome.held_out.items()}.keys() == {"kept", "rejected"}


def test_seeds_give_other_models(ablated):
    losses = {
        (arm.data, arm.is_finetuned, arm.seed): ablated.made[arm.losses.name].bits_per_byte()["kept"]
        for arm in ablated.study.arms
    }
    assert len(set(losses.values())) == len(losses) == 12


def test_a_spread_is_the_mean_and_the_sample_deviation():
    values = (0.1, 0.2, 0.4)
    assert Spread(values).deviation == pytest.approx(statistics.stdev(values))
    assert Spread((0.3,)).deviation is None
    assert spread_text(Spread(values), 100, 1) == "23.3 ± 15.3"
    assert spread_text(Spread((0.3,)), 100, 1) == "30.0"


def test_a_step_compares_the_same_problems():
    outcome = ablation_outcome()
    kinds = {(kind.data, kind.is_finetuned): kind for kind in outcome.kinds}
    assert len(outcome.steps) == len(STEPS) * 2
    for step in outcome.steps:
        first, second = (kinds[one].solved[step.set_name] for one in (step.first, step.second))
        tasks = sorted(first, key=int)
        expected = compare_paired([first[task] for task in tasks], [second[task] for task in tasks], seed=0)
        assert step.paired == expected
        before, after = (kinds[one].pass_at_1[step.set_name] for one in (step.first, step.second))
        assert step.paired.difference == pytest.approx(after.mean - before.mean)
        assert statistics.fmean(step.by_seed) == pytest.approx(after.mean - before.mean)


@pytest.mark.parametrize(
    ("filtered", "verdict"), [(0.12, "as in the paper"), (0.02, "undecided"), (0.0, "against the paper's order")]
)
def test_the_verdict_is_the_papers_order_or_not(filtered, verdict):
    levels = LEVELS | {("unfiltered", False): 0.25 if filtered == 0 else 0.02, ("filtered", False): filtered}
    steps = ablation_outcome(levels=levels).steps
    step = next(one for one in steps if one.set_name == "heldout" and one.second == ("filtered", False))
    assert step.is_in_paper
    assert step.verdict == verdict


def test_page_table_and_numbers_say_the_same(tmp_path):
    outcome = ablation_outcome()
    lines = write_ablation(tmp_path, "made-up", outcome)
    page, table = (tmp_path / PAGE).read_text(), (tmp_path / TABLE).read_text()
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    last = outcome.kinds[-1]
    shown = spread_text(last.pass_at_1["heldout"], 100, 1)
    for text in (page, table, "\n".join(lines)):
        assert shown in text
        assert "filtered code + textbooks, finetuned" in text
    found = [one for one in numbers["kinds"] if one["data"] == "textbooks" and one["is_finetuned"]]
    assert found[0]["pass_at_1"]["heldout"] == list(last.pass_at_1["heldout"].values)
    assert numbers["steps"][0]["verdict"] == outcome.steps[0].verdict
    for line in verdict_lines(outcome):
        assert line in table
    # Two problem sets, and four parts of the held-out text; nothing is fetched from anywhere.
    assert page.count("<svg") == 6
    assert "A remark on a &lt;set&gt;." in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_model_that_solves_nothing_is_not_given_an_order():
    lines = verdict_lines(ablation_outcome(seeds=1, levels=dict.fromkeys(LEVELS, 0.0)))
    assert lines[0] == "The small model solves none of held-out exercises in any form."


def test_one_seed_says_nothing_of_the_data():
    outcome = ablation_outcome(seeds=1)
    assert min(step.paired.p_value for step in outcome.steps) < 0.001
    assert {step.verdict for step in outcome.steps} == {"undecided (one seed)"}
    assert any("0 of the paper's 3 steps come out as there" in line for line in verdict_lines(outcome))


def test_two_sizes_are_told_apart(tmp_path):
    small = ablation_outcome(seeds=1)
    large = [replace(kind, size="model") for kind in small.kinds]
    kinds = (*small.kinds, *large)
    outcome = replace(small, kinds=kinds, steps=tuple(compare_steps(kinds)))
    write_ablation(tmp_path, "made-up", outcome)
    page, table = (tmp_path / PAGE).read_text(), (tmp_path / TABLE).read_text()
    assert page.count("<svg") == 12
    assert page.index("The small model") < page.index("The large model")
    assert table.count("| large: ") == table.count("| small: ") == 6
    assert "HumanEval, large" in page

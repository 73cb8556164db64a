import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.recipe import EvaluateConfig, FilterConfig, load_recipe
from hornbook.run.fingerprint import canonical, changed_fields, fingerprint

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(TREES)
def test_equal_values_have_equal_fingerprints_and_no_changes(tree):
    assert fingerprint({"tree": canonical(tree)}) == fingerprint({"tree": canonical(tree)})
    assert changed_fields(canonical(tree), canonical(tree)) == []


def test_the_order_of_a_mapping_does_not_matter():
    assert fingerprint({"m": canonical({"a": 1, "b": 2})}) == fingerprint({"m": canonical({"b": 2, "a": 1})})


def test_each_field_of_a_section_matters():
    assert canonical(FilterConfig()) != canonical(FilterConfig(num_trees=7))
    assert fingerprint(canonical(FilterConfig())) != fingerprint(canonical(FilterConfig(num_trees=7)))


def test_a_field_that_is_excluded_says_where_and_not_what():
    places = [EvaluateConfig(problems=(name,)) for name in ("a/mine.jsonl", "b/mine.jsonl")]
    assert canonical(places[0]) == canonical(places[1])
    assert canonical(places[0]) != canonical(EvaluateConfig(samples_per_problem=2))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", lambda: None])
def test_what_has_no_stable_text_is_refused(value):
    with pytest.raises(TypeError, match="has no stable fingerprint"):
        canonical({"inner": [value]})


def test_changes_name_the_leaf():
    old, new = canonical(load_recipe("tiny")), canonical(load_recipe("tiny", ["model.num_hidden_layers=3"]))
    assert changed_fields(old, new) == ["model.num_hidden_layers: 2 -> 3"]
    assert changed_fields({"a": 1}, {"b": 1}) == ["a: gone, was 1", "b: new, 1"]
    assert changed_fields({"a": 1}, {"a": True}) == ["a: 1 -> True"]

import pytest

from hornbook.evaluate.forms import AFTER_DOCSTRING, FEW_SHOT, FUNCTION, CompletionForm
from hornbook.model.generate import GenerationConfig, cut_completion

BODY = "\n    return 1\n"


def cut(form: CompletionForm, completion: str) -> str:
    stop = tuple(sorted(form.stops))
    return cut_completion(completion, GenerationConfig(1, stop_at_function_end=form.ends_with_function, stop=stop))


@pytest.mark.parametrize(
    ("form", "completion", "kept"),
    [
        (FUNCTION, BODY + "\nprint(one())\n", BODY + "\n"),
        (FEW_SHOT, "\ndef one():\n    return 1\n[DONE]\n\nYou are", "\ndef one():\n    return 1\n"),
        (FEW_SHOT, "[DONE] nothing", ""),
        (FEW_SHOT, "\ndef one():\n    return 1", "\ndef one():\n    return 1"),
        (AFTER_DOCSTRING, "\ndef one():\n    return 1\n\nassert one() == 1\nprint(2)", "\ndef one():\n    return 1\n"),
        (AFTER_DOCSTRING, "\n\nclass One:\n    pass\nclass Two: pass", "\n\nclass One:\n    pass"),
    ],
)
def test_a_completion_ends_at_the_first_stop(form: CompletionForm, completion: str, kept: str) -> None:
    assert cut(form, completion) == kept
    assert cut(form, kept) == kept


@pytest.mark.parametrize("trailing", ["", "\n", "\n\n", "\n    "])
def test_whitespace_at_the_end_of_a_prompt_does_not_change_our_models_program(trailing: str) -> None:
    prompt = 'def one():\n    """One."""'
    assert FUNCTION.own_program(prompt + trailing, BODY) == prompt + BODY + "\n"


def test_a_foreign_completion_is_joined_to_the_prompt_as_it_is() -> None:
    prompt = 'def one():\n    """One."""\n'
    assert FUNCTION.foreign_program(prompt, "    return 1") == prompt + "    return 1\n"
    assert FUNCTION.foreign_program(prompt.rstrip(), "    return 1").endswith('"""    return 1\n')
    assert FEW_SHOT.foreign_program(prompt, "x = 1") == "x = 1\n"


@pytest.mark.parametrize("trailing", ["", "\n", "\n\n", "\n    "])
def test_what_others_are_given_means_the_same_program_to_them(trailing: str) -> None:
    prompt = 'def one():\n    """One."""' + trailing
    for completion in (trailing + "    return 1", trailing + "\n    return 1\n"):
        theirs = FUNCTION.as_foreign(prompt, completion)
        assert theirs is not None
        assert FUNCTION.foreign_program(prompt, theirs) == FUNCTION.own_program(prompt, completion)
    if trailing:
        assert FUNCTION.as_foreign(prompt, " # no line break\n    return 1") is None


def test_the_protocol_says_what_ends_a_completion() -> None:
    assert "the end of the function" in FUNCTION.describe()["stop_rules"]
    assert "'[DONE]'" in FEW_SHOT.describe()["truncation"]
    assert FEW_SHOT.describe()["program"] == "the completion alone"


@pytest.mark.parametrize(
    ("num_whole", "program"),
    [
        (0, "the prompt, then the completion, both as they are"),
        (1, "the prompt, then the completion, both as they are; the sample where it is a whole program"),
        (2, "the sample where it is a whole program"),
    ],
)
def test_the_protocol_tells_whole_programs_from_completions(num_whole: int, program: str) -> None:
    assert FUNCTION.describe_foreign(num_whole=num_whole, num_samples=2) == {
        "program": program,
        "whole_programs": num_whole,
        "truncation": "none: samples are run as they stand",
    }

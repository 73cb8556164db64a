import pytest

from hornbook.model.function_end import cut_at_function_end, has_function_ended

BODY = "\n    total = 0\n    return total\n"


@pytest.mark.parametrize(
    "rest",
    [
        "def other():\n    pass\n",
        "class Other:\n    pass\n",
        "print(total([1]))\n",
        "# an example\n",
        "if __name__ == '__main__':\n    pass\n",
        "@decorator\ndef other():\n    pass\n",
        "assert total([1]) == 1\n",
        "x = 1\n",
        '"""A module docstring."""\n',
        "```\nThat is it.\n",
        ")\n",
    ],
)
@pytest.mark.parametrize("gap", ["", "\n\n"])
def test_a_line_in_column_0_ends_the_function(rest, gap):
    assert cut_at_function_end(BODY + gap + rest) == BODY + gap
    assert has_function_ended(BODY + gap + rest)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "\n",
        BODY,
        BODY + "\n\n",
        " return 1",
        "\n    if x:\n\n        return 1\n\n    return 2",
        "\n    return sum([\n        1,\n        2,\n])\n",
        "\n    return foo(\n        a,\n)\n",
        "\n    table = {\n        1: 2,\n}\n    return table\n",
        '\n    text = """first\nsecond\ndef not_code():\n"""\n    return text\n',
        "\n    text = '''it's\nhere'''\n    return text\n",
        "\n    # it's (unbalanced\n    return 1\n",
        "\n    return '(' + \"[\"\n",
        "\n    return 'it\\'s ('\n",
        "\n\treturn 1\n",
    ],
)
def test_what_belongs_to_the_body_stays(completion):
    assert cut_at_function_end(completion) == completion
    assert not has_function_ended(completion)


@pytest.mark.parametrize(
    ("completion", "kept"),
    [
        (" return 1\nprint(2)\n", " return 1\n"),
        ("\n    return foo(\n        a,\n)\nprint(1)", "\n    return foo(\n        a,\n)\n"),
        ("\n    return foo(a\ndef other():\n", "\n    return foo(a\n"),  # a bracket that is never closed
        ("\n    x = 'never closed\n    return x\nprint(x)", "\n    x = 'never closed\n    return x\n"),
        ("\n    s = '''a\nb'''\n    return s\ns = 1", "\n    s = '''a\nb'''\n    return s\n"),
        ("\ndef other():\n", "\n"),
        ("\n    return 1 # isn't it\nx", "\n    return 1 # isn't it\n"),
    ],
)
def test_the_cut_is_at_the_line(completion, kept):
    assert cut_at_function_end(completion) == kept


def test_cutting_twice_changes_nothing():
    once = cut_at_function_end(BODY + "print(1)\n")
    assert cut_at_function_end(once) == once


def test_more_text_never_moves_a_cut():
    text = "\n    return foo(\n        a,\n)\nprint(1)\ndef g():\n    return ')'\n"
    final = cut_at_function_end(text)
    for end in range(len(text)):
        if has_function_ended(text[:end]):
            assert cut_at_function_end(text[:end]) == final

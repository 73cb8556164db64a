"""Operations over one string."""

from hornbook.teacher.builtin.operation import (
    ANSWER,
    COUNT,
    LETTER,
    MAPPING,
    MARK,
    SERIES,
    SIZE,
    STRING,
    Operation,
    Slot,
    compute,
)  # fmt: skip
from hornbook.teacher.builtin.ports import BOOL, COUNTS, INT, INTS, TEXT, WORDS

_VOWELS = set("aeiou")


def _characters(
    name: str, condition: str, reference: object, stem: str, clauses: tuple[str, ...], nouns: tuple[str, ...] = (),
    *, slots: tuple[Slot, ...] = (), topic: str = "",
) -> Operation:  # fmt: skip
    """A filter over the characters of a string."""
    assert callable(reference)
    return compute(
        name, TEXT, TEXT, f'"".join(char for char in {{x}} if {condition})',
        lambda text, *values: "".join([c for c in text if reference(c, *values)]), stem, clauses, nouns, out=STRING,
        loop=f'{{out}} = ""\nfor char in {{x}}:\n    if {condition}:\n        {{out}} += char',
        slots=slots, topic=topic,
    )  # fmt: skip


def _count(
    name: str, condition: str, reference: object, stem: str, clauses: tuple[str, ...], nouns: tuple[str, ...]
) -> Operation:
    """A count over the characters of a string."""
    assert callable(reference)
    return compute(
        name, TEXT, INT, f"sum(1 for char in {{x}} if {condition})",
        lambda text: len([c for c in text if reference(c)]), stem, clauses, nouns, out=COUNT,
        loop=f"{{out}} = 0\nfor char in {{x}}:\n    if {condition}:\n        {{out}} += 1",
    )  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    _characters(
        "remove_vowels", 'char not in "aeiou"', lambda c: c not in _VOWELS, "without_vowels",
        ("remove the lowercase vowels", "drop every lowercase vowel", "delete the lowercase vowels"),
        ("the characters that are not lowercase vowels in {x}",), topic="vowels",
    ),
    _characters(
        "keep_letters", "char.isalpha()", lambda c: "A" <= c <= "Z" or "a" <= c <= "z", "letters",
        ("keep only the letters", "drop the characters that are not letters", "remove everything but the letters"),
        ("the letters in {x}",), topic="letters",
    ),
    _characters(
        "remove_char", "char != {c}", lambda c, d: (c == d) is False, "purged",
        ("remove every {c}", "delete each {c}", "drop all {c} characters"), (), slots=(LETTER,),
    ),
    compute(
        "uppercase", TEXT, TEXT, "{x}.upper()", lambda s: "".join(c.upper() for c in s), "uppercase",
        ("convert the text to uppercase", "uppercase the text", "write the text in capital letters"),
        ("the uppercase form of {x}",), out=STRING, topic="case",
    ),
    compute(
        "lowercase", TEXT, TEXT, "{x}.lower()", lambda s: "".join(c.lower() for c in s), "lowercase",
        ("convert the text to lowercase", "lowercase the text", "write the text in small letters"),
        ("the lowercase form of {x}",), out=STRING, topic="case",
    ),
    compute(
        "swap_case", TEXT, TEXT, "{x}.swapcase()",
        lambda s: "".join(c.lower() if c.isupper() else c.upper() for c in s), "swapped",
        ("swap the case of each letter", "turn uppercase letters into lowercase and lowercase into uppercase",
         "invert the case of every letter"),
        ("the case-swapped form of {x}",), out=STRING, topic="case",
    ),
    compute(
        "reverse_text", TEXT, TEXT, "{x}[::-1]", lambda s: "".join(reversed(s)), "reversed",
        ("reverse the text", "write the text backwards", "put the characters in reverse order"),
        ("the reverse of {x}",), out=STRING, topic="order",
    ),
    compute(
        "double_chars", TEXT, TEXT, '"".join(char * 2 for char in {x})',
        lambda s: "".join(s[i // 2] for i in range(2 * len(s))), "doubled",
        ("double each character", "write every character twice", "repeat each character two times in place"),
        (), out=STRING, loop='{out} = ""\nfor char in {x}:\n    {out} += char * 2',
    ),
    compute(
        "replace_spaces", TEXT, TEXT, '{x}.replace(" ", {c})', lambda s, c: c.join(s.split(" ")), "marked",
        ("replace each space with {c}", "put {c} in place of every space", "change the spaces to {c}"),
        (), out=STRING, slots=(MARK,), topic="spaces",
    ),
    compute(
        "surround", TEXT, TEXT, "{c} + {x} + {c}", lambda s, c: f"{c}{s}{c}", "surrounded",
        ("put {c} before and after the text", "surround the text with {c} on both sides",
         "add {c} at both ends of the text"),
        (), out=STRING, slots=(MARK,),
    ),
    compute(
        "first_chars", TEXT, TEXT, "{x}[:{k}]", lambda s, k: "".join(c for i, c in enumerate(s) if i < k),
        "first_chars",
        ("take the first {k} characters", "cut the text to its first {k} characters",
         "keep only the first {k} characters"),
        ("the first {k} characters of {x}",), out=STRING, slots=(SIZE,), topic="cut",
    ),
    compute(
        "skip_chars", TEXT, TEXT, "{x}[{k}:]", lambda s, k: "".join(c for i, c in enumerate(s) if i >= k), "rest",
        ("drop the first {k} characters", "remove the first {k} characters", "skip the first {k} characters"),
        ("all but the first {k} characters of {x}",), out=STRING, slots=(SIZE,), topic="cut",
    ),
    compute(
        "collapse", TEXT, TEXT, "",
        lambda s: "".join(c for i, c in enumerate(s) if i == 0 or s[i - 1] != c), "collapsed",
        ("collapse runs of the same character into one", "drop each character that equals the one before it",
         "write every run of equal characters as one character"),
        (), out=STRING, topic="distinct",
        loop="""
        {out} = ""
        for char in {x}:
            if not {out}.endswith(char):
                {out} += char
        """,
    ),
    compute(
        "split_words", TEXT, WORDS, "{x}.split()", lambda s: [w for w in s.split(" ") if w], "words",
        ("split the text into words", "split the text at whitespace", "cut the text into its words"),
        ("the words of {x}",), out=("pieces", "parts"), topic="spaces",
    ),
    compute(
        "text_length", TEXT, INT, "len({x})", lambda s: sum(1 for _ in s), "length",
        ("count the characters", "take the length of the text", "count how many characters there are"),
        ("the length of {x}", "the number of characters in {x}"), out=COUNT,
    ),
    _count(
        "count_vowels", 'char in "aeiou"', lambda c: c in _VOWELS, "vowel_count",
        ("count the lowercase vowels", "count how many characters are lowercase vowels",
         "find how many lowercase vowels there are"),
        ("the count of lowercase vowels in {x}",),
    ),
    _count(
        "count_uppercase", "char.isupper()", lambda c: "A" <= c <= "Z", "capital_count",
        ("count the uppercase letters", "count how many letters are uppercase",
         "find how many capital letters there are"),
        ("the count of uppercase letters in {x}",),
    ),
    compute(
        "count_char", TEXT, INT, "{x}.count({c})", lambda s, c: len(s.split(c)) - 1, "char_count",
        ("count how often {c} appears", "count the occurrences of {c}", "find how many times {c} appears"),
        ("the number of times {c} appears in {x}",), out=COUNT, slots=(LETTER,),
        loop="{out} = 0\nfor char in {x}:\n    if char == {c}:\n        {out} += 1",
    ),
    compute(
        "distinct_chars", TEXT, INT, "len(set({x}))", lambda s: len(dict.fromkeys(s)), "distinct_chars",
        ("count the distinct characters", "count how many different characters there are",
         "find how many distinct characters there are"),
        ("the count of distinct characters in {x}",), out=COUNT, topic="distinct",
    ),
    compute(
        "positions", TEXT, INTS, "[index for index, char in enumerate({x}) if char == {c}]",
        lambda s, c: [i for i in range(len(s)) if s[i : i + 1] == c], "positions",
        ("list the indices of {c}", "find every index at which {c} stands", "collect the indices where {c} appears"),
        ("the indices of {c} in {x}",), out=SERIES, slots=(LETTER,),
        loop="{out} = []\nfor index, char in enumerate({x}):\n    if char == {c}:\n        {out}.append(index)",
    ),
    compute(
        "digits_in_text", TEXT, INTS, "[int(char) for char in {x} if char.isdigit()]",
        lambda s: ["0123456789".index(c) for c in s if c in "0123456789"], "digits",
        ("list the digits as integers", "collect the digits of the text as numbers",
         "extract each digit as an integer"),
        ("the digits as integers in {x}",), out=SERIES, topic="letters",
        loop="{out} = []\nfor char in {x}:\n    if char.isdigit():\n        {out}.append(int(char))",
    ),
    compute(
        "count_each_char", TEXT, COUNTS, "{char: {x}.count(char) for char in {x}}",
        lambda s: {c: sum(1 for d in s if d == c) for c in s}, "char_counts",
        ("count how often each character appears", "map each character to its number of occurrences",
         "build a dictionary from each character to how often it appears"),
        ("the number of occurrences of each character in {x}",), out=MAPPING,
        loop="{out} = {}\nfor char in {x}:\n    {out}[char] = {out}.get(char, 0) + 1",
    ),
    compute(
        "is_mirrored", TEXT, BOOL, "{x} == {x}[::-1]", lambda s: list(s) == list(reversed(s)), "is_mirrored",
        ("check whether the text is a palindrome", "test if the text reads the same backwards",
         "decide whether the text equals its reverse"),
        (), out=ANSWER, topic="order",
    ),
    compute(
        "contains_char", TEXT, BOOL, "{c} in {x}", lambda s, c: s.find(c) >= 0, "contains",
        ("check whether {c} appears", "test if the text contains {c}", "decide whether {c} is in the text"),
        ("whether {c} appears in {x}",), out=ANSWER, slots=(LETTER,),
    ),
)  # fmt: skip

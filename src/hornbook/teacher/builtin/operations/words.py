"""Operations over a list of words."""

from hornbook.teacher.builtin.operation import (
    ANSWER,
    COUNT,
    FOUND,
    LENGTH,
    LETTER,
    MAPPING,
    MARK,
    ORDERED,
    SIZE,
    STRING,
    Operation,
    change,
    compute,
    keep,
)  # fmt: skip
from hornbook.teacher.builtin.ports import BOOL, COUNTS, GROUPS, INT, INTS, TEXT, WORDS

OPERATIONS: tuple[Operation, ...] = (
    keep(
        "keep_longer", WORDS, "len(word) > {k}", lambda w, k: w[k:] != "", "long",
        ("keep the words longer than {k} letters", "drop the words of at most {k} letters",
         "select the words with more than {k} letters"),
        ("the words longer than {k} letters in {x}",), slots=(LENGTH,), topic="length",
    ),
    keep(
        "keep_shorter", WORDS, "len(word) < {k}", lambda w, k: w[k - 1:] == "", "short",
        ("keep the words shorter than {k} letters", "drop the words of at least {k} letters",
         "select the words with fewer than {k} letters"),
        ("the words shorter than {k} letters in {x}",), slots=(LENGTH,), topic="length",
    ),
    keep(
        "keep_starting", WORDS, "word.startswith({c})", lambda w, c: w[:1] == c, "starting",
        ("keep the words that start with {c}", "keep the words beginning with {c}",
         "drop the words that do not start with {c}"),
        ("the words that start with {c} in {x}",), slots=(LETTER,),
    ),
    keep(
        "keep_ending", WORDS, "word.endswith({c})", lambda w, c: w[-1:] == c, "ending",
        ("keep the words that end with {c}", "keep the words ending in {c}", "drop the words that do not end with {c}"),
        ("the words that end with {c} in {x}",), slots=(LETTER,),
    ),
    keep(
        "keep_containing", WORDS, "{c} in word", lambda w, c: w.find(c) >= 0, "containing",
        ("keep the words that contain {c}", "drop the words that do not contain {c}",
         "select the words with {c} in them"),
        ("the words that contain {c} in {x}",), slots=(LETTER,), topic="contain",
    ),
    keep(
        "drop_containing", WORDS, "{c} not in word", lambda w, c: w.find(c) < 0, "lacking",
        ("drop the words that contain {c}", "keep the words that do not contain {c}",
         "select the words without {c} in them"),
        ("the words without {c} in {x}",), slots=(LETTER,), topic="contain",
    ),
    keep(
        "keep_palindromes", WORDS, "word == word[::-1]", lambda w: list(w) == list(reversed(w)), "palindromes",
        ("keep the palindromes", "keep the words that read the same backwards",
         "drop the words that are not palindromes"),
        ("the palindromes in {x}",), topic="mirror",
    ),
    change(
        "uppercase_words", WORDS, WORDS, "word.upper()", lambda w: "".join(c.upper() for c in w), "uppercase",
        ("convert each word to uppercase", "uppercase every word", "write each word in capital letters"),
        ("the uppercase forms of {x}",), topic="case",
    ),
    change(
        "capitalize_words", WORDS, WORDS, "word.capitalize()", lambda w: w[:1].upper() + w[1:].lower(), "capitalized",
        ("capitalize each word", "make the first letter of each word uppercase and the rest lowercase",
         "write every word with a capital first letter and the rest lowercase"),
        ("the capitalized forms of {x}",), topic="case",
    ),
    change(
        "reverse_each", WORDS, WORDS, "word[::-1]", lambda w: "".join(reversed(w)), "mirrored",
        ("reverse the letters of each word", "spell each word backwards",
         "write every word from its last letter to its first"),
        ("the backward spellings of {x}",), topic="mirror",
    ),
    change(
        "prefixes", WORDS, WORDS, "word[:{k}]", lambda w, k: "".join(c for i, c in enumerate(w) if i < k), "prefixes",
        ("cut each word to its first {k} letters", "keep the first {k} letters of each word",
         "replace each word with its first {k} letters"),
        ("the first {k} letters of each word in {x}",), slots=(SIZE,), topic="cut",
    ),
    change(
        "drop_initial", WORDS, WORDS, "word[1:]", lambda w: w.replace(w[:1], "", 1), "tails",
        ("drop the first letter of each word", "remove the first letter from every word",
         "replace each word with all but its first letter"),
        ("all but the first letter of each word in {x}",), topic="cut",
    ),
    change(
        "add_suffix", WORDS, WORDS, "word + {c}", lambda w, c: f"{w}{c}", "suffixed",
        ("append {c} to each word", "add {c} at the end of every word", "put {c} after each word"),
        ("each word followed by {c} in {x}",), slots=(MARK,),
    ),
    change(
        "remove_letter", WORDS, WORDS, 'word.replace({c}, "")', lambda w, c: "".join(x for x in w if x != c),
        "stripped",
        ("remove the letter {c} from each word", "delete every {c} in each word", "strip all {c} from every word"),
        (), slots=(LETTER,),
    ),
    change(
        "lengths", WORDS, INTS, "len(word)", lambda w: sum(1 for _ in w), "lengths",
        ("take the length of each word", "replace each word with its length", "measure the length of every word"),
        ("the lengths of {x}",),
    ),
    change(
        "letter_counts", WORDS, INTS, "word.count({c})", lambda w, c: len(w.split(c)) - 1, "letter_counts",
        ("count {c} in each word", "replace each word with the number of times {c} appears in it",
         "count how often {c} appears in every word"),
        ("the counts of {c} in each word of {x}",), slots=(LETTER,),
    ),
    compute(
        "sort_words", WORDS, WORDS, "sorted({x})", lambda ws: sorted(ws, key=lambda w: w), "sorted",
        ("sort the words in string order", "put the words in string order",
         "arrange the words in ascending string order"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "sort_by_length", WORDS, WORDS, "sorted({x}, key=len)",
        lambda ws: [w for n in range(200) for w in ws if len(w) == n], "by_length",
        ("sort the words by length (ties keep their order)",
         "order the words from shortest to longest (ties stay in order)",
         "arrange the words by increasing length (ties keep their order)"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "count_words", WORDS, INT, "len({x})", lambda ws: sum(1 for _ in ws), "count",
        ("count the words", "count how many words there are", "take the length of the list"),
        ("the count of {x}", "the length of {x}"), out=COUNT,
    ),
    compute(
        "count_starting", WORDS, INT, "sum(1 for word in {x} if word.startswith({c}))",
        lambda ws, c: len([w for w in ws if w[:1] == c]), "count_starting",
        ("count the words that start with {c}", "count how many words begin with {c}",
         "find how many words start with {c}"),
        ("the count of words that start with {c} in {x}",), out=COUNT, slots=(LETTER,),
        loop="""
        {out} = 0
        for word in {x}:
            if word.startswith({c}):
                {out} += 1
        """,
    ),
    compute(
        "join_words", WORDS, TEXT, "{c}.join({x})", lambda ws, c: "".join(f"{c}{w}" for w in ws)[len(c):], "joined",
        ("join the words with {c} between them", "write the words in one string separated by {c}",
         "concatenate the words, putting {c} between them"),
        (), out=STRING, slots=(MARK,),
    ),
    compute(
        "join_spaces", WORDS, TEXT, '" ".join({x})', lambda ws: "".join(f" {w}" for w in ws)[1:], "sentence",
        ("join the words with spaces", "write the words in one string separated by spaces",
         "build a sentence from the words with spaces between them"),
        (), out=STRING, topic="spaces",
    ),
    compute(
        "initials", WORDS, TEXT, '"".join(word[:1] for word in {x})',
        lambda ws: "".join(w[0] for w in ws if w), "initials",
        ("join the first letters of the words", "build a string of the first letter of each word",
         "concatenate the initials of the words"),
        ("the string of the first letters of {x}",), out=STRING,
        loop="""
        {out} = ""
        for word in {x}:
            {out} += word[:1]
        """,
    ),
    compute(
        "longest_word", WORDS, TEXT, 'max({x}, key=len, default="")',
        lambda ws: next((w for w in ws if len(w) == max(map(len, ws))), ""), "longest",
        ("find the longest word (the first on ties, '' if there are none)",
         "pick the first longest word ('' if the list is empty)",
         "take the first of the longest words ('' if there are none)"),
        ("the first longest word in {x} ('' if there are none)",), out=FOUND,
    ),
    compute(
        "last_word", WORDS, TEXT, '{x}[-1] if {x} else ""', lambda ws: next(reversed(ws), ""), "last_word",
        ("take the last word ('' if there are none)", "pick the last word ('' if the list is empty)",
         "select the last word ('' if there are none)"),
        ("the last word of {x} ('' if there are none)",), out=FOUND,
    ),
    compute(
        "count_each_word", WORDS, COUNTS, "{word: {x}.count(word) for word in {x}}",
        lambda ws: {w: len([v for v in ws if v == w]) for w in ws}, "counts",
        ("count how often each word appears", "build a dictionary from each word to its number of occurrences",
         "map each word to how often it appears"),
        ("the number of occurrences of each word in {x}",), out=MAPPING,
        loop="""
        {out} = {}
        for word in {x}:
            {out}[word] = {out}.get(word, 0) + 1
        """,
    ),
    compute(
        "word_lengths", WORDS, COUNTS, "{word: len(word) for word in {x}}",
        lambda ws: dict(zip(ws, map(len, ws), strict=True)),
        "length_table",
        ("map each word to its length", "build a dictionary from each word to its length",
         "make a dictionary of word lengths"),
        (), out=MAPPING,
        loop="""
        {out} = {}
        for word in {x}:
            {out}[word] = len(word)
        """,
    ),
    compute(
        "group_by_initial", WORDS, GROUPS, "",
        lambda ws: {w[:1]: [v for v in ws if v[:1] == w[:1]] for w in ws}, "grouped",
        ("group the words by first letter", "build a dictionary from each first letter to its words",
         "collect the words under their first letter"),
        (), out=("groups", "clusters"),
        loop="""
        {out} = {}
        for word in {x}:
            {out}.setdefault(word[:1], []).append(word)
        """,
    ),
    compute(
        "group_by_length", WORDS, GROUPS, "",
        lambda ws: {str(len(w)): [v for v in ws if len(v) == len(w)] for w in ws}, "grouped_by_length",
        ("group the words by length written as a string",
         "build a dictionary from each length as a string to its words",
         "collect the words under their length as a string"),
        (), out=("groups", "clusters"), topic="length",
        loop="""
        {out} = {}
        for word in {x}:
            {out}.setdefault(str(len(word)), []).append(word)
        """,
    ),
    compute(
        "any_word_starting", WORDS, BOOL, "any(word.startswith({c}) for word in {x})",
        lambda ws, c: c in [w[:1] for w in ws], "has_starting",
        ("check whether any word starts with {c}", "test if at least one word begins with {c}",
         "decide whether some word starts with {c}"),
        ("whether any word starts with {c} in {x}",), out=ANSWER, slots=(LETTER,),
    ),
)  # fmt: skip

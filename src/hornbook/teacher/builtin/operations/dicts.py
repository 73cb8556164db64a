"""Operations over a dictionary from strings to integers, and over groups of words."""

from hornbook.teacher.builtin.operation import (
    AMOUNT,
    COUNT,
    FACTOR,
    FOUND,
    LIMIT,
    MAPPING,
    ORDERED,
    SERIES,
    TOTAL,
    Operation,
    compute,
)  # fmt: skip
from hornbook.teacher.builtin.ports import COUNTS, GROUPS, INT, INTS, TEXT, WORDS

OPERATIONS: tuple[Operation, ...] = (
    compute(
        "keep_entries", COUNTS, COUNTS, "{key: value for key, value in {x}.items() if value > {k}}",
        lambda d, k: dict(i for i in d.items() if not i[1] <= k), "large_entries",
        ("keep the entries with a value greater than {k}", "drop the entries whose value is at most {k}",
         "select the entries with a value above {k}"),
        ("the entries with a value greater than {k} in {x}",), out=MAPPING, slots=(LIMIT,),
        loop="{out} = {}\nfor key, value in {x}.items():\n    if value > {k}:\n        {out}[key] = value",
    ),
    compute(
        "raise_values", COUNTS, COUNTS, "{key: value + {k} for key, value in {x}.items()}",
        lambda d, k: {a: d[a] - -k for a in d}, "raised_values",
        ("add {k} to each value", "increase every value by {k}", "raise each value by {k}"),
        (), out=MAPPING, slots=(AMOUNT,), topic="value",
        loop="{out} = {}\nfor key, value in {x}.items():\n    {out}[key] = value + {k}",
    ),
    compute(
        "scale_values", COUNTS, COUNTS, "{key: value * {k} for key, value in {x}.items()}",
        lambda d, k: {a: sum([d[a]] * k) for a in d}, "scaled_values",
        ("multiply each value by {k}", "scale every value by {k}", "replace each value with {k} times itself"),
        (), out=MAPPING, slots=(FACTOR,), topic="value",
        loop="{out} = {}\nfor key, value in {x}.items():\n    {out}[key] = value * {k}",
    ),
    compute(
        "uppercase_keys", COUNTS, COUNTS, "{key.upper(): value for key, value in {x}.items()}",
        lambda d: dict(zip(map(str.upper, d), d.values(), strict=True)), "uppercase_keys",
        ("convert each key to uppercase (the last value wins)", "uppercase every key (the last value wins)",
         "write the keys in capital letters (the last value wins)"),
        (), out=MAPPING, topic="case",
        loop="{out} = {}\nfor key, value in {x}.items():\n    {out}[key.upper()] = value",
    ),
    compute(
        "list_values", COUNTS, INTS, "list({x}.values())", lambda d: [d[k] for k in d], "values",
        ("list the values", "take the values in order", "collect the values into a list"),
        ("the values of {x}",), out=SERIES,
        loop="{out} = []\nfor key, value in {x}.items():\n    {out}.append(value)",
    ),
    compute(
        "list_keys", COUNTS, WORDS, "list({x})", lambda d: [k for k, _ in d.items()], "keys",
        ("list the keys", "take the keys in order", "collect the keys into a list"),
        ("the keys of {x}",), out=SERIES,
        loop="{out} = []\nfor key in {x}:\n    {out}.append(key)",
    ),
    compute(
        "keys_by_value", COUNTS, WORDS, "sorted({x}, key={x}.get)",
        lambda d: [k for k, _ in sorted(d.items(), key=lambda i: i[1])], "keys_by_value",
        ("sort the keys by their values (ties keep their order)",
         "order the keys from lowest to highest value (ties stay in order)",
         "arrange the keys by increasing value (ties keep their order)"),
        (), out=ORDERED,
    ),
    compute(
        "total_value", COUNTS, INT, "sum({x}.values())", lambda d: sum(d[k] for k in d), "total",
        ("add up the values", "sum the values", "compute the sum of the values"),
        ("the sum of the values of {x}",), out=TOTAL,
        loop="{out} = 0\nfor key, value in {x}.items():\n    {out} += value",
    ),
    compute(
        "highest_value", COUNTS, INT, "max({x}.values(), default=0)",
        lambda d: sorted([0, *d.values()])[-1] if d and max(d.values()) >= 0
        else (sorted(d.values())[-1] if d else 0), "highest_value",
        ("find the largest value (0 if there are none)", "take the maximum of the values (0 if there are none)",
         "pick the greatest value (0 if there are none)"),
        ("the largest value in {x} (0 if there are none)",), out=FOUND,
    ),
    compute(
        "count_entries", COUNTS, INT, "len({x})", lambda d: sum(1 for _ in d), "entry_count",
        ("count the entries", "count how many keys there are", "take the number of entries"),
        ("the number of entries in {x}",), out=COUNT,
    ),
    compute(
        "top_key", COUNTS, TEXT, 'max({x}, key={x}.get, default="")',
        lambda d: next((k for k in d if d[k] == max(d.values())), ""), "top_key",
        ("find the first key with the largest value ('' if there are none)",
         "take the first key whose value is largest ('' if there are none)",
         "pick the first key of the highest value ('' if there are none)"),
        ("the first key with the largest value in {x} ('' if there are none)",), out=FOUND,
    ),
    compute(
        "group_sizes", GROUPS, COUNTS, "{key: len(group) for key, group in {x}.items()}",
        lambda d: {k: sum(1 for _ in d[k]) for k in d}, "sizes",
        ("count the words of each group", "replace each group with its size", "map each key to the size of its group"),
        (), out=MAPPING,
        loop="{out} = {}\nfor key, group in {x}.items():\n    {out}[key] = len(group)",
    ),
    compute(
        "group_heads", GROUPS, WORDS, "[group[0] for group in {x}.values()]",
        lambda d: [next(iter(d[k])) for k in d], "heads",
        ("take the first word of each group", "list the first word of every group",
         "collect the first word from each group"),
        (), out=SERIES,
        loop="{out} = []\nfor group in {x}.values():\n    {out}.append(group[0])",
    ),
    compute(
        "largest_group", GROUPS, WORDS, "max({x}.values(), key=len, default=[])",
        lambda d: next((g for g in d.values() if len(g) == max(map(len, d.values()))), []), "largest_group",
        ("find the first largest group ([] if there are none)",
         "take the first group with the most words ([] if there are none)",
         "pick the first of the largest groups ([] if there are none)"),
        (), out=FOUND,
    ),
)  # fmt: skip

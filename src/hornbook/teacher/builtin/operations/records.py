"""Operations over small records: dictionaries with the keys name, team and score."""

from hornbook.teacher.builtin.operation import (
    AMOUNT,
    FOUND,
    LIMIT,
    MAPPING,
    ORDERED,
    TEAM,
    TOTAL,
    Operation,
    change,
    compute,
    keep,
)  # fmt: skip
from hornbook.teacher.builtin.ports import COUNTS, INT, INTS, RECORDS, TEXT, WORDS

OPERATIONS: tuple[Operation, ...] = (
    keep(
        "keep_scores", RECORDS, 'record["score"] >= {k}', lambda r, k: not r["score"] < k, "passing",
        ("keep the records with a score of at least {k}", "drop the records with a score below {k}",
         "select the records whose score is at least {k}"),
        ("the records with a score of at least {k} in {x}",), slots=(LIMIT,),
    ),
    keep(
        "keep_team", RECORDS, 'record["team"] == {c}', lambda r, c: {r["team"]} == {c}, "team",
        ("keep the records of team {c}", "drop the records that are not of team {c}",
         "select the records whose team is {c}"),
        ("the records of team {c} in {x}",), slots=(TEAM,),
    ),
    change(
        "raise_scores", RECORDS, RECORDS, '{**record, "score": record["score"] + {k}}',
        lambda r, k: r | {"score": r["score"] - -k}, "raised",
        ("add {k} to the score of each record", "increase every score by {k} in new records",
         "raise the score of each record by {k}"),
        (), slots=(AMOUNT,),
    ),
    compute(
        "sort_by_score", RECORDS, RECORDS, 'sorted({x}, key=lambda record: record["score"])',
        lambda rs: [r for s in sorted({q["score"] for q in rs}) for r in rs if r["score"] == s], "by_score",
        ("sort the records by score (ties keep their order)",
         "order the records from lowest to highest score (ties stay in order)",
         "arrange the records by increasing score (ties keep their order)"),
        (), out=ORDERED, topic="order",
    ),
    compute(
        "sort_by_name", RECORDS, RECORDS, 'sorted({x}, key=lambda record: record["name"])',
        lambda rs: [r for s in sorted({q["name"] for q in rs}) for r in rs if r["name"] == s], "by_name",
        ("sort the records by name", "order the records by name", "arrange the records by increasing name"),
        (), out=ORDERED, topic="order",
    ),
    change(
        "list_names", RECORDS, WORDS, 'record["name"]', lambda r: r.get("name"), "names",
        ("take the name of each record", "replace each record with its name", "list the names of the records"),
        ("the names of {x}",),
    ),
    change(
        "list_scores", RECORDS, INTS, 'record["score"]', lambda r: r.get("score"), "scores",
        ("take the score of each record", "replace each record with its score", "list the scores of the records"),
        ("the scores of {x}",),
    ),
    compute(
        "total_score", RECORDS, INT, 'sum(record["score"] for record in {x})',
        lambda rs: sum([r["score"] for r in rs]), "total_score",
        ("add up the scores", "sum the scores of the records", "compute the total score"),
        ("the total score of {x}",), out=TOTAL,
        loop='{out} = 0\nfor record in {x}:\n    {out} += record["score"]',
    ),
    compute(
        "best_name", RECORDS, TEXT, 'max({x}, key=lambda record: record["score"])["name"] if {x} else ""',
        lambda rs: next((r["name"] for r in rs if all(r["score"] >= q["score"] for q in rs)), ""), "best_name",
        ("find the name of the first record with the highest score ('' if there are none)",
         "take the name with the highest score (the first on ties, '' if there are none)",
         "pick the first name with the highest score ('' if there are none)"),
        ("the first name with the highest score in {x} ('' if there are none)",), out=FOUND,
    ),
    compute(
        "name_to_score", RECORDS, COUNTS, '{record["name"]: record["score"] for record in {x}}',
        lambda rs: dict((r["name"], r["score"]) for r in rs), "score_table",
        ("map each name to its score", "build a dictionary from each name to its score",
         "make a dictionary of the scores by name"),
        (), out=MAPPING,
        loop='{out} = {}\nfor record in {x}:\n    {out}[record["name"]] = record["score"]',
    ),
    compute(
        "team_totals", RECORDS, COUNTS, "",
        lambda rs: {r["team"]: sum(q["score"] for q in rs if q["team"] == r["team"]) for r in rs}, "team_totals",
        ("add up the scores of each team", "map each team to the sum of its scores",
         "build a dictionary from each team to its total score"),
        ("the total scores by team of {x}",), out=MAPPING,
        loop="""
        {out} = {}
        for record in {x}:
            {out}[record["team"]] = {out}.get(record["team"], 0) + record["score"]
        """,
    ),
)  # fmt: skip

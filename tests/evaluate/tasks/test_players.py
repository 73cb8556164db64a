from hornbook.evaluate.tasks.players import PLAYERS

from .cases import Cases, changed, check_cases

SEPARATE_NAMES = """
    from random import randint
    ann = bob = cleo = 5
    for i in range(num_rounds):
        a, b, c = [randint(1, 10) for _ in range(3)]
        ann = ann + 3 if a > b else ann - 1
        bob += 2 if b % 2 == 0 and c % 2 != 0 else 0
        cleo += sorted([a, b, c])[0]
        ann, bob, cleo = (max(points, 0) for points in (ann, bob, cleo))
    return dict(Ann=ann, Bob=bob, Cleo=cleo)
"""
BY_NAME = """
    points = {}
    for name in ["Ann", "Bob", "Cleo"]:
        points[name] = 5
    while num_rounds > 0:
        drawn = {}
        for name in points:
            drawn[name] = random.randint(1, 10)
        if drawn["Ann"] > drawn["Bob"]:
            points["Ann"] += 3
        elif points["Ann"] > 0:
            points["Ann"] -= 1
        if not drawn["Bob"] % 2 and drawn["Cleo"] % 2:
            points["Bob"] += 2
        points["Cleo"] += min(drawn.values())
        num_rounds -= 1
    return points
"""
RULES = {"Ann's rule", "Bob's rule", "Cleo's rule"}


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(PLAYERS.reference, *replacements)


def test_players() -> None:
    check_cases(
        Cases(
            PLAYERS,
            [SEPARATE_NAMES, BY_NAME],
            [
                (wrong(("randint(1, 10)", "randint(0, 10)")), {"draws with random.randint(1, 10)"}),
                (wrong(("randint(1, 10)", "choice(range(1, 11))")), {"draws with random.randint(1, 10)"}),
                (wrong(("return points", "return list(points.items())")), {"points by name"}),
                (wrong(('"Ann": 5, "Bob": 5, "Cleo": 5', '"Ann": 1, "Bob": 0, "Cleo": 0')), {"5 points to begin with"}),
                (wrong(("ann > bob", "ann >= bob")), {"Ann's rule"}),
                (wrong(("ann > bob", "ann > cleo")), {"Ann's rule"}),
                (wrong((" and cleo % 2 == 1", "")), {"Bob's rule"}),
                (wrong(("cleo % 2 == 1", "cleo % 2 == 0")), {"Bob's rule"}),
                (wrong(("min(ann, bob, cleo)", "cleo")), {"Cleo's rule"}),
                (wrong(("min(ann, bob, cleo)", "max(ann, bob, cleo)")), {"Cleo's rule"}),
                (wrong(('max(0, points["Ann"] - 1)', 'points["Ann"] - 1')), {"never below 0"}),
                (
                    wrong(("    for _ in range(num_rounds):", "    for _ in range(min(1, num_rounds)):")),
                    {"three draws a round", "adds up over the rounds", "never below 0"},
                ),
                (
                    wrong(
                        ("        cleo = random.randint(1, 10)\n", ""),
                        ("min(ann, bob, cleo)", "min(ann, bob)"),
                        ("cleo % 2", "bob % 2"),
                    ),
                    {"three draws a round", "Bob's rule", "Cleo's rule", "adds up over the rounds", "never below 0"},
                ),
            ],
        )
    )

"""A numbers game of three players, each with a rule of their own (after section 3.1)."""

from hornbook.evaluate.tasks.task import Clause, graded

PROMPT = '''import random


def play(num_rounds: int) -> dict:
    """
    Play a game of Ann, Bob and Cleo. Return a dict with the points of each of them by name.
    They begin with 5 points each. In every round Ann, then Bob, then Cleo draws a number with random.randint(1, 10).
    Ann wins 3 points if her number is greater than Bob's, otherwise she loses 1.
    Bob wins 2 points if his number is even and Cleo's is not.
    Cleo wins as many points as the smallest of the three numbers.
    Nobody ever has less than 0 points.
    """
'''

REFERENCE = """
    points = {"Ann": 5, "Bob": 5, "Cleo": 5}
    for _ in range(num_rounds):
        ann = random.randint(1, 10)
        bob = random.randint(1, 10)
        cleo = random.randint(1, 10)
        if ann > bob:
            points["Ann"] += 3
        else:
            points["Ann"] = max(0, points["Ann"] - 1)
        if bob % 2 == 0 and cleo % 2 == 1:
            points["Bob"] += 2
        points["Cleo"] += min(ann, bob, cleo)
    return points
"""

# Draws are dealt from a script, so that a round can be laid out for the rule that is looked at. What a player begins
# with is asked of the program itself, so that a wrong beginning is missed by its own clause alone.
PREAMBLE = """
import random

NAMES = ("Ann", "Bob", "Cleo")
CALLS = []

def deal(script):
    script = list(script)
    def draw(name):
        def drawn(*args, **kwargs):
            CALLS.append((name, args, kwargs))
            assert script, "more than three draws in a round"
            return script.pop(0)
        return drawn
    random.randint, random.randrange, random.choice = draw("randint"), draw("randrange"), draw("choice")

def play(candidate, *rounds):
    deal(number for numbers in rounds for number in numbers)
    return dict(candidate(len(rounds)))

def wins(candidate, name, *rounds):
    # What the rounds add to a player's points.
    return play(candidate, *rounds)[name] - play(candidate)[name]

def expect(candidate, name, numbers, points):
    found = wins(candidate, name, numbers)
    assert found == points, f"draws {numbers}: {name} wins {found}, not {points}"
"""

RUNS = """
def check(candidate):
    random.seed(1)
    candidate(4)
"""

RANDINT = """
def check(candidate):
    play(candidate, (3, 4, 5), (6, 7, 8))
    asked = [args + tuple(kwargs.values()) for name, args, kwargs in CALLS if name == "randint"]
    assert asked and set(asked) == {(1, 10)}, f"random.randint was called with {sorted(set(asked))}"
"""

NAMES = """
def check(candidate):
    random.seed(2)
    result = candidate(3)
    assert isinstance(result, dict) and sorted(result) == sorted(NAMES), f"returned {result!r:.60}"
"""

START = """
def check(candidate):
    result = play(candidate)
    assert [result[name] for name in NAMES] == [5, 5, 5], f"without a round: {result}"
"""

DRAWS = """
def check(candidate):
    for num_rounds in (1, 4):
        CALLS.clear()
        play(candidate, *[(7, 4, 5)] * num_rounds)
        assert len(CALLS) == 3 * num_rounds, f"{len(CALLS)} draws in {num_rounds} rounds"
"""

ANN = """
def check(candidate):
    expect(candidate, "Ann", (9, 3, 5), 3)
    expect(candidate, "Ann", (3, 9, 5), -1)
    expect(candidate, "Ann", (4, 4, 1), -1)
"""

BOB = """
def check(candidate):
    expect(candidate, "Bob", (9, 4, 5), 2)
    expect(candidate, "Bob", (9, 4, 6), 0)
    expect(candidate, "Bob", (9, 3, 5), 0)
    expect(candidate, "Bob", (2, 3, 6), 0)
"""

CLEO = """
def check(candidate):
    expect(candidate, "Cleo", (9, 3, 5), 3)
    expect(candidate, "Cleo", (2, 8, 5), 2)
    expect(candidate, "Cleo", (7, 8, 6), 6)
"""

ADDED_UP = """
def check(candidate):
    rounds = [(9, 4, 5), (10, 6, 7), (8, 2, 3)]
    for name in NAMES:
        apart = [wins(candidate, name, numbers) for numbers in rounds]
        if any(apart) and wins(candidate, name, *rounds) == sum(apart):
            return
    assert False, "no player's points are the sum over the rounds"
"""

NOT_BELOW_ZERO = """
def check(candidate):
    lost, won = [(1, 9, 1)] * 9, (9, 1, 1)
    low = play(candidate, *lost)["Ann"]
    assert low == 0, f"Ann has {low} points after nine rounds lost"
    after, gain = play(candidate, *lost, won)["Ann"], wins(candidate, "Ann", won)
    assert after == gain > 0, f"Ann has {after} points after nine rounds lost and one won"
"""

ALL = """
def expected(draws):
    points = dict.fromkeys(NAMES, 5)
    for ann, bob, cleo in draws:
        points["Ann"] = points["Ann"] + 3 if ann > bob else max(0, points["Ann"] - 1)
        points["Bob"] += 2 * (bob % 2 == 0 and cleo % 2 == 1)
        points["Cleo"] += min(ann, bob, cleo)
    return points

def check(candidate):
    for seed in range(40):
        random.seed(seed)
        draws = [tuple(random.randint(1, 10) for _ in NAMES) for _ in range(seed % 13)]
        random.seed(seed)
        result = candidate(len(draws))
        assert result == expected(draws), f"seed {seed}: {result}, not {expected(draws)}"
"""

PLAYERS = graded(
    task_id="players",
    title="A numbers game of three players",
    shows="Whether rules that differ from player to player are kept apart.",
    source="section 3.1",
    prompt=PROMPT,
    entry_point="play",
    preamble=PREAMBLE,
    runs=RUNS,
    api=Clause("draws with random.randint(1, 10)", RANDINT),
    clauses=(
        Clause("points by name", NAMES),
        Clause("5 points to begin with", START),
        Clause("three draws a round", DRAWS),
        Clause("Ann's rule", ANN),
        Clause("Bob's rule", BOB),
        Clause("Cleo's rule", CLEO),
        Clause("adds up over the rounds", ADDED_UP),
        Clause("never below 0", NOT_BELOW_ZERO),
    ),
    all_correct=ALL,
    reference=REFERENCE,
)

"""What is written is read back exactly, and what nobody wrote is refused."""

import collections
import datetime
import enum
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hornbook.evaluate.sandbox.inside.codec import (
    MAX_MESSAGE_BYTES,
    MalformedError,
    UncarriableError,
    from_json,
    to_json,
)
from hornbook.evaluate.sandbox.inside.reader import Reader
from hornbook.evaluate.sandbox.inside.writer import Writer


def refuse_export(_: object) -> int:
    raise AssertionError("nothing here is to be exported")


def refuse_import(kind: str, number: int) -> object:
    raise AssertionError(f"{kind} {number}")


def carry(value: object) -> Any:
    return Reader(refuse_import).read(from_json(Writer(refuse_export).write(value)))


def same(a: Any, b: Any) -> bool:
    """Equal in value and type, all the way down; nan is nan and -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, list | tuple | collections.deque):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same([*a], [*b]) and same([*a.values()], [*b.values()])
    if isinstance(a, set | frozenset):
        return len(a) == len(b) and all(any(same(one, other) for other in b) for one in a)
    return bool(a == b)


class Colour(enum.Enum):
    RED = 1


class Named(NamedTuple):
    x: int


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __pos__(self) -> int:
        return 99

    __hash__ = int.__hash__


class OddList(list[int]):
    def __iter__(self) -> Any:
        return iter([7, 7, 7])

    def __eq__(self, other: object) -> bool:
        return True


text = st.text(st.characters(exclude_categories=()))
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | text | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
plain = st.recursive(
    hashable | st.binary().map(bytearray) | st.just(...) | st.just(NotImplemented) | st.builds(range, st.integers()),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.sets(hashable, max_size=5)
        | st.dictionaries(hashable, inner, max_size=5)
        | st.lists(inner, max_size=4).map(lambda items: collections.deque(items, maxlen=5))
        | st.dictionaries(hashable, inner, max_size=3).map(collections.OrderedDict)
    ),
    max_leaves=25,
)


@given(plain)
def test_plain_data_comes_back_exactly(value: object) -> None:
    assert same(carry(value), value)


@pytest.mark.parametrize(
    "value",
    [
        2**64, -(2**64), 2**53, 10**5000, True, 1, 1.0, -0.0, 5e-324, math.inf, -math.inf, math.nan,
        "\ud83d\ude00", "😀", "\ud800", "\0", "\\u0041", "é", b"\xff\0", bytearray(b"\xff"),
        (), (1,), ((),), [[]], {1: 2, "1": 3, (1,): 4, None: 5}, {True: "x"}, {1.0: "x"},
        frozenset({frozenset()}), slice(1, None, 2), range(3, 30, 4), int, ValueError, type,
        collections.Counter("aab"), collections.deque([1, 2], maxlen=2), Decimal("1.10"), Fraction(1, 3),
        datetime.date(2020, 2, 29), datetime.timedelta(days=-1, microseconds=5),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_json_does_not_know_comes_back_exactly(value: object) -> None:
    assert same(carry(value), value)


def test_one_object_in_two_places_stays_one() -> None:
    row: list[Any] = [1]
    first, second, inside = carry(([row, row], {"row": row}, (row,)))
    assert first[0] is first[1] is second["row"] is inside[0]


def test_an_object_may_hold_itself() -> None:
    row: list[Any] = []
    row.append((row, {"row": row}))
    found = carry(row)
    assert found[0][0] is found[0][1]["row"] is found


def test_lists_may_be_nested_deeply() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    found = carry(deep)
    for _ in range(50_000):
        (found,) = found
    assert found == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Liar(3), 3),
        (OddList([1, 2]), [1, 2]),
        (Named(5), (5,)),
        (enum.IntEnum("Number", ["ONE"]).ONE, 1),
        (type("Text", (str,), {"__str__": lambda self: "no"})("yes"), "yes"),
        (type("Pairs", (dict,), {"items": lambda self: []})(a=1), {"a": 1}),
        (collections.defaultdict(list, {"a": [1]}), collections.defaultdict(None, {"a": [1]})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_instance_of_a_subclass_comes_as_what_it_holds(value: object, expected: object) -> None:
    assert same(carry(value), expected)


def test_views_of_a_dict_stay_views() -> None:
    keys, values, items = carry(({1: 2}.keys(), {1: 2}.values(), {1: 2}.items()))
    assert keys == {1}
    assert type(values) is type({}.values())
    assert list(values) == [2]
    assert items == {(1, 2)}


def test_numbers_of_numpy_come_as_pythons() -> None:
    numpy = pytest.importorskip("numpy")
    assert same(carry([numpy.int64(3), numpy.float32(0.5), numpy.bool_(True), numpy.str_("x")]), [3, 0.5, True, "x"])


@pytest.mark.parametrize(
    "value", [object(), Colour.RED, [Colour.RED], lambda: 0, iter([])], ids=lambda value: type(value).__name__
)
def test_other_types_are_named_or_exported(value: object) -> None:
    exported: list[object] = []

    def export(one: object) -> int:
        exported.append(one)
        return 0

    if callable(value) or hasattr(value, "__next__"):
        Writer(export).write(value)
        assert exported == [value]
    else:
        with pytest.raises(UncarriableError, match=r"object|Colour"):
            Writer(export).write(value)


def test_what_is_too_large_or_too_deep_is_refused() -> None:
    deep: tuple[Any, ...] = ()
    for _ in range(1000):
        deep = (deep,)
    with pytest.raises(UncarriableError, match="deep"):
        Writer(refuse_export).write(deep)
    with pytest.raises(UncarriableError, match="characters"):
        Writer(refuse_export).write("x" * (MAX_MESSAGE_BYTES + 1))


def test_changes_of_known_objects_are_carried_and_nothing_else() -> None:
    row, seen, kept = [1, 2], {"a"}, [1, True, math.nan]
    request = Writer(refuse_export)
    message = from_json(request.write((row, seen, kept)))
    reader = Reader(refuse_import)
    theirs = reader.read(message)
    theirs[0][:] = [1, 2.0]
    theirs[1].add("b")
    reply = from_json(Writer(refuse_export, reader.objects).write_changes(theirs[0], message[1]))
    assert [node[0] for node in reply[1] if node is not None] == ["list", "set"]
    result = Reader(refuse_import, request.objects).read(reply)
    assert result is row
    assert same(row, [1, 2.0])
    assert seen == {"a", "b"}


MALFORMED = [
    None, 5, [], [1], "x", {}, [0, 0], [[0], []], [[-1], [["list"]]], [[1], [["list"]]], [[0, 0], [["list"]]],
    [[0], [["tuple", [1]], ["list"]]], [[0], [["tuple", [0]]]], [[0], [["nonsense"]]], [["nonsense", 1], []],
    [[0], [["set", [1]], ["list"]]], [[0], [["dict", 1]]], [[0], [["dict", [1], 2], ["list"]]], [[0], ["list"]],
    [[0], [None]], [[0], [["list", {}]]], [["int", "x"], []], [["int"], []], [["str", -1], []], [["str", "x"], []],
    [["bytes", "€"], []], [["bytes", 5], []], [["complex", "x", 1], []], [["class", "nope"], []], [["keys", 5], []],
    [[0], [["range", 1, 2, 0]]], [[0], [["range", "x"]]], [[0], [["bytearray", 5]]], [[0], [["deque", "x"]]],
    [[0], [["function", "x"]]], [[0], [["iterator", 1, 2]]], [[0], [["Decimal", "x"]]], [[0], [["Fraction", 1, 0]]],
    [[0], [["date", 1, 2]]], [[True], [["list"]]], [[0.0], [["list"]]], [[[0]], [["list"]]], [["eval", "1"], []],
]  # fmt: skip


@pytest.mark.parametrize("message", MALFORMED, ids=str)
def test_what_no_writer_writes_is_refused(message: Any) -> None:
    with pytest.raises(MalformedError):
        Reader(refuse_import).read(message)


def test_a_known_object_cannot_become_another_type() -> None:
    with pytest.raises(MalformedError, match="another type"):
        Reader(refuse_import, [[1]]).read([None, [["dict"]]])


@given(
    st.recursive(st.none() | st.integers(-2, 9) | st.text(max_size=9), lambda x: st.lists(x) | st.dictionaries(text, x))
)
def test_any_json_is_read_or_refused(message: Any) -> None:
    try:
        Reader(lambda kind, number: None).read(from_json(to_json(message)))
    except MalformedError:
        return


@pytest.mark.parametrize("text", ["", "[", "[1] [2]", "nope", "[" * 100_000, '"\\ud83d'])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        from_json(text)

"""Which operations may follow each other, and which compositions are held out of training.

The split is by composition: a keyed hash marks a share of all unordered pairs of operations as held out. The
two operations of such a pair never stand together in a training exercise, neither next to each other nor with
a third between them, in any order. In a held-out exercise every two neighbours are such a pair.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, pairwise, product
from typing import Literal

from hornbook.teacher.builtin.operation import Operation, Slot
from hornbook.teacher.builtin.operations import OPERATIONS
from hornbook.teacher.builtin.ports import Port, pool

Split = Literal["train", "heldout"]
Chain = tuple[Operation, ...]

HELDOUT_SHARE = 0.12
MAX_DEPTH = 3
_SPLIT_KEY = b"hornbook/builtin/split/1"


@cache
def is_heldout_pair(first: str, second: str) -> bool:
    """Whether two operations are held out together; the same for both orders and in every process."""
    names = "+".join(sorted((first, second))).encode()
    digest = hashlib.blake2b(names, key=_SPLIT_KEY, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < HELDOUT_SHARE


def split_of(chain: Sequence[Operation]) -> Split | None:
    """The split that a composition belongs to; None where it may be used in neither."""
    names = [operation.name for operation in chain]
    if not any(is_heldout_pair(a, b) for a, b in combinations(names, 2)):
        return "train"
    return "heldout" if all(is_heldout_pair(a, b) for a, b in pairwise(names)) else None


def run_reference(chain: Sequence[Operation], value: object, slot_values: Sequence[Sequence[object]]) -> object:
    """The value that a composition's references give; `slot_values` has one sequence per operation."""
    for operation, values in zip(chain, slot_values, strict=True):
        value = operation.reference(value, *values)
    return value


@cache
def successors(operation: Operation) -> tuple[Operation, ...]:
    """The operations that make sense right after this one, whatever the split."""
    return tuple(after for after in OPERATIONS if operation.gives is after.takes and _make_sense(operation, after))


def _third_fits(first: Operation, second: Operation, third: Operation) -> bool:
    """Whether a third operation that fits the second one fits the first as well, also in how results are named."""
    return _may_share_a_function(first, third) and not first.out == second.out == third.out


def _make_sense(first: Operation, second: Operation) -> bool:
    return _may_share_a_function(first, second) and _both_matter(first, second)


@cache
def _may_share_a_function(first: Operation, second: Operation) -> bool:
    if first is second or (first.topic and first.topic == second.topic):
        return False
    only_arguments = {slot.argument for slot in first.slots if not slot.literals}
    return not any(not slot.literals and slot.argument in only_arguments for slot in second.slots)


def _both_matter(first: Operation, second: Operation) -> bool:
    """Whether leaving either operation out changes some result, e.g. not for sorting before summing."""
    samples = probe_values(first.takes)
    for values_1, values_2 in zip(_bindings(first), reversed(_bindings(second)), strict=False):
        both = [second.reference(first.reference(value, *values_1), *values_2) for value in samples]
        if first.takes is first.gives and both == [second.reference(value, *values_2) for value in samples]:
            continue
        if second.takes is second.gives and both == [first.reference(value, *values_1) for value in samples]:
            continue
        if len({repr(result) for result in both}) > 1:
            return True
    return False


def _bindings(operation: Operation) -> list[tuple[object, ...]]:
    """A few ways to fill an operation's slots, three at least so that two lists of them can be zipped."""
    few = list(product(*(slot_values(slot)[:5] for slot in operation.slots)))
    return few * (3 if len(few) == 1 else 1)


def slot_values(slot: Slot) -> tuple[object, ...]:
    """The values that a slot is tested with."""
    return slot.literals if slot.port is None else pool(slot.port)


@cache
def probe_values(port: Port) -> tuple[object, ...]:
    """Inputs of a type that only occurs inside compositions too, for judging what follows."""
    if port.arguments:
        return (*port.edges, *pool(port)[:16])
    maker = next(operation for operation in OPERATIONS if operation.gives is port and operation.takes.arguments)
    return tuple(maker.reference(value, *_bindings(maker)[0]) for value in probe_values(maker.takes))


def is_allowed(chain: Sequence[Operation]) -> bool:
    """Whether a composition makes sense: it can be written as a function, and its neighbours fit."""
    if not chain[0].takes.arguments or any(b not in successors(a) for a, b in pairwise(chain)):
        return False
    return len(chain) < 3 or _third_fits(*chain)


@cache
def pivots(split: Split) -> tuple[Operation, ...]:
    """The operations that a composition of a split can be drawn around."""
    if split == "train":
        return OPERATIONS
    return tuple(one for one in OPERATIONS if _neighbours(one, split, -1) or _neighbours(one, split, 1))


@cache
def _neighbours(operation: Operation, split: Split, side: int) -> tuple[Operation, ...]:
    """What may stand before (side -1) or after (side 1) an operation in a split."""
    found = successors(operation) if side > 0 else tuple(one for one in OPERATIONS if operation in successors(one))
    return tuple(one for one in found if is_heldout_pair(operation.name, one.name) is (split == "heldout"))


def draw_chain(rng: random.Random, depth: int, split: Split, pivot: Operation) -> Chain | None:
    """A random composition of a split with the pivot at a random place, or None where the draw met a dead end."""
    chain: Chain = (pivot,)
    place = rng.randrange(depth)
    for at in range(depth - 1):
        is_before = at < place
        options = _neighbours(chain[0], split, -1) if is_before else _neighbours(chain[-1], split, 1)
        if not options:
            return None
        chain = (rng.choice(options), *chain) if is_before else (*chain, rng.choice(options))
    return chain if is_allowed(chain) and split_of(chain) == split else None


def all_chains(max_depth: int = MAX_DEPTH) -> Iterator[Chain]:
    """Every composition that is allowed, of either split or none."""
    for first in OPERATIONS:
        if not first.takes.arguments:
            continue
        yield (first,)
        for second in successors(first) if max_depth > 1 else ():
            yield (first, second)
            for third in successors(second) if max_depth > 2 else ():
                if _third_fits(first, second, third):
                    yield (first, second, third)

"""Python's grammar as tables for `syntax_kernel`: which token may come in which state.

Each rule becomes a deterministic automaton over tokens and other rules, and one token of look-ahead tells what to do
(LL(1)). Written after the Python language reference, "Full grammar specification", with two liberties. It takes a
little more than Python does: what may be assigned to, the order of arguments and the like are not looked at. And it
leaves out what one token of look-ahead cannot tell, such as `match` statements: what it refuses need not be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hornbook.corpus.cleaning import token_kernel

GRAMMAR = """
file: statement* END
@statement: line | compound
compound: if | while | for | try | with | def | class | decorated | 'async' (def | with | for)
@line: small (';' small)* [';'] NEWLINE
@small: assignment | 'del' list | 'pass' | 'break' | 'continue' | 'return' [list] | 'raise' [test ['from' test]]
    | ('global' | 'nonlocal') NAME (',' NAME)* | 'assert' test [',' test] | import | from
@assignment: value (':' test ['=' value] | AUGMENTED value | ('=' value)*)
@value: yield | list
yield: 'yield' ['from' test | list]
list: item (',' item)* [',']
@item: '*' or_test | test
@import: 'import' module (',' module)*
@module: dotted ['as' NAME]
@dotted: NAME ('.' NAME)*
@from: 'from' (('.' | DOTS)* dotted | ('.' | DOTS)+) 'import' ('*' | names | '(' names [','] ')')
@names: NAME ['as' NAME] (',' NAME ['as' NAME])*

@if: 'if' named ':' block ('elif' named ':' block)* [else]
@while: 'while' named ':' block [else]
@for: 'for' targets 'in' list ':' block [else]
@else: 'else' ':' block
@finally: 'finally' ':' block
@try: 'try' ':' block (('except' ['*'] [test ['as' NAME]] ':' block)+ [else] [finally] | finally)
@with: 'with' test ['as' target] (',' test ['as' target])* ':' block
@decorated: ('@' named NEWLINE)+ (['async'] def | class)
@def: 'def' NAME '(' [parameters] ')' [ARROW test] ':' block
@class: 'class' NAME ['(' [arguments] ')'] ':' block
block: line | NEWLINE INDENT statement+ DEDENT
parameters: parameter (',' parameter)* [',']
@parameter: NAME [':' test] ['=' test] | '*' [NAME [':' item]] | POWER NAME [':' test] | '/'

@named: test [WALRUS test]
test: or_test ['if' or_test 'else' test] | lambda
@lambda: 'lambda' [bare (',' bare)* [',']] ':' test
@bare: NAME ['=' test] | '*' [NAME] | POWER NAME | '/'
or_test: 'not'* sum (('and' 'not'* | 'or' 'not'* | 'in' | 'is' ['not'] | 'not' 'in') sum)*
@sum: operand (operator operand)*
@operator: '+' | '-' | '*' | '/' | '%' | '@' | '&' | '|' | '^' | '<' | '>' | BINARY | POWER
@operand: ('+' | '-' | '~')* ['await'] atom ('(' [arguments] ')' | '[' subscripts ']' | '.' NAME)*
@atom: NAME | NUMBER | STRING+ | BYTES+ | 'None' | 'True' | 'False' | DOTS
    | '(' [yield | elements] ')' | '[' [elements] ']' | '{' [entries] '}'
elements: element (comprehension | (',' element)* [','])
@element: '*' or_test | named
entries: test (':' test pairs | [WALRUS test] members) | POWER or_test pairs | '*' or_test members
@pairs: comprehension | (',' (test ':' test | POWER or_test))* [',']
@members: comprehension | (',' element)* [',']
arguments: argument (',' argument)* [',']
@argument: '*' test | POWER test | test ['=' test | WALRUS test | comprehension]
subscripts: subscript (',' subscript)* [',']
@subscript: '*' or_test | test [WALRUS test | slice] | slice
@slice: ':' [test] [':' [test]]
comprehension: generator (generator | 'if' or_test)*
@generator: ['async'] 'for' targets 'in' or_test
targets: target (',' target)* [',']
target: ['*'] sum
"""
"""A rule behind `@` is written out where it is named; the others are entered and left at run time."""

ERROR, LEAVE, ENTER = -1, 1 << 24, 1 << 25
"""What an action is besides the number of the next state. ENTER comes with two of them: where, and where to go on."""
STATE_BITS = 12


@dataclass(frozen=True)
class Tables:
    """What the compiled loop needs."""

    actions: np.ndarray
    """int32, [num_states, num_columns]."""
    columns: np.ndarray
    """uint8, [256]: the column of each token; what is in no rule has the last one."""
    start: int


@dataclass
class _Nfa:
    """Arcs by state: on a symbol, or freely where that is empty."""

    arcs: list[list[tuple[str, int]]] = field(default_factory=list)

    def state(self) -> int:
        self.arcs.append([])
        return len(self.arcs) - 1

    def free(self, state: int) -> Iterator[int]:
        """All states that are reached without a symbol, this one among them."""
        waiting, seen = [state], {state}
        while waiting:
            here = waiting.pop()
            yield here
            fresh = [there for symbol, there in self.arcs[here] if not symbol and there not in seen]
            seen.update(fresh)
            waiting.extend(fresh)


class _Reader:
    """Reads one rule's right side into an automaton, with the rules behind `@` in their places."""

    def __init__(self, rules: dict[str, str]) -> None:
        self._rules = rules
        self.nfa = _Nfa()

    def read(self, text: str) -> tuple[int, int]:
        """First and last state of what a right side says."""
        outer = getattr(self, "_words", [])
        self._words = re.findall(r"'[^']+'|\w+|[()\[\]|*+]", text)
        made = self._choice()
        assert not self._words, (text, self._words)
        self._words = outer
        return made

    def _choice(self) -> tuple[int, int]:
        first, last = self.nfa.state(), self.nfa.state()
        while True:
            start, stop = self._sequence()
            self._link(first, start)
            self._link(stop, last)
            if self._words[:1] != ["|"]:
                return first, last
            self._words.pop(0)

    def _sequence(self) -> tuple[int, int]:
        first = last = self.nfa.state()
        while self._words and self._words[0] not in ")]|":
            start, stop = self._repeated()
            self._link(last, start)
            last = stop
        return first, last

    def _repeated(self) -> tuple[int, int]:
        word = self._words.pop(0)
        if word in "([":
            start, stop = self._choice()
            self._words.pop(0)
            if word == "[":
                self._link(start, stop)
        elif f"@{word}" in self._rules:
            start, stop = self.read(self._rules[f"@{word}"])
        else:
            start, stop = self.nfa.state(), self.nfa.state()
            self.nfa.arcs[start].append((word, stop))
        if self._words[:1] in (["*"], ["+"]):
            self._link(stop, start)
            if self._words.pop(0) == "*":
                # A way around, and one out of the loop that does not lead past what comes before it.
                outer = self.nfa.state(), self.nfa.state()
                self._link(outer[0], start)
                self._link(stop, outer[1])
                self._link(*outer)
                return outer
        return start, stop

    def _link(self, start: int, stop: int) -> None:
        self.nfa.arcs[start].append(("", stop))


Dfa = list[tuple[dict[str, int], bool]]
"""By state: where each symbol leads, and whether the rule may end here. The first state is 0."""


def _automaton(rules: dict[str, str], name: str) -> Dfa:
    reader = _Reader(rules)
    first, last = reader.read(rules[name])
    nfa = reader.nfa
    numbers = {frozenset(nfa.free(first)): 0}
    waiting = list(numbers)
    made: Dfa = []
    for states in waiting:
        led: dict[str, set[int]] = {}
        for state in states:
            for symbol, there in nfa.arcs[state]:
                if symbol:
                    led.setdefault(symbol, set()).update(nfa.free(there))
        arcs: dict[str, int] = {}
        for symbol, reached in sorted(led.items()):
            target = frozenset(reached)
            if target not in numbers:
                numbers[target] = len(numbers)
                waiting.append(target)
            arcs[symbol] = numbers[target]
        made.append((arcs, last in states))
    return made


def _first_tokens(automata: dict[str, Dfa]) -> dict[str, set[str]]:
    """The tokens that each rule may begin with; none may be empty."""
    firsts: dict[str, set[str]] = {name: set() for name in automata}
    changed = True
    while changed:
        changed = False
        for name, automaton in automata.items():
            arcs, may_end = automaton[0]
            assert not may_end, name
            found = set().union(*(firsts.get(symbol, {symbol}) for symbol in arcs))
            changed = changed or found != firsts[name]
            firsts[name] = found
    return firsts


def _token(symbol: str) -> int:
    word = symbol.strip("'")
    if not symbol.startswith("'"):
        return int(getattr(token_kernel, symbol))
    if word in token_kernel.KEYWORDS:
        return token_kernel.FIRST_KEYWORD + token_kernel.KEYWORDS.index(word)
    return ord(word)


def make_tables() -> Tables:
    """The tables of `GRAMMAR`. Raises AssertionError where one token does not tell what to do."""
    joined = re.sub(r"\n +", " ", GRAMMAR)
    rules = dict(line.split(": ", 1) for line in joined.split("\n") if line)
    automata = {name: _automaton(rules, name) for name in rules if not name.startswith("@")}
    firsts = _first_tokens(automata)
    starts: dict[str, int] = {}
    for name in automata:
        starts[name] = sum(len(automata[before]) for before in starts)
    symbols = sorted({symbol for dfa in automata.values() for arcs, _ in dfa for symbol in arcs if symbol not in rules})
    column = {symbol: place for place, symbol in enumerate(symbols)}
    num_states = sum(map(len, automata.values()))
    assert num_states < 1 << STATE_BITS, num_states
    actions = np.full((num_states, len(symbols) + 1), ERROR, dtype=np.int32)
    for name, automaton in automata.items():
        for place, (arcs, may_end) in enumerate(automaton):
            row = actions[starts[name] + place]
            if may_end:
                row[:] = LEAVE
            taken: set[str] = set()
            for symbol, there in arcs.items():
                following = starts[name] + there
                for token in firsts.get(symbol, {symbol}):
                    assert token not in taken, (name, token)
                    taken.add(token)
                    entered = ENTER | starts[symbol] << STATE_BITS | following if symbol in starts else following
                    row[column[token]] = entered
    columns = np.full(256, len(symbols), dtype=np.uint8)
    for symbol in symbols:
        columns[_token(symbol)] = column[symbol]
    return Tables(actions, columns, starts["file"])

"""Python's grammar as tables for `syntax_kernel`: which token may come in which state.

Each rule becomes a deterministic automaton over tokens and other rules, and one token of look-ahead tells what to do
(LL(1)). What one word alone does not tell, such as whether `match` is a name, tells its token (see `token_kinds`).
Written after the Python language reference, "Full grammar specification", with two liberties. It takes a little more
than Python does: what may be assigned to, the order of arguments and the like are not looked at. And it leaves out some
of what is rare: what it refuses need not be wrong.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

import numpy as np

from hornbook.corpus.cleaning import token_kinds

GRAMMAR = """
file: statement* END
@statement: line | compound
compound: if | while | for | try | with | match | def | class | decorated | 'async' (def | with | for)
@line: small (';' small)* [';'] NEWLINE
@small: assignment | 'del' list | 'pass' | 'break' | 'continue' | 'return' [list] | 'raise' [test ['from' test]]
    | ('global' | 'nonlocal') NAME (',' NAME)* | 'assert' test [',' test] | import | from
@assignment: value (':' test ['=' value] | AUGMENTED value | ('=' value)*)
@value: yield | list
yield: 'yield' ['from' test | list]
@list: item (',' item)* [',']
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
@with: ('with' items | WITH_ITEMS '(' [yield | group | items [',']] ')') ':' block
@items: test ['as' target] (',' test ['as' target])*
@match: MATCH subject ':' NEWLINE INDENT (CASE patterns ['if' named] ':' block)+ DEDENT
@subject: named | element ',' [element (',' element)* [',']]
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
elements: group
@group: element (comprehension | (',' element)* [','])
@element: '*' or_test | named
entries: test (':' test pairs | [WALRUS test] members) | POWER or_test pairs | '*' or_test members
@pairs: comprehension | (',' (test ':' test | POWER or_test))* [',']
@members: comprehension | (',' element)* [',']
arguments: test comprehension | (placed (',' placed)* rest | spread rest | unpacked (',' unpacked)*) [',']
@rest: (',' spread)* (',' unpacked)*
@placed: test [WALRUS test] | '*' test
@spread: keyword | '*' test
@unpacked: keyword | POWER test
@keyword: test '=' test
subscripts: subscript (',' subscript)* [',']
@subscript: '*' or_test | test [WALRUS test | slice] | slice
@slice: ':' [test] [':' [test]]
comprehension: generator (generator | 'if' or_test)*
@generator: ['async'] 'for' targets 'in' or_test
targets: target (',' target)* [',']
target: ['*'] sum

patterns: starred (',' starred)* [',']
@starred: '*' NAME | pattern
@pattern: choice ['as' NAME]
@choice: closed ('|' closed)*
@closed: NAME ('.' NAME)* ['(' [fields] ')'] | literal | '(' [patterns] ')' | '[' [patterns] ']' | '{' [pairings] '}'
@literal: ['-'] NUMBER [('+' | '-') NUMBER] | STRING+ | BYTES+ | 'None' | 'True' | 'False'
fields: (pattern (',' pattern)* (',' field)* | field (',' field)*) [',']
@field: NAME '=' pattern
pairings: pairing (',' pairing)* [',']
@pairing: (NAME ('.' NAME)+ | literal) ':' pattern | POWER NAME
"""
"""A rule behind `@` is written out where it is named; the others are entered and left at run time."""
if sys.version_info >= (3, 12):
    # A later rule takes the place of the one that has its name.
    GRAMMAR += """
@line: (small | type) (';' small)* [';'] NEWLINE
@type: TYPE NAME [types] '=' test
@def: 'def' NAME [types] '(' [parameters] ')' [ARROW test] ':' block
@class: 'class' NAME [types] ['(' [arguments] ')'] ':' block
@types: '[' type_parameter (',' type_parameter)* [','] ']'
@type_parameter: NAME [':' test] | '*' NAME | POWER NAME
"""
if sys.version_info >= (3, 13):
    GRAMMAR += """
@type_parameter: NAME [':' test] ['=' test] | '*' NAME ['=' item] | POWER NAME ['=' test]
"""

ROW_BITS = 24
LEAVE, ENTER, ERROR = 1 << 2 * ROW_BITS, 2 << 2 * ROW_BITS, 3 << 2 * ROW_BITS
"""What an action is besides the row to go on in. ENTER comes with two rows: that of the rule, and where it returns."""


@dataclass(frozen=True)
class Tables:
    """What the compiled loop needs."""

    actions: np.ndarray
    """uint64, [num_states * num_columns]: the rows of all states, one behind the other. A row is known by the index of
    its first action."""
    columns: np.ndarray
    """uint8, [256]: the column of each token; what is in no rule has the last one."""
    start: int
    """The row to begin with."""


@dataclass
class _Nfa:
    """Arcs by state: on a symbol, or freely where that is empty."""

    arcs: list[list[tuple[str, int]]] = field(default_factory=list)
    _free: dict[int, frozenset[int]] = field(default_factory=dict)

    def state(self) -> int:
        self.arcs.append([])
        return len(self.arcs) - 1

    def free(self, state: int) -> frozenset[int]:
        """All states that are reached without a symbol, this one among them."""
        if state not in self._free:
            waiting, seen = [state], {state}
            for here in waiting:
                fresh = [there for symbol, there in self.arcs[here] if not symbol and there not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
            self._free[state] = frozenset(seen)
        return self._free[state]


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
    numbers = {nfa.free(first): 0}
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
    return token_kinds.kind_of(symbol.strip("'")) if symbol.startswith("'") else int(getattr(token_kinds, symbol))


def make_tables() -> Tables:
    """The tables of `GRAMMAR`. Raises AssertionError where one token does not tell what to do."""
    joined = re.sub(r"\n +", " ", GRAMMAR)
    rules = dict(line.split(": ", 1) for line in joined.split("\n") if line)
    automata = {name: _automaton(rules, name) for name in rules if not name.startswith("@")}
    firsts = _first_tokens(automata)
    symbols = sorted({symbol for dfa in automata.values() for arcs, _ in dfa for symbol in arcs if symbol not in rules})
    column = {symbol: place for place, symbol in enumerate(symbols)}
    width = len(symbols) + 1
    starts: dict[str, int] = {}
    num_states = 0
    for name, automaton in automata.items():
        starts[name] = num_states * width
        num_states += len(automaton)
    assert num_states * width < 1 << ROW_BITS, num_states
    actions = np.full(num_states * width, ERROR, dtype=np.uint64)
    for name, automaton in automata.items():
        for place, (arcs, may_end) in enumerate(automaton):
            row = actions[starts[name] + place * width :][:width]
            if may_end:
                row[:] = LEAVE
            taken: set[str] = set()
            for symbol, there in arcs.items():
                following = starts[name] + there * width
                entered = ENTER | starts[symbol] << ROW_BITS if symbol in starts else 0
                for token in firsts.get(symbol, {symbol}):
                    assert token not in taken, (name, token)
                    taken.add(token)
                    row[column[token]] = entered | following
            # Where no rule asks for it, the word is a name.
            if "CASE" not in taken:
                row[column["CASE"]] = row[column["NAME"]]
    columns = np.full(256, len(symbols), dtype=np.uint8)
    for symbol in symbols:
        columns[_token(symbol)] = column[symbol]
    return Tables(actions, columns, starts["file"])

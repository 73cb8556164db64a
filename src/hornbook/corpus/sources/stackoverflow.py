"""The source `stackoverflow`: questions with their best answers, from a Stack Exchange dump's Posts.xml.

A row is a question and the answers that were chosen for it, as text with fenced code. Its path is that of the question
on the site with the answers' numbers (`questions/4#7`), so that origin and path lead to the authors, as the licence
asks. Differs from paper: it says no more of StackOverflow than that code was taken from it.

An answer may stand anywhere in the file, so it is read twice: once for the numbers of the questions that are wanted,
which takes a bit each of memory, and once for the posts themselves. Those wait on disk, in a temporary database of
about the size of what is wanted, until all of a question's answers are known.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hornbook.corpus.sources.html_text import html_text
from hornbook.corpus.sources.identity import digest
from hornbook.corpus.sources.posts import QUESTION, Row, read_posts
from hornbook.corpus.sources.protocol import RawFile, Shard
from hornbook.errors import InputError
from hornbook.recipe import StackOverflowSource

MAX_NUMBER = 1 << 30
"""Ten times Stack Overflow's last; a larger number is a damaged one."""

_LICENSE_STARTS = (("2018-05-02", "CC-BY-SA-4.0"), ("2011-04-08", "CC-BY-SA-3.0"), ("", "CC-BY-SA-2.5"))
"""From which day (UTC) a contribution is under which licence: meta.stackexchange.com/questions/347758."""


class StackOverflow:
    """The questions of a dump with one of the tags, ordered by number."""

    def __init__(self, config: StackOverflowSource) -> None:
        self._config = config
        self._path = Path(config.path).expanduser()
        self._tags = frozenset(tag.lower() for tag in config.tags)

    def identity(self) -> str:
        """Hex sha256 of the file's size and time of change. Raises InputError where there is none."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise InputError(
                f"source {self._config.name!r}: {self._path} cannot be read: {error.strerror}. "
                "Give Posts.xml of a Stack Exchange dump."
            ) from None
        return digest([status.st_size, status.st_mtime_ns])

    def shards(self) -> list[Shard]:
        """The file, as one shard: where in it a question's answers are is known only when all of it was read."""
        self.identity()
        return [Shard(self._config.name, "posts", str(self._path))]

    def read(self, shard: Shard) -> Iterator[RawFile]:
        """The questions, each with its best answers.

        Drop reasons: `low_score` (of the question), `no_answer` (none that is good enough), `malformed_post` (no body,
        or a number that is none), `name_clash` (a number that was there before). Posts with none of the tags are not
        this source's and not counted. Raises InputError where the file is damaged, before the first question.
        """
        path = Path(shard.location)
        wanted = _Numbers()
        for row in read_posts(path):
            if row["PostTypeId"] == QUESTION and self._is_tagged(row):
                wanted.add(_number(row, "Id"))
        with tempfile.TemporaryDirectory(prefix="hornbook-posts-") as folder:
            database = sqlite3.connect(Path(folder) / "posts.sqlite", isolation_level=None)
            try:
                yield from self._store(path, wanted, database)
                yield from self._join(database)
            finally:
                database.close()

    def _is_tagged(self, row: Row) -> bool:
        # Newer dumps write |python|numpy|, older ones <python><numpy>.
        tags = row.get("Tags", "").replace("><", "|").strip("<>|").lower().split("|")
        return not self._tags or not self._tags.isdisjoint(tags)

    def _store(self, path: Path, wanted: _Numbers, database: sqlite3.Connection) -> Iterator[RawFile]:
        """Puts the posts that are wanted into the database; yields what is dropped on the way."""
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        for row in read_posts(path):
            is_question = row["PostTypeId"] == QUESTION
            number, score = _number(row, "Id"), _number(row, "Score", least=-MAX_NUMBER)
            question = number if is_question else _number(row, "ParentId")
            if question is None and not (is_question and self._is_tagged(row)):
                continue
            if question is not None and question not in wanted:
                continue
            if number is None or score is None or "Body" not in row:
                yield self._dropped(row, "malformed_post")
                continue
            if is_question:
                values = (number, score, _number(row, "AcceptedAnswerId"), row.get("Title", ""), row["Body"])
                made = database.execute(_ADD_QUESTION, (*values, _license(row)))
            elif score >= self._config.min_answer_score:
                made = database.execute(_ADD_ANSWER, (question, number, score, row["Body"], _license(row)))
            else:
                continue
            if not made.rowcount:
                yield self._dropped(row, "name_clash")
        database.execute("COMMIT")

    def _dropped(self, row: Row, reason: str) -> RawFile:
        return RawFile(self._config.site, f"posts/{row.get('Id', '')[:20]}", "", "", "prose", reason)

    def _join(self, database: sqlite3.Connection) -> Iterator[RawFile]:
        config = self._config
        for number, score, accepted, title, body, license in database.execute(_QUESTIONS):
            answers = list(database.execute(_ANSWERS, (number, accepted, config.max_answers)))
            if config.accepted_only:
                answers = [answer for answer in answers if answer[0] == accepted]
            path = f"questions/{number}" + ("#" + ",".join(str(answer[0]) for answer in answers) if answers else "")
            licenses = " AND ".join(sorted({license, *(answer[2] for answer in answers)}))
            reason = "low_score" if score < config.min_question_score else None if answers else "no_answer"
            text = "" if reason else _text(title, body, [answer[1] for answer in answers])
            yield RawFile(config.site, path, licenses, text, "prose", reason)


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE question (number INTEGER PRIMARY KEY, score INTEGER, accepted INTEGER, title TEXT, body TEXT,
                       license TEXT);
CREATE TABLE answer (question INTEGER, number INTEGER, score INTEGER, body TEXT, license TEXT,
                     PRIMARY KEY (question, number)) WITHOUT ROWID;
"""
_ADD_QUESTION = "INSERT OR IGNORE INTO question VALUES (?, ?, ?, ?, ?, ?)"
_ADD_ANSWER = "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)"
_QUESTIONS = "SELECT number, score, accepted, title, body, license FROM question ORDER BY number"
# The accepted answer first, then by score; of equal ones the earlier.
_ANSWERS = """SELECT number, body, license FROM answer WHERE question = ?
              ORDER BY number = ? DESC, score DESC, number LIMIT ?"""


class _Numbers:
    """A set of post numbers, one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int | None) -> None:
        if number is not None:
            if number >> 3 >= len(self._bits):
                self._bits.extend(bytes((number >> 3) + 1 - len(self._bits)))
            self._bits[number >> 3] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        return number >> 3 < len(self._bits) and bool(self._bits[number >> 3] >> (number & 7) & 1)


def _number(row: Row, name: str, least: int = 0) -> int | None:
    try:
        number = int(row.get(name, ""))
    except ValueError:
        return None
    return number if least <= number < MAX_NUMBER else None


def _license(row: Row) -> str:
    """The licence of a post's text as it stands: the one that the dump states, else that of its last edit's day."""
    stated = row.get("ContentLicense", "").strip().replace(" ", "-").upper()
    if stated.startswith("CC-BY-SA-"):
        return stated
    day = row.get("LastEditDate") or row.get("CreationDate", "")
    return next(name for start, name in _LICENSE_STARTS if day[:10] >= start)


def _text(title: str, question: str, answers: list[str]) -> str:
    parts = [f"# {title.strip()}" if title.strip() else "# Question", html_text(question)]
    for answer in answers:
        parts += ["## Answer", html_text(answer)]
    return "\n\n".join(part for part in parts if part) + "\n"

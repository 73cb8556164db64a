"""The reply cache: kept once, shared, safe across kills, and clear about files that it cannot use."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from hornbook.errors import ArtifactError
from hornbook.teacher.chat import ChatReply, ChatRequest, Message
from hornbook.teacher.replies import ReplyCache


def request(number: int) -> ChatRequest:
    return ChatRequest("m", (Message("user", f"question {number}"),))


def reply(text: str) -> ChatReply:
    return ChatReply(text, "stop", 11, 7, "2026-01-02T03:04:05.678+00:00")


def test_a_reply_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = reply("naïve \0 \N{SNOWMAN}\n")
    with ReplyCache(tmp_path / "new" / "replies.sqlite") as cache:
        assert cache.find(request(1)) is None
        assert not cache.keep(request(1), kept).was_cached
        found = cache.find(request(1))
        assert found == kept
        assert found is not None
        assert found.was_cached
        assert cache.find(request(2)) is None
    with ReplyCache(tmp_path / "new" / "replies.sqlite", must_exist=True) as cache:
        assert (cache.find(request(1)), len(cache)) == (kept, 1)


def test_the_first_reply_stays(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r") as cache:
        cache.keep(request(1), reply("first"))
        second = cache.keep(request(1), reply("second"))
        assert (second.text, second.was_cached, len(cache)) == ("first", True, 1)


def test_a_row_says_what_was_asked(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r") as cache:
        cache.keep(request(1), reply("x"))
    connection = sqlite3.connect(tmp_path / "r")
    assert connection.execute("SELECT request_sha256, request FROM replies").fetchall() == [
        (request(1).digest, request(1).canonical)
    ]
    connection.close()


def test_threads_share_a_cache(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r") as cache:

        def work(mine: int) -> None:
            for number in range(50):
                cache.keep(request(number), reply(f"{number} by {mine}"))
                found = cache.find(request(number))
                assert found is not None
                seen[mine].append(found.text)

        seen: list[list[str]] = [[] for _ in range(4)]
        threads = [threading.Thread(target=work, args=(mine,)) for mine in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(cache) == 50
    assert len(seen[0]) == 50
    assert seen[0] == seen[1] == seen[2] == seen[3]


WRITING = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from hornbook.teacher.chat import ChatReply, ChatRequest, Message
    from hornbook.teacher.replies import ReplyCache

    path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.stdin.readline()
    with ReplyCache(path) as cache:
        for number in range(first, first + count):
            request = ChatRequest("m", (Message("user", f"question {number}"),))
            cache.keep(request, ChatReply(f"by {first}", "stop", 1, 1, "now"))
            print(number, flush=True)
    """
)


def start_writing(path: Path, first: int, count: int) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", WRITING, str(path), str(first), str(count)], stdin=pipe, stdout=pipe, text=True
    )


def test_processes_make_and_fill_one_file_together(tmp_path: Path) -> None:
    writers = [start_writing(tmp_path / "r", first, 60) for first in (0, 20, 40)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.communicate(timeout=60) and writer.returncode for writer in writers] == [0, 0, 0]
    with ReplyCache(tmp_path / "r") as cache:
        assert len(cache) == 100


def test_what_was_kept_survives_kill_9(tmp_path: Path) -> None:
    writer = start_writing(tmp_path / "r", 0, 1_000_000)
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()
    said = [int(writer.stdout.readline()) for _ in range(30)]
    os.kill(writer.pid, signal.SIGKILL)
    # The last line may be cut.
    said += [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    with ReplyCache(tmp_path / "r") as cache:
        assert all(cache.find(request(number)) is not None for number in said)
        # One may have been committed and not yet said.
        assert len(said) <= len(cache) <= len(said) + 1
        cache.keep(request(-1), reply("goes on"))


def write_foreign(path: Path, *statements: str) -> bytes:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path.read_bytes()


def test_other_files_are_named_and_left_alone(tmp_path: Path) -> None:
    foreign = write_foreign(tmp_path / "foreign", "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(ArtifactError, match="foreign: a database that is not a reply cache"):
        ReplyCache(tmp_path / "foreign")
    assert (tmp_path / "foreign").read_bytes() == foreign

    (tmp_path / "text").write_text("once upon a time, " * 100)
    with pytest.raises(ArtifactError, match="text: not a reply cache, or damaged"):
        ReplyCache(tmp_path / "text")
    assert (tmp_path / "text").read_text() == "once upon a time, " * 100


def test_a_newer_version_is_named(tmp_path: Path) -> None:
    ReplyCache(tmp_path / "r").close()
    write_foreign(tmp_path / "r", "PRAGMA user_version = 7")
    with pytest.raises(ArtifactError, match="a reply cache of version 7, and this hornbook reads version 1"):
        ReplyCache(tmp_path / "r")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with ReplyCache(path) as cache:
        for number in range(200):
            cache.keep(request(number), reply("x" * 500))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=f"{path}: not a reply cache, or damaged.*Move it away"):
        read_all(path, 200)


def read_all(path: Path, count: int) -> None:
    with ReplyCache(path) as cache:
        for number in range(count):
            cache.find(request(number))


def test_a_cache_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="missing: no reply cache is there"):
        ReplyCache(tmp_path / "missing", must_exist=True)
    assert not (tmp_path / "missing").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArtifactError, match="folder: the reply cache cannot be used: unable to open"):
        ReplyCache(tmp_path / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="r: the reply cache cannot be used"):
        ReplyCache(tmp_path / "file" / "r")


def test_replies_that_came_together_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r") as cache:
        cache.keep(request(1), reply("first"))
        kept = cache.keep_all(
            [(request(0), reply("zero")), (request(1), reply("second")), (request(0), reply("again"))]
        )
        assert [one.text for one in kept] == ["zero", "first", "zero"]
        assert [one.was_cached for one in kept] == [False, True, True]
        assert cache.keep_all([]) == []
        with pytest.raises(UnicodeEncodeError):
            cache.keep_all([(request(2), reply("fine")), (request(3), reply("half of a pair: \ud800"))])
        assert cache.find(request(2)) is None
        cache.keep(request(2), reply("later"))
        assert len(cache) == 3

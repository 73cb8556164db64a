import bz2
import gzip
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pytest

from hornbook.corpus.sources.protocol import RawFile
from hornbook.corpus.sources.stackoverflow import StackOverflow
from hornbook.errors import InputError
from hornbook.recipe import StackOverflowSource

HEAD, TAIL = '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n', "</posts>\n"


def post(number: object, **fields: object) -> str:
    given = {
        "Id": number,
        "CreationDate": "2015-01-02T03:04:05.678",
        "Score": 5,
        "Body": f"<p>Body {number}</p>",
        **fields,
    }
    return (
        "  <row "
        + " ".join(f"{name}={quoteattr(str(value))}" for name, value in given.items() if value != "")
        + " />\n"
    )


def question(number: object, **fields: object) -> str:
    return post(number, **{"PostTypeId": 1, "Title": f"Title {number}", "Tags": "<python><list>", **fields})


def answer(number: object, parent: object, **fields: object) -> str:
    return post(number, **{"PostTypeId": 2, "ParentId": parent, **fields})


def read(path: Path, *rows: str, **fields: object) -> list[RawFile]:
    if rows:
        path.write_text(HEAD + "".join(rows) + TAIL, encoding="utf-8")
    source = StackOverflow(StackOverflowSource(type="stackoverflow", path=str(path), **fields))  # type: ignore[arg-type]
    return [file for shard in source.shards() for file in source.read(shard)]


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return tmp_path / "Posts.xml"


def test_golden(posts: Path) -> None:
    assert read(
        posts,
        question(4, AcceptedAnswerId=7, Title="How to add & sum?", Tags="|python|list|"),
        answer(6, 4, Score=99),
        answer(7, 4, Body="<p>So:</p><pre><code>sum(x)</code></pre>"),
        post(8, PostTypeId=5, Body="<p>What python is</p>"),
        question(9, Tags="<c#>"),
        answer(10, 9),
    ) == [
        RawFile(
            "stackoverflow.com",
            "questions/4#7",
            "CC-BY-SA-3.0",
            "# How to add & sum?\n\nBody 4\n\n## Answer\n\nSo:\n\n```\nsum(x)\n```\n",
            "prose",
        )
    ]


def test_answers_far_before_and_after_their_question(posts: Path) -> None:
    between = [question(number, Tags="<java>") for number in range(100, 5000)]
    found = read(posts, answer(7, 50), answer(8, 60), *between, question(50), question(60), answer(61, 60, Score=9))
    assert [file.path for file in found] == ["questions/50#7", "questions/60#61"]


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({}, ["questions/1#2", "questions/10#13"]),
        ({"max_answers": 2}, ["questions/1#2,3", "questions/10#13,12"]),
        ({"accepted_only": True}, ["questions/1#2"]),
        ({"min_answer_score": 6}, ["questions/1#3", "questions/10#13"]),
        ({"min_question_score": 6}, []),
        ({"tags": ("Pandas",)}, ["questions/10#13"]),
        ({"tags": ()}, ["questions/1#2", "questions/10#13", "questions/20#21"]),
        ({"tags": ("cobol",)}, []),
    ],
)
def test_choice(posts: Path, fields: dict[str, object], paths: list[str]) -> None:
    rows = [
        question(1, AcceptedAnswerId=2),
        answer(2, 1, Score=1),
        answer(3, 1, Score=8),
        question(10, Tags="|python|pandas|"),
        answer(11, 10, Score=7),
        answer(12, 10, Score=8),
        answer(13, 10, Score=9),
        question(20, Tags="<rust>"),
        answer(21, 20),
    ]
    assert [file.path for file in read(posts, *rows, **fields) if file.drop_reason is None] == paths


def test_equal_scores_take_the_earlier_answer(posts: Path) -> None:
    assert read(posts, question(1), answer(5, 1), answer(3, 1))[0].path == "questions/1#3"


def test_drop_reasons(posts: Path) -> None:
    found = read(
        posts,
        question(1, Score=0),
        answer(2, 1),
        question(3),
        answer(4, 3, Score=-2),
        question("x"),
        question(5, Body=""),
        question(6),
        question(6),
        answer(7, 6),
        answer(7, 6),
        answer("999999999999", 6),
        answer(8, "x"),
        answer(9, ""),
        question(11, Score="many"),
        question("y", Tags="<java>"),
    )
    assert sorted((file.path, file.drop_reason) for file in found) == [
        ("posts/11", "malformed_post"),
        ("posts/5", "malformed_post"),
        ("posts/6", "name_clash"),
        ("posts/7", "name_clash"),
        ("posts/999999999999", "malformed_post"),
        ("posts/x", "malformed_post"),
        ("questions/1#2", "low_score"),
        ("questions/3", "no_answer"),
        ("questions/6#7", None),
    ]


@pytest.mark.parametrize(
    ("fields", "license"),
    [
        ({"CreationDate": "2011-04-07T23:59:59.999"}, "CC-BY-SA-2.5"),
        ({"CreationDate": "2011-04-08T00:00:00.000"}, "CC-BY-SA-3.0"),
        ({"CreationDate": "2018-05-01T23:59:59.999"}, "CC-BY-SA-3.0"),
        ({"CreationDate": "2018-05-02T00:00:00.000"}, "CC-BY-SA-4.0"),
        ({"CreationDate": "2009-01-01T00:00:00.000", "LastEditDate": "2020-01-01T00:00:00.000"}, "CC-BY-SA-4.0"),
        ({"CreationDate": "2020-01-01T00:00:00.000", "ContentLicense": "CC BY-SA 3.0"}, "CC-BY-SA-3.0"),
        ({"CreationDate": ""}, "CC-BY-SA-2.5"),
    ],
)
def test_license_by_date(posts: Path, fields: dict[str, object], license: str) -> None:
    assert read(posts, question(1, **fields), answer(2, 1, **fields))[0].license == license


def test_licenses_of_question_and_answer(posts: Path) -> None:
    old, new = "2010-01-01T00:00:00.000", "2020-01-01T00:00:00.000"
    found = read(posts, question(1, CreationDate=new), answer(2, 1, CreationDate=old))
    assert found[0].license == "CC-BY-SA-2.5 AND CC-BY-SA-4.0"


ROWS = question(1) + answer(2, 1)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
    ],
)
def test_compressed(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"Posts.xml{suffix}"
    data = compress((HEAD + ROWS + TAIL).encode())
    path.write_bytes(data)
    assert [file.path for file in read(path)] == ["questions/1#2"]
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"Posts\.xml"):
        read(path)
    path.write_bytes(b"no such compression")
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + ROWS, r"line 5, column 1: .*unclosed|line 5, column 1: no element found"),
        (HEAD + ROWS + "  <row Id=1 />\n" + TAIL, "line 5, column 11: not well-formed"),
        (HEAD + ROWS + "  <row Id='\x01' />\n" + TAIL, "line 5, column 12: not well-formed"),
        ("<comments>\n<row Id='1' />\n</comments>\n", "line 1: <comments> where <posts> was expected"),
        (HEAD + "<post Id='1' />" + TAIL, "line 3: <post> where <row> was expected"),
        (HEAD + "<row><row /></row>" + TAIL, "line 3: <row> where nothing was expected"),
        ('<!DOCTYPE posts [<!ENTITY a "b">]>\n<posts>&a;</posts>', "line 1: a document type"),
        ("", "line 1, column 1: no element found"),
        ("7z\xbc\xaf", "not well-formed"),
    ],
)
def test_damaged(posts: Path, text: str, message: str) -> None:
    posts.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as raised:
        read(posts)
    assert str(posts) in str(raised.value)


def test_control_characters_of_old_dumps(posts: Path) -> None:
    row = answer(2, 1, Body="BODY").replace("BODY", "&lt;p&gt;a&#x1F;b&#xB;c&#xA;d&#x20;e&lt;/p&gt;")
    posts.write_text(HEAD + question(1) + row + TAIL)
    assert str(read(posts)[0].content).endswith("## Answer\n\na b c d e\n")


def test_no_such_file_and_7z(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source 'stackoverflow': .*No such file.*Give Posts\.xml"):
        read(tmp_path / "gone.xml")
    (tmp_path / "a.7z").write_bytes(b"7z")
    with pytest.raises(InputError, match=r"7z x a\.7z"):
        read(tmp_path / "a.7z")


def test_identity_follows_the_file(posts: Path) -> None:
    def identity() -> str:
        return StackOverflow(StackOverflowSource(type="stackoverflow", path=str(posts))).identity()

    posts.write_text(HEAD + ROWS + TAIL)
    before = identity()
    assert identity() == before
    posts.write_text(HEAD + ROWS + ROWS + TAIL)
    assert identity() != before


READ_IT = """
import sys
from hornbook.corpus.sources.stackoverflow import StackOverflow
from hornbook.recipe import StackOverflowSource
source = StackOverflow(StackOverflowSource(type="stackoverflow", path=sys.argv[1]))
count = sum(1 for _ in source.read(source.shards()[0]))
# Not getrusage, which counts what the parent had when it forked.
print(count, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(posts: Path) -> None:
    body = "<p>" + "many words " * 200 + "</p>"
    peaks_kb = []
    for count in (1_000, 20_000):
        rows = (question(number, Body=body) + answer(number + count, number, Body=body) for number in range(count))
        posts.write_text(HEAD + "".join(rows) + TAIL)
        ran = subprocess.run([sys.executable, "-c", READ_IT, str(posts)], capture_output=True, text=True, check=True)
        found, peak_kb = map(int, ran.stdout.split())
        assert found == count
        peaks_kb.append(peak_kb)
    assert posts.stat().st_size > 80e6
    assert peaks_kb[1] - peaks_kb[0] < 15_000

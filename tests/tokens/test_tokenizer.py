import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from hornbook.errors import InputError
from hornbook.recipe import TokenizerConfig
from hornbook.records import Exercise
from hornbook.run.datasets import CodeTextbook
from hornbook.tokens import tokenizer as module
from hornbook.tokens.tokenizer import (
    END_OF_TEXT,
    TOKENIZER_FILE,
    TokenizerArtifact,
    load_tokenizer,
    tokenizer_identity,
    train_bpe,
    train_tokenizer,
)

CODE_LIKE = st.text(
    st.sampled_from(list(" \t\n\r\f\v_.:,()[]'\"#=+-0123789abcdefXYZéß中\u00a0\u2003\u2028\u0085\x1c\ufeff\u0301🙂"))
)
TEXT = st.one_of(CODE_LIKE, st.text(st.characters(exclude_categories=["Cs"])))


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.decode([token], skip_special_tokens=False) for token in tokenizer.encode(text).ids]


@settings(deadline=None, max_examples=300)
@given(text=TEXT)
@example(text=END_OF_TEXT)
@example(text=f"if token == '{END_OF_TEXT}':\n    stop()\n")
def test_round_trip(bpe: Tokenizer, text: str) -> None:
    assert bpe.decode(bpe.encode(text).ids, skip_special_tokens=False) == text


@settings(deadline=None, max_examples=300)
@given(prompt=TEXT, solution=TEXT)
@example(prompt='def f():\n    """Do it."""\n', solution="    return 1\n")
@example(prompt="x\u1680\n", solution="\u2028y")
def test_tokens_of_a_prompt_are_a_prefix_of_those_of_prompt_and_solution(
    bpe: Tokenizer, prompt: str, solution: str
) -> None:
    prompt = prompt.rstrip()
    ids = bpe.encode(prompt).ids
    assert bpe.encode(f"{prompt}\n{solution}").ids[: len(ids)] == ids


def test_prefix_on_real_exercises(bpe: Tokenizer, teacher_exercises: list[Exercise]) -> None:
    for exercise in teacher_exercises:
        prompt = exercise.prompt.rstrip()
        ids, whole = bpe.encode(prompt).ids, bpe.encode(f"{prompt}\n{exercise.solution}").ids
        assert whole[: len(ids)] == ids
        assert len(whole) > len(ids)


@settings(deadline=None, max_examples=300)
@given(text=TEXT)
def test_no_token_has_a_blank_after_a_visible_character(bpe: Tokenizer, text: str) -> None:
    encoding = bpe.encode(text)
    for start, stop in encoding.offsets:
        piece = text[start:stop].lstrip(" \t\n\r\f\v")
        assert not set(piece) & set(" \t\n\r\f\v")


def test_python_is_cut_well(bpe: Tokenizer) -> None:
    text = "def f(x):\n    if x > 123:\n        return  x\n\n\ndef g():\n\treturn 0 \n"
    cut = pieces(bpe, text)
    assert "".join(cut) == text
    for expected in ("\n    ", "\n        ", " return", "def"):
        assert expected in cut + pieces(bpe, "a return")
    assert [piece for piece in cut if piece.strip().isdigit()] == ["1", "2", "3", "0"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n    return first_item", ["\n    ", "return", " first", "_item"]),
        ("(x) + 12", ["(", "x", ")", " +", " ", "1", "2"]),
        ("a   = 1", ["a", "  ", " =", " ", "1"]),
        ("x  \n\n\n  y", ["x", "  \n\n\n  ", "y"]),
        ("__init__(self)", ["__init", "__(", "self", ")"]),
        ("a\t=\t1 ", ["a", "\t", "=", "\t", "1", " "]),
    ],
)
def test_pieces(bpe: Tokenizer, text: str, expected: list[str]) -> None:
    assert bpe.pre_tokenizer is not None
    found = [text[start:stop] for _, (start, stop) in bpe.pre_tokenizer.pre_tokenize_str(text)]
    assert found == expected


def run(folder: Path, corpus: CodeTextbook, seed: int = 0, **config: object) -> TokenizerArtifact:
    folder.mkdir()
    return train_tokenizer(corpus=corpus, config=TokenizerConfig(**config), given="", seed=seed, out=folder)


def test_training(tmp_path: Path, corpus: CodeTextbook) -> None:
    made = run(tmp_path / "out", corpus, vocab_size=600)
    tokenizer = made.tokenizer()
    assert made.facts.metrics["vocab_size"] == tokenizer.get_vocab_size() == 600
    read = [file.text for file in corpus.read_code()] + [section.text for section in corpus.read_textbooks()]
    assert made.facts.metrics["training_chars"] == sum(map(len, read))
    assert tokenizer.token_to_id(END_OF_TEXT) == 0
    assert 0 not in tokenizer.encode(f"a {END_OF_TEXT} b").ids


def test_training_gives_the_same_bytes_in_another_process_with_other_threads(
    tmp_path: Path, corpus: CodeTextbook
) -> None:
    one = run(tmp_path / "one", corpus, vocab_size=800)
    (tmp_path / "two").mkdir()
    program = (
        "from pathlib import Path\n"
        "from hornbook.recipe import TokenizerConfig\n"
        "from hornbook.run.datasets import CodeTextbook\n"
        "from hornbook.tokens.tokenizer import train_tokenizer\n"
        f"corpus, out = CodeTextbook(Path({str(corpus.folder)!r})), Path({str(tmp_path / 'two')!r})\n"
        "train_tokenizer(corpus=corpus, config=TokenizerConfig(vocab_size=800), given='', seed=0, out=out)\n"
    )
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert (tmp_path / "two" / TOKENIZER_FILE).read_bytes() == (one.folder / TOKENIZER_FILE).read_bytes()


def test_training_reads_a_seeded_sample_of_a_large_corpus(
    tmp_path: Path, corpus: CodeTextbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TRAINING_CHARS", 400)
    sections = [section.text for section in corpus.read_textbooks()]
    samples = {seed: module.sample(corpus, seed) for seed in range(3)}
    for texts in samples.values():
        chosen = [text for text in texts if text in sections]
        # A section has 24 characters, so eight of them fit into half of 400, in the order of the corpus.
        assert len(chosen) == 8
        assert chosen == [text for text in sections if text in chosen]
        assert sum(map(len, texts)) <= 400
    assert len({tuple(texts) for texts in samples.values()}) == 3
    assert module.sample(corpus, 0) == samples[0]


def test_folder_is_taken_as_it_is(tmp_path: Path, corpus: CodeTextbook, bpe: Tokenizer) -> None:
    given = tmp_path / "given"
    given.mkdir()
    bpe.save(str(given / TOKENIZER_FILE))
    made = run(tmp_path / "out", corpus, path=str(given), vocab_size=300)
    assert made.facts.metrics == {"vocab_size": bpe.get_vocab_size(), "training_chars": 0}
    assert made.tokenizer().encode("def f(): pass").ids == bpe.encode("def f(): pass").ids


def test_folder_without_tokenizer(tmp_path: Path, corpus: CodeTextbook) -> None:
    with pytest.raises(InputError, match=r"nowhere/tokenizer\.json: no such file; tokenizer\.path must be a folder"):
        run(tmp_path / "out", corpus, path=str(tmp_path / "nowhere"))


def test_file_that_is_no_tokenizer(tmp_path: Path) -> None:
    (tmp_path / TOKENIZER_FILE).write_text(json.dumps({"hello": 1}))
    with pytest.raises(InputError, match="not a tokenizer"):
        load_tokenizer(tmp_path / TOKENIZER_FILE)


def test_tokenizer_without_end_of_text(tmp_path: Path) -> None:
    Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tmp_path / TOKENIZER_FILE))
    with pytest.raises(InputError, match=r"has no token <\|endoftext\|>"):
        load_tokenizer(tmp_path / TOKENIZER_FILE)


def test_the_identity_of_a_given_tokenizer_is_its_content(tmp_path: Path) -> None:
    assert tokenizer_identity(TokenizerConfig()) == ""
    identities = []
    for name, word in (("one", "total"), ("moved", "total"), ("other", "count")):
        (tmp_path / name).mkdir()
        train_bpe([f"return {word}\n" * 50], 300).save(str(tmp_path / name / "tokenizer.json"))
        identities.append(tokenizer_identity(TokenizerConfig(path=str(tmp_path / name))))
    assert identities[0] == identities[1] != identities[2]
    with pytest.raises(InputError, match=r"nowhere/tokenizer\.json: no such file"):
        tokenizer_identity(TokenizerConfig(path=str(tmp_path / "nowhere")))

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from hornbook.recipe import TokenizeConfig
from hornbook.run.datasets import CodeTextbook, Exercises
from hornbook.tokens.packing import (
    SPLITS,
    Document,
    TokenizedCorpus,
    pack,
    tokenize_codeexercises,
    tokenize_codetextbook,
    validation_rows,
)
from hornbook.tokens.tokenizer import END_OF_TEXT, TOKENIZER_FILE, TokenizerArtifact

CONFIG = TokenizeConfig(validation_share=0.1)


@pytest.fixture
def tokenizer(tmp_path: Path, bpe: Tokenizer) -> TokenizerArtifact:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    bpe.save(str(folder / TOKENIZER_FILE))
    return TokenizerArtifact(folder)


def run_codetextbook(out: Path, corpus: CodeTextbook, tokenizer: TokenizerArtifact, seed: int = 0) -> TokenizedCorpus:
    out.mkdir()
    return tokenize_codetextbook(corpus=corpus, tokenizer=tokenizer, config=CONFIG, seed=seed, out=out)


def documents(corpus: TokenizedCorpus, source: str, split: str) -> list[str]:
    array, tokenizer = corpus.array(source, split), corpus.tokenizer()
    assert array.documents[0] == 0
    assert array.documents[-1] == len(array.tokens)
    texts = []
    for start, stop in zip(array.documents[:-1], array.documents[1:], strict=True):
        ids = array.tokens[start:stop].tolist()
        assert ids.count(corpus.eos_token_id) == 1
        assert ids[-1] == corpus.eos_token_id
        texts.append(tokenizer.decode(ids[:-1], skip_special_tokens=False))
    return texts


def test_codetextbook_decodes_to_what_came_in(
    tmp_path: Path, corpus: CodeTextbook, tokenizer: TokenizerArtifact
) -> None:
    made = run_codetextbook(tmp_path / "out", corpus, tokenizer)
    assert made.sources() == ["code", "textbooks"]
    assert made.vocab_size == 1000
    assert made.tokenizer().id_to_token(made.eos_token_id) == END_OF_TEXT
    read = {"code": list(corpus.read_code()), "textbooks": list(corpus.read_textbooks())}
    for source, rows in read.items():
        valid = documents(made, source, "valid")
        train = documents(made, source, "train")
        assert len(valid) == max(1, round(0.1 * len(rows)))
        assert [row.text for row in rows if row.text not in valid] == train
        for split in SPLITS:
            array = made.array(source, split)
            assert array.tokens.dtype == np.uint16
            assert array.documents.dtype == array.loss_starts.dtype == np.int64
            assert array.loss_starts.tolist() == array.documents[:-1].tolist()
            assert made.facts.rows[f"{source}.{split}.tokens.npy"] == len(array.documents) - 1
            assert made.facts.metrics[f"{source}_{split}_tokens"] == len(array.tokens)
    assert made.facts.drops == {}
    assert made.facts.rows["textbooks.valid.tokens.npy"] == 3


def test_arrays_are_memory_mapped(tmp_path: Path, corpus: CodeTextbook, tokenizer: TokenizerArtifact) -> None:
    array = run_codetextbook(tmp_path / "out", corpus, tokenizer).array("code", "train")
    assert isinstance(array.tokens, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array.tokens[0] = 1


def test_loss_starts_after_the_prompt_of_an_exercise(
    tmp_path: Path, exercises: Exercises, tokenizer: TokenizerArtifact
) -> None:
    (tmp_path / "out").mkdir()
    made = tokenize_codeexercises(exercises=exercises, tokenizer=tokenizer, config=CONFIG, seed=0, out=tmp_path / "out")
    assert made.sources() == ["exercises"]
    rows = {f"{row.prompt.rstrip()}\n{row.solution}": row for row in exercises.read()}
    decode = made.tokenizer().decode
    seen = 0
    for split in SPLITS:
        array = made.array("exercises", split)
        assert len(array.loss_starts) == len(array.documents) - 1
        for start, stop, loss_start in zip(array.documents[:-1], array.documents[1:], array.loss_starts, strict=True):
            row = rows[decode(array.tokens[start : stop - 1].tolist())]
            assert decode(array.tokens[start:loss_start].tolist()) == row.prompt.rstrip()
            assert decode(array.tokens[loss_start : stop - 1].tolist()) == "\n" + row.solution
            seen += 1
    assert seen == len(rows) == 200


def test_same_bytes_twice_and_another_split_with_another_seed(
    tmp_path: Path, corpus: CodeTextbook, tokenizer: TokenizerArtifact
) -> None:
    one, two = (run_codetextbook(tmp_path / name, corpus, tokenizer) for name in ("one", "two"))
    names = sorted(path.name for path in one.folder.iterdir())
    assert len(names) == 13
    assert all((one.folder / name).read_bytes() == (two.folder / name).read_bytes() for name in names)
    other = run_codetextbook(tmp_path / "other", corpus, tokenizer, seed=1)
    assert documents(other, "textbooks", "valid") != documents(one, "textbooks", "valid")


def test_text_of_the_marker_ends_no_document(tmp_path: Path, bpe: Tokenizer) -> None:
    text = f"STOP = '{END_OF_TEXT}'\n"
    made = pack({"code": lambda: [Document(text)]}, bpe, CONFIG, 0, tmp_path)
    assert documents(made, "code", "train") == [text]


def test_a_split_without_documents(tmp_path: Path, bpe: Tokenizer) -> None:
    made = pack({"code": lambda: [Document("x = 1\n")]}, bpe, CONFIG, 0, tmp_path)
    array = made.array("code", "valid")
    assert (len(array.tokens), array.documents.tolist(), len(array.loss_starts)) == (0, [0], 0)


def test_prompt_that_merges_with_the_solution_is_dropped(tmp_path: Path) -> None:
    greedy = Tokenizer(BPE())
    greedy.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    greedy.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=260,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    greedy.train_from_iterator(['"""\n    return'] * 10, trainer)
    assert '"\n' in greedy.decode(greedy.encode('"\n').ids[:1])
    rows = [Document('"\nreturn', '"'), Document("x return", "x")]
    made = pack({"exercises": lambda: rows}, greedy, TokenizeConfig(validation_share=0.0), 0, tmp_path)
    assert made.facts.drops == {"prompt_not_prefix": 1}
    assert documents(made, "exercises", "train") == ["x return"]


def test_large_vocabulary_takes_four_bytes(tmp_path: Path) -> None:
    alphabet = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    more = {f"token{number}": 256 + number for number in range(70_000)}
    large = Tokenizer(BPE(vocab=alphabet | more | {END_OF_TEXT: 70_256}, merges=[]))
    large.pre_tokenizer = ByteLevel(add_prefix_space=False)
    large.decoder = ByteLevelDecoder()
    made = pack({"code": lambda: [Document("x"), Document("y")]}, large, CONFIG, 0, tmp_path)
    array = made.array("code", "train")
    assert array.tokens.dtype == np.uint32
    assert array.tokens[-1] == made.eos_token_id == 70_256


@pytest.mark.parametrize(
    ("num_documents", "share", "expected"), [(1000, 0.01, 10), (30, 0.01, 1), (2, 0.01, 1), (1, 0.4, 0), (50, 0.0, 0)]
)
def test_number_of_validation_documents(num_documents: int, share: float, expected: int) -> None:
    chosen = validation_rows(num_documents, share, "0/code")
    assert len(chosen) == expected
    assert chosen <= set(range(num_documents))
    assert chosen == validation_rows(num_documents, share, "0/code")

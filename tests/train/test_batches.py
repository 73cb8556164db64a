from collections import Counter

import numpy as np
import pytest
import torch

from hornbook.errors import InputError, RecipeError
from hornbook.train.batches import TrainingBatches, validation_batches
from hornbook.train.loss import IGNORED
from hornbook.train.rows import make_rows, pack_lengths
from tests.train.corpus import counting_documents, tiny_training, write_corpus


def training_array(corpus, source="code"):
    return corpus.array(source, "train")


@pytest.mark.parametrize("packing", ["slice", "whole"])
def test_a_batch_is_a_function_of_its_number(corpus, packing):
    config = tiny_training(packing=packing, steps=40)
    forwards, backwards = TrainingBatches(corpus, config), TrainingBatches(corpus, config)
    expected = [forwards[number] for number in range(40)]
    for number in reversed(range(40)):
        batch = backwards[number]
        assert torch.equal(batch.inputs, expected[number].inputs)
        assert torch.equal(batch.targets, expected[number].targets)
    other = TrainingBatches(corpus, tiny_training(packing=packing, steps=40, seed=1))
    assert not torch.equal(other[0].inputs, expected[0].inputs)


def test_stopping_early_does_not_change_the_batches(corpus):
    long, short = (TrainingBatches(corpus, tiny_training(steps=30, stop_after_steps=stop)) for stop in (0, 10))
    assert all(torch.equal(long[number].inputs, short[number].inputs) for number in range(10))


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_slices_predict_every_token_once_an_epoch(corpus, epoch):
    array = training_array(corpus)
    rows = make_rows(array, tiny_training(), 0, "x")
    found = Counter()
    windows = []
    for place in range(rows.num_rows):
        inputs, targets = rows[epoch * rows.num_rows + place]
        real = targets != IGNORED
        found.update(targets[real].tolist())
        windows.append(tuple(inputs))
        assert (inputs[1:][real[:-1]] == targets[:-1][real[:-1]]).all()
    assert found == Counter(np.asarray(array.tokens[1:]).tolist())
    assert len(set(windows)) == rows.num_rows


def test_epochs_have_orders_of_their_own(corpus):
    rows = make_rows(training_array(corpus), tiny_training(), 0, "x")
    first, second = ([tuple(rows[e * rows.num_rows + p][0]) for p in range(rows.num_rows)] for e in (0, 1))
    assert first != second
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize("epoch", [0, 3])
def test_whole_packing_has_every_document_once_and_uncut(corpus, epoch):
    array = training_array(corpus)
    rows = make_rows(array, tiny_training(packing="whole"), 0, "x")
    found = Counter()
    for place in range(rows.num_rows):
        inputs, targets = rows[epoch * rows.num_rows + place]
        filled = int((targets != IGNORED).sum())
        tokens = [*inputs[: filled + 1].tolist()]
        if filled == 32:
            tokens = [*inputs.tolist(), int(targets[-1])]
        text = ",".join(map(str, tokens))
        found.update(document.strip(",") for document in text.split(",0") if document)
    documents = [array.tokens[a : b - 1] for a, b in zip(array.documents, array.documents[1:], strict=False)]
    assert found == Counter(",".join(map(str, document)) for document in documents)
    assert rows.documents_cut == 0


def test_whole_packing_wastes_little():
    lengths = np.random.default_rng(0).integers(60, 200, 5000)
    rows = pack_lengths(lengths, 257)
    filled = np.bincount(rows, weights=lengths)
    assert filled.max() <= 257
    assert lengths.sum() / (257 * len(filled)) > 0.93
    small = np.random.default_rng(0).integers(20, 90, 5000)
    assert small.sum() / (257 * (pack_lengths(small, 257).max() + 1)) > 0.98


def test_a_document_longer_than_a_sequence_is_cut_and_counted(tmp_path):
    long_document = [1 + number % 60 for number in range(80)] + [0]
    corpus = write_corpus(tmp_path, {"code": [long_document, [5, 6, 0]]})
    batches = TrainingBatches(corpus, tiny_training(packing="whole"))
    assert batches.documents_cut == 1
    rows = make_rows(training_array(corpus), tiny_training(packing="whole"), 0, "x")
    longest = max((rows[place] for place in range(rows.num_rows)), key=lambda row: (row[1] != IGNORED).sum())
    assert longest[0].tolist() == long_document[:32]
    assert longest[1].tolist() == long_document[1:33]


@pytest.mark.parametrize("packing", ["slice", "whole"])
def test_loss_on_solutions_leaves_prompts_out(corpus, packing):
    array = training_array(corpus)
    every, solutions = (
        make_rows(array, tiny_training(packing=packing, loss_on=loss_on), 0, "x") for loss_on in ("all", "solution")
    )
    counted = 0
    for place in range(every.num_rows):
        inputs, targets = solutions[place]
        assert (every[place][0] == inputs).all()
        seen = targets != IGNORED
        assert (every[place][1][seen] == targets[seen]).all()
        counted += int(seen.sum())
    prompts = 2 * (len(array.documents) - 1)
    assert counted == len(array.tokens) - prompts


def test_mixture_has_its_shares_from_the_start(corpus):
    config = tiny_training(mixture={"code": 1.0, "textbooks": 3.0}, batch_size=8, steps=50)
    batches = TrainingBatches(corpus, config)
    assert batches.shares == {"code": 0.25, "textbooks": 0.75}
    code = make_rows(training_array(corpus), config, 0, "0/code")
    rows_of_code = {tuple(code[place][0]) for place in range(code.num_rows)}
    for first in (0, 30):
        rows = [tuple(row.tolist()) for number in range(first, first + 20) for row in batches[number].inputs]
        assert sum(row in rows_of_code for row in rows) == pytest.approx(40, abs=2)
    epochs = batches.epochs()
    assert epochs["code"] == pytest.approx(100 / code.num_rows, rel=0.03)


def test_without_a_mixture_sources_count_by_tokens(corpus):
    sizes = {source: len(corpus.array(source, "train").tokens) for source in corpus.sources()}
    shares = TrainingBatches(corpus, tiny_training()).shares
    assert shares == pytest.approx({source: size / sum(sizes.values()) for source, size in sizes.items()})


def test_validation_is_always_the_same_and_of_one_shape(corpus):
    config = tiny_training()
    first, second = (validation_batches(corpus, config, 4) for _ in range(2))
    assert set(first) == {"code", "textbooks"}
    for source, batches in first.items():
        assert [batch.inputs.shape for batch in batches] == [(4, 32)] * len(batches)
        assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(batches, second[source], strict=True))
        assert sum(batch.num_targets for batch in batches) <= 6 * 32


def test_an_unknown_source_is_named_with_the_known(corpus):
    with pytest.raises(RecipeError, match="'textbook'; there are code, textbooks"):
        TrainingBatches(corpus, tiny_training(mixture={"textbook": 1.0}))


def test_empty_data_is_refused(tmp_path):
    corpus = write_corpus(tmp_path, {"code": []})
    with pytest.raises(InputError, match="no tokens to train on"):
        TrainingBatches(corpus, tiny_training())
    both = write_corpus(tmp_path, {"code": [], "textbooks": counting_documents(9, 0)})
    assert list(TrainingBatches(both, tiny_training()).shares) == ["textbooks"]
    with pytest.raises(InputError, match="source 'code' has no tokens"):
        TrainingBatches(both, tiny_training(mixture={"code": 1.0}))


def test_data_shorter_than_a_sequence_is_padded(tmp_path):
    corpus = write_corpus(tmp_path, {"code": [[1, 2, 3, 0]]})
    batch = TrainingBatches(corpus, tiny_training(batch_size=1))[0]
    assert batch.inputs[0, :4].tolist() == [1, 2, 3, 0]
    assert batch.targets[0].tolist() == [2, 3, 0] + [IGNORED] * 29

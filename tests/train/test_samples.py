"""Samples on the way: which beginnings, what is shown and kept, and that training does not notice."""

import numpy as np
import pytest
import torch

from hornbook.model.phi import Phi
from hornbook.run.artifact import RESUME
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.tokens.tokenizer import train_bpe
from hornbook.train.pretrain import pretrain
from hornbook.train.samples import NEW_TOKENS, PROMPT_TOKENS, Beginning, Sample, Sampler, show
from hornbook.train.step import Stepper
from tests.train.corpus import TINY_MODEL, tiny_training
from tests.train.runs import lines, weights

MODEL = TINY_MODEL.model_copy(update={"max_position_embeddings": 128})
PROMPTS = [f'def add{number}(x):\n    """Add {number}."""' for number in range(4)]
TEXTS = [f"Chapter {number}. Lists hold values in order, and an index finds one of them. " * 3 for number in range(4)]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """Exercises with a prompt of their own, and textbooks without."""
    folder = tmp_path_factory.mktemp("tokens")
    exercises = [(prompt, f"{prompt}\n    return x + 1\n") for prompt in PROMPTS]
    tokenizer = train_bpe([text for _, text in exercises] + TEXTS, 300)
    eos = tokenizer.token_to_id("<|endoftext|>")
    for source, documents in (("exercises", exercises), ("textbooks", [("", text) for text in TEXTS])):
        rows = [(len(tokenizer.encode(prompt).ids), [*tokenizer.encode(text).ids, eos]) for prompt, text in documents]
        ends = np.cumsum([0] + [len(row) for _, row in rows])
        for split, times in (("train", 20), ("valid", 1)):
            starts = np.concatenate([ends[:-1] + ends[-1] * time for time in range(times)])
            prompts = np.tile([prompt for prompt, _ in rows], times)
            ids = np.concatenate([np.array(row, dtype=np.uint16) for _, row in rows] * times)
            np.save(folder / f"{source}.{split}.tokens.npy", ids)
            np.save(folder / f"{source}.{split}.documents.npy", np.append(starts, len(ids)).astype(np.int64))
            np.save(folder / f"{source}.{split}.loss_starts.npy", (starts + prompts).astype(np.int64))
    tokenizer.save(str(folder / "tokenizer.json"))
    return TokenizedCorpus(folder)


def run(tokens, out, **changes):
    out.mkdir(exist_ok=True)
    config = tiny_training(**changes)
    return pretrain(tokens=tokens, model=MODEL, config=config, out=out, machine=Machine(device="cpu", workers=1))


def test_an_exercise_begins_with_its_prompt_and_a_text_with_its_first_tokens(tokens):
    exercise, text = Sampler(tokens, tiny_training(), context=128).beginnings
    assert exercise == Beginning("exercises", PROMPTS[0], is_exercise=True)
    assert (text.source, text.is_exercise) == ("textbooks", False)
    assert TEXTS[0].startswith(text.prompt)
    assert PROMPT_TOKENS - 2 <= len(tokens.tokenizer().encode(text.prompt).ids) <= PROMPT_TOKENS


def test_a_source_that_is_not_in_the_mixture_or_does_not_fit_has_no_sample(tokens):
    sampler = Sampler(tokens, tiny_training(mixture={"textbooks": 1.0}), context=128)
    assert [beginning.source for beginning in sampler.beginnings] == ["textbooks"]
    assert Sampler(tokens, tiny_training(), context=NEW_TOKENS + 4).beginnings == []


def test_a_run_shows_and_keeps_its_samples(tokens, tmp_path, capsys):
    artifact = run(tokens, tmp_path / "out", sample_every=5)
    kept = lines(artifact.folder, "samples.jsonl")
    assert [(line["step"], line["source"]) for line in kept] == [
        (step, source) for step in (5, 10, 12) for source in ("exercises", "textbooks")
    ]
    assert kept[0]["prompt"] == PROMPTS[0]
    last = Sampler(tokens, tiny_training(), context=128).sample(artifact.load_model("cpu"))
    assert [line["completion"] for line in kept[-2:]] == [sample.completion for sample in last]
    said = capsys.readouterr().err
    assert 'pretrain: step 10 goes on with exercises:\n    > def add0(x):\n    >     """Add 0."""\n    | ' in said


def test_sampling_leaves_training_as_it_was(tokens, tmp_path):
    sampled = run(tokens, tmp_path / "sampled", sample_every=2)
    plain = run(tokens, tmp_path / "plain", sample_every=0)
    assert weights(sampled.folder) == weights(plain.folder)
    assert (sampled.folder / "metrics.jsonl").read_bytes() == (plain.folder / "metrics.jsonl").read_bytes()
    assert not (plain.folder / "samples.jsonl").exists()


@pytest.mark.parametrize("is_training", [True, False])
def test_the_model_keeps_its_mode_and_no_random_number_is_drawn(tokens, is_training):
    model = Phi(MODEL, tokens.vocab_size).train(is_training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    samples = Sampler(tokens, tiny_training(), context=128).sample(model)
    assert all(sample.completion for sample in samples)
    assert model.training is is_training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_samples_after_the_checkpoint_are_cut_off_in_a_resumed_run(tokens, tmp_path, monkeypatch):
    whole = run(tokens, tmp_path / "whole", sample_every=2)
    take = Stepper.take

    def stop(self, step):
        if step == 8:
            raise RuntimeError("stopped")
        return take(self, step)

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "take", stop)
        with pytest.raises(RuntimeError):
            run(tokens, out, sample_every=2)
    assert lines(out / RESUME, "samples.jsonl")[-1]["step"] == 8, "beyond the checkpoint of step 6"
    run(tokens, out, sample_every=2)
    assert (out / "samples.jsonl").read_bytes() == (whole.folder / "samples.jsonl").read_bytes()


def test_what_is_shown_is_short_and_not_taken_for_markup(capsys):
    prompt = "\n".join(f"line {number}" for number in range(20))
    show("finetune", 7, [Sample("code", prompt, "\n[red]x[/red] = 1" + "\ny = 2" * 40)])
    assert capsys.readouterr().err.splitlines() == [
        "  finetune: step 7 goes on with code:",
        "    > line 17",
        "    > line 18",
        "    > line 19",
        "    | [red]x[/red] = 1",
        *["    | y = 2"] * 7,
    ]

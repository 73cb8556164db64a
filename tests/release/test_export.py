import json
from pathlib import Path

import pytest
import torch

from hornbook.evaluate.scores import SCORES, Evaluation, Scores, score_set, write_scores
from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.records import Sample
from hornbook.release.export import CARD, ExportedModel, export
from hornbook.run.artifact import Facts
from hornbook.tokens.tokenizer import train_bpe

TEXTS = ["def add(a, b):\n    return a + b\n"] * 20


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    model, evaluation, out = (tmp_path_factory.mktemp(name) for name in ("model", "evaluation", "export"))
    tokenizer = train_bpe(TEXTS, 320)
    tokenizer.save(str(model / "made.json"))
    torch.manual_seed(0)
    config = ModelConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        rotary_dims=4,
    )
    end = tokenizer.token_to_id("<|endoftext|>")
    save_model(model, Phi(config, tokenizer.get_vocab_size()), end, model / "made.json")
    samples = [Sample(f"t/{n}", "m", "", n < 3, "passed" if n < 3 else "exception", "") for n in range(4)]
    protocol: dict[str, str | int | float] = {"decoding": "greedy", "max_new_tokens": 64}
    scores = Scores(
        "finetuned", {"heldout": score_set(samples, {}, 0)}, protocol, {"humaneval": "HumanEval is left out"}
    )
    write_scores(evaluation / SCORES, scores)
    return export(
        model=ModelArtifact(model, Facts(metrics={"final_loss": 0.25})),
        scores=Evaluation(evaluation),
        name="nano",
        out=out,
    )


def test_the_folder_is_a_hugging_face_model(exported: ExportedModel) -> None:
    config = json.loads((exported.folder / "config.json").read_text())
    assert config["model_type"] == "phi"
    names = {path.name for path in exported.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", CARD} <= names


def test_the_card_says_what_the_run_measured(exported: ExportedModel) -> None:
    card = (exported.folder / CARD).read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "# nano\n" in card
    assert "| held-out exercises | 75.0% | 30.1 to 95.4 | 3 of 4 |" in card
    assert "HumanEval is left out" in card
    assert "| final loss | 0.25 |" in card
    assert "| hidden size | 16 |" in card
    assert f"| parameters | {exported.facts.metrics['parameters']:,} |" in card


def test_the_facts_count_parameters_and_bytes(exported: ExportedModel) -> None:
    # Embedding and output, one block, the last LayerNorm.
    vocab_size = train_bpe(TEXTS, 320).get_vocab_size()
    assert exported.facts.metrics["parameters"] == count_parameters(vocab_size, 16, 32)
    sizes = [path.stat().st_size for path in Path(exported.folder).iterdir()]
    assert exported.facts.metrics["size_bytes"] == sum(sizes)


def count_parameters(vocab: int, width: int, inner: int) -> int:
    block = 2 * width + 4 * (width * width + width) + 2 * width * inner + inner + width
    return 2 * vocab * width + vocab + block + 2 * width

"""The embedders that are models, against a plain forward pass of one file at a time."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from hornbook.corpus.embedders import build_embedder, embedder_identity
from hornbook.corpus.filter import PREDICTIONS, Prediction, filter
from hornbook.errors import InputError, MissingDependencyError, RecipeError
from hornbook.model.artifact import load_model
from hornbook.recipe import FilterConfig, load_recipe
from hornbook.records import CodeFile, read_rows
from hornbook.run.fingerprint import canonical
from hornbook.run.machine import Machine
from tests.corpus.rows import annotation, annotations, code_files

from .folders import CONTEXT, TEXTS, codegen, tokenizer, write_bert, write_codegen


def config(embedder: str, folder: Path | str, **changes: object) -> FilterConfig:
    return FilterConfig.model_validate({"embedder": embedder, "embedder_model": str(folder), **changes})


def embed(embedder: str, folder: Path, texts: list[str] = TEXTS, **changes: object) -> np.ndarray:
    built = build_embedder(config(embedder, folder, **changes), seed=0, workers=1, device="cpu")
    return np.concatenate(list(built.embed(texts)))


@torch.inference_mode()
def plain(embedder: str, folder: Path, texts: list[str], window: int = CONTEXT) -> np.ndarray:
    """One window at a time, nothing padded."""
    model = codegen("CodeGenModel") if embedder == "transformers" else load_model(folder)
    rows = []
    for text in texts:
        ids = tokenizer().encode(text).ids
        count = -(-len(ids) // window)
        borders = [number * len(ids) // count for number in range(count + 1)]
        states = []
        for start, end in pairwise(borders):
            tokens = torch.tensor([ids[start:end]])
            if embedder == "transformers":
                states.append(model(input_ids=tokens).last_hidden_state[0])
            else:
                states.append(model.hidden(tokens)[0])
        rows.append(torch.cat(states).mean(dim=0).numpy())
    return np.stack(rows)


@pytest.fixture(params=["transformers", "checkpoint"])
def named(request: pytest.FixtureRequest, codegen_folder: Path, checkpoint_folder: Path) -> tuple[str, Path]:
    return request.param, {"transformers": codegen_folder, "checkpoint": checkpoint_folder}[request.param]


def test_against_a_plain_mean(named: tuple[str, Path]) -> None:
    rows = embed(*named)
    assert max(len(tokenizer().encode(text).ids) for text in TEXTS) > 2 * CONTEXT, "a text needs windows"
    np.testing.assert_allclose(rows, plain(*named, TEXTS), atol=2e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0.1


def test_shorter_windows(named: tuple[str, Path]) -> None:
    rows = embed(*named, embedding_window=10)
    np.testing.assert_allclose(rows, plain(*named, TEXTS, window=10), atol=2e-5)
    assert np.abs(rows[2] - embed(*named)[2]).max() > 1e-3, "a window begins anew"


def test_a_row_does_not_depend_on_what_it_is_padded_with(named: tuple[str, Path]) -> None:
    together = embed(*named)
    alone = np.concatenate([embed(*named, texts=[text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    assert embed(*named).tobytes() == together.tobytes()


def test_a_model_that_looks_both_ways_does_not_see_the_padding(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "bert", most_tokens=CONTEXT - 2)
    together = embed("transformers", folder)
    alone = np.concatenate([embed("transformers", folder, texts=[text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    # The tokenizer says that the model takes less than its configuration does.
    np.testing.assert_array_equal(together, embed("transformers", folder, embedding_window=CONTEXT - 2))
    assert np.abs(together[2] - embed("transformers", folder, embedding_window=CONTEXT - 20)[2]).max() > 1e-3


def test_bf16_is_near(named: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    exact = embed(*named)
    monkeypatch.setattr("hornbook.corpus.embedders.pooling.embedding_dtype", lambda device: torch.bfloat16)
    rounded = embed(*named)
    assert 0 < np.abs(rounded - exact).max() < 0.1


def test_a_folder_with_or_without_the_output_layer_is_the_same_model(codegen_folder: Path, tmp_path: Path) -> None:
    bare = write_codegen(tmp_path / "bare", "CodeGenModel")
    assert embed("transformers", bare).tobytes() == embed("transformers", codegen_folder).tobytes()


def test_identity_is_of_what_the_files_hold(named: tuple[str, Path], tmp_path: Path) -> None:
    embedder, folder = named
    identity = embedder_identity(config(embedder, folder))
    moved = shutil.copytree(folder, tmp_path / "moved")
    (moved / "README.md").write_text("words")
    assert embedder_identity(config(embedder, moved)) == identity
    assert canonical(config(embedder, folder)) == canonical(config(embedder, moved))
    weights = moved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert embedder_identity(config(embedder, moved)) != identity
    assert embedder_identity(FilterConfig()) == ""


def test_the_identity_of_a_name_on_the_hub_is_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetched(name: str, file: str, revision: str | None) -> str:
        asked.append((name, file, revision))
        return f"/cache/snapshots/{revision or 'abc'}/{file}"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetched)
    assert embedder_identity(config("transformers", "owner/model")) == "owner/model@abc"
    assert embedder_identity(config("transformers", "owner/model@def")) == "owner/model@def"
    assert asked == [("owner/model", "config.json", None), ("owner/model", "config.json", "def")]


def test_what_cannot_be_used_is_named(
    codegen_folder: Path, checkpoint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> str:
        raise OSError("no connection")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refused)
    with pytest.raises(InputError, match=r"owner/model: no such folder, and the Hugging Face hub .*no connection"):
        embedder_identity(config("transformers", "owner/model"))
    with pytest.raises(InputError, match=r"no config\.json, so this is not a model's folder"):
        embedder_identity(config("transformers", tmp_path))
    with pytest.raises(InputError, match=r"no config\.json; embedder_model must be the folder of a model"):
        embedder_identity(config("checkpoint", tmp_path))
    part = shutil.copytree(checkpoint_folder, tmp_path / "part")
    (part / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        embedder_identity(config("checkpoint", part))
    bare = shutil.copytree(codegen_folder, tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no model to embed with can be read"):
        embed("transformers", bare)


def test_weights_that_are_missing_are_not_made_up(codegen_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    part = shutil.copytree(codegen_folder, tmp_path / "part")
    tensors = load_file(part / "model.safetensors")
    del tensors["transformer.h.1.mlp.fc_in.weight"]
    save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 weights are missing, '.*h\.1\.mlp\.fc_in\.weight' among them"):
        embed("transformers", part)


def test_without_transformers_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hornbook\[transformers\]'"):
        embedder_identity(config("transformers", "owner/model"))


def test_a_recipe_names_a_model_where_one_is_needed() -> None:
    with pytest.raises(RecipeError, match=r"filter: embedder 'checkpoint' needs the model to embed with"):
        load_recipe("nano", ["filter.embedder=checkpoint"])
    with pytest.raises(RecipeError, match=r"filter: embedder 'tfidf-svd' takes no model"):
        load_recipe("nano", ["filter.embedder_model=x"])


@pytest.mark.usefixtures("in_this_process")
def test_the_filter_over_a_model(named: tuple[str, Path], tmp_path: Path) -> None:
    good = "def total(numbers):\n    return sum(numbers) + {n}\n"
    rows = [CodeFile(good.replace("{n}", str(n)), "good-1", f"{n:02}.py", "MIT") for n in range(30)]
    rows += [CodeFile(f"import os\nx = {n}\nimport os\n", "bad-1", f"{n:02}.py", "MIT") for n in range(30)]
    scored = [annotation(row, 9.0 if row.origin == "good-1" else 1.0) for row in rows[:20] + rows[40:]]
    contents = []
    for name in ("first", "second"):
        folder = tmp_path / name
        (folder / "out").mkdir(parents=True)
        made = filter(
            files=code_files(folder / "files", rows),
            annotations=annotations(folder / "annotations", scored),
            config=config(*named, keep_share=0.5, num_trees=10),
            embedder="",
            seed=0,
            out=folder / "out",
            machine=Machine(workers=1, device="cpu"),
        )
        contents.append((made.folder / PREDICTIONS).read_bytes())
    assert contents[0] == contents[1]
    predictions = list(read_rows(made.folder / PREDICTIONS, Prediction))
    assert all((p.educational_value > 5) == (p.origin == "good-1") for p in predictions)
    assert {row.origin for row in made.read()} == {"good-1"}

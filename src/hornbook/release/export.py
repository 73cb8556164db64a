"""The export stage: a folder that Hugging Face's transformers loads, with a card that says what the model is."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from hornbook.evaluate.scores import Evaluation, Scores
from hornbook.model.artifact import ModelArtifact, ModelDescription
from hornbook.release.text import SET_NAMES, fact_rows, interval, label_of, percent
from hornbook.run.artifact import Artifact, Fact, Facts
from hornbook.run.stage import stage

CARD = "README.md"


class ExportedModel(Artifact):
    """A model in Hugging Face's form; its folder is what `from_pretrained` takes."""


@stage(version=1)
def export(*, model: ModelArtifact, scores: Evaluation, name: str, out: Path) -> ExportedModel:
    """Writes the model in Hugging Face's form and its card."""
    from hornbook.model.convert import export_hugging_face

    export_hugging_face(model, out)
    num_parameters = sum(parameter.numel() for parameter in model.load_model("cpu").parameters())
    card = render_card(name, scores.scores(), model.description(), num_parameters, dict(model.facts.metrics))
    (out / CARD).write_text(card, encoding="utf-8")
    size_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return ExportedModel(out, Facts(metrics={"parameters": num_parameters, "size_bytes": size_bytes}))


def render_card(
    name: str, scores: Scores, description: ModelDescription, num_parameters: int, training: dict[str, Fact]
) -> str:
    """The model card; every number in it comes from the run."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": percent, "interval": interval}
    source = (resources.files("hornbook.release") / "model_card.md.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        name=name,
        SET_NAMES=SET_NAMES,
        protocol=scores.protocol,
        sets=scores.sets,
        left_out=sorted(scores.remarks()),
        num_parameters=num_parameters,
        vocab_size=description.vocab_size,
        architecture=[(label_of(key), value) for key, value in description.config.model_dump().items()],
        training=fact_rows(training),
    )

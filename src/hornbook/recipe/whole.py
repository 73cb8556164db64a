"""All sections together, and what must hold between them."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from hornbook.recipe.corpus import AnnotateConfig, CollectConfig, DecontaminateConfig, DeduplicateConfig, FilterConfig
from hornbook.recipe.evaluation import CompareConfig, EvaluateConfig
from hornbook.recipe.section import Section, Share
from hornbook.recipe.studies import AblateConfig, PruneConfig, ScalingConfig
from hornbook.recipe.teachers import AnnotatorConfig, GradeConfig, TeacherConfig, WriterConfig
from hornbook.recipe.training import ModelConfig, TokenizeConfig, TokenizerConfig, TrainConfig
from hornbook.recipe.writing import WriteExercisesConfig, WriteTextbooksConfig


class Recipe(Section):
    """All that determines a run's results."""

    name: str
    """The run's name, and that of its folder under `runs/`."""
    description: str = ""
    """One sentence for people."""
    seed: int = 0
    """Of everything but training, which has seeds of its own."""
    max_drop_fraction: Share = 0.9
    """A stage that drops more of its rows than this fails."""
    teacher: TeacherConfig = TeacherConfig()
    annotator: AnnotatorConfig = AnnotatorConfig()
    writer: WriterConfig = WriterConfig()
    collect: CollectConfig = CollectConfig()
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    annotate: AnnotateConfig = AnnotateConfig()
    filter: FilterConfig = FilterConfig()
    write_textbooks: WriteTextbooksConfig = WriteTextbooksConfig()
    write_exercises: WriteExercisesConfig = WriteExercisesConfig()
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    tokenize: TokenizeConfig = TokenizeConfig()
    model: ModelConfig
    small_model: ModelConfig
    pretrain: TrainConfig
    finetune: TrainConfig
    small_pretrain: TrainConfig
    small_finetune: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    grade: GradeConfig = GradeConfig()
    compare: CompareConfig = CompareConfig()
    ablate: AblateConfig = AblateConfig()
    prune: PruneConfig = PruneConfig()
    scaling: ScalingConfig = ScalingConfig()

    @model_validator(mode="after")
    def _check_writer(self) -> Self:
        for name in ("write_textbooks", "write_exercises"):
            if getattr(self, name).num_requests and not self.writer.backend:
                raise ValueError(f"{name}.num_requests needs somebody to ask: set writer.backend and writer.model")
        if self.write_exercises.num_baseline_requests and not self.write_exercises.num_requests:
            raise ValueError("write_exercises.num_baseline_requests is a baseline for num_requests, which is 0")
        return self

    @model_validator(mode="after")
    def _check_context(self) -> Self:
        for train_name, model_name in (
            ("pretrain", "model"),
            ("finetune", "model"),
            ("small_pretrain", "small_model"),
            ("small_finetune", "small_model"),
        ):
            train: TrainConfig = getattr(self, train_name)
            model: ModelConfig = getattr(self, model_name)
            sources = ("exercises",) if train_name.endswith("finetune") else ("code", "textbooks")
            for source in train.mixture:
                if source not in sources:
                    raise ValueError(f"{train_name}.mixture: no source {source!r}; there is {' and '.join(sources)}")
            if train.sequence_length > model.max_position_embeddings:
                raise ValueError(
                    f"{train_name}.sequence_length {train.sequence_length} is longer than "
                    f"{model_name}.max_position_embeddings {model.max_position_embeddings}"
                )
            if train.select == "validation_loss" and not self.tokenize.validation_share:
                raise ValueError(
                    f"{train_name}.select 'validation_loss' needs documents to measure it on: "
                    "set tokenize.validation_share, which is 0"
                )
        return self

"""What the model writes on its way: a greedy completion of one fixed beginning per source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.text import Text
from tokenizers import Tokenizer

from hornbook.model.generate import GenerationConfig, generate
from hornbook.model.phi import Phi
from hornbook.recipe import TrainConfig
from hornbook.run.progress import console
from hornbook.tokens.packing import TokenArray, TokenizedCorpus
from hornbook.train.batches import load_arrays
from hornbook.train.probe import evaluating

NEW_TOKENS = 48
PROMPT_TOKENS = 32
"""Of a document that has no prompt of its own."""
DOCUMENTS_TRIED = 100
SHOWN_PROMPT_LINES, SHOWN_LINES = 3, 8


@dataclass(frozen=True)
class Beginning:
    """What a model is asked to go on from."""

    source: str
    prompt: str
    is_exercise: bool
    """Whether the prompt is a function's head and docstring, so that the completion ends with the function."""


@dataclass(frozen=True)
class Sample:
    """What it wrote."""

    source: str
    prompt: str
    completion: str

    def line(self, step: int) -> dict[str, Any]:
        """For `samples.jsonl`."""
        return {"step": step, **asdict(self)}


class Sampler:
    """Asks for the same completions each time."""

    def __init__(self, tokens: TokenizedCorpus, config: TrainConfig, context: int) -> None:
        """Takes the first validation document of each source whose beginning fits into `context` positions.

        A source without one is left out.
        """
        self._tokenizer = tokens.tokenizer()
        found = (
            _beginning(source, array, self._tokenizer, context)
            for source, array in load_arrays(tokens, config, "valid").items()
        )
        self.beginnings = [beginning for beginning in found if beginning is not None]

    def sample(self, model: Phi) -> list[Sample]:
        """Completes each beginning; the model is left in the mode that it was in, and no state of training changes."""
        samples = []
        with evaluating(model):
            for beginning in self.beginnings:
                config = GenerationConfig(NEW_TOKENS, stop_at_function_end=beginning.is_exercise)
                (completion,) = generate(model, self._tokenizer, [beginning.prompt], config)
                samples.append(Sample(beginning.source, beginning.prompt, completion))
        return samples


def _beginning(source: str, array: TokenArray, tokenizer: Tokenizer, context: int) -> Beginning | None:
    """An exercise up to its docstring's end; the first tokens of anything else, but at most half of a document."""
    for document in range(min(DOCUMENTS_TRIED, len(array.loss_starts))):
        start, end = int(array.documents[document]), int(array.documents[document + 1])
        num_prompt = int(array.loss_starts[document]) - start
        taken = num_prompt or min(PROMPT_TOKENS, (end - start) // 2)
        text = str(tokenizer.decode(array.tokens[start : start + taken].tolist()))
        # The last token may end inside a character.
        prompt = text.rstrip("\N{REPLACEMENT CHARACTER}").rstrip()
        if 0 < len(tokenizer.encode(prompt, add_special_tokens=False).ids) <= context - NEW_TOKENS:
            return Beginning(source, prompt, is_exercise=num_prompt > 0)
    return None


def show(label: str, step: int, samples: list[Sample]) -> None:
    """Prints samples: the last lines of each prompt after `>`, the first that the model wrote after `|`."""
    for sample in samples:
        console.print(f"  {label}: step {step} goes on with {sample.source}:")
        asked = sample.prompt.splitlines()[-SHOWN_PROMPT_LINES:]
        written = sample.completion.strip("\n").splitlines()[:SHOWN_LINES]
        for line in [*(f"    > {line}" for line in asked), *(f"    | {line}" for line in written)]:
            console.print(Text(line), no_wrap=True, overflow="ellipsis")

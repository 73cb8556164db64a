import pytest
import torch
from tokenizers import Tokenizer

from hornbook.evaluate.completions import complete, complete_and_count
from hornbook.evaluate.forms import FUNCTION, CompletionForm
from hornbook.model.artifact import ModelArtifact, save_model
from hornbook.model.phi import Phi
from hornbook.recipe import ModelConfig
from hornbook.run.machine import Machine
from hornbook.tokens.tokenizer import train_bpe

PROMPT = 'def add(a, b):\n    """Add two numbers."""'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    folder = tmp_path_factory.mktemp("model")
    tokenizer: Tokenizer = train_bpe([PROMPT + "\n    return a + b\n"] * 20, 320)
    tokenizer.save(str(folder / "made.json"))
    torch.manual_seed(0)
    config = ModelConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        rotary_dims=4,
        initializer_range=0.5,
    )
    end = tokenizer.token_to_id("<|endoftext|>")
    save_model(folder, Phi(config, tokenizer.get_vocab_size()), end, folder / "made.json")
    return ModelArtifact(folder)


def run(model: ModelArtifact, prompts: list[str], temperature: float = 0.0, seed: int = 0) -> list[str]:
    return complete(
        model,
        prompts,
        max_new_tokens=12,
        temperature=temperature,
        seed=seed,
        machine=Machine(device="cpu"),
        label="test",
    )


def test_whitespace_at_the_end_of_a_prompt_changes_nothing(model: ModelArtifact) -> None:
    plain, newline, blank = run(model, [PROMPT, PROMPT + "\n", PROMPT + "  \n\n"])
    assert plain == newline == blank != ""


def test_completions_keep_the_order_of_the_prompts(model: ModelArtifact) -> None:
    prompts = [PROMPT, "x", PROMPT[:20]]
    together = run(model, prompts)
    assert together == [run(model, [prompt])[0] for prompt in prompts]
    assert len(set(together)) == 3


def test_a_prompt_too_long_for_the_context_is_no_error(model: ModelArtifact) -> None:
    (completion,) = run(model, [PROMPT * 40])
    assert isinstance(completion, str)


def test_sampling_follows_the_seed(model: ModelArtifact) -> None:
    first = run(model, [PROMPT], temperature=1.0, seed=1)
    assert first == run(model, [PROMPT], temperature=1.0, seed=1)
    assert any(run(model, [PROMPT], temperature=1.0, seed=seed) != first for seed in range(2, 6))


def test_a_completion_ends_before_a_stop(model: ModelArtifact) -> None:
    settings = {"max_new_tokens": 40, "temperature": 0.0, "seed": 0, "machine": Machine(device="cpu"), "label": "test"}
    endless = CompletionForm("endless", continues_prompt=True, ends_with_function=False)
    (whole,) = complete(model, [PROMPT], endless, **settings)
    begins = len(whole) - len(whole.lstrip())
    later, sooner = whole[begins + 9 : begins + 12], whole[begins + 4 : begins + 6]
    for stops in ({later}, {sooner}, {later, sooner}, {sooner, later, "never written"}):
        form = CompletionForm("trial", continues_prompt=True, ends_with_function=False, stops=frozenset(stops))
        (cut,) = complete(model, [PROMPT], form, **settings)
        assert cut == whole[: min(whole.index(stop, begins) for stop in stops if stop in whole)]
        assert complete(model, [PROMPT + "\n\n"], form, **settings) == [cut]


def test_prompts_that_lose_their_beginning_are_counted(model: ModelArtifact) -> None:
    settings = {"max_new_tokens": 12, "temperature": 0.0, "seed": 0, "machine": Machine(device="cpu"), "label": "test"}
    completions, num_cut = complete_and_count(model, [PROMPT, PROMPT * 40, "x", PROMPT * 41], FUNCTION, **settings)
    assert (len(completions), num_cut) == (4, 2)


def test_asking_for_as_many_tokens_as_the_context_has_leaves_a_prompt_whole(model: ModelArtifact) -> None:
    context = model.load_model("cpu").config.max_position_embeddings
    settings = {"temperature": 0.0, "seed": 0, "machine": Machine(device="cpu"), "label": "test"}
    prompt = PROMPT[:20]
    few, _ = complete_and_count(model, [prompt], FUNCTION, max_new_tokens=4, **settings)
    many, num_cut = complete_and_count(model, [prompt], FUNCTION, max_new_tokens=context, **settings)
    assert num_cut == 0
    assert few[0] != ""
    assert many[0].startswith(few[0])

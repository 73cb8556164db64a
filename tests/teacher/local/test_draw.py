"""Drawing: the right tokens with the right frequencies, whatever stands in the other rows."""

import pytest
import torch

from hornbook.teacher.local.draw import BLOCK, Completion, Prompt, completion, draw, uniform_table


@pytest.mark.parametrize("vocabulary", [5, BLOCK, 3 * BLOCK, 3 * BLOCK + 7])
def test_each_token_is_drawn_as_often_as_it_is_probable(vocabulary: int) -> None:
    logits_V = torch.randn(vocabulary, generator=torch.Generator().manual_seed(1)) * 2
    logits_V[1] = float("-inf")
    num_draws = 20_000
    # Evenly spread numbers: frequencies are then exact but for the ends of the intervals.
    uniform_R = (torch.arange(num_draws) + 0.5) / num_draws
    drawn = draw(logits_V.expand(num_draws, -1), torch.full((num_draws,), 0.7), uniform_R)
    frequencies = torch.bincount(drawn, minlength=vocabulary) / num_draws
    assert (frequencies - torch.softmax(logits_V / 0.7, dim=-1)).abs().max() < 2 / num_draws
    assert frequencies[1] == 0


def test_greedy_rows_take_the_likeliest_beside_rows_that_draw() -> None:
    logits_RV = torch.randn(6, 300, generator=torch.Generator().manual_seed(2))
    temperature_R = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    uniform_R = torch.linspace(0, 0.99, 6)
    together = draw(logits_RV, temperature_R, uniform_R)
    alone = [draw(logits_RV[r : r + 1], temperature_R[r : r + 1], uniform_R[r : r + 1]) for r in range(6)]
    assert together.tolist() == torch.cat(alone).tolist()
    assert together[::2].tolist() == logits_RV[::2].argmax(dim=-1).tolist()


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_the_ends_of_the_distribution_never_give_an_impossible_token(uniform: float) -> None:
    logits_RV = torch.full((1, 4 * BLOCK), float("-inf"))
    logits_RV[0, [BLOCK + 3, 2 * BLOCK + 9]] = torch.tensor([0.0, 1.0])
    drawn = draw(logits_RV, torch.ones(1), torch.tensor([uniform])).item()
    assert drawn == (BLOCK + 3 if uniform == 0 else 2 * BLOCK + 9)


def test_a_stream_belongs_to_its_prompt() -> None:
    prompts = [
        Prompt(n, (1,), 5 + n, temperature, seed) for n, (temperature, seed) in enumerate([(1, 7), (0, 7), (1, 8)])
    ]
    table = uniform_table(prompts, 9)
    assert torch.equal(table[0], uniform_table(prompts[:1], 9)[0])
    assert not torch.equal(table[0, :5], table[2, :5])
    assert table[1].count_nonzero() == 0
    assert table[0, 5:].count_nonzero() == 0


def test_a_completion_says_what_ended_it() -> None:
    prompt = Prompt(3, (1,), 2, 0.0, 0)
    assert completion(prompt, [5, 9], frozenset({9})) == Completion(3, (5,), True)
    assert completion(prompt, [9, 5], frozenset({9})) == Completion(3, (9, 5), False)

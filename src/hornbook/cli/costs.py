"""What a plan says: each stage, and the costs of training and of asking teachers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from hornbook.recipe import Recipe
from hornbook.run.progress import out

if TYPE_CHECKING:
    from hornbook.run.folder import RunFolder
    from hornbook.run.runner import PlannedNode
    from hornbook.teacher_costs import TeacherCost


def print_plan(recipe: Recipe, folder: RunFolder, planned: list[PlannedNode]) -> None:
    """What will happen to each stage, why, and what it will cost."""
    from hornbook.teacher_costs import teacher_costs

    table = Table(box=None, pad_edge=False)
    for column in ("stage", "state", "why", "last time"):
        table.add_column(column, overflow="fold")
    for entry in planned:
        table.add_row(
            entry.node.name,
            {"cached": "[dim]cached[/dim]", "resume": "will resume", "run": "will run"}[entry.state],
            "; ".join(entry.reasons),
            f"{entry.last_wall_s:.1f} s" if entry.last_wall_s is not None else "",
        )
    out.print(table)
    print_costs(recipe, planned)
    if costs := teacher_costs(recipe, planned, folder):
        print_teacher_costs(costs)
    else:
        out.print("[dim]Teacher: built in, 0 dollars, 0 tokens to pay for.[/dim]", soft_wrap=True)


def print_costs(recipe: Recipe, planned: list[PlannedNode]) -> None:
    """Parameters, tokens, FLOPs and time of every training run, next to the paper's."""
    from hornbook.costs import (
        CPU_UTILIZATION,
        PAPER_PRETRAIN_A100_HOURS,
        measured_flops_per_s,
        training_costs,
    )

    waiting = {entry.node.name for entry in planned if entry.state != "cached"}
    rate = measured_flops_per_s() * CPU_UTILIZATION
    waiting_flops = 0.0
    table = Table(box=None, pad_edge=False)
    for column in ("training", "parameters", "tokens", "FLOPs", "A100-hours", "here"):
        is_name = column == "training"
        table.add_column(column, justify="left" if is_name else "right", overflow="fold", no_wrap=not is_name)
    for cost in training_costs([entry.node for entry in planned], recipe.tokenizer.vocab_size):
        table.add_row(
            cost.node,
            f"{cost.parameters:,}",
            f"{cost.tokens:,}",
            f"{cost.flops:.2e}",
            f"{cost.a100_hours:,.3g}",
            _duration(cost.flops / rate) if cost.node in waiting else "[dim]cached[/dim]",
        )
        if cost.node in waiting:
            waiting_flops += cost.flops
    out.print()
    out.print(table)
    out.print(
        f"[dim]A100-hours at the paper's own utilization (its pretraining of phi-1: {PAPER_PRETRAIN_A100_HOURS}). "
        f"Here: {_duration(waiting_flops / rate)} of training in all, at {rate / 1e9:,.0f} GFLOP/s, "
        f"{CPU_UTILIZATION:.0%} of a matrix product measured now.[/dim]",
        soft_wrap=True,
    )


def print_teacher_costs(costs: list[TeacherCost]) -> None:
    """Requests, tokens and dollars of every stage that asks somebody: expected, and at most."""
    from hornbook.teacher.budget import show_dollars

    table = Table(box=None, pad_edge=False)
    table.add_column("asking", no_wrap=True)
    for column in ("requests", "cached", "prompt tokens", "reply tokens", "at most", "dollars", "at most"):
        table.add_column(column, justify="right")
    for cost in costs:
        amounts = ("", "") if cost.dollars is None else (show_dollars(cost.dollars), show_dollars(cost.dollars_at_most))
        counts = (cost.num_requests, cost.num_cached, cost.expected.prompt, cost.expected.completion)
        table.add_row(cost.node, *(f"{count:,}" for count in counts), f"{cost.most.completion:,}", *amounts)
    out.print()
    out.print(table)
    for cost in costs:
        out.print(f"[dim]{cost.node}: {'; '.join(cost.notes)}[/dim]", soft_wrap=True)


def _duration(seconds: float) -> str:
    for unit, size in (("years", 365 * 86400.0), ("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"

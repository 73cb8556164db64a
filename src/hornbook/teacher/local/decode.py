"""The decoding loop: a fixed number of rows, refilled with waiting prompts as they finish.

On CUDA a step is one recorded graph (launching its thousand kernels one by one would take longer than they run), the
next token is drawn on the device, and the host looks only every few steps which rows are done. While the device
works on the next steps the caller handles the completions of the last ones.

A prompt is read up to its last token, which then is the row's first step, so that every token is drawn in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from hornbook.teacher.local.draw import Completion, Prompt, block_weights, completion, draw, uniform_table
from hornbook.teacher.local.slots import NAME, KeyValueShape, Slots, UnsupportedModel, attend_in_slots

STEPS_BETWEEN_LOOKS = 8
"""On CUDA. A row that is done idles for half of them on average."""
REFILL_SHARE = 32
"""Prompts are read once this part of the rows is free: one by one they would cost an extra pass each."""
PROMPT_TOKENS_AT_ONCE = {"cuda": 32_768, "cpu": 4_096}
SMALLEST_WIDTH = 8
"""Rows of the narrowest step; when the prompts run out the rows in use move together and steps get narrower."""
PROBE_TOKENS = 17
PROBE_TOLERANCE = 0.1
"""Half precision differs by 0.02 from one attention to another; a model that slots cannot serve by about 1."""


def pad_positions(num_positions: int) -> int:
    """The length of a cache for sequences of so many tokens."""
    return -(-num_positions // 64) * 64


class RowDecoder:
    """A Hugging Face model with its rows. It can serve many runs, one at a time."""

    def __init__(
        self,
        model: Any,
        stop_tokens: Collection[int],
        *,
        num_rows: int,
        num_positions: int,
        max_new_tokens: int,
        notify: Callable[[str], None],
        use_compile: bool = False,
    ) -> None:
        """Takes the model's attention over and checks that it is still the same model.

        `num_positions` bounds a prompt and its new tokens together. `notify` is told of each slower path taken.
        Raises UnsupportedModel where slots cannot serve the model, torch.OutOfMemoryError where the rows do not fit.
        """
        self.num_rows, self.num_positions, self.max_new_tokens = num_rows, num_positions, max_new_tokens
        self._model, self._notify = model, notify
        self._stop_tokens = frozenset(stop_tokens)
        device: torch.device = model.device
        self._device = device
        self._is_cuda = device.type == "cuda"
        # On a CPU looking costs nothing.
        self._steps_between_looks = STEPS_BETWEEN_LOOKS if self._is_cuda else 1
        shape = KeyValueShape.of(model.config.get_text_config(decoder=True))
        self._slots = Slots(shape, num_rows, pad_positions(num_positions), model.dtype, device)
        self._stops = torch.tensor(sorted(self._stop_tokens) or [-1], device=device)
        self._tokens_R = torch.zeros(num_rows, dtype=torch.long, device=device)
        self._positions_R = torch.zeros_like(self._tokens_R)
        self._counts_R = torch.zeros_like(self._tokens_R)
        self._limits_R = torch.ones_like(self._tokens_R)
        self._temperatures_R = torch.zeros(num_rows, device=device)
        self._is_done_R = torch.ones(num_rows, dtype=torch.bool, device=device)
        # One column more than is ever read: a row that is done goes on writing behind its end.
        self._uniform_RN = torch.zeros(num_rows, max_new_tokens + 1, device=device)
        self._new_RN = torch.zeros(num_rows, max_new_tokens + 1, dtype=torch.long, device=device)
        self._rows: list[tuple[Prompt, int] | None] = [None] * num_rows
        self._num_steps = 0
        self._width = num_rows
        self._weigh = block_weights
        self._graphs: dict[int, torch.cuda.CUDAGraph | None] = {}
        self._use_graphs = self._is_cuda
        self._probe()
        if use_compile:
            self._compile()

    def run(self, prompts: Sequence[Prompt]) -> Iterator[list[Completion]]:
        """Yields the completions that finished since the last time. A run that is left early does not harm the next."""
        waiting = sorted(prompts, key=lambda prompt: len(prompt.tokens))
        self._rows = [None] * self.num_rows
        self._is_done_R.fill_(True)
        self._width = self._fitting_width(len(waiting))
        finished: list[Completion] = []
        while waiting or any(self._rows):
            self._refill(waiting)
            span = self._span()
            for _ in range(self._steps_between_looks):
                self._step(span)
            if finished:
                yield finished
            finished = self._collect()
            if not waiting:
                self._narrow()
        if finished:
            yield finished

    @torch.inference_mode()
    def _refill(self, waiting: list[Prompt]) -> None:
        free = [row for row in range(self._width) if self._rows[row] is None]
        enough = min(len(waiting), max(1, self._width // REFILL_SHARE))
        if not waiting or (len(free) < enough and len(free) < self._width):
            return
        free = free[: len(waiting)]
        budget = PROMPT_TOKENS_AT_ONCE["cuda" if self._is_cuda else "cpu"]
        while free:
            # The longest are last, and the longest of them sets the width of all.
            count = min(len(free), max(1, budget // len(waiting[-1].tokens)))
            self._enter([waiting.pop() for _ in range(count)], free[:count])
            free = free[count:]

    def _enter(self, prompts: list[Prompt], rows: list[int]) -> None:
        rows_R = torch.tensor(rows, device=self._device)
        lengths = [len(prompt.tokens) for prompt in prompts]
        tokens_RP = torch.zeros(len(prompts), max(lengths), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens_RP[row, : lengths[row]] = torch.tensor(prompt.tokens)
        if max(lengths) > 1:
            self._read(tokens_RP[:, :-1].to(self._device), rows_R)
        self._tokens_R[rows_R] = torch.tensor([prompt.tokens[-1] for prompt in prompts], device=self._device)
        self._positions_R[rows_R] = torch.tensor(lengths, device=self._device) - 1
        self._counts_R[rows_R] = 0
        self._limits_R[rows_R] = torch.tensor([prompt.limit for prompt in prompts], device=self._device)
        self._temperatures_R[rows_R] = torch.tensor([prompt.temperature for prompt in prompts], device=self._device)
        self._uniform_RN[rows_R] = uniform_table(prompts, self.max_new_tokens + 1).to(self._device)
        self._is_done_R[rows_R] = False
        for prompt, row in zip(prompts, rows, strict=True):
            self._rows[row] = (prompt, self._num_steps)

    def _read(self, tokens_RP: Tensor, rows_R: Tensor) -> None:
        self._slots.enter(rows_R)
        positions_1P = torch.arange(tokens_RP.shape[1], device=self._device)[None]
        # Compiled for steps alone: prompts come in too many shapes.
        with torch.compiler.set_stance("force_eager"):
            # Without the last layer: nothing is drawn here.
            self._model.base_model(
                input_ids=tokens_RP,
                position_ids=positions_1P.expand_as(tokens_RP),
                use_cache=False,
                slots=self._slots,
            )

    def _span(self) -> int:
        """Bounds the positions that the coming steps touch; a recorded graph has one bound for good."""
        if self._use_graphs:
            return self._slots.num_positions
        coming = self._num_steps + self._steps_between_looks
        longest = max(len(entry[0].tokens) + coming - entry[1] for entry in self._rows if entry is not None)
        return min(pad_positions(longest), self._slots.num_positions)

    @torch.inference_mode()
    def _step(self, span: int) -> None:
        self._num_steps += 1
        width = self._width
        graph = self._graphs.get(width)
        if graph is not None:
            graph.replay()
            return
        if self._use_graphs and width in self._graphs:
            graph = self._record(width, span)
            if graph is not None:
                graph.replay()
                return
        # The first step of a width is not recorded: libraries prepare themselves in it.
        self._advance(width, span)
        if self._use_graphs:
            self._graphs[width] = None

    def _record(self, width: int, span: int) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        pool = next((other.pool() for other in self._graphs.values() if other is not None), None)
        try:
            with torch.cuda.graph(graph, pool=pool):
                self._advance(width, span)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._notify(f"a step cannot be recorded as a CUDA graph ({_first_line(error)}): launching each kernel")
            self._use_graphs = False
            torch.cuda.synchronize()
            return None
        self._graphs[width] = graph
        return graph

    def _advance(self, width: int, span: int) -> None:
        """One token for each of the first rows; all on the device, at fixed addresses."""
        counts_R, is_done_R = self._counts_R[:width], self._is_done_R[:width]
        logits_RV = self._logits(self._tokens_R[:width], self._positions_R[:width], span)
        uniform_R = self._uniform_RN[:width].gather(1, counts_R[:, None])[:, 0]
        chosen_R = draw(logits_RV, self._temperatures_R[:width], uniform_R, self._weigh)
        self._new_RN[:width].scatter_(1, counts_R[:, None], chosen_R[:, None])
        is_running_R = ~is_done_R
        self._tokens_R[:width].copy_(chosen_R)
        self._positions_R[:width].add_(is_running_R)
        counts_R.add_(is_running_R)
        is_done_R.logical_or_(torch.isin(chosen_R, self._stops) | (counts_R >= self._limits_R[:width]))

    def _logits(self, tokens_R: Tensor, positions_R: Tensor, span: int) -> Tensor:
        self._slots.step(positions_R, span)
        logits: Tensor = self._model(
            input_ids=tokens_R[:, None], position_ids=positions_R[:, None], use_cache=False, slots=self._slots
        ).logits
        return logits[:, -1]

    @torch.inference_mode()
    def _collect(self) -> list[Completion]:
        """Waits for the device and takes out the rows that are done."""
        is_done = self._is_done_R[: self._width].tolist()
        rows = [row for row in range(self._width) if is_done[row] and self._rows[row] is not None]
        if not rows:
            return []
        rows_R = torch.tensor(rows, device=self._device)
        counts = self._counts_R[rows_R].tolist()
        new = self._new_RN[rows_R, : max(counts)].tolist()
        finished = []
        for row, count, tokens in zip(rows, counts, new, strict=True):
            entry = self._rows[row]
            assert entry is not None, row
            self._rows[row] = None
            finished.append(completion(entry[0], tokens[:count], self._stop_tokens))
        return finished

    def _fitting_width(self, needed: int) -> int:
        """The narrowest of the widths that has so many rows: all, a half, a quarter and so on."""
        width = self.num_rows
        while width // 2 >= max(needed, SMALLEST_WIDTH):
            width //= 2
        return width

    @torch.inference_mode()
    def _narrow(self) -> None:
        """Moves the rows in use together where a narrower step then does."""
        active = [row for row, entry in enumerate(self._rows) if entry is not None]
        width = self._fitting_width(len(active))
        if width >= self._width or not active:
            return
        sources = [row for row in active if row >= width]
        targets = [row for row in range(width) if self._rows[row] is None][: len(sources)]
        self._width = width
        if not sources:
            return
        self._slots.move(sources, targets)
        state = (self._tokens_R, self._positions_R, self._counts_R, self._limits_R, self._temperatures_R)
        for tensor in (*state, self._uniform_RN, self._new_RN, self._is_done_R):
            tensor[targets] = tensor[sources]
        for source, target in zip(sources, targets, strict=True):
            self._rows[target], self._rows[source] = self._rows[source], None

    @torch.inference_mode()
    def _probe(self) -> None:
        """Compares one token's logits with the model's own, with the kernel if there is one and without."""
        from transformers import AttentionInterface

        vocabulary = self._model.get_input_embeddings().num_embeddings
        tokens_1P = (torch.arange(1, PROBE_TOKENS + 1, device=self._device) * 7919 % vocabulary)[None]
        self._model.set_attn_implementation("sdpa")
        # An earlier decoder may have compiled the model for many rows; this is one.
        with torch.compiler.set_stance("force_eager"):
            wanted_V = self._model(input_ids=tokens_1P, use_cache=False).logits[0, -1].float()
            AttentionInterface.register(NAME, attend_in_slots)
            self._model.set_attn_implementation(NAME)
            reason = self._difference(tokens_1P, wanted_V)
            if reason and self._slots.kernel is not None:
                self._notify(f"the attention kernel cannot serve here ({reason}): taking matrix products")
                self._slots.kernel = None
                reason = self._difference(tokens_1P, wanted_V)
        if reason:
            raise UnsupportedModel(reason)

    def _difference(self, tokens_1P: Tensor, wanted_V: Tensor) -> str:
        """Why the slots' logits are not the model's, or nothing."""
        last = torch.tensor([PROBE_TOKENS - 1], device=self._device)
        try:
            self._read(tokens_1P[:, :-1], torch.zeros_like(last))
            found_V = self._logits(tokens_1P[:, -1], last, self._slots.num_positions)[0].float()
        except (torch.OutOfMemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            return _first_line(error)
        distance = float((found_V - wanted_V).norm() / (wanted_V - wanted_V.mean()).norm())
        # Not the other way round: NaN compares as False.
        return "" if distance <= PROBE_TOLERANCE else f"its logits are off by {distance:.2f}"

    @torch.inference_mode()
    def _compile(self) -> None:
        """Fuses what stands between the matrix products of a step."""
        layer_types = set(self._model._no_split_modules or ())
        layers = [module for module in self._model.modules() if type(module).__name__ in layer_types]
        for layer in layers:
            layer.compile(dynamic=True)
        weigh = torch.compile(block_weights, dynamic=True)
        try:
            # All rows are idle, and the widest step is the one to compile for.
            logits_RV = self._logits(self._tokens_R, self._positions_R, self._slots.num_positions)
            draw(logits_RV, self._temperatures_R, self._uniform_RN[:, 0], weigh)
        except (torch.OutOfMemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            self._notify(f"torch.compile failed ({_first_line(error)}): going on without")
            for layer in layers:
                layer._compiled_call_impl = None
            return
        self._weigh = weigh


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]

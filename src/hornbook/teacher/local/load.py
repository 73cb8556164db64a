"""A chat model from a Hugging Face folder, on the device that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hornbook.errors import TeacherError

if TYPE_CHECKING:
    import torch


def load_model(place: str, device: torch.device) -> tuple[Any, Any]:
    """(tokenizer, model) of a Hugging Face folder or hub name, the model ready to generate in bf16 where that pays.

    Raises TeacherError naming what is missing: the tokenizer, its chat template, the weights or some of them.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    needed = "A teacher needs a whole Hugging Face folder of a chat model: tokenizer, chat template, config and weights"
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
    except Exception as error:
        raise TeacherError(f"{place}: no tokenizer can be read ({_first_line(error)}). {needed}") from error
    # Without its files transformers makes an empty one.
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise TeacherError(f"{place}: its tokenizer has no vocabulary. {needed}")
    if not tokenizer.chat_template:
        raise TeacherError(f"{place}: its tokenizer has no chat template: a base model, not one to ask. {needed}")
    try:
        model, loading = AutoModelForCausalLM.from_pretrained(
            place, dtype=_dtype(device), attn_implementation="sdpa", output_loading_info=True
        )
    except Exception as error:
        raise TeacherError(f"{place}: no model can be read ({_first_line(error)}). {needed}") from error
    # transformers would go on with random numbers in their place.
    absent = sorted(loading["missing_keys"])
    if absent:
        raise TeacherError(f"{place}: {len(absent)} weights are missing, {absent[0]!r} among them. {needed}")
    return tokenizer, model.to(device).eval()


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA where there is one. Raises TeacherError where the device is not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise TeacherError(f"device {name!r}: this machine or this build of PyTorch has no CUDA. Use cpu or auto.")
    return torch.device(name)


def _dtype(device: torch.device) -> torch.dtype:
    import torch

    from hornbook.run.precision import multiplies_bf16

    if multiplies_bf16(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else torch.float32


def free_bytes(device: torch.device) -> int:
    """Memory that more rows may take."""
    import psutil
    import torch

    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    free: int = torch.cuda.mem_get_info(device)[0]
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip() or 'no reason given'}".splitlines()[0][:300]

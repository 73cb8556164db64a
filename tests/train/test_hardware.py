import pytest
import torch

from hornbook.errors import RecipeError
from hornbook.model.phi import Phi
from hornbook.run.machine import Machine
from hornbook.train import hardware
from hornbook.train.hardware import compile_if_it_pays, compute_dtype, micro_batch_size
from tests.train.corpus import TINY_MODEL, tiny_training

CPU = torch.device("cpu")


def test_fp16_needs_a_gpu():
    with pytest.raises(RecipeError, match="precision 'fp16' needs a CUDA device"):
        compute_dtype("fp16", CPU)
    assert compute_dtype("fp32", CPU) == torch.float32
    assert compute_dtype("bf16", CPU) == torch.bfloat16


@pytest.mark.parametrize("has_bf16", [True, False])
def test_auto_takes_bf16_where_the_processor_has_it(monkeypatch, has_bf16):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert compute_dtype("auto", CPU) == (torch.bfloat16 if has_bf16 else torch.float32)


def test_a_micro_batch_must_divide_the_batch():
    model = Phi(TINY_MODEL, 64)
    with pytest.raises(RecipeError, match="batch_size 4 is not a multiple of the micro batch 3"):
        micro_batch_size(model, tiny_training(), Machine(micro_batch_size=3), CPU)
    assert micro_batch_size(model, tiny_training(), Machine(micro_batch_size=2), CPU) == 2
    assert micro_batch_size(model, tiny_training(), Machine(), CPU) == 4
    large = tiny_training(batch_size=1024, sequence_length=2048)
    assert micro_batch_size(model, large, Machine(), CPU) == 8
    assert micro_batch_size(model, tiny_training(sequence_length=10**6), Machine(), CPU) == 1


def test_short_runs_are_not_compiled(monkeypatch):
    model = Phi(TINY_MODEL, 64)
    monkeypatch.setattr(model, "compile_blocks", lambda: pytest.fail("compiled"))
    monkeypatch.setattr(hardware, "CPU_FLOPS_TO_COMPILE", 1e15)
    assert not compile_if_it_pays(model, 1e12, Machine(), CPU)
    assert not compile_if_it_pays(model, 1e20, Machine(use_compile=False), CPU)


def test_a_missing_compiler_is_said_and_training_goes_on(monkeypatch, capsys):
    model = Phi(TINY_MODEL, 64)
    monkeypatch.setattr(hardware, "CPU_FLOPS_TO_COMPILE", 1e15)
    monkeypatch.setattr(hardware.shutil, "which", lambda name: None)
    assert not compile_if_it_pays(model, 1e20, Machine(), CPU)
    assert "no C++ compiler found" in capsys.readouterr().err
    assert not model.is_compiled

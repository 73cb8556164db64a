import pytest
import torch

from hornbook.errors import RecipeError
from hornbook.model.phi import Phi
from hornbook.run.distributed import World
from hornbook.run.machine import Machine
from hornbook.train import hardware
from hornbook.train.hardware import compile_if_it_pays, compiles, compute_dtype, is_sharded, micro_batch_size
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


class Likewise(World):
    """Whose other processes have this one's values."""

    def smallest(self, value):
        return value


def test_processes_share_the_batch():
    def size(processes, **machine):
        world = Likewise(size=processes)
        return micro_batch_size(Phi(TINY_MODEL, 64), tiny_training(batch_size=12), Machine(world=world, **machine), CPU)

    assert size(3) == 4
    assert size(3, micro_batch_size=2) == 2
    with pytest.raises(RecipeError, match="batch_size 12 is not a multiple of the 5 processes"):
        size(5)
    with pytest.raises(
        RecipeError, match="batch_size 12, which is 4 for each of 3 processes, is not a multiple of the micro batch 3"
    ):
        size(3, micro_batch_size=3)


def test_all_processes_take_the_smallest_micro_batch_that_one_has_room_for():
    class Tighter(World):
        def smallest(self, value):
            return 2

    machine = Machine(world=Tighter(size=3))
    assert micro_batch_size(Phi(TINY_MODEL, 64), tiny_training(batch_size=12), machine, CPU) == 2


@pytest.mark.parametrize(("gpu_bytes", "expected"), [(16 / 0.6 - 1, True), (16 / 0.6 + 1, False)])
def test_a_model_is_sharded_where_one_gpu_has_too_little_room(monkeypatch, gpu_bytes, expected):
    model = Phi(TINY_MODEL, 64)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, int(gpu_bytes * parameters)))
    several, gpu = Likewise(size=2), torch.device("cuda")
    assert is_sharded(model, Machine(world=several), gpu) is expected
    assert is_sharded(model, Machine(world=several, shard="always"), gpu)
    assert not is_sharded(model, Machine(world=several, shard="never"), gpu)
    assert not is_sharded(model, Machine(world=several), CPU)
    assert not is_sharded(model, Machine(shard="always"), gpu)


def test_what_does_not_compile_is_said(capsys):
    model = Phi(TINY_MODEL, 64)

    def cannot(*arguments):
        raise torch._dynamo.exc.TorchDynamoException("no headers\nat all")

    assert compiles(model, 2, 32)
    model.run_block = cannot
    assert not compiles(model, 2, 32)
    assert "torch.compile failed (no headers): training eagerly" in capsys.readouterr().err


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

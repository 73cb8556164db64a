import pytest
import torch

from hornbook.run.precision import multiplies_bf16


@pytest.mark.parametrize(
    ("has_avx", "has_amx", "expected"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_a_cpu_multiplies_bf16_with_either_extension(monkeypatch, has_avx, has_amx, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_avx)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: has_amx)
    assert multiplies_bf16(torch.device("cpu")) is expected


@pytest.mark.parametrize("is_native", [False, True])
def test_a_gpu_that_emulates_it_does_not(monkeypatch, is_native):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or is_native
    )
    assert multiplies_bf16(torch.device("cuda")) is is_native

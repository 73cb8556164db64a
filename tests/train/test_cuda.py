"""Training on a CUDA device; run with -m gpu."""

import math

import pytest
import torch

from hornbook.run.artifact import RESUME
from hornbook.run.machine import Machine
from hornbook.train import hardware
from hornbook.train import loss as loss_module
from hornbook.train.loss import IGNORED, next_token_loss
from hornbook.train.pretrain import pretrain
from hornbook.train.step import Stepper
from tests.train.corpus import TINY_MODEL, tiny_training

pytestmark = pytest.mark.gpu
UNDROPPED = TINY_MODEL.model_copy(update={"attention_dropout": 0.0, "resid_pdrop": 0.0})


@pytest.fixture
def run(corpus, tmp_path):
    count = 0

    def start(device="cuda", out=None, use_compile=False, model=UNDROPPED, **changes):
        nonlocal count
        count += 1
        folder = out or tmp_path / f"out{count}"
        folder.mkdir(exist_ok=True)
        machine = Machine(device=device, workers=1, use_compile=use_compile)
        return pretrain(tokens=corpus, model=model, config=tiny_training(**changes), out=folder, machine=machine)

    return start


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_gpu_trains_to_the_loss_of_a_cpu(run, optimizer):
    here, there = (run(device=device, optimizer=optimizer, steps=40).facts.metrics for device in ("cuda", "cpu"))
    # Muon's iteration is in bf16 on a GPU.
    assert here["train_loss"] == pytest.approx(there["train_loss"], rel=1e-4 if optimizer == "adamw" else 0.02)


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp32"])
@pytest.mark.parametrize("model", [UNDROPPED, TINY_MODEL], ids=["undropped", "dropout"])
def test_the_loss_falls_in_every_precision(run, precision, model):
    facts = run(precision=precision, model=model, steps=60).facts.metrics
    assert facts["precision"] == {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}[precision]
    assert facts["train_loss"] < 0.85 * math.log(64)


def test_fp16_survives_gradients_that_overflow(run, monkeypatch):
    losses = []
    take = Stepper.take

    def overflowing(self, step):
        if step == 3:
            self.scaler.update(2.0**60)
        taken = take(self, step)
        losses.append(self.scaler.get_scale())
        return taken

    monkeypatch.setattr(Stepper, "take", overflowing)
    facts = run(precision="fp16", steps=60).facts.metrics
    assert losses[3] < 2.0**60
    assert math.isfinite(facts["train_loss"])


def test_compiled_agrees_with_eager(run, monkeypatch):
    monkeypatch.setattr(hardware, "GPU_FLOPS_TO_COMPILE", 0.0)
    compiled, eager = (run(use_compile=use, steps=30).facts.metrics for use in (True, False))
    assert compiled["compiled"] is True
    assert eager["compiled"] is False
    assert compiled["train_loss"] == pytest.approx(eager["train_loss"], rel=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_stopped_run_goes_on_to_the_same_loss(run, tmp_path, monkeypatch, precision):
    whole = run(precision=precision, steps=30)
    out = tmp_path / "stopped"
    out.mkdir()
    take = Stepper.take

    def stopping(self, step):
        if step == 17:
            raise KeyboardInterrupt
        return take(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "take", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(precision=precision, steps=30, out=out)
    assert list((out / RESUME).glob("step-*.safetensors"))
    resumed = run(precision=precision, steps=30, out=out)
    # A GPU adds the embedding's gradient in no fixed order, so bits may differ.
    assert resumed.facts.metrics["train_loss"] == pytest.approx(whole.facts.metrics["train_loss"], rel=1e-3)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_the_loss_is_that_of_a_cpu(is_compiled, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS_GPU", 20 * 31)
    torch.manual_seed(0)
    hidden, weight, bias = torch.randn(50, 12), torch.randn(31, 12), torch.randn(31)
    targets = torch.randint(31, (50,))
    targets[::7] = IGNORED
    found = []
    for device in ("cpu", "cuda"):
        inputs = [tensor.to(device).requires_grad_() for tensor in (hidden, weight, bias)]
        loss = next_token_loss(*inputs, targets.to(device), 0.1, is_compiled and device == "cuda")
        found.append([loss, *torch.autograd.grad(loss, inputs)])
    for own, expected in zip(found[1], found[0], strict=True):
        assert torch.allclose(own.cpu(), expected, atol=1e-5)

"""What several processes run in these tests: they pretrain together, one case after another.

python -m tests.train.processes CORPUS OUT CASES, where CASES is a JSON list of [name, settings]. A setting is a field
of the training section, `shard` or `micro_batch_size` of the machine, `dropout`, or `compiled`. Beside the model a case
leaves in OUT/NAME what the main process held and compiled, and each process's error. The case `overflow` is another
matter: see there.
"""

import json
import sys
from pathlib import Path

import torch

from hornbook.errors import HornbookError
from hornbook.model.phi import Phi
from hornbook.run.distributed import joined_world
from hornbook.run.machine import Machine
from hornbook.tokens.packing import TokenizedCorpus
from hornbook.train import hardware, loop
from hornbook.train.batches import Batch
from hornbook.train.optimizer import make_optimizers
from hornbook.train.parallel import ParallelLoss, own_part
from hornbook.train.pretrain import pretrain
from hornbook.train.step import Stepper
from tests.train.corpus import TINY_MODEL, tiny_training


class Seen(Stepper):
    """Remembers the last stepper."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Seen.last = self


def held(stepper):
    state = [
        value for optimizer in stepper.optimizers for values in optimizer.state.values() for value in values.values()
    ]
    return {
        "weights": sum(own_part(parameter).numel() for parameter in stepper.model.parameters()),
        "moments": sum(own_part(value).numel() for value in state if value.ndim),
    }


def overflow(world):
    """Whether a sharded model's weights change in three steps, of which the second's gradient overflows in one process.

    As under fp16, which has a scaler, but in fp32, which a CPU has.
    """
    model = Phi(TINY_MODEL, 64)
    loss = ParallelLoss(model, world, torch.device("cpu"), is_sharded=True)
    optimizers = make_optimizers(model, tiny_training())
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(torch.zeros(()))
    batch = Batch(torch.randint(64, (1, 32)), torch.randint(64, (1, 32)))
    changed = []
    for overflows in (False, True, False):
        loss.backward([batch], scaler.get_scale() / 64)
        if overflows and world.rank == 1:
            for weight in (model.embed_tokens, model.layers[0].qkv_weight):
                own_part(weight.grad)[0] = float("inf")
        before = [own_part(parameter).clone() for parameter in model.parameters()]
        for optimizer in optimizers:
            scaler.unscale_(optimizer)
            scaler.step(optimizer)
            optimizer.zero_grad()
        scaler.update()
        now = [own_part(parameter) for parameter in model.parameters()]
        changed.append(sum(not torch.equal(*pair) for pair in zip(before, now, strict=True)) / len(now))
    return changed


def run(corpus, out, cases):
    loop.Stepper = Seen
    never = hardware.CPU_FLOPS_TO_COMPILE
    with joined_world("cpu") as world:
        for name, settings in cases:
            if name == "overflow":
                (out / f"overflow-{world.rank}.json").write_text(json.dumps(overflow(world)))
                continue
            hardware.CPU_FLOPS_TO_COMPILE = 0.0 if settings.pop("compiled", False) else never
            execution = {key: settings.pop(key) for key in ("shard", "micro_batch_size") if key in settings}
            dropout = settings.pop("dropout", 0.0)
            machine = Machine(device="cpu", workers=1, world=world, **execution)
            model = TINY_MODEL.model_copy(update={"attention_dropout": dropout, "resid_pdrop": dropout})
            folder = out / name
            folder.mkdir(exist_ok=True)
            config = tiny_training(**settings)
            try:
                pretrain(tokens=TokenizedCorpus(corpus), model=model, config=config, out=folder, machine=machine)
            except HornbookError as error:
                (folder / f"error-{world.rank}.txt").write_text(str(error))
            else:
                if world.is_main:
                    # Not imported for this alone: it takes a second.
                    dynamo = sys.modules.get("torch._dynamo.utils")
                    graphs = dynamo.counters["stats"]["unique_graphs"] if dynamo else 0
                    (folder / "held.json").write_text(json.dumps({**held(Seen.last), "graphs": graphs}))


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))

import pytest
import torch

from hornbook.run.machine import Machine
from hornbook.train.pretrain import pretrain
from tests.train.corpus import TINY_MODEL, counting_documents, tiny_training, write_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    sources = {"code": counting_documents(60, 1), "textbooks": counting_documents(120, 2)}
    return write_corpus(tmp_path_factory.mktemp("corpus"), sources)


@pytest.fixture(scope="session")
def machine():
    return Machine(device="cpu", workers=1)


@pytest.fixture
def run(corpus, tmp_path, machine):
    """Pretrains into a folder of its own."""
    count = 0

    def start(model=TINY_MODEL, out=None, machine=machine, corpus=corpus, **changes):
        nonlocal count
        count += 1
        folder = out or tmp_path / f"out{count}"
        folder.mkdir(exist_ok=True)
        config = tiny_training(**changes)
        return pretrain(tokens=corpus, model=model, config=config, out=folder, machine=machine)

    return start


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

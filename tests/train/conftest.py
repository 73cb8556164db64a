import pytest
import torch

from hornbook.run.machine import Machine
from tests.train.corpus import counting_documents, write_corpus


@pytest.fixture
def corpus(tmp_path):
    sources = {"code": counting_documents(60, 1), "textbooks": counting_documents(120, 2)}
    return write_corpus(tmp_path / "corpus", sources)


@pytest.fixture
def machine():
    return Machine(device="cpu", workers=1)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

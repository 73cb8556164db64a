from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from .folders import write_checkpoint, write_codegen


@pytest.fixture(scope="session")
def codegen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_codegen(tmp_path_factory.mktemp("codegen"))


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(autouse=True)
def _fp32_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """States are compared number by number, and a tiny model is slower on two threads."""
    monkeypatch.setattr("hornbook.corpus.embedders.pooling.embedding_dtype", lambda device: torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)

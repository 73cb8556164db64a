"""What every test starts from."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# torch compiles in this process: what the tests compile is small, and each process beside it would import torch first.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

# The first case of a test may load or compile a kernel, and other work may hold it up: no time limit for a case.
settings.register_profile("hornbook", deadline=None)
settings.load_profile("hornbook")


def pytest_collection_finish() -> None:
    """What the imports made stays anyway: no garbage collection is to look through it again."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell starts what it runs in the background with SIGINT ignored, and children would inherit that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from hornbook.errors import InputError
from hornbook.evaluate.problem_sets import load_set
from hornbook.records import Problem
from tests.evaluate.problem_sets.rows import MBPP_TASKS, PROBLEM_ROW


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that serves as the hub: REPOSITORY/FILE."""

    def download(repository: str, file: str, *, repo_type: str) -> str:
        assert repo_type == "dataset"
        path = tmp_path / repository / file
        if not path.exists():
            raise LocalEntryNotFoundError("cannot find it on the disk or the hub")
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    return tmp_path


def put(hub: Path, file: str, rows: list[dict[str, object]]) -> None:
    path = hub / file
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def test_humaneval_is_read_from_the_hub(hub: Path) -> None:
    put(hub, "openai/openai_humaneval/openai_humaneval/test-00000-of-00001.parquet", [PROBLEM_ROW])
    found = load_set("humaneval:hub")
    assert (found.label, found.problems) == ("humaneval", (Problem(**PROBLEM_ROW),))


def test_mbpp_is_read_from_both_its_splits(hub: Path) -> None:
    put(hub, "google-research-datasets/mbpp/full/prompt-00000-of-00001.parquet", MBPP_TASKS[:3])
    put(hub, "google-research-datasets/mbpp/full/test-00000-of-00001.parquet", MBPP_TASKS[3:])
    found = load_set("mbpp:hub")
    assert [problem.task_id for problem in found.problems] == ["Mbpp/11", "Mbpp/510"]
    assert found.problems[0].prompt.count("[BEGIN]") == 4


def test_what_cannot_be_fetched_is_one_clear_error(hub: Path) -> None:
    with pytest.raises(InputError, match=r"openai/openai_humaneval on the Hugging Face hub: .* cannot be fetched"):
        load_set("humaneval:hub")
    put(hub, "openai/openai_humaneval/openai_humaneval/test-00000-of-00001.parquet", [{"task_id": "T/0"}])
    with pytest.raises(InputError, match="column 'prompt' is missing"):
        load_set("humaneval:hub")
    broken = hub / "google-research-datasets/mbpp/full/prompt-00000-of-00001.parquet"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not parquet")
    with pytest.raises(InputError, match="cannot be read"):
        load_set("mbpp:hub")

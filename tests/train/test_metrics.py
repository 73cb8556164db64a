import json

import pytest

from hornbook.errors import TrainingError
from hornbook.train.metrics import METRICS, TIMING, MetricLog


def test_lines_after_the_checkpoint_are_cut_off(tmp_path):
    log = MetricLog(tmp_path, {})
    log.write(METRICS, {"step": 1})
    lengths = log.sync()
    log.write(METRICS, {"step": 2})
    log.write(TIMING, {"step": 2})
    log.close()
    resumed = MetricLog(tmp_path, lengths)
    resumed.write(METRICS, {"step": 2, "loss": 0.5})
    resumed.close()
    assert [json.loads(line)["step"] for line in (tmp_path / METRICS).read_text().splitlines()] == [1, 2]
    assert (tmp_path / TIMING).read_text() == ""


def test_a_new_run_begins_anew(tmp_path):
    (tmp_path / METRICS).write_text("old\n")
    MetricLog(tmp_path, {}).close()
    assert (tmp_path / METRICS).read_text() == ""


def test_lost_lines_are_reported(tmp_path):
    with pytest.raises(TrainingError, match=r"metrics\.jsonl is shorter than at the checkpoint \(0 of 30 bytes\)"):
        MetricLog(tmp_path, {METRICS: 30})

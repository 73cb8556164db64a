import json

import pytest

from hornbook.errors import TrainingError
from hornbook.train.metrics import METRICS, SAMPLES, TIMING, MetricLog


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


def test_cutting_back_on_the_way_goes_on_where_it_was_cut(tmp_path):
    log = MetricLog(tmp_path, {})
    log.write(METRICS, {"step": 1, "loss": 2.0})
    log.write(TIMING, {"step": 1, "tokens_per_s": 10.0})
    lengths = log.sync()
    log.write(METRICS, {"step": 2, "loss": 9.0})
    log.write(SAMPLES, {"step": 2})
    log.cut(lengths)
    log.write(METRICS, {"step": 2, "loss": 1.0})
    assert log.read() == [{"step": 1, "tokens_per_s": 10.0, "loss": 2.0}, {"step": 2, "loss": 1.0}]
    assert log.sync() == {name: (tmp_path / name).stat().st_size for name in (METRICS, TIMING, SAMPLES)}
    log.close()
    assert (tmp_path / SAMPLES).read_text() == ""


def test_samples_are_copied_where_there_are_some(tmp_path):
    log, out = MetricLog(tmp_path / "resume", {}), tmp_path / "out"
    out.mkdir()
    log.write(METRICS, {"step": 1})
    log.copy_to(out)
    assert [path.name for path in out.iterdir()] == [METRICS]
    log.write(SAMPLES, {"step": 1})
    log.copy_to(out)
    assert sorted(path.name for path in out.iterdir()) == [METRICS, SAMPLES]
    log.close()


def test_a_new_run_begins_anew(tmp_path):
    (tmp_path / METRICS).write_text("old\n")
    MetricLog(tmp_path, {}).close()
    assert (tmp_path / METRICS).read_text() == ""


def test_lost_lines_are_reported(tmp_path):
    with pytest.raises(TrainingError, match=r"metrics\.jsonl is shorter than at the checkpoint \(0 of 30 bytes\)"):
        MetricLog(tmp_path, {METRICS: 30})

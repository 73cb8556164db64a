import pytest

from tests.command import called


def test_the_plan_of_phi_1_is_next_to_the_papers_770_a100_hours(monkeypatch, capsys):
    _, printed, _ = called(monkeypatch, capsys, "plan", "phi-1")
    pretrain = next(line.split() for line in printed.splitlines() if line.startswith("pretrain ") and "e+20" in line)
    assert pretrain[1] == "1,418,270,720"
    assert float(pretrain[4]) == pytest.approx(770, rel=0.02)
    assert "770" in printed

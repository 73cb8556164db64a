from hornbook.pipeline import build
from hornbook.recipe import load_recipe


def test_trackers_are_no_part_of_a_results_identity():
    plain = build(load_recipe("nano"))
    tracked = build(load_recipe("nano", ['pretrain.trackers=["wandb"]', "pretrain.tracker_project=mine"]))
    assert tracked["pretrain"].fingerprint == plain["pretrain"].fingerprint
    other = build(load_recipe("nano", ["pretrain.max_rollbacks=1"]))
    assert other["pretrain"].fingerprint != plain["pretrain"].fingerprint

"""Stages, artifacts, fingerprints and the runner: the only framework that hornbook owns."""

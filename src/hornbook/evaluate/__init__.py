"""Scores that can be trusted: programs run against their tests, models compared on the same prompts."""

"""What in a row is like a problem: shared words, and syntax with embedding distance."""

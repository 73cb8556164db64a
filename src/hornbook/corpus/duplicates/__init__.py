"""Which files are the same, or nearly: digests, MinHash, and the file that stays."""

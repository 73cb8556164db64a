"""What makes a raw file a row of the corpus: decoding, the reasons to drop it, masking."""

"""hornbook raises a small code language model on textbook-quality data, after arXiv:2306.11644 (phi-1)."""

__version__ = "0.1.0"

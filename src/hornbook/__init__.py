"""hornbook raises a small code language model on textbook-quality data, after arXiv:2306.11644 (phi-1)."""

import os

__version__ = "0.1.0"

# Set before torch is imported, which reads it once. OpenMP's threads wait for one another by spinning, by default for
# so long that one other busy process makes a training step on two cores 14 times slower; after 2000 rounds a thread
# sleeps instead, which makes it 2 times slower and costs nothing on an idle machine. See docs/lab-notes.md.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

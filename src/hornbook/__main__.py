"""`python -m hornbook` is the same as `hornbook`."""

from hornbook.cli import main

main()

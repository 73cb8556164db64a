"""What runs on the other side: the process that forks, the judge, and the program's own process.

These modules import the standard library alone and are loaded without the rest of hornbook (see `start`), so that a
program finds nothing of hornbook in its memory.
"""

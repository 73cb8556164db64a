"""What hornbook, the process that forks and the judges say to one another. Can be imported on every system."""

from __future__ import annotations

import struct

ORDER = struct.Struct("<BII")
"""From hornbook to the process that forks: one more judge; or: judge, and which of its programs has had its time."""
MORE, TIME_IS_UP = 1, 2

NEWS = struct.Struct("<BIBi")
"""From it to hornbook: a new judge, whose socket comes with it; or: judge, why it was ended, its wait status."""
NEW, GONE = 1, 2
BY_ITSELF, TIMED_OUT, TOO_MANY_PROCESSES, TOO_MUCH_MEMORY = range(4)

HANDED = struct.Struct("<i")
"""From it to a judge, with the channel to a program's process: the wait status of the process before that."""
DONE, LEFT = b"d", b"l"
"""From a judge to it: the program's process is no longer needed; it has gone by itself."""

HAS_GONE = "gone"
"""Among judges, instead of a verdict: the program's process ended; how it ended says more than the judge knows."""
BROKEN = "broken"
"""From a judge to hornbook, instead of a verdict: the program's process could not shut itself in."""

LEAST_SHARE = 0.25
"""A program is not stopped for its time before it has had this share of it on a core, if it wants it."""
PATIENCE = 10.0
"""How many times its own time a program may take to get that share."""
MAX_DETAIL_CHARS = 500

FOLDER = "/private/tmp"
"""A program's working folder, as it sees it where it has namespaces."""

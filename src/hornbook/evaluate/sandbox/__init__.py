"""Runs programs that a model wrote against their tests, each in a process of its own, and says how they did.

**What is covered** on Linux with all layers (`available_layers()` says which a machine has):

- A program runs in a process forked for it alone, as nobody, without capabilities, in a pid, a mount and a user
  namespace of its own. It sees no other process; when its time is up all that it started is ended at once. Its network,
  ipc and uts namespaces are shared with the worker's other programs and hold nothing: no interface is up, and the calls
  that could leave something in them are denied.
- Files: the Python installation, shared libraries and fonts, read-only; an empty folder in memory, new for each program
  and of `file_mb` at most; /dev/null, zero, full, random and urandom. Landlock says so a second time. No /proc, no
  /sys, no home, nothing of hornbook's, and not the packages that hold problems with their solutions (`worker.HIDDEN`).
- A seccomp filter denies sockets, ptrace, mounts, namespaces, modules, keyrings, io_uring, bpf and what else
  `inside/seccomp.py` lists.
- Limits on address space, CPU time, size of files, open files and processes; on the memory of all its processes
  together, looked at ten times a second where the kernel gives a /proc of the namespace; and on wall-clock time. Output
  goes nowhere. The environment is scrubbed, the hash seed and `random` start the same each time.
- A verdict comes only from tests that ran to their end. Judged apart, the tests run in another process, and nothing
  that a program does in its own (exits, exceptions, printed text, exit handlers, signal handlers, threads, replaced
  builtins, frames, descriptors, forged messages, objects equal to anything) makes a wrong answer right: what reaches
  the tests is plain data, written out and read back, of a bounded size.

**What is not covered:**

- Judged together, the tests run in the program's process. What scores by accident or by a generic trick does not
  (replaced builtins, `__eq__`, exit codes, written descriptors, a secret in the frames), but a program written against
  this very code can forge its verdict, and any program can read the tests.
- Holes in the kernel; timing and other side channels; how much of the machine's caches and bandwidth a program uses.
- Tests and `given` are trusted. They run in the outer namespaces, limited in memory and time, but without Landlock and
  seccomp, and have no folder to write to. A judge is used for the next program too, unless its tests set attributes,
  import what has state or reach for names by their text (`inside/tidy.py`).
- What a call gives and gets is copied: an argument that a program keeps is its own, and a later change of it on one
  side does not reach the other.
- Without namespaces programs run one at a time, on the user's own account: one may see that there are other processes
  and exhaust the disk by many files, and without Landlock as well it may read what the user may read and signal the
  user's processes. `rlimits` is limits alone. Other systems than Linux have no more than these; Windows has nothing.
"""

from hornbook.evaluate.sandbox.layers import LAYERS, Layers, available_layers
from hornbook.evaluate.sandbox.pool import Sandbox
from hornbook.evaluate.sandbox.verdicts import VERDICTS, Judged, Limits, Program, Verdict, VerdictName
from hornbook.run.machine import Policy

__all__ = [
    "LAYERS",
    "VERDICTS",
    "Judged",
    "Layers",
    "Limits",
    "Policy",
    "Program",
    "Sandbox",
    "Verdict",
    "VerdictName",
    "available_layers",
]

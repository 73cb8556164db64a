"""Runs programs that a model wrote against their tests, each in a process of its own, and says how they did.

**What is covered** on Linux with all layers (`available_layers()` says which a machine has):

- A program runs in a forked child of a warm process, as nobody, without capabilities, in pid, mount, user, network, ipc
  and uts namespaces. It sees no other process; when its time is up all that it started is killed at once.
- Files: the Python installation, shared libraries and fonts, read-only; an empty folder in memory of `file_mb` at most;
  /dev/null, zero, full and random. Landlock says so a second time. No /proc, no /sys, no home, nothing of hornbook's,
  and of the installed packages not those that hold the problems with their solutions (`HIDDEN`).
- A seccomp filter denies sockets, ptrace, mounts, namespaces, modules, keyrings, io_uring, bpf and what else
  `inside/seccomp.py` lists. No network, not even loopback.
- Limits on address space, CPU time, file size, open files and processes; on the memory of all its processes together
  and on wall-clock time. Output goes nowhere. The environment is scrubbed, the hash seed and `random` are fixed.
- A verdict comes only from tests that ran to their end. Judged apart, the tests run in another process, and nothing
  that a program does in its own (exits, exceptions, printed text, exit handlers, threads, replaced builtins, frames,
  descriptors, forged messages, objects equal to anything) makes a wrong answer right: what reaches the tests is plain
  data, written out and read back.

**What is not covered:**

- Judged together, the tests run in the program's process. What scores by accident or by a generic trick does not
  (replaced builtins, `__eq__`, exit codes, written descriptors, a secret in the frames), but a program written against
  this very code can forge its verdict.
- Holes in the kernel; timing and other side channels; how much of the machine's caches and bandwidth a program uses.
- Between calls of one function only what it was given and gave is carried: an argument that the program keeps is its
  own copy, and a test that changes it later does not change the program's.
- The judge is trusted: tests and `given` run with the user's problems' authors' intent, in the same namespaces but
  without Landlock and seccomp.
- With fewer layers, less. Without namespaces a program may see and, without Landlock as well, signal the user's
  processes, the folder is on disk, and only Landlock hides files. `rlimits` is limits alone: a program reads every file
  that the user may read, writes where the user may write, and uses the network. Other systems than Linux have no more
  than that; Windows has nothing of it.
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

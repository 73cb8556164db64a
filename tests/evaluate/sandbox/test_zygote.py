import os
import socket
import subprocess
import sys
import time

from hornbook.evaluate.sandbox.inside.zygote import Judge, Program


def test_a_judges_time_counts_from_its_present_program() -> None:
    line, other = socket.socketpair()
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as child:
        try:
            judge = Judge(1, os.getpid(), line, Program(child.pid, -1, ""))
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass
            assert judge.cpu_s >= 0.2
            judge.take(Program(child.pid, -1, ""))
            assert judge.cpu_s < 0.2
        finally:
            child.kill()
    line.close()
    other.close()

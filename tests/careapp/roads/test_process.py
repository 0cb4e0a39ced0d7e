"""A program on its leash: it ends with us, whatever ends us."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from careapp.roads.process import Leashed

SLEEP = ["/bin/sleep", "60"]
HOLDER = """
import sys, time
from careapp.roads.process import Leashed
held = Leashed(["/bin/sleep", "60"])
print(held.pid, flush=True)
time.sleep(60)
"""
FIRST_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


class TestLeashed:
    def test_ends_with_its_block(self):
        with Leashed(SLEEP) as program:
            pid = program.pid

        assert pid > 0
        assert is_gone(pid)

    def test_ends_what_ignores_a_gentle_word(self):
        with Leashed(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]) as program:
            while "ready" not in program.tail():
                time.sleep(0.01)
            pid = program.pid

        assert is_gone(pid)

    def test_ends_when_its_parent_is_killed(self):
        parent = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())

        parent.kill()
        parent.wait()
        parent.stdout.close()

        assert is_gone(pid)

    @pytest.mark.skipif(sys.platform != "linux", reason="other kernels cannot end a child with its parent")
    def test_ends_when_the_leash_is_killed(self):
        with Leashed(SLEEP) as program:
            pid = program.pid
            leash = int(Path(f"/proc/{pid}/stat").read_text().split()[3])

            os.kill(leash, signal.SIGKILL)

            assert is_gone(pid)
            assert program.wait(5)
            assert program.usage().code == -signal.SIGKILL

    def test_tells_how_it_ended_and_what_it_used(self):
        with Leashed([sys.executable, "-c", "x = bytearray(80_000_000); raise SystemExit(3)"]) as program:
            assert program.wait(30)
            used = program.usage()

        assert used.code == 3
        assert 80_000_000 < used.peak_bytes < 400_000_000
        assert 0 < used.cpu_seconds < 30

    def test_tells_the_signal_that_ended_it(self):
        with Leashed(SLEEP) as program:
            os.kill(program.pid, signal.SIGABRT)
            assert program.wait(10)

            assert program.usage().code == -signal.SIGABRT

    def test_says_when_there_is_no_such_program(self):
        with Leashed(["/nonexistent/osrm-routed"]) as program:
            assert program.wait(10)

            assert program.usage().code == 127
            assert "No such file" in program.tail()

    def test_gives_new_text_once(self):
        with Leashed(["/bin/sh", "-c", "echo one"]) as program:
            assert program.wait(10)

            assert program.new_text() == "one\n"
            assert program.new_text() == ""

    @pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no /proc")
    def test_is_dying_while_its_last_threads_are_still_there(self):
        with Leashed([sys.executable, "-c", FIRST_THREAD_ENDS]) as program:
            assert is_gone(program.pid)  # to look at; its second thread lives

            assert program.is_dying
            assert not program.has_ended

    def test_is_not_dying_while_it_runs(self):
        with Leashed(SLEEP) as program:
            assert not program.is_dying
        assert program.is_dying

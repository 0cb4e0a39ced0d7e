"""Holds one program on a leash: when we die, however we die, it dies too.

`python -I -S leash.py REPORT COMMAND…` runs the command until it ends or until standard input closes; that is
the read end of a pipe whose other end only the process holds that wants the program, so the kernel closes it
even if that process is killed. The leash itself may be killed: then the kernel ends its child (Linux). Apart
from `start_new_session` and a parent's signals this is what a process group cannot do.

It writes one line of JSON to the file descriptor `REPORT`: `{"pid": …}` at the start, and at the end
`{"code": …, "cpu_seconds": …, "peak_bytes": …}`; `code` is negative for a signal. This file imports nothing
of ours, so that it starts in some 20 ms.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
TERM_GRACE_S: Final = 2.0
"""How long the program may take after SIGTERM, before SIGKILL."""
LOOK_S: Final = 0.02


def main(arguments: list[str]) -> int:
    """Run the command of the arguments; return 0 whatever it returned: the report tells."""
    report = int(arguments[0])
    os.set_inheritable(report, False)  # noqa: FBT003 -- takes no keyword
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _become(arguments[1:], parent)
    # Only now: a signal for the child must not meet our handlers there.
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)  # the pipe tells us; a terminal's Ctrl-C does not
    _tell(report, {"pid": child})
    status = _watch(child, wake)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    scale = 1 if sys.platform == "darwin" else 1024
    _tell(
        report,
        {
            "code": os.waitstatus_to_exitcode(status),
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * scale,
        },
    )
    return 0


def _become(command: list[str], parent: int) -> None:
    """Turn the forked child into the program, which dies with its parent and leaves no core file."""
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(command[0], command)  # noqa: S606 -- the command is our own program's
    except OSError as refused:
        os.write(2, f"{command[0]}: {refused.strerror}\n".encode())
    finally:
        os._exit(127)


def _watch(child: int, wake: int) -> int:
    """Wait until the child has ended; end it once standard input closes. Return its wait status."""
    asked = 0
    while True:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return status
        if asked == 0:
            ready, _, _ = select.select([0, wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
            if 0 in ready and not os.read(0, 1):
                os.kill(child, signal.SIGTERM)
                asked = 1
            continue
        select.select([], [], [], LOOK_S)
        asked += 1
        if asked * LOOK_S > TERM_GRACE_S:
            os.kill(child, signal.SIGKILL)


def _tell(report: int, line: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        os.write(report, (json.dumps(line) + "\n").encode())


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(main(sys.argv[1:]))

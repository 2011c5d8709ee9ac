"""Runs one program and everything that it starts, within limits, and leaves none of it behind.

This file is run by itself (`python -I supervisor.py REPORT_FD`), knows nothing of ours, and gets its order as one line of
JSON on stdin. stdin stays open as the lifeline: its end means stop. What the program prints goes to our stdout; the program's
own stdin is empty. At the end the folder that the order names goes, also where whoever gave it is gone by then, and one line
of JSON goes to REPORT_FD: code, why, peak, processes.

On Linux, processes that detach themselves are adopted by this one (PR_SET_CHILD_SUBREAPER), so that they are found and ended too.
Elsewhere the package psutil finds the others, and what they take; one that detached itself twice is out of its sight.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_EVERY = 0.04  # seconds between two looks at memory and processes
ENDING = 10.0  # seconds that ending everything may take
FILE_LIMIT = 4 << 30  # bytes of one file that the program writes
LINUX = sys.platform == "linux"


def main() -> int:
    """Read the order, run it, report."""
    report = int(sys.argv[1])
    os.set_inheritable(report, False)
    order = json.loads(_line())
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = _run(order)
    if order.get("folder"):
        shutil.rmtree(order["folder"], ignore_errors=True)
    os.write(report, json.dumps(said).encode() + b"\n")
    return 0


def _line() -> bytes:
    found = b""
    while (one := os.read(0, 1)) not in {b"", b"\n"}:
        found += one
    return found


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _limits() -> None:
    """In the child, before the program: no core files, no endless file, first to go when memory is short."""
    import resource

    for limit, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, FILE_LIMIT)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write("1000")


def _run(order: dict[str, Any]) -> dict[str, Any]:
    fds = tuple(order.get("fds", ()))
    try:
        child = subprocess.Popen(
            order["argv"],
            env=order["env"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            pass_fds=fds,
            start_new_session=True,
            preexec_fn=_limits if os.name == "posix" else None,  # noqa: PLW1509 -- there is one thread here
        )
    except OSError as problem:
        return {"code": 127, "why": f"it cannot be started: {problem.strerror or problem}", "peak": 0, "processes": 0}
    for number in fds:
        os.close(number)
    watched = _Watched(child.pid, order)
    why = watched.until_it_ends()
    watched.end_all()
    return {"code": watched.code, "why": why, "peak": watched.peak, "processes": watched.most}


class _Watched:
    """The program and its descendants."""

    def __init__(self, pid: int, order: dict[str, Any]) -> None:
        self.code: int | None = None
        self.peak = self.most = 0
        self._pid = pid
        self._until = time.monotonic() + float(order["seconds"])
        self._memory, self._processes = int(order["memory"]), int(order["processes"])

    def until_it_ends(self) -> str:
        """Wait for the program, a limit, or the lifeline; returns "", `deadline`, `memory`, `processes` or `stopped`."""
        while True:
            if select.select([0], [], [], LOOK_EVERY)[0]:
                return "stopped"
            self._reap()
            family = self._family()
            self.most = max(self.most, len(family))
            if self.code is not None:
                return ""
            used = sum(_memory(pid) for pid in family)
            self.peak = max(self.peak, used)
            if len(family) > self._processes:
                return "processes"
            if used > self._memory:
                return "memory"
            if time.monotonic() > self._until:
                return "deadline"

    def end_all(self) -> None:
        """End the program and all that it started; the last word is SIGKILL until nothing is left."""
        until = time.monotonic() + ENDING
        while time.monotonic() < until:
            self._reap()
            family = self._family()
            if not family and self.code is not None:
                return
            # Stopped first: what forks as fast as it is killed would get away.
            for how in (signal.SIGSTOP, signal.SIGKILL):
                for pid in family:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, how)
            if self.code is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._pid, signal.SIGKILL)
            time.sleep(0.01)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self.code = os.waitstatus_to_exitcode(status)

    def _family(self) -> list[int]:
        if not LINUX:
            return _elsewhere()
        found, waiting = [], [os.getpid()]
        while waiting:
            for child in _children(waiting.pop()):
                found.append(child)
                waiting.append(child)
        return found


def _elsewhere() -> list[int]:
    """The living descendants of this process, where there is no /proc."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return [one.pid for one in psutil.Process().children(recursive=True)]
    return []


def _children(pid: int) -> list[int]:
    """The living and dead children of all threads of a process."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 -- one call, many times a second
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123
                found += [int(one) for one in file.read().split()]
    return found


def _memory(pid: int) -> int:
    """Bytes of a process, pages that several share counted once between them (on Linux); 0 where it has gone."""
    if not LINUX:
        import psutil

        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:  # noqa: PTH123
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    sys.exit(main())

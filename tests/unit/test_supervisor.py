"""The watch over a program where there is no /proc: what its whole family takes is seen, and all of it is ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edgetui.adapters.trial import supervisor

# The supervisor as it is elsewhere than on Linux.
ELSEWHERE = f"""
import sys
sys.path.insert(0, {str(Path(supervisor.__file__).parent)!r})
import supervisor
supervisor.LINUX = False
supervisor.main()
"""
CHILD = "import subprocess, sys, threading\n"
FILLS = "subprocess.run([sys.executable, '-c', 'import threading; x = bytearray(300 << 20); threading.Event().wait()'])"
STARTS = "for _ in range(20): subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()'])"
WAITS = "threading.Event().wait()"


@pytest.mark.parametrize(
    ("program", "why", "peak"),
    [(FILLS, "memory", 200 << 20), (f"{STARTS}\n{WAITS}", "processes", 1 << 20), (WAITS, "deadline", 1 << 20)],
    ids=["fills memory", "starts processes", "waits"],
)
def test_a_family_is_watched_and_ended_without_proc(tmp_path: Path, program: str, why: str, peak: int) -> None:
    mark = str(tmp_path / "mark")
    order = {
        "argv": [sys.executable, "-c", CHILD + program, mark],
        "env": {"MARK": mark},
        "cwd": str(tmp_path),
        "seconds": 2 if why == "deadline" else 60,
        "memory": 200 << 20,
        "processes": 10,
    }
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(writing)],
        stdin=subprocess.PIPE,
        pass_fds=(writing,),
    ) as running:
        os.close(writing)
        assert running.stdin is not None
        running.stdin.write(json.dumps(order).encode() + b"\n")
        running.stdin.flush()
        with os.fdopen(reading, "rb") as report:
            said = json.loads(report.read())
    assert said["why"] == why
    assert said["peak"] > peak
    assert [
        one.info["pid"] for one in psutil.process_iter(["pid", "environ"]) if mark in str(one.info["environ"])
    ] == []

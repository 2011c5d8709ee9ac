"""A sandbox that several edgetui use: it ends when the last of them leaves."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetui.command_line.sandbox_process import SandboxProcess, attached

PATIENCE = 60  # seconds
GUEST = """
import sys, pathlib
from edgetui.command_line.sandbox_process import SandboxProcess
one = SandboxProcess(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
print(one.variables()["EDGETUI_SANDBOX_ARM"], flush=True)
sys.stdin.read()
one.stop()
"""


def until(check: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def guest(state: Path, cache: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another edgetui on the same state folder, and the address that it uses."""
    command = [sys.executable, "-c", GUEST, str(state), str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_it_lives_as_long_as_anybody_uses_it(tmp_path: Path, sandbox_cache: Path) -> None:
    state = tmp_path / "happy"
    owner = SandboxProcess(state, sandbox_cache)
    address = owner.variables()["EDGETUI_SANDBOX_ARM"]
    with guest(state, sandbox_cache) as (first, seen), guest(state, sandbox_cache) as (second, also_seen):
        assert seen == also_seen == address
        owner.stop()
        assert attached(state), "it went with the one who started it"
        assert first.stdin is not None
        first.stdin.close()
        assert first.wait(PATIENCE) == 0
        assert attached(state), "it went with the first guest"
        second.kill()  # no goodbye
        second.wait()
        until(lambda: attached(state) is None)
        until(lambda: not (state / "sandbox.env").exists())


def test_a_guest_that_leaves_first_changes_nothing(tmp_path: Path, sandbox_cache: Path) -> None:
    state = tmp_path / "happy"
    owner = SandboxProcess(state, sandbox_cache)
    owner.variables()
    with guest(state, sandbox_cache) as (other, _):
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(PATIENCE) == 0
    assert attached(state)
    owner.stop()
    assert attached(state) is None
    assert not list((state / "guests").glob("*"))

"""The sandbox for tests: the real server in its own process, one for each pytest worker."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# Where byte code is not kept, each of the hundreds of processes that tests start compiles all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

START_LIMIT = 60  # seconds; a start takes less than one, but continuous integration may be very slow
STOP_LIMIT = 30


@dataclass
class Sandbox:
    """A running `python -m edgetui.sandbox`.

    Its `env` is what the env file exports; `stop()` ends it by the end of its stdin and returns the exit code.
    """

    process: subprocess.Popen[str]
    state: Path
    base_url: str
    env: dict[str, str] = field(repr=False)

    def child_env(self, **more: str) -> dict[str, str]:
        """The environment of a client process: this one's, without settings that would disturb, and the env file."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("EDGETUI_", "AZURE", "ARM_"))}
        return {**inherited, **self.env, **more}

    def stop(self, by: signal.Signals | None = None) -> int:
        if self.process.poll() is None:
            if by is not None:
                self.process.send_signal(by)
            elif self.process.stdin is not None:
                self.process.stdin.close()
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def read_env_file(path: Path) -> dict[str, str]:
    pairs = [shlex.split(line)[1].partition("=") for line in path.read_text().splitlines() if line]
    return {name: value for name, _, value in pairs}


def start_sandbox(state: Path, cache: Path, *options: str, **changed: Any) -> Sandbox:
    """Start a sandbox and wait for its ready line; fails with what it said instead.

    `changed` goes to `subprocess.Popen`, like `env` and `cwd`.
    """
    env_file = state.with_name(state.name + ".env")
    errors = state.with_name(state.name + ".stderr")
    command = [sys.executable, "-m", "edgetui.sandbox", "--state", str(state), "--cache", str(cache)]
    if "--engine" not in options:  # this machine may have one
        command += ["--engine", ""]
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--env-file", str(env_file), "--until-stdin-closes", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            **changed,
        )
    line = _first_line(process)
    if not line.startswith("ready "):
        process.kill()
        process.wait()
        pytest.fail(f"the sandbox did not start: {line!r} {errors.read_text()}")
    return Sandbox(process, state, line.removeprefix("ready ").strip(), read_env_file(env_file))


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first line of stdout, or '' at its end; the pipe is drained afterwards so that nothing ever blocks on it."""
    lines: queue.Queue[str] = queue.Queue()

    def drain() -> None:
        with contextlib.suppress(ValueError):
            for text in process.stdout or ():
                lines.put(text)
        lines.put("")

    threading.Thread(target=drain, daemon=True).start()
    try:
        return lines.get(timeout=START_LIMIT)
    except queue.Empty:
        return f"nothing within {START_LIMIT} s"


@pytest.fixture(scope="session")
def sandbox_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments and the installer's cache: shared by all workers, and by runs where EDGETUI_TEST_CACHE says so."""
    given = os.environ.get("EDGETUI_TEST_CACHE")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent  # each worker has a folder of its own in there
    return base / "sandbox-cache"


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, sandbox_cache: Path) -> Iterator[Sandbox]:
    """One seeded sandbox (scenario `happy`), shared by the tests of this worker."""
    running = start_sandbox(tmp_path_factory.mktemp("sandbox") / "state", sandbox_cache)
    yield running
    running.stop()


@pytest.fixture
def new_sandbox(tmp_path: Path, sandbox_cache: Path) -> Iterator[Callable[..., Sandbox]]:
    """A function that starts a sandbox of a test's own: `new_sandbox("--scenario", "empty-workspace", state=None)`."""
    started: list[Sandbox] = []

    def start(*options: str, state: Path | None = None) -> Sandbox:
        one = start_sandbox(state or tmp_path / f"state{len(started)}", sandbox_cache, *options)
        started.append(one)
        return one

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are processors, for `-n auto`: there is always a test that waits for a process of its own."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # xdist takes that
    return 1 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Leave all of a file's tests to one worker: what they share is made once, such as models in the worker's sandbox."""
    from xdist.scheduler import LoadFileScheduling

    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # as collected: the many quick files of tests/unit come last
    return LoadFileScheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the corpora: what was tried, expected, found, missed, and found where nothing is."""
    rows = [
        value
        for kind in ("passed", "failed")
        for report in terminalreporter.getreports(kind)
        for name, value in report.user_properties
        if name == "corpus"
    ]
    if rows:
        terminalreporter.section("corpora: problems in files of our own making")
        heads = ("", "tried", "expected", "found", "missed", "false alarms")
        for first, *numbers in (heads, *sorted(rows)):
            terminalreporter.write_line(f"{first:<28}" + "".join(f"{number!s:>14}" for number in numbers))

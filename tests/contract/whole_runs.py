"""Runs `edgetui` as a person would, with an own home, and watches every process that belongs to the run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.client_runs import EXAMPLE

LIMIT = 600.0  # seconds until a hung run is given up; the first environment is downloaded
WATCHER = Path(__file__).parent / "watch" / "sitecustomize.py"


@dataclass
class Ended:
    """How a run ended: its code, what it printed, and its events where it printed JSON."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Home:
    """A person's machine: home, edgetui's own folders, a copy of the example. `seen` maps pids to their argv and environ."""

    folder: Path
    cache: Path
    seen: dict[tuple[int, bytes], bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "watch/notes", "work"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy(WATCHER, self.folder / "watch")
        shutil.copytree(EXAMPLE, self.folder / "example")
        (self.folder / "edgetui").mkdir()
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.folder / "edgetui" / "cache").symlink_to(self.cache)

    @property
    def plan(self) -> Path:
        return self.folder / "example" / "plan.toml"

    @property
    def sandbox_state(self) -> Path:
        return self.folder / "edgetui" / "state" / "sandbox" / "happy"

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EDGETUI_", "AZURE", "ARM_"))}
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "EDGETUI_HOME": str(self.folder / "edgetui"),
            "PYTHONPATH": str(self.folder / "watch"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **(more or {}),
        }

    def start(self, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "edgetui", *arguments],
            cwd=self.folder / "work",
            env=self.env(more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, more: Mapping[str, str] | None = None) -> Ended:
        with self._watching(), self.start(*arguments, more=more) as process:
            try:
                out, err = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ended(process.returncode, out, err)

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Note argv and environment of every process of ours, as often as this machine allows."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.01):
                self.seen |= self.processes()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _ours(self) -> Iterator[tuple[int, bytes]]:
        mark = str(self.folder).encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (environ := (entry / "environ").read_bytes()):
                    yield int(entry.name), environ

    def processes(self) -> dict[tuple[int, bytes], bytes]:
        """Those of ours that run now: (pid, argv) to their environment."""
        found = {}
        for pid, environ in self._ours():
            with contextlib.suppress(OSError):
                found[pid, Path(f"/proc/{pid}/cmdline").read_bytes()] = environ
        return found

    def left_processes(self, limit: float = 20.0) -> list[str]:
        """The processes of ours that are still there after a while."""
        deadline = time.monotonic() + limit
        while (left := [pid for pid, _ in self._ours()]) and time.monotonic() < deadline:
            time.sleep(0.05)
        named = []
        for pid in left:
            with contextlib.suppress(OSError):
                named.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        return named

    def kill_left(self) -> None:
        for pid, _ in self._ours():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def secrets(self) -> dict[str, bytes]:
        """The sandbox's own: registry passwords, hub key, signing keys, and the token of its env file."""
        with contextlib.closing(sqlite3.connect(self.sandbox_state / "world.sqlite")) as world:
            rows = world.execute("SELECT key, value FROM documents WHERE kind='secret'").fetchall()
        return {key: json.loads(value)["value"].encode() for key, value in rows}

    def files_outside_the_sandbox(self) -> Iterator[Path]:
        for file in self.folder.rglob("*"):
            if file.is_file() and not file.is_relative_to(self.sandbox_state):
                yield file

    def notes(self) -> list[str]:
        """What the watched Python processes noted: `process …` once each, `left …` for connections that leave."""
        return [line for file in (self.folder / "watch" / "notes").iterdir() for line in file.read_text().splitlines()]

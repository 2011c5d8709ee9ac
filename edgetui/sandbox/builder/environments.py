"""Python environments by what they hold: a conda file's pip part, really installed, once, for builds and for devices."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetui.sandbox.builder import conda_file, installer
from edgetui.sandbox.builder.conda_file import Requirements
from edgetui.sandbox.children import Stopped, Stopper
from edgetui.sandbox.world import World

_MARKER = "edgetui-environment.json"  # written last: an environment without it is not there
_LOOK_AGAIN = 0.2  # seconds between two tries for a lock that another build holds
_MESSAGE_LIMIT = 8000  # characters

Log = Callable[[str], None]


class EnvironmentFailed(Exception):  # noqa: N818 -- a name that rooms share
    """The environment cannot be made; the text holds the installer's own words."""


@dataclass(frozen=True)
class Environment:
    """An installed environment.

    `path` is a venv, `key` the hash of what it was asked to hold, `python` its full version, `lock` what it holds
    (`name==version`, sorted), `reused` that nothing had to be installed.
    """

    path: Path
    key: str
    python: str
    lock: list[str]
    reused: bool


def ensure(world: World, conda: dict[str, Any], log: Log, stopper: Stopper | None = None) -> Environment:
    """Return the environment of a conda file; installs it unless that was done before.

    Safe to call at once from several threads and processes: one installs, the others wait for it.

    Args:
        world: whose cache holds the environments.
        conda: the conda file as data.
        log: gets the installer's lines as they come.
        stopper: ends the installation early.

    Raises:
        EnvironmentFailed: the conda file asks for what the sandbox cannot give, or the installer failed.
        Stopped: `stopper` was set.
        OSError: the disk.
    """
    work = stopper or Stopper()
    try:
        wanted = conda_file.read(conda)
    except ValueError as problem:
        raise EnvironmentFailed(str(problem)) from None
    if wanted.conda:
        names = ", ".join(wanted.conda)
        log(f"not installed: the sandbox has no conda: {names}")
        raise EnvironmentFailed(
            f"The sandbox has no conda, so it cannot install these conda packages: {names}. "
            "Move them under 'pip' in the environment's dependencies."
        )
    with _RUNNING.entered(work), tempfile.TemporaryDirectory(prefix="edgetui-uv-") as here:
        told: dict[str, str] = (world.get("setting", "builder") or {}).get("installer", {})
        uv = _Uv(work, installer.environment(world.cache / "uv", told=told), Path(here))
        interpreter, version = uv.interpreter(wanted.python, log)
        key = _key(wanted, version, told)
        folder = world.cache / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        with _Lock(folder / f"{key}.lock", work, log):
            known = _installed(folder / key, key)
            if known is None:
                _install(uv, wanted, interpreter, version, folder / key, log)
                known = _installed(folder / key, key, reused=False)
    if known is None:
        raise EnvironmentFailed(f"The environment {key} was made and cannot be used; see {folder / key}.")
    return known


def start() -> None:
    """Allow installations again after `stop()`."""
    _RUNNING.open()


def stop() -> None:
    """End all installations, whoever asked for them."""
    _RUNNING.stop_all()


class _Running:
    """The installations of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stoppers: list[Stopper] = []
        self._stopped = False

    def entered(self, stopper: Stopper) -> _Entered:
        return _Entered(self, stopper)

    def open(self) -> None:
        with self._lock:
            self._stopped = False

    def add(self, stopper: Stopper) -> None:
        with self._lock:
            if self._stopped:
                raise Stopped
            self._stoppers.append(stopper)

    def remove(self, stopper: Stopper) -> None:
        with self._lock:
            self._stoppers.remove(stopper)

    def stop_all(self) -> None:
        with self._lock:
            self._stopped = True
            stoppers = list(self._stoppers)
        for stopper in stoppers:
            stopper.set()


class _Entered:
    def __init__(self, running: _Running, stopper: Stopper) -> None:
        self._running, self._stopper = running, stopper

    def __enter__(self) -> None:
        self._running.add(self._stopper)

    def __exit__(self, *_: object) -> None:
        self._running.remove(self._stopper)


_RUNNING = _Running()


class _Lock:
    """A lock between processes that says when it waits, and stops waiting when the work is to stop."""

    def __init__(self, file: Path, work: Stopper, log: Log) -> None:
        from filelock import FileLock

        self._lock, self._work, self._log = FileLock(file), work, log

    def __enter__(self) -> None:
        if self._taken():
            return
        self._log("Waiting for another build that installs the same environment")
        while not self._taken():
            self._work.wait(_LOOK_AGAIN)

    def _taken(self) -> bool:
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Uv:
    """The installer, run for one piece of work."""

    def __init__(self, work: Stopper, env: dict[str, str], here: Path) -> None:
        self._work, self._env, self.here, self._program = work, env, here, installer.program()

    def run(self, *arguments: str, log: Log | None = None) -> list[str]:
        """Run it and return its lines; each goes to `log` as it comes.

        Raises:
            EnvironmentFailed: it failed; the text is what it said.
        """
        lines: list[str] = []

        def line(text: str) -> None:
            lines.append(text)
            if log:
                log(text)

        code = self._work.run([self._program, *arguments], self._env, self.here, line)
        if code:
            raise EnvironmentFailed(_own_words(lines) or f"uv ended with code {code}")
        return lines

    def interpreter(self, wanted: str, log: Log) -> tuple[str, str]:
        """Return (path, full version) of the Python to use: the wanted one if this machine has it, else our own."""
        own = ".".join(str(part) for part in sys.version_info[:3])
        if not wanted or f"{own}.".startswith(f"{wanted}."):
            return sys.executable, own
        try:
            # Without --system it would find the venv that it is called from.
            found = self.run("python", "find", "--system", "--no-project", "--no-python-downloads", wanted)[-1].strip()
            asked = [found, "-I", "-c", "import platform; print(platform.python_version())"]
            said: list[str] = []
            code = self._work.run(asked, self._env, self.here, said.append)
        except (EnvironmentFailed, IndexError, OSError):
            code = 1
        if code == 0 and said:
            return found, said[-1].strip()
        log(f"WARNING: the environment asks for python {wanted}; this sandbox has {own} and uses it")
        return sys.executable, own


def _install(uv: _Uv, wanted: Requirements, interpreter: str, version: str, target: Path, log: Log) -> None:
    """Make the environment beside its place, then move it there whole."""
    for old in target.parent.glob(f".{target.name}.*"):  # an installation that was killed; we hold the lock
        shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        shutil.rmtree(target)
    making = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        # Relocatable: its programs find their Python after the move.
        uv.run("venv", "--relocatable", "--no-project", "--python", interpreter, str(making))
        if wanted.pip:
            listed = uv.here / "requirements.txt"
            listed.write_text("".join(f"{line}\n" for line in wanted.pip), encoding="utf-8")
            python = str(making / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
            uv.run("pip", "install", "--python", python, "--requirement", str(listed), log=_shown(log, making))
            lock = uv.run("pip", "freeze", "--python", python, "--quiet")
        else:
            log("The environment has no pip packages")
            lock = []
        marker = {"python": version, "lock": sorted(line for line in lock if line and not line.startswith("Using "))}
        (making / _MARKER).write_text(json.dumps(marker, indent=1), encoding="utf-8")
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _installed(path: Path, key: str, *, reused: bool = True) -> Environment | None:
    """Return the finished environment, None when there is none or its interpreter is gone."""
    try:
        marker = json.loads((path / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not (path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")).exists():
        return None
    return Environment(path, key, marker["python"], marker["lock"], reused)


def _key(wanted: Requirements, version: str, told: dict[str, str]) -> str:
    # What a scenario tells the installer counts: an environment from before would hide that it cannot be made now.
    content = json.dumps(
        {"pip": wanted.pip, "python": version, **({"installer": told} if told else {})}, sort_keys=True
    )
    return hashlib.sha256(content.encode()).hexdigest()


def _shown(log: Log, making: Path) -> Log:
    """Return a log that leaves out the line about a folder that will have another name in a moment."""
    return lambda line: None if str(making) in line and line.startswith("Using ") else log(line)


def _own_words(lines: list[str]) -> str:
    """Return the installer's error: from the line where it begins to the end."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith(("error:", "\u00d7")):
            return "\n".join(lines[number:]).strip()[:_MESSAGE_LIMIT]
    return "\n".join(lines[-20:]).strip()[:_MESSAGE_LIMIT]

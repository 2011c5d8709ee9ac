"""Python environments for trials: a conda file's pip part, installed by uv, cached by what it holds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import uuid
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetui.adapters.trial import uv_program
from edgetui.adapters.trial.supervised import Limits, Supervised
from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, LogLine, Progress
from edgetui.core.models import PackageIndex

INSTALLING = 900.0  # seconds
_MARKER = "edgetui-environment.json"  # written last: an environment without it is not there
_LOOK_AGAIN = 0.2  # seconds between two tries for a lock that another trial holds
_KEPT = 8  # environments; the ones not used for longest go


@dataclass(frozen=True)
class TrialEnvironment:
    """An installed environment: its Python program and that Python's version."""

    python: Path
    version: str


class TrialEnvironments:
    """Environments below `cache`."""

    def __init__(self, cache: Path, seconds: float = INSTALLING) -> None:
        self._folder, self._uv, self._seconds = cache / "trial-environments", cache / "uv", seconds

    def ensure(
        self, requirements: Sequence[str], python: str, index: PackageIndex | None = None
    ) -> Generator[Event, None, TrialEnvironment]:
        """Give the environment with these requirements, from `index`; installs it unless that was done before.

        Raises:
            EdgeError: it cannot be installed; the detail is uv's own words.
        """
        from filelock import FileLock, Timeout

        interpreter, version = yield from self._interpreter(python)
        origin = {"index": index.url} if index is not None and index.url else {}
        content = json.dumps({"pip": sorted(requirements), "python": version, "at": interpreter, **origin})
        target = self._folder / hashlib.sha256(content.encode()).hexdigest()[:32]
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(target.with_suffix(".lock"))
        waiting = False
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                if not waiting:
                    waiting = True
                    yield Progress("script", "waiting for another trial that installs the same environment")
                if current().wait(_LOOK_AGAIN):
                    raise cancelled("Installing the environment") from None
        try:
            if not (target / _MARKER).exists() or not _python_of(target).exists():
                yield from self._install(requirements, interpreter, target, index)
            os.utime(target / _MARKER)
        finally:
            lock.release()
        self._tidy(target)
        return TrialEnvironment(_python_of(target), version)

    def _interpreter(self, wanted: str) -> Generator[Event, None, tuple[str, str]]:
        """The wanted Python if this machine has it, else our own."""
        own = ".".join(str(part) for part in sys.version_info[:3])
        if not wanted or f"{own}.".startswith(f"{wanted}."):
            return sys.executable, own
        find = ["python", "find", "--system", "--no-project", "--no-python-downloads", wanted]
        with self._program(find, 30.0) as running:
            running.wait()
            found = next(iter(reversed(running.output.tail)), "")
        if Path(found).is_file():
            ask = [found, "-I", "-c", "import platform; print(platform.python_version())"]
            with Supervised(ask, uv_program.environment(self._uv), Path("/"), Limits(30.0)) as running:
                code = running.wait().code
                said = next(iter(running.output.tail), "").strip()
            if code == 0 and said.startswith(wanted):
                return found, said
        yield LogLine("script", f"this machine has no Python {wanted}; the trial uses {own}")
        return sys.executable, own

    def _install(
        self, requirements: Sequence[str], interpreter: str, target: Path, index: PackageIndex | None
    ) -> Generator[Event, None, None]:
        for old in self._folder.glob(f".{target.name}.*"):  # an installation that was killed; we hold the lock
            shutil.rmtree(old, ignore_errors=True)
        if target.exists():
            shutil.rmtree(target)
        making = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
        yield Progress("script", f"installing {len(requirements)} packages for the trial")
        try:
            yield from self._run(
                ["venv", "--relocatable", "--no-project", "--quiet", "--python", interpreter, str(making)]
            )
            listed = making / "requirements.txt"
            listed.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
            python = str(_python_of(making))
            yield from self._run(["pip", "install", "--python", python, "--requirement", str(listed)], index)
            (making / _MARKER).write_text(json.dumps(sorted(requirements)), encoding="utf-8")
            making.rename(target)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def _run(self, arguments: list[str], index: PackageIndex | None = None) -> Generator[Event, None, None]:
        said: list[str] = []
        with self._program(arguments, self._seconds, index) as running:
            for one in running.happenings():
                if isinstance(one, str):
                    said.append(one)
                    yield LogLine("script", one)
                else:
                    ended = one
        if ended.why:
            why = f"it took longer than {self._seconds:.0f} s" if ended.why == "deadline" else ended.why
            raise EdgeError("The environment cannot be installed for the trial", why, retryable=True)
        if ended.code:
            start = next((n for n, line in enumerate(said) if line.lstrip().startswith(("error:", "\u00d7"))), -20)
            words = "\n".join(said[start:])[:4000]
            remedy = "Correct the environment file; `edgetui check --resolve` says more"
            raise EdgeError(
                "The environment cannot be installed for the trial", words, remedy, field="scoring.environment"
            )

    def _program(self, arguments: list[str], seconds: float, index: PackageIndex | None = None) -> Supervised:
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [uv_program.program(), *arguments]
        environment = uv_program.environment(self._uv, index=index)
        return Supervised(command, environment, self._folder, Limits(seconds, processes=1000))

    def _tidy(self, used: Path) -> None:
        """Remove what was not used for longest, so that edits of an environment do not fill the disk."""
        from filelock import FileLock, Timeout

        known = sorted(self._folder.glob(f"*/{_MARKER}"), key=lambda marker: marker.stat().st_mtime, reverse=True)
        for marker in known[_KEPT:]:
            if marker.parent == used:
                continue
            try:
                with FileLock(marker.parent.with_suffix(".lock"), timeout=0):
                    shutil.rmtree(marker.parent, ignore_errors=True)
            except Timeout:
                continue


def _python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

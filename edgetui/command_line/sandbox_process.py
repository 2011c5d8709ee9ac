"""The sandbox as a child of this process: started in the background, attached to where one runs already, never left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from edgetui.core.amounts import size_text
from edgetui.core.errors import EdgeError, bad_input

DEFAULT = "happy"
_ROOM = 4_000_000  # bytes that a new sandbox writes before it answers
START_LIMIT = 60.0  # seconds; a start takes about one
ATTACH_LIMIT = 10.0  # seconds for the sandbox of another edgetui to come up
STOP_LIMIT = 5.0  # seconds; the sandbox itself gives up after 2.5


def attached(state: Path) -> dict[str, str] | None:
    """The variables of a sandbox that runs on this state folder, or None where none answers."""
    import http.client  # late: with TLS it costs more than the rest of this module, and a new sandbox needs neither
    import ssl
    from urllib.parse import urlsplit

    try:
        variables = read_env_file(state / "sandbox.env")
        address = urlsplit(variables["EDGETUI_SANDBOX_ARM"])
        trust = ssl.create_default_context(cafile=variables["REQUESTS_CA_BUNDLE"])
        call = http.client.HTTPSConnection(address.hostname or "", address.port, timeout=5, context=trust)
        with contextlib.closing(call):
            call.request("GET", "/")
            return variables if call.getresponse().status == 200 else None
    except (OSError, KeyError, ValueError, http.client.HTTPException):
        return None


def read_env_file(path: Path) -> dict[str, str]:
    """Read the `export NAME=value` lines that the sandbox writes."""
    pairs = [shlex.split(line)[-1].partition("=") for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {name: value for name, _, value in pairs}


class SandboxProcess:
    """One sandbox for the time of this process.

    `start()` returns at once; `variables()` waits until the sandbox is ready. When this process ends, however it ends,
    the child sees the end of its stdin and stops with all that it started, unless another edgetui uses it: then it stops
    when the last one leaves. An attached sandbox belongs to somebody else; we stay there as a guest.
    """

    def __init__(self, state: Path, cache: Path, scenario: str = DEFAULT) -> None:
        self.state, self.cache, self.scenario = state, cache, scenario
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._started = self._stopped = False
        self._process: subprocess.Popen[str] | None = None
        self._variables: dict[str, str] = {}
        self._error: EdgeError | None = None
        self._stay = contextlib.ExitStack()  # as a guest

    def start(self) -> None:
        """Begin in the background; safe to call more than once."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._start, name="sandbox", daemon=True).start()

    def variables(self) -> Mapping[str, str]:
        """What the env file exports, once the sandbox answers.

        Raises:
            EdgeError: it cannot start; or it did not within the limit.
        """
        self.start()
        if not self._ready.wait(START_LIMIT + ATTACH_LIMIT):
            raise self._failed(f"nothing was heard of it for {START_LIMIT:.0f} s")
        if self._error:
            raise self._error
        return self._variables

    def stop(self) -> None:
        """End it and wait until it is gone; where another edgetui uses it, it goes on."""
        from edgetui.sandbox import guests

        with self._lock:
            self._stopped = True
            process = self._process
        self._stay.close()
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        if guests.present(self.state):
            return
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        try:
            found = self._attached()
            self._variables = found if found is not None else self._launched()
        except EdgeError as error:
            self._error = error
        except OSError as problem:
            self._error = self._failed(problem.strerror or str(problem))
        finally:
            self._ready.set()

    def _attached(self) -> dict[str, str] | None:
        """The sandbox that runs here already, of which we are a guest from now on, or None."""
        if not (self.state / "sandbox.env").exists():
            return None
        from edgetui.sandbox import guests

        with contextlib.ExitStack() as stay:
            stay.enter_context(guests.staying(self.state))  # before we look: it must not end in between
            found = attached(self.state)
            with self._lock:
                if found is not None and not self._stopped:
                    self._stay.push(stay.pop_all())
        return found

    def _launched(self) -> dict[str, str]:
        """Start the child and wait for its ready line."""
        self.state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        said = self.state.with_name(self.state.name + ".stderr")
        command = [sys.executable, "-m", "edgetui.sandbox", "--until-stdin-closes", "--scenario", self.scenario]
        with said.open("wb") as errors, self._lock:
            if self._stopped:
                raise self._failed("edgetui is ending")
            self._process = subprocess.Popen(
                [*command, "--state", str(self.state), "--cache", str(self.cache)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                # Ctrl+C in the terminal is for us; we end the sandbox when the job has let go of it.
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if not name.startswith("EDGETUI_SANDBOX_")},
            )
        assert self._process.stdout is not None  # noqa: S101 -- it is a pipe
        # The pipe's end comes when the child ends, so a start that fails is seen at once; one that hangs, by variables().
        line = self._process.stdout.readline()
        if line.startswith("ready "):
            threading.Thread(target=self._process.stdout.read, name="sandbox output", daemon=True).start()
            return read_env_file(self.state / "sandbox.env")
        words = said.read_text(encoding="utf-8", errors="replace").strip()
        if "another sandbox is using" in words and (found := self._other()) is not None:
            return found
        if "there is no scenario" in words or "already holds scenario" in words:
            raise bad_input("--sandbox", words.removeprefix("edgetui sandbox: "), "Name one of those that there are.")
        raise self._failed(words.removeprefix("edgetui sandbox: ") or "it ended without a word")

    def _other(self) -> dict[str, str] | None:
        """The sandbox that somebody else is starting on the same folder just now."""
        deadline = time.monotonic() + ATTACH_LIMIT
        while (found := self._attached()) is None and time.monotonic() < deadline and not self._stopped:
            time.sleep(0.1)
        return found

    def _failed(self, words: str) -> EdgeError:
        free = shutil.disk_usage(_existing(self.state)).free
        if free < _ROOM:
            return EdgeError(
                f"The disk is full: the sandbox needs room in {self.state}",
                f"{size_text(free)} are free; it needs {size_text(_ROOM)} to start, and more for environments",
                "Free some, or set EDGETUI_HOME to a folder on another disk.",
                retryable=True,
            )
        return EdgeError(
            "The sandbox cannot start",
            words,
            f"Free what it needs, or look into {self.state.with_name(self.state.name + '.stderr')}, and start again.",
            retryable=True,
        )


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder

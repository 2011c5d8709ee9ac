"""One child process that hosts adapters: how it is started, spoken to, and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from edgetui.adapters.cloud import Cloud
from edgetui.adapters.errors import short
from edgetui.adapters.files.own_folder import claim
from edgetui.adapters.hosting.messages import GRACE, Cancel, Start

_WORDS_LIMIT = 256 * 1024  # bytes of an idle child's stderr that are kept

# What a child gets of our environment; everything else may be a secret that it does not need.
_PASSED = frozenset(
    [
        "PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "USER",
        "LOGNAME",
        "LD_LIBRARY_PATH",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONUTF8",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ]
)


class ChildGoneError(Exception):
    """The child ended; the text says how."""


class InterruptedReceive(Exception):  # noqa: N818 -- no failure: somebody asked for it
    """`interrupt` was called while, or before, somebody received."""


class ChildProcess:
    """A running `python -m edgetui.adapters.hosting.child`. One thread at a time calls `receive`."""

    def __init__(
        self,
        name: str,
        cloud: Cloud,
        children: Path,
        targets: tuple[str, ...],
        options: dict[str, Any],
        *,
        private_home: bool,
        pass_env: tuple[str, ...],
    ) -> None:
        self.name = name
        self._ending = threading.Lock()
        self._sending = threading.Lock()
        self._folder, self._lock = _private_folder(children, name.replace(" ", "-"))
        self._words = self._folder / "stderr"
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._wake_read, self._wake_write = Pipe(duplex=False)
        with theirs, self._words.open("ab") as words:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edgetui.adapters.hosting.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                env=_environment(os.environ, cloud, self._folder, private_home=private_home, pass_env=pass_env),
                cwd="/",  # azureml-core registers only what lies below the current directory
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # the terminal's signals are for the app; killing takes the whole group
            )
        self.send(Start(cloud, self._folder, targets, options))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def send(self, message: object) -> None:
        """Send one message, from any thread. Raises ChildGoneError."""
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:
            raise ChildGoneError(self._last_words()) from None

    def receive(self, seconds: float) -> Any:
        """Wait for the next message. Raises TimeoutError, ChildGoneError, InterruptedReceive."""
        ready = wait([self._connection, self._wake_read], max(0.0, seconds))
        if self._wake_read in ready:
            raise InterruptedReceive
        if not ready:
            raise TimeoutError
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise ChildGoneError(self._last_words()) from None

    def interrupt(self) -> None:
        """Make `receive` raise, from any thread; the child can only be ended afterwards."""
        with contextlib.suppress(OSError):
            self._wake_write.send(None)

    def trim(self) -> None:
        """Forget what an idle child wrote to stderr, where it is much."""
        with contextlib.suppress(OSError):
            if self._words.stat().st_size > _WORDS_LIMIT:
                os.truncate(self._words, 0)

    def abandon(self) -> None:
        """End it: it may first end what it began elsewhere. Returns at once."""
        with contextlib.suppress(ChildGoneError, ValueError):
            self.send(Cancel())  # here, not in the thread: the app may be gone before that runs
        threading.Thread(target=self.end, args=(GRACE,), daemon=True).start()

    def end(self, grace: float = 0.0) -> None:
        """End it and all that it started, after at most `grace` seconds, and remove its folder. More than once is fine."""
        with self._ending:
            if grace > 0 and self.alive:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(grace)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1
            self.interrupt()

    def _last_words(self) -> str:
        """How the child ended, and the first line that it wrote about it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        how = f"exit code {code}" if code is None or code >= 0 else f"signal {signal.Signals(-code).name}"
        with contextlib.suppress(OSError):
            lines = self._words.read_text("utf-8", "replace").splitlines()[-40:]
            said = [line for line in lines if line and not line[0].isspace() and not line.startswith("Traceback")]
            fatal = next((line for line in said if line.startswith("Fatal")), said[-1] if said else "")
            return short(f"{how}: {fatal}" if fatal else how)
        return how


def _private_folder(children: Path, name: str) -> tuple[Path, int]:
    """Claim a folder for one child, with room for its temporary files and for a home of its own."""
    folder, lock = claim(children, name)
    for inner in ("tmp", "home"):
        (folder / inner).mkdir(mode=0o700)
    return folder, lock


def _environment(
    ours: Mapping[str, str], cloud: Cloud, folder: Path, *, private_home: bool, pass_env: tuple[str, ...]
) -> dict[str, str]:
    """The child's environment; names in `pass_env` that end with `_` are prefixes."""
    prefixes = tuple(name for name in pass_env if name.endswith("_"))
    env = {
        name: value
        for name, value in ours.items()
        if name.upper() in _PASSED
        or name.startswith("LC_")
        or name in pass_env
        or (prefixes and name.startswith(prefixes))
    }
    env |= cloud.sdk_env
    env |= {"TMPDIR": str(folder / "tmp"), "PYTHONWARNINGS": "ignore", "PYTHONSAFEPATH": "1"}
    if private_home:
        # azureml-core writes ~/.azureml and reuses addresses from $AZURE_CONFIG_DIR that may be of another day.
        env |= {"HOME": str(folder / "home"), "AZURE_CONFIG_DIR": str(folder / "home" / ".azure")}
    elif "HOME" in ours:
        env["HOME"] = ours["HOME"]
    return env

"""An adapter for the tests of hosting: it does what SDKs do to us."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import requests

from edgetui.adapters.context import Context
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, LogLine


class Odd(Protocol):
    """A port of nothing in particular."""

    def echo(self, value: Any) -> Any: ...
    def count(self, upto: int) -> Iterator[Event]: ...
    def fail(self, how: str) -> None: ...
    def crash(self, how: str) -> None: ...
    def hang(self) -> None: ...
    def fetch(self, url: str) -> None: ...
    def place(self) -> dict[str, Any]: ...
    def token(self, scope: str) -> tuple[str, int]: ...
    def drip(self, mark: str) -> Iterator[Event]: ...
    def ends_slowly(self, pipe: str) -> Iterator[Event]: ...
    def offspring(self) -> Iterator[Event]: ...


class Adapter:
    def __init__(self, context: Context) -> None:
        self._context = context

    def echo(self, value: Any) -> Any:
        print("SDKs print", value)
        print("and log", value, file=sys.stderr)
        return value

    def count(self, upto: int) -> Iterator[Event]:
        for number in range(upto):
            yield LogLine("image", str(number))

    def fail(self, how: str) -> None:
        if how == "edge":
            raise EdgeError("Plain", "detail", "remedy", retryable=True, field="model.name", kind="input")
        if how == "unpicklable":
            raise ValueError(threading.Lock(), "sig=abc")
        response = requests.Response()
        response.status_code = 403
        response._content = b'{"error":{"code":"Forbidden","message":"no role; SharedAccessKey=hunter2"}}'
        raise requests.HTTPError("403 Client Error", response=response)

    def crash(self, how: str) -> None:
        if how == "segfault":
            ctypes.string_at(0)
        os._exit(7)

    def hang(self) -> None:
        threading.Event().wait()

    def fetch(self, url: str) -> None:
        requests.get(url)  # noqa: S113 -- like the SDK, without a timeout

    def place(self) -> dict[str, Any]:
        Path(tempfile.mkstemp()[1]).write_text("left behind")
        (Path.home() / ".sdk").write_text("state")
        return {
            "cwd": str(Path.cwd()),
            "env": dict(os.environ),
            "folder": str(self._context.folder),
            "pid": os.getpid(),
        }

    def token(self, scope: str) -> tuple[str, int]:
        return self._context.token(scope)

    def drip(self, mark: str) -> Iterator[Event]:
        with cancel.current().on_cancel(lambda: Path(mark).write_text("cleaned up")):
            yield LogLine("image", "first")
            threading.Event().wait()

    def ends_slowly(self, pipe: str) -> Iterator[Event]:
        with cancel.current().on_cancel(lambda: Path(f"{pipe}.ended").write_text(Path(pipe).read_text())):
            yield LogLine("image", str(os.getpid()))
            threading.Event().wait()

    def offspring(self) -> Iterator[Event]:
        sleeper = subprocess.Popen(["sleep", "600"])
        yield LogLine("image", f"{os.getpid()} {sleeper.pid}")
        sleeper.wait()


def create(context: Context) -> Adapter:
    return Adapter(context)

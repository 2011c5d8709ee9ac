"""Put first on PYTHONPATH, this notes what a process opens for writing and where it connects, as lines of a file."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_OUT = os.open(os.environ["AUDIT_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_TARGET = {"os.mkdir": 0, "os.rename": 1, "os.symlink": 1, "os.link": 1, "os.truncate": 0, "sqlite3.connect": 0}


def _note(kind: str, what: Any) -> None:
    if isinstance(what, bytes):
        what = os.fsdecode(what)
    os.write(_OUT, (json.dumps([kind, str(what)]) + "\n").encode())


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = args
        if not isinstance(path, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _note("write", os.path.abspath(path))  # noqa: PTH100 -- pathlib would open more while it is imported
    elif event in _TARGET:
        _note("write", os.path.abspath(args[_TARGET[event]]))  # noqa: PTH100
    elif event in {"socket.connect", "socket.bind", "socket.sendto"}:
        _note("address", args[1][0] if isinstance(args[1], tuple) else "unix")
    elif event == "socket.getaddrinfo":
        _note("address", args[0])


sys.addaudithook(_hook)

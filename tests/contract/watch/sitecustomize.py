"""For whole runs of edgetui: every Python process notes itself, and each connection that would leave this machine.

Copied into a folder of a test, which stands on PYTHONPATH; notes go into `notes` beside it.
"""

import contextlib
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

_NOTES = Path(__file__).parent / "notes"


def _note(text: str) -> None:
    with contextlib.suppress(OSError), (_NOTES / str(os.getpid())).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def _inside(host: str) -> bool:
    try:
        return host in {"localhost", "None", ""} or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = str(args[1][0])
    elif event == "socket.getaddrinfo":
        host = str(args[0])
    else:
        return
    if not _inside(host):
        _note(f"left {event} {host}")


_note("process " + " ".join(getattr(sys, "orig_argv", [])))
sys.addaudithook(_hook)

"""For client scripts: note every connection and name lookup that would leave this machine."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

LEFT: list[str] = []
CALLS: list[str] = []


def watch() -> None:
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        _note(event, str(args[1][0]))
    elif event == "socket.getaddrinfo":
        _note(event, str(args[0]))


def _note(event: str, host: str) -> None:
    CALLS.append(event)
    try:
        inside = host in {"localhost", "None", ""} or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        LEFT.append(f"{event} {host}")

"""What the kernel says of a process and its children: who they are, and where their sockets are."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import struct
from pathlib import Path

PROC = Path("/proc")
_INODE = re.compile(r"socket:\[(\d+)\]")


def tree(root: int) -> dict[int, str]:
    """Return the command lines of a process and all that descend from it, by process id."""
    parents, commands = {}, {}
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(entry.name)
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            commands[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found if pid in commands}


def mentioning(text: str) -> list[str]:
    """Return the command lines of all processes that have a text in their command line or their environment."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if text.encode() in command + (entry / "environ").read_bytes():
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line]


def addresses(pids: dict[int, str]) -> set[str]:
    """Return the addresses, local and remote, of all internet sockets of these processes."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for handle in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    match = _INODE.fullmatch(str(handle.readlink()))
                    inodes |= {match[1]} if match else set()
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                found |= {_address(part) for part in fields[1:3] if not part.endswith(":0000")}
    return found


def _address(text: str) -> str:
    raw = bytes.fromhex(text.partition(":")[0])
    words = struct.unpack(f"<{len(raw) // 4}I", raw)
    packed = struct.pack(f">{len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET6 if len(packed) == 16 else socket.AF_INET, packed)


def is_loopback(address: str) -> bool:
    """Say whether an address or a host's name is this machine's own."""
    if address in {"localhost", "unix"}:
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback

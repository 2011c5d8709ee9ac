"""What crosses between the app and a child process that hosts adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.adapters.cloud import Cloud
from edgetui.core.errors import EdgeError

GRACE = 20.0  # seconds that a cancelled child has to end what it began elsewhere; nobody waits for it


@dataclass(frozen=True)
class Start:
    """The first message to a child: what its adapters get, and which modules to import before it is ready."""

    cloud: Cloud
    folder: Path
    targets: tuple[str, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """Run a method of the adapter that `target` (`module:maker`) makes. `repr` shows no argument: it may be a secret."""

    target: str
    method: str
    args: tuple[Any, ...] = field(repr=False)
    keywords: dict[str, Any] = field(repr=False)
    streams: bool
    doing: str


@dataclass(frozen=True)
class Cancel:
    """End what is running: clean up what the adapter can, then vanish."""


@dataclass(frozen=True)
class Ready:
    """The child has imported its modules."""


@dataclass(frozen=True)
class Emitted:
    """The next items of a stream."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Done:
    """The end of a call, with its result; None at the end of a stream."""

    value: Any = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """The end of a call, or the answer to `TokenWanted`, by failure."""

    error: EdgeError


@dataclass(frozen=True)
class TokenWanted:
    """The child needs a bearer token for a scope to go on."""

    scope: str


@dataclass(frozen=True)
class Token:
    """The answer to `TokenWanted`; `expires` in seconds since 1970."""

    token: str = field(repr=False)
    expires: int

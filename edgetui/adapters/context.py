"""What an adapter gets when it is made: `create(context) -> adapter`, in the child process that hosts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetui.adapters.cloud import Cloud


@dataclass(frozen=True)
class Context:
    """The outside of a hosted adapter.

    Attributes:
        cloud: The Azure to talk to.
        token: `token(scope)` gives a bearer token and when it expires (seconds since 1970); it blocks while somebody
            signs in and raises EdgeError(kind='access') where nobody can. Safe to call from any thread.
        folder: A private folder that is removed when the child ends.
        options: What `bootstrap` sets for this adapter: plain values, no secrets.
    """

    cloud: Cloud
    token: Callable[[str], tuple[str, int]]
    folder: Path = Path()
    options: Mapping[str, Any] = field(default_factory=dict)

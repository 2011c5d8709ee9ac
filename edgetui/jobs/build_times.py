"""How long a build takes: as long as the last one alike, of the same environment, by the same builder, for the same platform.

The first one makes the environment; those after it find it made, and take seconds where that took minutes.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources

_LENGTH = 16  # characters of a key
_AGAIN = "-again"


class Expected(NamedTuple):
    """What the next build will take: 0.0 `seconds` where nobody knows; `most` where only the first build tells."""

    seconds: float = 0.0
    most: bool = False


def key(plan: Plan, results: Results, ports: Ports) -> str:
    """What the next build has in common with those that take alike, as a short fingerprint.

    Raises:
        EdgeError: the environment file cannot be read.
    """
    first, again = _keys(plan, ports)
    return again if first in results.build_seconds or again in results.build_seconds else first


def expected(plan: Plan, results: Results, ports: Ports) -> Expected:
    """How long the next build will take."""
    known = results.build_seconds
    if not (plan.scoring.environment and known):
        return Expected()
    try:
        first, again = _keys(plan, ports)
    except EdgeError:
        return Expected()  # the file is told about where it is used
    return Expected(known[again]) if again in known else Expected(known.get(first, 0.0), first in known)


def _keys(plan: Plan, ports: Ports) -> tuple[str, str]:
    """Of the build that makes the environment, and of those that find it."""
    path = resources.path(plan, plan.scoring.environment)
    file = ports.files.fingerprint(path, "scoring.environment")
    whole = f"{file} {plan.image.builder} {plan.image.platform}"
    first = hashlib.sha256(whole.encode()).hexdigest()[:_LENGTH]
    return first, first + _AGAIN

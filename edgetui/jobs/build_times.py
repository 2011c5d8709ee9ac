"""How long a build takes: as long as the last one of the same environment, by the same builder, for the same platform."""

from __future__ import annotations

import hashlib

from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.core.results import Results
from edgetui.jobs import resources

_LENGTH = 16  # characters of a key


def key(plan: Plan, ports: Ports) -> str:
    """What builds that take alike have in common, as a short fingerprint.

    Raises:
        EdgeError: the environment file cannot be read.
    """
    path = resources.path(plan, plan.scoring.environment)
    file = ports.files.fingerprint(path, "scoring.environment")
    whole = f"{file} {plan.image.builder} {plan.image.platform}"
    return hashlib.sha256(whole.encode()).hexdigest()[:_LENGTH]


def expected(plan: Plan, results: Results, ports: Ports) -> float:
    """Seconds that the next build will take, 0.0 where nothing like it was built."""
    if not (plan.scoring.environment and results.build_seconds):
        return 0.0
    try:
        return results.build_seconds.get(key(plan, ports), 0.0)
    except EdgeError:
        return 0.0  # the file is told about where it is used

"""How fast the sandbox's devices act; a document, so that a test or a scenario can make them faster."""

from __future__ import annotations

from dataclasses import dataclass, fields

from edgetui.sandbox.world import World


@dataclass(frozen=True)
class EdgeSettings:
    """Times in seconds."""

    backoff: float = 10.0  # the first wait before a restart; doubles up to 30 times itself, as edgeAgent's 10 and 300
    pull_timeout: float = 60.0  # after which the agent reports a pull that still goes on as canceled
    simulated_delay: float = 1.0  # until a simulated device reports

    @property
    def longest_backoff(self) -> float:
        """The cap of the wait."""
        return self.backoff * 30

    @property
    def intensive_care(self) -> float:
        """After this long in good health restarts are counted from zero again; 10 minutes with the agent's own base."""
        return self.backoff * 60


def load(world: World) -> EdgeSettings:
    """Return the settings, from document ("setting", "edge") where it has some."""
    known = world.get("setting", "edge") or {}
    return EdgeSettings(**{one.name: float(known[one.name]) for one in fields(EdgeSettings) if one.name in known})

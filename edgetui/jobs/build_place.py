"""Where to mend what made a build fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetui.core import build_places
from edgetui.core.errors import EdgeError
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources


@dataclass(frozen=True)
class Place:
    """A file of step 3 by its name in the plan, its path as the plan writes it, and the line (from 1; 0: the file as a whole)."""

    name: Literal["script", "environment"]
    path: str
    line: int


def place(plan: Plan, error: EdgeError, log: list[str], ports: Ports) -> Place | None:
    """The place that a build's failure speaks of; None where it is in neither file."""
    said = (error.title, error.detail, build_places.telling(log))
    script = plan.scoring.script
    if error.field == "scoring.environment":
        text = ports.files.read_text(resources.path(plan, plan.scoring.environment), error.field)
        return Place("environment", plan.scoring.environment, build_places.environment_line(text, *said))
    if error.field == "scoring.script":
        return Place("script", script, build_places.script_line(script, *said[:2], "\n".join(log)))
    # Words about the script's own lines are its own, whatever else is known.
    line = 0 if error.field or not script else build_places.script_line(script, *said[:2], "\n".join(log))
    return Place("script", script, line) if line else None

"""Start from the example: a copy of one's own, to be changed and deployed."""

from __future__ import annotations

import shutil
from pathlib import Path

from edgetui.core.errors import EdgeError
from edgetui.core.ports import Ports

EXAMPLE = "pump-anomaly"


def folder() -> Path:
    """Where the examples are: inside the package in a wheel, at the top of the project in an editable install."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "assets"
    return (inside if inside.exists() else package.parent / "assets") / "examples"


def start(ports: Ports, name: str = EXAMPLE) -> str:
    """Copy an example beside the plans in edgetui's own folder, and return the path of the copy's plan file.

    Raises:
        EdgeError: the copy cannot be written.
    """
    home = Path(ports.plans.new()).parents[1]
    number, target = 1, home / name
    while target.exists():
        number += 1
        target = home / f"{name}-{number}"
    try:
        shutil.copytree(folder() / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    except (OSError, shutil.Error) as problem:
        shutil.rmtree(target, ignore_errors=True)
        raise EdgeError(
            f"The example cannot be copied to {target}",
            str(problem),
            "Make room there, or choose another folder with EDGETUI_HOME.",
            retryable=True,
        ) from None
    plan = str(target / "plan.toml")
    ports.plans.save(plan, ports.plans.load(plan))  # so that it is the one to continue with
    return plan

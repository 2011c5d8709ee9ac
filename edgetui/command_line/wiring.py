"""What every command needs: settings, the Azure that is meant, and ports that end with the command."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgetui.command_line.sandbox_process import DEFAULT, SandboxProcess
from edgetui.core.errors import bad_input

if TYPE_CHECKING:
    from edgetui.adapters.cloud import Cloud
    from edgetui.core.ports import Ports
    from edgetui.settings import Settings


@dataclass(frozen=True)
class Wired:
    """Settings and ports of one command; `sandbox` is the child, or None on real Azure or with an env file loaded."""

    settings: Settings
    ports: Ports
    sandbox: SandboxProcess | None = None


@contextlib.contextmanager
def wired(args: argparse.Namespace, *, offline: bool = False) -> Iterator[Wired]:
    """Wire everything; on the way out every process of ours has ended.

    Args:
        args: the command line.
        offline: the command asks nobody, so no child is started before it is needed.
    """
    from edgetui import bootstrap, settings

    given = {"read_only": True} if getattr(args, "read_only", False) else {}
    chosen = settings.load(os.environ, **given)
    sandbox = _sandbox(getattr(args, "sandbox", None), chosen)

    def cloud() -> Cloud:
        from edgetui.adapters.cloud import from_environ

        return from_environ({**os.environ, **sandbox.variables()} if sandbox else os.environ)

    scenario = sandbox.scenario if sandbox else _loaded()
    with contextlib.ExitStack() as ending:
        if sandbox:
            ending.callback(sandbox.stop)
        ports = bootstrap.ports(chosen, cloud, sandbox=scenario, warm=not offline)
        ending.callback(bootstrap.close, ports)  # first: their calls into the sandbox end with them
        yield Wired(chosen, ports, sandbox)


def check_plan(args: argparse.Namespace, path: str) -> None:
    """Read a plan before anything is started for it.

    Raises:
        EdgeError: (input) it cannot be read, or is no plan.
    """
    with wired(args, offline=True) as wires:
        wires.ports.plans.load(path)


def _sandbox(asked: str | None, settings: Settings) -> SandboxProcess | None:
    """The sandbox to start; none where an env file of a running one is loaded and no other was asked for by name."""
    if asked is None or (not asked and _loaded()):
        return None
    scenario = asked or DEFAULT
    if not re.fullmatch(r"[a-z0-9-]+", scenario):
        raise bad_input("--sandbox", f"{scenario!r} cannot be a scenario", "Name one, or leave it out: happy")
    return SandboxProcess(settings.state / "sandbox" / scenario, settings.cache, scenario)


def _loaded() -> str:
    """The scenario of the sandbox whose env file is loaded, or ""."""
    return os.environ.get("EDGETUI_SANDBOX_SCENARIO", "happy") if os.environ.get("EDGETUI_SANDBOX_ARM") else ""

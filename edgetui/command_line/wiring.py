"""What every command needs: settings, the Azure that is meant, and ports that end with the command."""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from edgetui.command_line.sandbox_process import DEFAULT, SandboxProcess
from edgetui.core.errors import bad_input
from edgetui.sandbox.scenarios import SCENARIOS

if TYPE_CHECKING:
    from edgetui.adapters.cloud import Cloud
    from edgetui.core.ports import Ports
    from edgetui.settings import Settings


class LatePorts:
    """Ports that are made when the first of them is used: the wizard's first frame needs none, and is there sooner."""

    def __init__(self, make: Callable[[], Ports], sandbox: str) -> None:
        self.sandbox = sandbox
        self._make = make
        self._lock = threading.Lock()
        self._made: Ports | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.all(), name)

    def all(self) -> Ports:
        """The real ones."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self) -> None:
        """End their children, if there are any."""
        if self._made is not None:
            from edgetui import bootstrap

            bootstrap.close(self._made)


@dataclass(frozen=True)
class Wired:
    """Settings and ports of one command; `sandbox` is the child, or None on real Azure or with an env file loaded."""

    settings: Settings
    late: LatePorts
    sandbox: SandboxProcess | None = None

    @property
    def ports(self) -> Ports:
        """The ports, to be handed to jobs and faces."""
        return cast("Ports", self.late)

    def warm_up(self) -> None:
        """Start in the background what takes seconds: the sandbox, and the child for Azure ML."""
        from edgetui import bootstrap

        if self.sandbox:
            self.sandbox.start()
        bootstrap.warm_up(self.late.all())


@contextlib.contextmanager
def wired(args: argparse.Namespace) -> Iterator[Wired]:
    """Wire everything; nothing is started before it is needed. On the way out every process of ours has ended."""
    from edgetui import settings

    given = {"read_only": True} if getattr(args, "read_only", False) else {}
    chosen = settings.load(os.environ, **given)
    sandbox = _sandbox(getattr(args, "sandbox", None), chosen)
    scenario = sandbox.scenario if sandbox else _loaded()

    def cloud() -> Cloud:
        from edgetui.adapters.cloud import from_environ

        return from_environ({**os.environ, **sandbox.variables()} if sandbox else os.environ)

    def make() -> Ports:
        from edgetui import bootstrap

        return bootstrap.ports(chosen, cloud, sandbox=scenario, warm=False)

    with contextlib.ExitStack() as ending:
        if sandbox:
            ending.callback(sandbox.stop)
        late = LatePorts(make, scenario)
        ending.callback(late.close)  # first: their calls into the sandbox end with them
        yield Wired(chosen, late, sandbox)


def check_plan(args: argparse.Namespace, path: str) -> None:
    """Read a plan before anything is started for it.

    Raises:
        EdgeError: (input) it cannot be read, or is no plan.
    """
    with wired(args) as wires:
        wires.ports.plans.load(path)


def _sandbox(asked: str | None, settings: Settings) -> SandboxProcess | None:
    """The sandbox to start; none where an env file of a running one is loaded and no other was asked for by name."""
    if asked is None or (not asked and _loaded()):
        return None
    scenario = asked or DEFAULT
    if scenario not in SCENARIOS:
        raise bad_input("--sandbox", f"There is no scenario {scenario!r}", f"There are: {', '.join(SCENARIOS)}.")
    return SandboxProcess(settings.state / "sandbox" / scenario, settings.cache, scenario)


def _loaded() -> str:
    """The scenario of the sandbox whose env file is loaded, or ""."""
    return os.environ.get("EDGETUI_SANDBOX_SCENARIO", "happy") if os.environ.get("EDGETUI_SANDBOX_ARM") else ""

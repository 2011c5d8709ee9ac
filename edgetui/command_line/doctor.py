"""`edgetui doctor`: what is installed, signed in and reachable; where edgetui keeps things; what to do about the rest."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from edgetui import __version__
from edgetui.command_line import output, running
from edgetui.command_line.wiring import Wired, wired
from edgetui.core.errors import EdgeError
from edgetui.core.ports import Ports


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; `needed` things decide the exit code."""

    name: str
    ok: bool
    text: str
    remedy: str = ""
    needed: bool = True


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 when all that is needed is there, 3 when nobody is signed in, else 1."""
    code = 0
    with wired(args) as wires:
        for finding in running.events(lambda: _findings(wires)):
            if args.json:
                output.json_line(finding)
            else:
                mark = "ok" if finding.ok else "no" if finding.needed else "--"
                output.line(f"{mark}  {finding.name:<12} {finding.text}")
                if finding.remedy and not finding.ok:
                    output.line(f"    {'':<12} {finding.remedy}")
            if finding.needed and not finding.ok:
                code = 3 if finding.name == "sign-in" else code or 1
    return code


def _findings(wires: Wired) -> Iterator[Finding]:
    ports, settings = wires.ports, wires.settings
    yield Finding("edgetui", True, f"{__version__}, Python {platform.python_version()} on {platform.machine()}")
    for name, folder in (("state", settings.state), ("cache", settings.cache), ("settings", settings.config)):
        yield _folder(name, folder)
    term = os.environ.get("TERM", "")
    colours = "24 bit" if os.environ.get("COLORTERM") in {"truecolor", "24bit"} else "256 or fewer"
    size = shutil.get_terminal_size()
    yield Finding(
        "terminal",
        term not in {"", "dumb"},
        f"{term or 'none'}, {size.columns}x{size.lines}, colours: {colours}",
        "the wizard needs a terminal; the commands do not",
        needed=False,
    )
    yield Finding("azure", True, f"sandbox {ports.sandbox}" if ports.sandbox else "Azure itself")
    yield _tried("sign-in", lambda: _account(ports))
    yield _tried("keyring", lambda: _vault(ports))
    yield _tried("engine", lambda: _engine(ports), needed=False)
    yield from _reachable(ports)


def _folder(name: str, folder: Path) -> Finding:
    """Whether a folder can be used; looks at the nearest one that is there, makes none."""
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    ok = os.access(nearest, os.W_OK)
    remedy = f"make {nearest} writable, or set EDGETUI_HOME to a folder that is"
    return Finding(name, ok, str(folder), remedy)


def _tried(name: str, look: Callable[[], Finding], *, needed: bool = True) -> Finding:
    try:
        return look()
    except EdgeError as error:
        if error.kind == "cancelled":
            raise
        return Finding(name, False, error.title, error.remedy, needed)


def _account(ports: Ports) -> Finding:
    account = ports.identity.account()
    return Finding("sign-in", True, f"{account.name}, by {account.method}")


def _vault(ports: Ports) -> Finding:
    state = ports.vault.state()
    text = state.name + (f": {state.why}" if state.why else "")
    remedy = "registry passwords are kept for one run only; they are fetched anew each time"
    return Finding("keyring", state.kind == "keyring", text, remedy, needed=False)


def _engine(ports: Ports) -> Finding:
    state = ports.engine.state()
    text = f"{state.version} {state.platform}".strip() if state.reachable else state.why
    return Finding("engine", state.reachable, text, state.remedy, needed=False)


def _reachable(ports: Ports) -> Iterator[Finding]:
    subscriptions: list[str] = []

    def workspaces() -> Finding:
        known = ports.workspaces.accessible()
        subscriptions.extend(sorted({one.subscription for one in known}))
        names = ", ".join(one.name for one in known)
        return Finding(
            "workspaces", bool(known), names or "none", "ask for access to an Azure ML workspace, or make one"
        )

    def hubs() -> Finding:
        names = ", ".join(hub.name for subscription in subscriptions for hub in ports.hub.hubs(subscription))
        return Finding("hubs", bool(names), names or "none", "ask for access to an IoT Hub, or make one")

    yield _tried("workspaces", workspaces)
    if subscriptions:
        yield _tried("hubs", hubs)

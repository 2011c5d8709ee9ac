"""The door: reads the command line and hands it to one command.

Nothing heavy may be imported up here: `edgetui --help` must not wait for the interface or an SDK.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from importlib import import_module

from edgetui import __version__
from edgetui.sandbox.scenarios import SCENARIOS

_EXIT_CODES = """\
exit codes: 0 done, 1 the job failed, 2 bad usage or plan, 3 not signed in or not allowed, 130 interrupted
"""
# Command -> module of edgetui.command_line that has `run(args) -> int`.
COMMANDS = {
    "deploy": "deploy",
    "check": "check",
    "models": "lists",
    "devices": "lists",
    "images": "lists",
    "doctor": "doctor",
    "sandbox": "sandbox",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    args = parse(sys.argv[1:] if argv is None else argv)
    module = COMMANDS[args.command] if args.command else "app"
    from edgetui.command_line import guard

    return guard.guarded(lambda: import_module(f"edgetui.command_line.{module}").run(args))


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the words of a command line; leaves with exit code 2 where they make no sense."""
    return parser().parse_args(_disambiguated(argv))


def parser() -> argparse.ArgumentParser:
    """The whole command line as argparse knows it."""
    top = argparse.ArgumentParser(
        prog="edgetui",
        description="From a model file to a module answering on the edge device, in one terminal.",
        epilog="Without a command the wizard opens. " + _EXIT_CODES,
    )
    top.add_argument("--version", action="version", version=f"edgetui {__version__}")
    top.add_argument("--plan", metavar="FILE", help="open this plan in the wizard")
    top.add_argument("--read-only", action="store_true", help="look, change nothing on Azure")
    _sandbox(top, default=None)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EXIT_CODES)

    deploy = command("deploy", "do everything that a plan asks for, to the answer from the device")
    deploy.add_argument("plan", metavar="PLAN", help="the plan file (TOML)")
    deploy.add_argument("--yes", action="store_true", help="do not ask before devices change")
    deploy.add_argument("--dry-run", action="store_true", help="say what would be done, change nothing")
    deploy.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=900.0,
        help="how long the devices are watched (default: 900)",
    )
    check = command("check", "check a plan and its files, without network")
    check.add_argument("plan", metavar="PLAN", help="the plan file (TOML)")
    check.add_argument(
        "--resolve", action="store_true", help="ask the package index whether the environment can be made"
    )
    check.add_argument("--pin", action="store_true", help="resolve, and write the versions into the environment file")
    check.add_argument(
        "--smoke", action="store_true", help="run the script with the sample on the real inference server here"
    )
    models = command("models", "list the registered models of a workspace")
    devices = command("devices", "list the edge devices of a hub")
    images = command("images", "list the images of the workspace's registry")
    for one in (models, devices, images):
        one.add_argument("--plan", metavar="FILE", default="", help="take workspace and hub from this plan")
        one.add_argument("--workspace", metavar="NAME", default="", help="which workspace, where there are several")
    devices.add_argument("--hub", metavar="NAME", default="", help="which hub, where there are several")
    doctor = command("doctor", "say what is installed, signed in and reachable, and what to do about the rest")
    for one in (deploy, check, models, devices, images, doctor):
        one.add_argument("--json", action="store_true", help="print one JSON object a line")
    for one in (deploy, models, devices, images, doctor):
        _sandbox(one, default=argparse.SUPPRESS)  # may stand before the command too

    sandbox = command("sandbox", "Azure on this machine, for any client")
    serve = sandbox.add_subparsers(dest="action", metavar="ACTION", required=True).add_parser(
        "serve", help="keep a sandbox running until Ctrl+C", description="Keep a sandbox running until Ctrl+C."
    )
    serve.add_argument("--scenario", metavar="NAME", help="what a new sandbox holds (default: happy)")
    serve.add_argument("--env-file", metavar="FILE", help="where to write the shell's export lines")
    serve.add_argument("--state", metavar="DIR", help="the sandbox's own folder")
    return top


def _seconds(text: str) -> float:
    """Seconds from 0 on, as a number that ends."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on")
    return seconds


def _sandbox(one: argparse.ArgumentParser, default: object) -> None:
    one.add_argument(
        "--sandbox",
        nargs="?",
        const="",
        default=default,
        metavar="SCENARIO",
        help=f"use Azure's stand-in on this machine; no account is needed (scenarios: {', '.join(SCENARIOS)})",
    )


def _disambiguated(argv: list[str]) -> list[str]:
    """Let `--sandbox` stand before a command or a plan: what follows is a scenario only when it is neither."""
    found = list(argv)
    for number, (word, following) in enumerate(itertools.pairwise(argv)):
        if word == "--sandbox" and (following in COMMANDS or following.endswith(".toml") or os.sep in following):
            found[number] = "--sandbox="
    return found

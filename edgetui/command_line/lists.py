"""`edgetui models`, `devices`, `images`: what is there, as a table for people or a JSON object a line for programs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgetui.command_line import output, running
from edgetui.command_line.wiring import wired
from edgetui.core.amounts import size_text
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import Device, ImageDetails, ModelVersion, Record
from edgetui.core.plan import Hub, Plan, Workspace
from edgetui.core.ports import Ports
from edgetui.core.results import Results

_HEADS = {
    "models": ("MODEL", "CREATED", "TAGS", "DESCRIPTION"),
    "devices": ("DEVICE", "STATE", "PLATFORM", "MODULES", "TAGS"),
    "images": ("IMAGE", "SIZE", "DIGEST"),
}


def run(args: argparse.Namespace) -> int:
    """Print one list."""
    with wired(args) as wires:
        if args.command != "devices":  # those come from the hub alone, once the plan names it
            wires.warm_up()
        plan, results = Plan(), Results()
        if args.plan:
            path = str(Path(args.plan).absolute())
            plan, results = wires.ports.plans.load(path), wires.ports.plans.load_results(path)

        def job() -> Iterator[Record]:
            known = _placed(plan, args, wires.ports)
            return _records(args.command, known, results, wires.ports)

        rows: list[tuple[str, ...]] = []
        for record in running.events(job):
            if args.json:
                output.json_line(record)
            else:
                rows.append(_row(record))
    if not args.json:
        _table(_HEADS[args.command], rows)
    return 0


def _records(what: str, plan: Plan, results: Results, ports: Ports) -> Iterator[Record]:
    from edgetui.jobs import browse

    if what == "models":
        yield from browse.models(plan, ports)
    elif what == "devices":
        for devices in browse.devices(plan, ports):
            yield from devices
    else:
        yield from _images(plan, results, ports)


def _images(plan: Plan, results: Results, ports: Ports) -> Iterator[Record]:
    from edgetui.jobs import browse, credentials

    if not results.credential or ports.vault.fetch(results.credential) is None:
        for event in credentials.credentials(plan, ports):  # turns nothing on: this only looks
            results = results.after(event)
    for images in browse.images(results, ports):
        yield from images


def _placed(plan: Plan, args: argparse.Namespace, ports: Ports) -> Plan:
    """The plan with workspace and hub filled in where there is only one choice."""
    import msgspec

    from edgetui.jobs import browse

    replace = msgspec.structs.replace
    place = plan.workspace
    if args.workspace or not (place.config or place.name):
        place = _workspace(args.workspace, ports)
        plan = replace(plan, workspace=place)
    if args.command == "devices" and (args.hub or not plan.hub.name):
        hubs = browse.hubs(plan, ports)
        names = [hub.name for hub in hubs if args.hub in {"", hub.name}]
        if len(names) != 1:
            there = ", ".join(hub.name for hub in hubs) or "none"
            title = f"there is no IoT Hub {args.hub!r}" if args.hub and not names else "which IoT Hub?"
            raise bad_input("--hub", title, f"Name one with --hub; there are: {there}")
        plan = replace(plan, hub=Hub(names[0]))
    return plan


def _workspace(name: str, ports: Ports) -> Workspace:
    """The one workspace that is meant: by name, by a config.json around the current folder, or because there is no other."""
    from edgetui.jobs import browse

    if not name:
        try:
            found = browse.workspace_from_config(ports, os.getcwd())  # noqa: PTH109 -- as the SDK looks for it
        except EdgeError as error:
            if error.kind not in {"input", "failed"}:
                raise
        else:
            return Workspace(found.subscription, found.resource_group, found.name)
    known = browse.workspaces(ports)
    fitting = [one for one in known if name in {"", one.name}]
    if len(fitting) != 1:
        there = ", ".join(one.name for one in known) or "none"
        title = f"there is no workspace {name!r}" if name and not fitting else "which workspace?"
        raise bad_input("--workspace", title, f"Name one with --workspace or --plan; there are: {there}")
    return Workspace(fitting[0].subscription, fitting[0].resource_group, fitting[0].name)


def _row(record: Record) -> tuple[str, ...]:
    match record:
        case ModelVersion():
            return record.id, record.created[:10], _pairs(record.tags), record.description
        case Device():
            state = "connected" if record.connected else "not connected"
            modules = " ".join(name for name in record.modules if not name.startswith("$"))
            return record.id, state, record.platform, modules, _pairs(record.tags)
        case ImageDetails():
            return record.reference, size_text(record.size), record.digest  # its platform would take a request each
        case _:
            return (str(record),)


def _pairs(tags: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(tags.items()))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        output.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

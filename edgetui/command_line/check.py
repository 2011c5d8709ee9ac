"""`edgetui check PLAN`: everything that can be known of a plan without a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from edgetui.command_line import output
from edgetui.command_line.wiring import wired
from edgetui.core import events, steps
from edgetui.core.errors import EdgeError
from edgetui.core.models import Problem
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports


def run(args: argparse.Namespace) -> int:
    """Print what is wrong; 0 when nothing is, 2 otherwise. Warnings do not count."""
    path = Path(args.plan).absolute()
    with wired(args) as wires:
        plan = wires.ports.plans.load(str(path))
        found = list(problems(plan, path.name, wires.ports))
    errors = sum(problem.severity == "error" for problem in found)
    if args.json:
        output.json_line(events.Checked(tuple(found), ""))
        return 2 if errors else 0
    for problem in found:
        output.line(output.problem_text(problem))
    output.line(f"{path.name}: {errors} errors, {len(found) - errors} warnings")
    return 2 if errors else 0


def problems(plan: Plan, name: str, ports: Ports) -> Iterator[Problem]:
    """What the steps miss, what the files lack."""
    from edgetui.jobs import check, resources

    for step in steps.STEPS:
        if missing := step.missing(plan):
            yield Problem(name, 0, "error", f"step {step.number} {step.title}: {missing}", rule=step.id)
    for field, text in (("model.path", plan.model.path), ("workspace.config", plan.workspace.config)):
        if text:
            try:
                _see(ports, resources.path(plan, text), field)
            except EdgeError as error:
                yield _problem(name, error)
    if plan.scoring.script and plan.scoring.environment:
        try:
            for event in check.check(plan, ports):
                if isinstance(event, events.Checked):
                    yield from event.problems
        except EdgeError as error:
            yield _problem(name, error)


def _see(ports: Ports, path: str, field: str) -> None:
    """Make sure that a file can be read, without reading all of it; a folder has no shorter way."""
    try:
        ports.files.open(path, field).close()
    except EdgeError:
        ports.files.fingerprint(path, field)


def _problem(file: str, error: EdgeError) -> Problem:
    message = f"{error.field}: {error.title}" if error.field else error.title
    return Problem(file, 0, "error", f"{message}. {error.detail}".rstrip(". "), error.remedy, error.field)

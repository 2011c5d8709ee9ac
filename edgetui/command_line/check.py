"""`edgetui check PLAN`: everything that can be known of a plan without a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from edgetui.command_line import output, running
from edgetui.command_line.wiring import wired
from edgetui.core import answers, events
from edgetui.core.amounts import count_text
from edgetui.core.errors import EdgeError
from edgetui.core.models import Problem
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports


def run(args: argparse.Namespace) -> int:
    """Print what is wrong; 0 when nothing is, 2 where files are wrong, 1 where the script fails. Warnings do not count."""
    path = Path(args.plan).absolute()
    with wired(args) as wires:
        plan = wires.ports.plans.load(str(path))
        found = list(problems(plan, path.name, wires.ports))
        if args.json:
            output.json_line(events.Checked(tuple(found), ""))
        else:
            for problem in found:
                output.line(output.problem_text(problem))
        failed = False
        if (args.resolve or args.pin) and _readable(found):
            found += _resolve(plan, wires.ports, pin=args.pin, as_json=args.json)
        if args.smoke:
            # What other steps lack is no reason not to try the script.
            in_files = _errors([problem for problem in found if problem.file != path.name])
            if plan.scoring.script and plan.scoring.environment and not in_files:
                failed = _smoke(plan, wires.ports, as_json=args.json)
            elif not args.json:
                output.line("not tried: correct the files first" if in_files else "not tried: the plan names no script")
    if not args.json:
        errors = _errors(found)
        warnings = count_text(len(found) - errors, "warning")
        trial = " (the trial)" if failed and not errors else " (one is the trial)" if failed else ""
        output.line(f"{path.name}: {count_text(errors + failed, 'error')}{trial}, {warnings}")
    return 2 if _errors(found) else 1 if failed else 0


def _errors(found: list[Problem]) -> int:
    return sum(problem.severity == "error" for problem in found)


def _readable(found: list[Problem]) -> bool:
    return not any(problem.rule in {"yaml", "shape", "dependencies", "scoring.environment"} for problem in found)


def _resolve(plan: Plan, ports: Ports, *, pin: bool, as_json: bool) -> tuple[Problem, ...]:
    """Ask the resolver; returns what it says is wrong."""
    from edgetui.jobs import resolve

    for event in running.events(lambda: resolve.resolve(plan, ports)):
        if isinstance(event, events.Resolved):
            output.printer(as_json=as_json)(event)
            if pin and event.ok:
                changed = resolve.pin(plan, event, ports)
                if not as_json:
                    output.line(f"{plan.scoring.environment}: {count_text(changed, 'line')} pinned")
            return event.problems
        if as_json or isinstance(event, events.Progress):
            output.printer(as_json=as_json)(event)
    return ()


def _smoke(plan: Plan, ports: Ports, *, as_json: bool) -> bool:
    """Try the script; returns whether it failed. The log is shown where it did."""
    from edgetui.jobs import smoke

    said: list[events.LogLine] = []
    for event in running.events(lambda: smoke.smoke(plan, ports)):
        if isinstance(event, events.LogLine) and not as_json:
            said.append(event)
            continue
        if isinstance(event, events.Smoked) and not event.ok:
            for line in said[-60:]:
                output.printer(as_json=False)(line)
        output.printer(as_json=as_json)(event)
        if isinstance(event, events.Smoked):
            return not event.ok
    return True


def problems(plan: Plan, name: str, ports: Ports) -> Iterator[Problem]:
    """What the steps miss, what the files lack."""
    from edgetui.jobs import check

    for error in answers.problems(plan):
        yield _problem(name, error)
    yield from (_problem(name, error) for error in check.paths(plan, ports))
    if plan.scoring.script and plan.scoring.environment:
        try:
            for event in check.check(plan, ports):
                if isinstance(event, events.Checked):
                    yield from event.problems
        except EdgeError as error:
            yield _problem(name, error)


def _problem(file: str, error: EdgeError) -> Problem:
    named = not error.field or error.title.startswith(error.field)
    message = error.title if named else f"{error.field}: {error.title}"
    return Problem(file, 0, "error", f"{message}. {error.detail}".rstrip(". "), error.remedy, error.field)

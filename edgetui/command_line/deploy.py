"""`edgetui deploy PLAN`: the whole chain, from the model file to the answer from the device."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetui.command_line import output, running
from edgetui.command_line.wiring import check_plan, wired
from edgetui.core import cancel, events
from edgetui.core.errors import EXIT_CODES, EdgeError, bad_input, cancelled

if TYPE_CHECKING:
    from edgetui.jobs.session import Session

Show = Callable[[events.Event], None]


def run(args: argparse.Namespace) -> int:
    """Load the plan, do what it asks for, print what happens; returns the exit code."""
    show, path = output.printer(as_json=args.json), str(Path(args.plan).absolute())
    try:
        check_plan(args, path)
        if not (args.yes or args.dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
            raise bad_input(
                "--yes",
                "edgetui asks before devices change, and there is no terminal to ask on",
                "Say --yes to agree beforehand, or --dry-run to see what would be done.",
            )
        with wired(args) as wires:
            wires.warm_up()
            from edgetui.jobs.session import Session

            session = Session(wires.ports, path)
            if args.dry_run:
                from edgetui.command_line import dry_run

                return dry_run.run(session.plan, session.results, wires.ports, show)
            if wires.settings.read_only:
                raise bad_input(
                    "read_only",
                    "edgetui is set to change nothing",
                    "Take --dry-run, or turn read_only off in the settings.",
                )
            return _deploy(session, show, ask=not args.yes)
    except EdgeError as error:
        if args.json:  # the last line tells how it ended, whatever happened
            show(events.Finished(ok=False, title=error.title, detail=error.detail, remedy=error.remedy))
        raise


def _deploy(session: Session, show: Show, *, ask: bool) -> int:
    from edgetui.jobs.run_plan import finished, run_plan

    if not ask:
        failed = _followed(session, lambda: run_plan(session), show)
    else:
        versions: dict[str, tuple[int, int]] = {}
        failed = _followed(session, lambda: run_plan(session, until="preview"), show, versions)
        if failed is None:
            if not _agreed(session):
                raise cancelled("The deployment")
            failed = _followed(session, lambda: session.run("deploy", seen=versions), show)
    show(finished(session.results, failed))
    if failed is None:
        return 0
    from edgetui.command_line import guard

    guard.show(EdgeError(failed.title, failed.detail, failed.remedy, field=failed.field))
    return EXIT_CODES.get(failed.kind, 1)


def _followed(
    session: Session,
    job: Callable[[], Iterator[events.Event]],
    show: Show,
    versions: dict[str, tuple[int, int]] | None = None,
) -> events.Failed | None:
    """Show a job's events up to its end; returns what failed last, and notes the versions that were reviewed."""
    failed = None
    with contextlib.closing(running.events(lambda: _stoppable(session, job()))) as happening:
        for event in happening:
            if isinstance(event, events.Finished):  # the caller says it, when all is done
                continue
            show(event)
            if isinstance(event, events.Failed):
                failed = event
            elif isinstance(event, events.Preview) and versions is not None:
                versions[event.device] = event.versions
    return failed


def _stoppable(session: Session, job: Iterator[events.Event]) -> Iterator[Any]:
    """Hand the command's cancellation on to whatever step the session runs."""
    cancellation = cancel.current()
    with cancellation.on_cancel(session.stop_all):
        for event in job:
            yield event
            if cancellation.requested:  # it came between two steps: stop the one that began since
                session.stop_all()


def _agreed(session: Session) -> bool:
    """Ask before devices change."""
    with running.raising():
        sys.stderr.write(f"Apply this to {', '.join(session.plan.devices)}? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

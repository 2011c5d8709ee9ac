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
from edgetui.core.errors import EdgeError, bad_input, cancelled
from edgetui.core.results import Results

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
            return _deploy(session, show, ask=not args.yes, seconds=args.wait)
    except EdgeError as error:
        if args.json:  # the last line tells how it ended, whatever happened
            show(events.Finished(ok=False, title=error.title, detail=error.detail, remedy=error.remedy))
        raise


def _deploy(session: Session, show: Show, *, ask: bool, seconds: float) -> int:
    from edgetui.jobs import run_plan

    run = _Followed(session, show)
    if not ask:
        run.follow(lambda: run_plan.run_plan(session, seconds=seconds))
    else:
        run.follow(lambda: run_plan.run_plan(session, until="preview"))
        if run.failed is None:
            if not _agreed(session):
                raise cancelled("The deployment")
            run.follow(lambda: session.run("deploy", seen=run.versions, seconds=seconds))
    running.settle()
    show(run_plan.finished(run.done, run.failed))
    if run.failed is None:
        return 0
    from edgetui.command_line import guard

    guard.show(run.failed.error)
    return run.failed.error.exit_code


class _Followed:
    """Jobs of one command, shown as they go: what they did, what failed last, and the versions that were reviewed."""

    def __init__(self, session: Session, show: Show) -> None:
        self.done = Results()
        self.failed: events.Failed | None = None
        self.versions: dict[str, tuple[int, int]] = {}
        self._session, self._show = session, show

    def follow(self, job: Callable[[], Iterator[events.Event]]) -> None:
        """Run a job to its end, or to the signal that stops it: then it has failed by being cancelled."""
        try:
            with contextlib.closing(running.events(lambda: _stoppable(self._session, job()))) as happening:
                for event in happening:
                    self._take(event)
        except EdgeError as problem:
            if problem.kind != "cancelled":
                raise
            self.failed = events.Failed.of("deploy", problem)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.Finished):  # the command says it, when all is done
            return
        self.done = self.done.after(event)
        self._show(event)
        if isinstance(event, events.Failed):
            self.failed = event
        elif isinstance(event, events.Preview):
            self.versions[event.device] = event.versions


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

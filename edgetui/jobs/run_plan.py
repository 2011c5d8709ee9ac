"""The whole job without a person: every step of the list, in order, until the devices have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgetui.core import answers
from edgetui.core.errors import EdgeError
from edgetui.core.events import Checked, Event, Failed, Finished, Preview
from edgetui.core.results import Results
from edgetui.jobs import watch
from edgetui.jobs.session import Session


def run_plan(
    session: Session, *, enable_admin: bool = True, until: str = "deploy", seconds: float = watch.PATIENCE
) -> Iterator[Event]:
    """Run the steps of a session's plan; yields their events and ends in `Finished`. Raises nothing.

    Answers that cannot be are refused before anything is asked or changed.

    Args:
        session: the plan, and what was done for it so far.
        enable_admin: turn the registry's admin user on where it is off.
        until: the last job: `deploy`, or `preview` to stop before anything is changed on a device.
        seconds: how long the devices are watched.
    """
    run = _Run(session, {"enable_admin": enable_admin}, seconds)
    try:
        for problem in answers.problems(session.plan):
            yield run.take(Failed.of(problem.field.partition(".")[0], problem))
        if not run.failed:
            with session.ports.plans.owned(session.path):
                yield from run.steps(until)
    except EdgeError as problem:
        yield run.take(Failed.of("workspace", problem))
    yield finished(run.done, run.failed)


class _Run:
    """One run of a plan: what it did itself (the session's results may tell of an earlier one), and what failed."""

    def __init__(self, session: Session, credentials: dict[str, Any], seconds: float) -> None:
        self.done = Results()
        self.failed: Failed | None = None
        self._session = session
        self._seen: dict[str, tuple[int, int]] = {}
        self._options: dict[str, dict[str, Any]] = {
            "credentials": credentials,
            "deploy": {"seen": self._seen, "seconds": seconds},
        }

    def steps(self, until: str) -> Iterator[Event]:
        """Run all jobs in order, up to the first that fails."""
        # The devices are looked at first: minutes of building would be lost on a name that was misspelt.
        jobs = ["workspace", "script", "devices", "model", "image", "credentials", "preview"]
        for job in jobs if until == "preview" else [*jobs, until]:
            for event in self._session.run(job, **self._options.get(job, {})):
                yield self.take(event)
                if isinstance(event, Checked) and self.done.errors:
                    yield self.take(_unfit(event))
            if self.failed:
                return

    def take(self, event: Event) -> Event:
        """Keep what an event says, and hand it on."""
        self.done = self.done.after(event)
        if isinstance(event, Failed):
            self.failed = event
        elif isinstance(event, Preview):
            self._seen[event.device] = event.versions
        return event


def finished(results: Results, failure: Failed | None = None) -> Finished:
    """The last event of a run, from what the run did."""
    devices: dict[str, dict[str, Any]] = {}
    for device, outcome in results.devices.items():
        devices[device] = {"state": outcome.state}
        if outcome.answered:
            devices[device]["prediction"] = outcome.prediction
        elif outcome.state == "failed":
            devices[device]["error"] = outcome.detail
    why = (failure.title, failure.detail, failure.remedy) if failure else ("", "", "")
    return Finished(failure is None, results.model, results.digest or results.image, devices, *why)


def _unfit(event: Checked) -> Failed:
    """Problems that would only be found after the build."""
    errors = [problem for problem in event.problems if problem.severity == "error"]
    lines = [f"{problem.file}{f':{problem.line}' * bool(problem.line)}: {problem.message}" for problem in errors]
    fields = "scoring.script" if errors[0].file.endswith(".py") else "scoring.environment"
    title = f"{len(errors)} error{'s' * (len(errors) != 1)} in the scoring script or the environment"
    return Failed("script", title, "\n".join(lines), errors[0].remedy, fields, kind="input")

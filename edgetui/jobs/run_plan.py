"""The whole job without a person: every step of the list, in order, until the devices have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgetui.core import answers
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
    done = Results()  # what this run itself did: the session's results may tell of an earlier one
    failed: Failed | None = None
    seen: dict[str, tuple[int, int]] = {}
    for problem in answers.problems(session.plan):
        failed = Failed.of(problem.field.partition(".")[0], problem)
        yield failed
    jobs = ["workspace", "script", "model", "image", "credentials", "preview"]
    for job in [] if failed else jobs if until == "preview" else [*jobs, until]:
        options: dict[str, Any] = {}
        if job == "credentials":
            options = {"enable_admin": enable_admin}
        elif job == "deploy":
            options = {"seen": seen, "seconds": seconds}
        for event in session.run(job, **options):
            done = done.after(event)
            yield event
            if isinstance(event, Failed):
                failed = event
            elif isinstance(event, Preview):
                seen[event.device] = event.versions
            elif isinstance(event, Checked) and done.errors:
                failed = _unfit(event)
                yield failed
        if failed:
            break
    yield finished(done, failed)


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

"""The whole job without a person: every step of the list, in order, until the devices have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgetui.core import steps
from edgetui.core.events import Checked, Event, Failed, Finished
from edgetui.core.results import Results
from edgetui.jobs.session import Session, missing


def run_plan(session: Session, *, enable_admin: bool = True, until: str = "deploy") -> Iterator[Event]:
    """Run the steps of a session's plan; yields their events and ends in `Finished`. Raises nothing.

    Args:
        session: the plan, and what was done for it so far.
        enable_admin: turn the registry's admin user on where it is off.
        until: the last job: `deploy`, or `preview` to stop before anything is changed on a device.
    """
    for step in steps.STEPS:
        problem = missing(step, session.plan)
        if problem:
            failure = Failed.of(step.id, problem)
            yield failure
            yield finished(session.results, failure)
            return
    options: dict[str, dict[str, Any]] = {"credentials": {"enable_admin": enable_admin}}
    for job in ("workspace", "script", "model", "image", "credentials", until):
        failures: list[Failed] = []
        for event in session.run(job, **options.get(job, {})):
            yield event
            if isinstance(event, Failed):
                failures.append(event)
            elif isinstance(event, Checked) and session.results.errors:
                failures.append(_unfit(event))
                yield failures[-1]
        if failures:
            yield finished(session.results, failures[-1])
            return
    yield finished(session.results)


def finished(results: Results, failure: Failed | None = None) -> Finished:
    """The last event of a run."""
    devices = {
        device: {"state": outcome.state, **({"prediction": outcome.prediction} if outcome.answered else {})}
        for device, outcome in results.devices.items()
    }
    why = (failure.title, failure.detail, failure.remedy) if failure else ("", "", "")
    return Finished(failure is None, results.model, results.digest or results.image, devices, *why)


def _unfit(event: Checked) -> Failed:
    """Problems that would only be found after the build."""
    errors = [problem for problem in event.problems if problem.severity == "error"]
    lines = [f"{problem.file}:{problem.line}: {problem.message}" for problem in errors]
    fields = "scoring.script" if errors[0].file.endswith(".py") else "scoring.environment"
    title = f"{len(errors)} error{'s' * (len(errors) != 1)} in the scoring script or the environment"
    return Failed("script", title, "\n".join(lines), errors[0].remedy, fields, kind="input")

"""What the pane beside the list of steps says, as plain text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgetui.core import steps
from edgetui.core.ansi import plain
from edgetui.core.events import LogLine, Progress
from edgetui.core.plan import Plan
from edgetui.core.results import Results
from edgetui.ui.words.common import clock

if TYPE_CHECKING:
    from edgetui.ui.app import EdgeApp

ABOUT = {
    "workspace": "Sign in, and choose the Azure ML workspace that keeps your models.",
    "model": "Choose a registered model, or register one from a file.",
    "script": "The scoring script and its Python environment: edit both, see problems before the build.",
    "image": "Build a container image from model, script and environment.",
    "credentials": "How devices sign in to the container registry to pull the image.",
    "devices": "Choose an IoT Hub and one or more of its edge devices.",
    "deploy": "Review what changes on each device, deploy, and see the module answer.",
}


def plan_name(path: str, plan: Plan) -> str:
    """What to call the plan: its model, else its file, or the folder of one that is just called plan.toml."""
    file = Path(path)
    return plan.model.name or (file.parent.name if file.name == "plan.toml" else file.stem) or "new"


def details(edge: EdgeApp, view: steps.View) -> str:
    """The whole pane for one step: what it is, what was chosen, how it stands, what to do."""
    session = edge.session
    parts = [ABOUT[view.step.id], *_chosen(view.step.id, session.plan, session.results), *_state(edge, view)]
    return "\n\n".join(part for part in parts if part)


def _state(edge: EdgeApp, view: steps.View) -> list[str]:
    error = edge.session.failed.get(view.step.id)
    missing = view.step.missing(edge.session.plan)
    if view.status is steps.Status.RUNNING:
        return [_running(edge, view), "Enter shows it at work."]
    if view.status is steps.Status.FAILED and error is not None:
        return [f"✗ {error.title}", error.remedy and f"→ {error.remedy}", "Enter opens the step to try again."]
    if view.status is steps.Status.STALE:
        return [f"~ Done before, but {view.stale} since: do it again.", "Enter opens it."]
    if view.status is steps.Status.DONE:
        return ["✓ Done. Enter shows or changes it."]
    if view.waits:
        return [f"○ It {view.waits} first.", "Enter opens it all the same, to look ahead."]
    return [f"○ Still to do: {missing}." if missing else "○ Ready to do.", "Enter opens it."]


def _running(edge: EdgeApp, view: steps.View) -> str:
    run = next(
        (run for job, run in edge.bridge.runs.items() if run.ended is None and _step_of(job) == view.step.id), None
    )
    if run is None:
        return f"{view.status.value} {view.summary}"
    lines = [f"{view.status.value} {view.summary} · {clock(run.seconds)}"]
    said = next((event.text for event in reversed(run.events) if isinstance(event, LogLine | Progress)), "")
    if said and plain(said) != view.summary:
        lines.append(f"  {plain(said)}")
    return "\n".join(lines)


def _step_of(job: str) -> str:
    return "deploy" if job == "preview" else job


def _chosen(step_id: str, plan: Plan, results: Results) -> list[str]:
    rows: dict[str, str] = {}
    if step_id == "workspace":
        place = plan.workspace
        rows = {
            "name": place.name,
            "group": place.resource_group,
            "subscription": place.subscription,
            "from": place.config,
        }
    elif step_id == "model":
        version = "" if plan.model.version is None else str(plan.model.version)
        tags = ", ".join(f"{key}={value}" for key, value in plan.model.tags.items())
        rows = {
            "name": plan.model.name,
            "version": version,
            "file": plan.model.path,
            "tags": tags,
            "registered": results.model,
        }
    elif step_id == "script":
        rows = {"script": plan.scoring.script, "environment": plan.scoring.environment, "sample": plan.scoring.sample}
    elif step_id == "image":
        rows = {
            "name": plan.image_name,
            "platform": plan.image.platform,
            "builder": plan.image.builder,
            "image": results.image,
        }
    elif step_id == "credentials":
        rows = {"user": results.credential_user, "kept in": results.credential_kept_in}
    elif step_id == "devices":
        rows = {"hub": plan.hub.name, "devices": ", ".join(plan.devices)}
    else:
        outcomes = results.devices.items()
        rows = {
            "module": plan.module_name,
            **{
                device: f"{one.state}, answered {json.dumps(one.prediction)}" if one.answered else one.state
                for device, one in outcomes
            },
        }
    width = max(map(len, rows))
    return ["\n".join(f"{name:<{width}}  {value}" for name, value in rows.items() if value)]

"""The steps of the wizard as data: one list drives the hub, Next and Back, 'needs 3 and 6', `edgetui check` and the headless run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

import msgspec

from edgetui.core import rules
from edgetui.core.plan import Plan
from edgetui.core.results import Results


class Status(Enum):
    """How a step stands; the value is its mark, so that colour is never alone."""

    DONE = "✓"
    RUNNING = "⠸"
    OPEN = "○"
    STALE = "~"  # done once, but what it was done for changed since
    FAILED = "✗"


UNREADABLE = "unreadable"  # the fingerprint of a file that is not there any more, or cannot be read


class Inputs(msgspec.Struct, frozen=True):
    """Fingerprints of what each step would work on now; empty where not read yet, `UNREADABLE` where that failed."""

    model: str = ""
    scoring: str = ""
    image: str = ""
    deploy: str = ""
    trial: str = ""  # script, environment, sample and model file
    resolving: str = ""  # environment and platform


class Situation(msgspec.Struct, frozen=True):
    """All that decides how the steps stand: `running` and `failed` map step ids to a short text."""

    plan: Plan
    results: Results = Results()
    inputs: Inputs = Inputs()
    running: Mapping[str, str] = {}
    failed: Mapping[str, str] = {}


class Step(msgspec.Struct, frozen=True):
    """One step: `missing` says what is still to answer, `stale` what changed since it was done ("" when nothing).

    `done` judges results, `summary` is for the list.
    """

    id: str
    number: int
    title: str
    needs: tuple[str, ...]
    missing: Callable[[Plan], str]
    done: Callable[[Situation], bool]
    stale: Callable[[Situation], str]
    summary: Callable[[Situation], str]


class View(msgspec.Struct, frozen=True):
    """A step as a face shows it.

    `blocked` names the numbers of the steps it waits for ("needs 2 and 3"), for the list where the names stand beside them,
    `waits` their names too ("needs 2 Model and 3 Script"), `stale` what changed since it was done; or "".
    """

    step: Step
    status: Status
    summary: str
    blocked: str
    stale: str = ""
    waits: str = ""


def _never(_: Situation) -> str:
    return ""


def _changed(then: str, now: str, what: str) -> str:
    """`what`, where a step was done for other inputs than there are now."""
    return what if then and now and then != now else ""


def _model_stale(now: Situation) -> str:
    if not now.plan.model.path:
        return ""
    what = (
        "its file cannot be read" if now.inputs.model == UNREADABLE else "its file, name, description or tags changed"
    )
    return _changed(now.results.model_inputs, now.inputs.model, what)


def _script_stale(now: Situation) -> str:
    unreadable = now.inputs.scoring == UNREADABLE
    what = "a file cannot be read" if unreadable else "script or environment changed"
    return _changed(now.results.checked_inputs, now.inputs.scoring, what)


def _deploy_stale(now: Situation) -> str:
    if now.results.deployed_image != now.results.digest:
        return "there is a newer image"
    return _changed(now.results.deployed_inputs, now.inputs.deploy, "the module's settings changed")


def _workspace_missing(plan: Plan) -> str:
    place = plan.workspace
    if place.config or (place.subscription and place.resource_group and place.name):
        return ""
    return "choose a workspace"


def _model_missing(plan: Plan) -> str:
    if not plan.model.name:
        return "choose a registered model, or name a new one"
    if not plan.model.path and plan.model.version is None:
        return "choose a version, or a file to register"
    return "correct the model's name" if rules.model_name(plan.model.name) else ""


def _model_done(now: Situation) -> bool:
    model, result = now.plan.model, now.results.model
    if model.path:
        return result.rpartition(":")[0] == model.name != ""
    return model.version is not None and not _model_missing(now.plan)


def _scoring_missing(plan: Plan) -> str:
    if not plan.scoring.script:
        return "choose a scoring script"
    return "" if plan.scoring.environment else "choose an environment file"


def _script_summary(now: Situation) -> str:
    results = now.results
    missing = _scoring_missing(now.plan)
    if missing or not results.checked_inputs:
        return missing or "not checked"
    if results.errors:
        return f"{results.errors} to fix"
    words = ["checked"]
    if results.resolved and results.resolved.ok and results.resolved.holds(now.inputs.resolving):
        words.append("resolved")
    if results.tried and results.tried.inputs == now.inputs.trial != "":
        words.append("tried" if results.tried.ok else "but failed when tried")
    if results.warnings:
        words.append(f"{results.warnings} warning{'' if results.warnings == 1 else 's'}")
    return ", ".join(words)


def _image_missing(plan: Plan) -> str:
    if not plan.image_name:
        return "name the image"
    if rules.image_name(plan.image_name) and (plan.image.name or not rules.model_name(plan.model.name)):
        return "correct the image's name"
    return "correct the image's tag" if rules.image_tag(plan.image.tag) else ""


def _credentials_summary(now: Situation) -> str:
    if not now.results.credential:
        return "not stored"
    return f"{now.results.credential_user}, {now.results.credential_kept_in}"


def _devices_missing(plan: Plan) -> str:
    if not plan.hub.name:
        return "choose an IoT Hub"
    return "" if plan.devices else "choose one or more devices"


def _devices_summary(now: Situation) -> str:
    devices = now.plan.devices
    return devices[0] if len(devices) == 1 else f"{len(devices)} devices" if devices else "none chosen"


def _deployed(now: Situation) -> bool:
    outcomes = now.results.devices
    return bool(now.plan.devices) and all(d in outcomes and outcomes[d].answered for d in now.plan.devices)


def _deploy_summary(now: Situation) -> str:
    outcomes = [now.results.devices[d] for d in now.plan.devices if d in now.results.devices]
    answered = sum(outcome.answered for outcome in outcomes)
    if not outcomes:
        return "not deployed"
    if len(now.plan.devices) == 1:
        return f"{outcomes[0].state}, answered" if answered else outcomes[0].state
    return f"{answered} of {len(now.plan.devices)} answered"


STEPS: tuple[Step, ...] = (
    Step(
        "workspace",
        1,
        "Workspace",
        (),
        _workspace_missing,
        lambda now: not _workspace_missing(now.plan),
        _never,
        lambda now: now.plan.workspace.name or now.plan.workspace.config or "not chosen",
    ),
    Step(
        "model",
        2,
        "Model",
        ("workspace",),
        _model_missing,
        _model_done,
        _model_stale,
        lambda now: (
            now.results.model
            if now.plan.model.path and _model_done(now)
            else f"{now.plan.model.name}:{now.plan.model.version}"
            if now.plan.model.version is not None
            else f"not registered: {now.plan.model.name}"
            if now.plan.model.name
            else "not chosen"
        ),
    ),
    Step(
        "script",
        3,
        "Script",
        (),
        _scoring_missing,
        lambda now: not _scoring_missing(now.plan) and bool(now.results.checked_inputs) and now.results.errors == 0,
        _script_stale,
        _script_summary,
    ),
    Step(
        "image",
        4,
        "Image",
        ("workspace", "model", "script"),
        _image_missing,
        lambda now: bool(now.results.image),
        lambda now: _changed(now.results.image_inputs, now.inputs.image, "what goes into it changed"),
        lambda now: now.results.image.rpartition("/")[2] or "not built",
    ),
    Step(
        "credentials",
        5,
        "Credentials",
        ("workspace",),
        lambda _: "",
        lambda now: bool(now.results.credential),
        _never,
        _credentials_summary,
    ),
    Step(
        "devices",
        6,
        "Devices",
        ("workspace",),
        _devices_missing,
        lambda now: not _devices_missing(now.plan),
        _never,
        _devices_summary,
    ),
    Step(
        "deploy",
        7,
        "Deploy",
        ("image", "credentials", "devices"),
        lambda _: "",
        _deployed,
        _deploy_stale,
        _deploy_summary,
    ),
)

BY_ID: dict[str, Step] = {step.id: step for step in STEPS}


def status(step: Step, now: Situation) -> Status:
    """Say how one step stands."""
    if step.id in now.running:
        return Status.RUNNING
    if step.id in now.failed:
        return Status.FAILED
    if not step.done(now):
        return Status.OPEN
    return Status.STALE if stale(step, now) else Status.DONE


def stale(step: Step, now: Situation) -> str:
    """Say what changed since a step was done, be it in a step that it builds on; "" where nothing did."""
    if own := step.stale(now):
        return own
    for need in map(BY_ID.__getitem__, step.needs):
        if need.done(now) and stale(need, now):
            return f"{need.number} {need.title} is not up to date"
    return ""


def blocked(step: Step, now: Situation) -> str:
    """Name the steps that must be done first, as `needs 2 and 3`, or ""."""
    return _needs([str(need.number) for need in _not_done(step, now)])


def waits(step: Step, now: Situation) -> str:
    """The same by their names, as `needs 2 Model and 3 Script`, or ""."""
    return _needs([f"{need.number} {need.title}" for need in _not_done(step, now)])


def _not_done(step: Step, now: Situation) -> list[Step]:
    return [need for need in map(BY_ID.__getitem__, step.needs) if status(need, now) is not Status.DONE]


def _needs(names: list[str]) -> str:
    if not names:
        return ""
    *first, last = names
    return f"needs {', '.join(first)} and {last}" if first else f"needs {last}"


def view(now: Situation) -> list[View]:
    """All steps as they stand, in order."""
    return [
        View(
            step,
            status(step, now),
            now.running.get(step.id) or now.failed.get(step.id) or step.summary(now),
            blocked(step, now),
            stale(step, now) if status(step, now) is Status.STALE else "",
            waits(step, now),
        )
        for step in STEPS
    ]


def next_open(now: Situation, after: str = "") -> Step | None:
    """The step to go to from `after`: the next one that can be done now (wrapping round), else one that waits or runs.

    `after` itself comes last; None when all are done.
    """
    start = BY_ID[after].number if after else 0
    left = [step for step in (*STEPS[start:], *STEPS[:start]) if status(step, now) is not Status.DONE]
    ready = [step for step in left if status(step, now) is not Status.RUNNING and not blocked(step, now)]
    others = [step for step in (*ready, *left) if step.id != after]
    return next(iter((*others, *left)), None)

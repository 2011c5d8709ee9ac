"""What the image screen says of choices, inputs and results, as plain text."""

from __future__ import annotations

import re

from edgetui.core import builders
from edgetui.core.amounts import size_text
from edgetui.core.errors import EdgeError
from edgetui.core.models import EngineState
from edgetui.core.plan import Image, Plan
from edgetui.core.results import Results
from edgetui.jobs.build_place import Place
from edgetui.jobs.build_times import Expected
from edgetui.ui.widgets.one_of import Choice
from edgetui.ui.words.build import estimate
from edgetui.ui.words.common import clock

ANSWERS = ("builder", "platform", "name", "tag")  # keys of the plan's image that are asked on the screen
# What a builder puts before the cause: the log and the title line say which image it was.
_WHAT = re.compile(
    r"^(?:The build of image \S+ failed|Build \S+ in registry \S+ failed|Could not (?:build|push) \S+): "
)


def builder_choices(engine: EngineState | None) -> tuple[Choice, ...]:
    """The builders; the local engine is greyed where none answers, with why and what to do."""
    made = []
    for kind in builders.KINDS:
        says, shut = kind.says, ""
        if kind.name == "docker" and engine is None:
            says = f"{kind.says} (asking…)"
        elif kind.name == "docker" and engine is not None and engine.reachable:
            says = f"on this machine by {engine.platform} engine {engine.version}".replace("  ", " ")
        elif kind.name == "docker" and engine is not None:
            shut = sentence(engine.why or "no container engine answers", engine.remedy)
        made.append(Choice(kind.name, kind.title, says, shut))
    return tuple(made)


def platform_choices(builder: str) -> tuple[Choice, ...]:
    """The platforms, those greyed that the builder cannot."""
    can = builders.BY_NAME[builder].platforms
    title = builders.BY_NAME[builder].title
    return tuple(
        Choice(name, name, shut="" if name in can else f"{title} cannot build for {name}")
        for name in builders.PLATFORMS
    )


def builder_problem(image: Image, engine: EngineState | None) -> str:
    """What is wrong with the chosen builder and what to do, or ""."""
    if image.builder == "docker" and engine is not None and not engine.reachable:
        return sentence(engine.why, engine.remedy)
    return builders.builder_problem(image)


def inputs(plan: Plan, model: str, tag: str, *, short: bool) -> str:
    """What goes in and what it becomes; with builder and platform where they are not on the screen (`short`)."""
    script, environment = plan.scoring.script or "no script yet", plan.scoring.environment or "no environment yet"
    becomes = f"{plan.image_name or '…'}:{tag or 'auto'}"
    if short:
        becomes += f", {plan.image.platform}, by {builders.BY_NAME[plan.image.builder].title}"
    return "\n".join(
        (
            f"Goes in         {model or 'no model yet (2 Model)'}, {script}, {environment}",
            f"Becomes         {becomes}",
        )
    )


def result(results: Results, *, stale: bool) -> str:
    """What was built: reference, digest, and what the registry says it really is; "" where nothing was."""
    if not results.image:
        return ""
    lines = [f"Image           {results.image}{' (outdated)' if stale else ''}"]
    digest = results.digest.rpartition("@")[2]
    if digest:
        lines.append(f"     {digest}")  # whole: it is copied, and fills a line of 80 cells
    facts = [
        results.image_platform,
        f"{results.image_layers} layers" if results.image_layers else "",
        size_text(results.image_size) if results.image_size else "",
        f"built in {clock(results.image_seconds)}" if results.image_seconds >= 1 else "",
    ]
    said = " · ".join(fact for fact in facts if fact)
    return "\n".join([*lines, f"                {said}"] if said else lines)


def built(results: Results, *, reused: bool) -> str:
    """That there is an image, and what to do next."""
    if reused:
        return "The same image was there already, nothing to build; F3 goes on."
    took = results.image_seconds
    return f"Built{f' in {clock(took)}' if took >= 1 else ''}; F3 goes on."


def invitation(expected: Expected) -> str:
    """How to begin, and how long it will take."""
    words = "The first build takes some minutes."
    if expected.seconds:
        why = "the environment is made already" if expected.most else "as the last time"
        words = f"{estimate(expected).capitalize()}, {why}."
    return f"F8 (or Enter on Build) builds the image. {words}"


def sentence(*parts: str) -> str:
    """Parts as sentences behind each other."""
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def cause(error: EdgeError, place: Place | None) -> str:
    """Why a build failed in one line, and what to do in the next."""
    why = _WHAT.sub("", error.title)
    return f"✗ {why[:1].upper()}{why[1:]}\n→ {error.remedy or 'The log says more.'}{mending(place, error.field)}"


def mending(place: Place | None, field: str) -> str:
    """What F4 does about a failure, to be put behind its remedy; "" where it can do nothing."""
    if place is not None:
        return f" F4: {place.path}" + (f":{place.line}" if place.line else "")
    section, _, key = field.partition(".")
    steps = {"registry": 5, "model": 2, "workspace": 1}
    if section in steps:
        return f" F4: step {steps[section]}"
    return f" F4: {key}" if section == "image" and key in ANSWERS else ""

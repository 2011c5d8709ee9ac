"""What is wrong with a plan's answers by themselves: no file is read, nobody is asked. Each job asks for its own part again."""

from __future__ import annotations

from collections.abc import Iterator

from edgetui.core import builders, manifest, rules, steps
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.plan import Plan


def problems(plan: Plan) -> Iterator[EdgeError]:
    """Everything that is missing or cannot be, in the order of the steps; each names its field."""
    names = list(model(plan)) if plan.model.name else []
    named = {"image"} if plan.image_name else set()  # what is wrong with these is said with its field below
    if names and (plan.model.path != "" or plan.model.version is not None):
        named.add("model")
    for step in steps.STEPS:
        text = step.missing(plan)
        if text and step.id not in named:
            yield bad_input(step.id, f"{step.title}: {text}", f"Answer step {step.number}")
    yield from names
    if plan.image_name:
        yield from image(plan)
    yield from builder(plan)
    yield from credential(plan)
    yield from devices(plan)
    if plan.module_name:
        yield from module(plan)


def model(plan: Plan) -> Iterator[EdgeError]:
    """Name and tags of the model."""
    name = plan.model.name
    if problem := rules.model_name(name):
        title = f"{name!r} cannot be a model's name" if name else "The model has no name"
        yield bad_input("model.name", title, problem)
    for key, value in plan.model.tags.items():
        if problem := rules.tag_pair(f"{key}={value}"):
            yield bad_input("model.tags", f"The tag {key!r} cannot be used", problem)


def image(plan: Plan) -> Iterator[EdgeError]:
    """Name, tag and platform of the image."""
    for key, value, problem in (
        ("name", plan.image_name, rules.image_name(plan.image_name)),
        ("tag", plan.image.tag, rules.image_tag(plan.image.tag)),
        ("platform", plan.image.platform, rules.platform(plan.image.platform)),
    ):
        if problem:
            yield bad_input(f"image.{key}", f"{value!r} cannot be used as the image's {key}", problem)


def builder(plan: Plan) -> Iterator[EdgeError]:
    """What the image's builder cannot do, or does not take."""
    chosen, platform = builders.BY_NAME[plan.image.builder], plan.image.platform
    if platform in builders.PLATFORMS and platform not in chosen.platforms:
        able = " or ".join(f'"{kind.name}"' for kind in builders.makers(platform))
        remedy = f"Write builder = {able}, or another platform"
        yield bad_input("image.platform", f"{chosen.title} cannot build for {platform}", remedy)
    for key in builders.not_taken(plan.image):
        able = " or ".join(f'"{kind.name}"' for kind in builders.takers(key))
        title = f"image.{key} is not for {chosen.title}, which can do nothing with it"
        yield bad_input(f"image.{key}", title, f"Leave it out, or write builder = {able}")


def credential(plan: Plan) -> Iterator[EdgeError]:
    """The kind of registry credential."""
    kind = plan.registry.credential
    if kind != "admin":
        title = f"The credential {kind!r} is not in this version"
        yield bad_input("registry.credential", title, 'Write credential = "admin"')


def devices(plan: Plan) -> Iterator[EdgeError]:
    """The targets: device ids; conditions are not in this version."""
    if any(target.condition for target in plan.target):
        title = "Target conditions are not in this version"
        yield bad_input("target.condition", title, 'Name the devices: devices = ["…"]')


def module(plan: Plan) -> Iterator[EdgeError]:
    """Names of the module, its variables and its routes."""
    try:
        manifest.check_names(plan.module_name, plan.module)
    except EdgeError as problem:
        yield problem

"""What each builder can, and how long a build is expected to take."""

from __future__ import annotations

import msgspec
import pytest

from edgetui.core import builders
from edgetui.core.events import ImageBuilt, LogFile
from edgetui.core.plan import Image, Plan
from edgetui.core.results import Results
from edgetui.jobs import build_times
from tests.unit.test_build import WHOLE, Remote, session_with, world_with

replace = msgspec.structs.replace


@pytest.mark.parametrize(
    ("builder", "platform", "problem"),
    [
        ("azureml", "linux/amd64", ""),
        ("azureml", "linux/arm64", ""),
        ("azureml", "linux/arm/v7", "Azure ML cannot build for linux/arm/v7: choose ACR Tasks or Docker above"),
        ("acr", "linux/arm/v7", ""),
        ("docker", "linux/arm/v7", ""),
    ],
)
def test_a_platform_that_a_builder_cannot_is_told_with_those_that_can(
    builder: str, platform: str, problem: str
) -> None:
    image = Image(builder=builder, platform=platform)  # type: ignore[arg-type]
    said = builders.platform_problem(image)
    assert said.startswith(problem)
    assert bool(said) == bool(problem)


def test_what_a_builder_does_not_take_is_told_with_those_that_do() -> None:
    both = builders.builder_problem(Image(base="python:3.12", network="host"))
    assert both.startswith("image.base, image.network: they are not for Azure ML.")
    assert both.endswith("or choose Docker")
    assert builders.builder_problem(Image(base="python:3.12")).endswith("or choose ACR Tasks or Docker")
    assert builders.builder_problem(Image("acr", network="host")).startswith("image.network: it is not for ACR Tasks.")
    assert builders.builder_problem(Image("docker", network="host")) == ""
    assert builders.builder_problem(Image(builder="acr", base="python:3.12")) == ""
    assert builders.builder_problem(Image()) == ""


def test_a_build_is_expected_to_take_as_long_as_the_last_one_alike() -> None:
    world = world_with(Image("acr"))
    session = session_with(world, Remote(*WHOLE))

    def expected(plan: Plan) -> tuple[float, bool]:
        return build_times.expected(plan, session.results, session.ports)

    assert expected(session.plan) == (0, False)
    (built,) = [event for event in session.run("image") if isinstance(event, ImageBuilt)]
    first = built.environment
    session.results = session.results.after(replace(built, seconds=300.0))
    # The environment is made: the next one takes less, nobody knows how much less.
    assert expected(session.plan) == (300, True)
    again = build_times.key(session.plan, session.results, session.ports)
    assert again != first
    session.results = session.results.after(replace(built, environment=again, seconds=7.0))
    assert expected(session.plan) == (7, False)
    assert build_times.key(session.plan, session.results, session.ports) == again
    other = replace(session.plan, image=replace(session.plan.image, platform="linux/arm64"))
    assert expected(other) == (0, False)
    world.files["/plan/myenv.yml"] = "dependencies:\n- python=3.11\n- numpy\n"
    assert expected(session.plan) == (0, False)


def test_what_the_registry_says_of_an_image_is_kept_and_leaves_with_it() -> None:
    first = Results().after(ImageBuilt("reg/a:1", "x", seconds=3.0, platform="linux/amd64", size=7, layers=4))
    again = first.after(ImageBuilt("reg/a:1", "x", reused=True))
    assert (again.image_platform, again.image_size, again.image_layers) == ("linux/amd64", 7, 4)
    other = again.after(ImageBuilt("reg/a:2", "x"))
    assert (other.image_platform, other.image_size, other.image_layers) == ("", 0, 0)


def test_builds_of_two_plans_in_the_same_second_have_logs_of_their_own() -> None:
    names = set()
    for _ in range(4):
        world = world_with(Image("acr"))
        events = list(session_with(world, Remote(*WHOLE)).run("image"))
        names |= {event.path for event in events if isinstance(event, LogFile)}
    assert len(names) == 4


def test_what_the_builder_does_not_say_of_the_image_is_asked_of_the_registry() -> None:
    world = world_with(Image())
    (built,) = [event for event in session_with(world, Remote(), "acr").run("image") if isinstance(event, ImageBuilt)]
    assert built.digest.startswith("sha256:")
    assert built.platform
    assert built.size > 0

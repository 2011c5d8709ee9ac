"""What can be known of a plan without a network: combinations that no builder makes, and what our own Dockerfile lacks."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from edgetui.command_line.check import problems
from edgetui.core import answers
from edgetui.core.events import Failed
from edgetui.core.plan import Image
from edgetui.jobs.session import Session
from tests.unit import memory_ports
from tests.unit.memory_ports import World

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
CONDA = "dependencies:\n- python=3.11\n- libgomp=14.2\n- pip:\n  - azureml-inference-server-http==1.5.1\n"


@pytest.fixture
def world() -> World:
    made = World()
    made.files["/plan/ca.pem"] = PEM
    made.files["/plan/wrong.pem"] = "no certificate"
    made.files["/plan/app/helper.py"] = "x"
    return made


def told(world: World, image: Image) -> list[tuple[str, str]]:
    """Field and message of what `edgetui check` says of the image."""
    plan = msgspec.structs.replace(memory_ports.plan(), image=image)
    found = list(problems(plan, "plan.toml", world.ports()))
    return [(one.rule, one.message) for one in found if one.severity == "error" and one.rule.startswith("image.")]


@pytest.mark.parametrize(
    "image",
    [
        Image(),
        Image(platform="linux/arm64"),
        Image("acr", platform="linux/arm/v7", base="python:3.11", index_url="https://packages.example/simple"),
        Image("docker", ca_bundle="ca.pem", context="app", network="host"),
    ],
)
def test_what_can_be_built_has_nothing_wrong(world: World, image: Image) -> None:
    assert told(world, image) == []


@pytest.mark.parametrize(
    ("image", "field", "message"),
    [
        (Image(platform="linux/arm/v7"), "image.platform", "Azure ML cannot build for linux/arm/v7"),
        (Image(platform="windows"), "image.platform", "'windows' cannot be used as the image's platform"),
        (Image(base="python:3.11"), "image.base", "is not for Azure ML"),
        (Image(context="app"), "image.context", "is not for Azure ML"),
        (Image(ca_bundle="nowhere.pem"), "image.ca_bundle", "is not for Azure ML"),
        (Image("acr", network="host"), "image.network", "image.network is not for ACR Tasks"),
        (Image("acr", ca_bundle="nowhere.pem"), "image.ca_bundle", "There is no file /plan/nowhere.pem"),
        (Image("acr", ca_bundle="wrong.pem"), "image.ca_bundle", "wrong.pem holds no certificate"),
        (Image("docker", context="nowhere"), "image.context", "There is no file /plan/nowhere"),
        (Image("acr", base="py thon"), "image.base", "'py thon' is no name of an image"),
        (Image("acr", index_url="https://me:secret@packages.example"), "image.index_url", "without a user or password"),
    ],
)
def test_what_cannot_be_built_is_told_once_with_its_field(world: World, image: Image, field: str, message: str) -> None:
    ((named, said),) = told(world, image)
    assert named == field
    assert message in said
    assert "secret" not in said


def test_conda_packages_that_a_platform_has_not_are_told(world: World) -> None:
    world.files["/plan/myenv.yml"] = CONDA
    assert told(world, Image("acr")) == []
    ((field, said),) = told(world, Image("acr", platform="linux/arm/v7"))
    assert field == "image.platform"
    assert "no packages for linux/arm/v7" in said


def test_an_environment_that_is_none_is_not_blamed_on_the_image(world: World) -> None:
    world.files["/plan/myenv.yml"] = "dependencies: {"
    assert told(world, Image("acr")) == []
    del world.files["/plan/myenv.yml"]
    assert told(world, Image("acr")) == []


def test_the_build_and_the_whole_plan_refuse_the_same() -> None:
    world = World()
    world.plans["/plan/plan.toml"] = msgspec.structs.replace(memory_ports.plan(), image=Image(platform="linux/arm/v7"))
    session = Session(dataclasses.replace(world.ports()), "/plan/plan.toml")
    assert [error.field for error in answers.problems(session.plan)] == ["image.platform"]
    *_, last = session.run("image")
    assert isinstance(last, Failed)
    assert (last.field, last.remedy) == ("image.platform", 'Write builder = "acr" or "docker", or another platform')
    assert world.builds == []

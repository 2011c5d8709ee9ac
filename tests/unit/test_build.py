"""The build job over several builders: which one, whose credential, which tag, and a build that goes on without us."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import msgspec
import pytest

from edgetui.core import dockerfile
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, Failed, ImageBuilt, ImageRun, LogFile, LogLine
from edgetui.core.models import BuildRequest, BuildRun, ImageDetails, RegistryCredential
from edgetui.core.plan import Image, Model, Plan
from edgetui.core.results import Results
from edgetui.jobs.session import Session
from tests.unit.memory_ports import LOGIN_SERVER, World, plan

replace = msgspec.structs.replace
PATH = "/plan/plan.toml"


class Remote:
    """A builder whose builds go on elsewhere; `script` is what it says, an exception at its end is raised."""

    def __init__(self, *script: Event | EdgeError) -> None:
        self.script = script
        self.asked: list[BuildRequest] = []

    def build(self, request: BuildRequest) -> Iterator[Event]:
        self.asked.append(request)
        for said in self.script:
            if isinstance(said, EdgeError):
                raise said
            yield said


def run_at(offset: int) -> ImageRun:
    return ImageRun(BuildRun("acr", "ca1", "image", offset))


def line(text: str) -> LogLine:
    return LogLine("image", text)


BUILT = ImageBuilt(f"{LOGIN_SERVER}/pump:x", "", digest="sha256:abc", platform="linux/amd64", size=10, layers=4)
WHOLE = (run_at(0), line("one"), line("two"), run_at(10), line("three"), run_at(16), BUILT)


def world_with(image: Image, model: Model | None = None) -> World:
    world = World()
    world.plans[PATH] = replace(plan(), image=image, model=model or plan().model)
    world.results[PATH] = Results(model="pump:1", model_inputs="")
    return world


def session_with(world: World, builder: Remote, name: str = "acr") -> Session:
    return Session(dataclasses.replace(world.ports(), builders={name: builder}), PATH)


def built(found: list[Event]) -> ImageBuilt:
    assert isinstance(found[-1], ImageBuilt), found
    return found[-1]


def failed(found: list[Event]) -> Failed:
    assert isinstance(found[-1], Failed), found
    return found[-1]


def test_the_plan_chooses_the_builder_and_it_gets_what_our_dockerfile_needs() -> None:
    world = world_with(Image("acr", base="python:3.12-slim", ca_bundle="ca.pem"))
    world.files["/plan/ca.pem"] = "certificates"
    remote = Remote(*WHOLE)
    session = session_with(world, remote)
    event = built(list(session.run("image")))
    (asked,) = remote.asked
    assert world.builds == []
    assert (asked.base, asked.ca_bundle, asked.commit) == ("python:3.12-slim", "/plan/ca.pem", "c0ffee")
    assert asked.registry is not None
    assert asked.credential is not None
    assert asked.credential.username == "somebody"  # the person's own, without the admin user
    assert asked.content == event.inputs
    assert session.results.digest == f"{LOGIN_SERVER}/pump@sha256:abc"
    assert session.results.image_run is None


def test_a_model_that_was_registered_elsewhere_is_fetched_once() -> None:
    world = world_with(Image("acr"), Model("pump", version=3))
    remote = Remote(*WHOLE)
    list(session_with(world, remote).run("image"))
    list(session_with(world_again(world), remote).run("image"))
    assert [asked.model_path for asked in remote.asked] == ["/fetched/model-sub-ws-pump:3/"] * 2
    assert world.fetched == {"model-sub-ws-pump:3"}


def world_again(world: World) -> World:
    world.results[PATH] = Results()
    return world


def test_an_unknown_builder_and_settings_that_azure_ml_does_not_take_are_told() -> None:
    no_builder = session_with(world_with(Image("docker")), Remote())
    assert failed(list(no_builder.run("image"))).field == "image.builder"
    azureml = session_with(world_with(Image(base="python:3.12")), Remote())
    assert failed(list(azureml.run("image"))).field == "image.base"


class Labelled:
    """A registry port whose images have labels."""

    def __init__(self, inner: object, labels: dict[str, str]) -> None:
        self._inner, self._labels = inner, labels

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def resolve(self, reference: str, credential: RegistryCredential) -> ImageDetails:
        return ImageDetails(reference, "sha256:there", "linux/amd64", 5, 3, self._labels)


def with_image(world: World, remote: Remote, labels: dict[str, str]) -> Session:
    ports = world.ports()
    registry = Labelled(ports.registry, labels)
    builders = {"acr": remote, "azureml": remote}
    return Session(dataclasses.replace(ports, builders=builders, registry=registry), PATH)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("builder", "labels"), [("acr", {dockerfile.CONTENT_LABEL: "other"}), ("azureml", {})], ids=["acr", "azureml"]
)
def test_a_tag_with_other_content_is_refused_and_nothing_is_built(builder: str, labels: dict[str, str]) -> None:
    remote = Remote(*WHOLE)
    session = with_image(world_with(Image(builder, tag="v1")), remote, labels)
    problem = failed(list(session.run("image")))
    assert (problem.field, problem.kind) == ("image.tag", "input")
    assert "other content" in problem.title
    assert remote.asked == []


def test_who_may_not_look_into_the_registry_has_azure_ml_build_all_the_same() -> None:
    remote = Remote(BUILT)
    world = world_with(Image("azureml", tag="v1"))
    world.fail["registry.own_credential"] = EdgeError("You may not", kind="access")
    session = with_image(world, remote, {})
    assert built(list(session.run("image"))).reference == BUILT.reference
    assert len(remote.asked) == 1


def test_a_tag_with_the_same_content_is_not_built_again() -> None:
    world = world_with(Image("acr", tag="v1"))
    first = Remote(*WHOLE)
    inputs = built(list(session_with(world, first).run("image"))).inputs
    second = Remote(*WHOLE)
    session = with_image(world_again(world), second, {dockerfile.CONTENT_LABEL: inputs})
    world.results[PATH] = Results(model="pump:1")
    session.results = world.results[PATH]
    event = built(list(session.run("image")))
    assert (event.reused, event.digest, event.layers) == (True, "sha256:there", 3)
    assert second.asked == []


def logged(world: World) -> list[str]:
    (lines,) = world.logs.values()
    return lines


@pytest.mark.parametrize("after", range(1, 7))
def test_a_new_start_continues_the_build_and_its_log_wherever_the_first_one_was_killed(after: int) -> None:
    world = world_with(Image("acr"))
    remote = Remote(*WHOLE)
    first = session_with(world, remote)
    events = first.run("image")
    seen = 0
    for event in events:  # then nobody asks for more, and nothing is said: the process was killed
        seen += isinstance(event, (LogLine, ImageRun))
        if seen == after:
            break
    kept = world.results[PATH].image_run
    assert kept is not None
    assert (kept.builder, kept.run, kept.inputs != "", kept.log_name != "") == ("acr", "ca1", True, True)
    rest = {0: WHOLE[:1] + WHOLE[1:], 10: (run_at(10), *WHOLE[4:]), 16: (run_at(16), BUILT)}[kept.offset]
    again = Remote(*rest)
    second = session_with(world, again)
    found = list(second.run("image"))
    built(found)
    assert again.asked[0].resume == kept
    assert logged(world) == ["one", "two", "three"]
    if kept.log_size:
        assert next(event for event in found if isinstance(event, (LogFile, LogLine))) == LogFile(
            "image", first_log(world), kept.log_size
        )
    assert second.results.image_run is None


def first_log(world: World) -> str:
    return f"/state/logs/{next(iter(world.logs))}"


def test_a_build_that_failed_is_not_continued_one_that_was_lost_sight_of_is() -> None:
    world = world_with(Image("acr"))
    failing = session_with(world, Remote(run_at(0), line("one"), EdgeError("no such package")))
    failed(list(failing.run("image")))
    assert world.results[PATH].image_run is None
    lost = session_with(world, Remote(run_at(0), line("one"), EdgeError("no network", kind="unreachable")))
    failed(list(lost.run("image")))
    assert world.results[PATH].image_run is not None
    stopped = session_with(world, Remote(run_at(3), EdgeError("stopped", kind="cancelled")))
    failed(list(stopped.run("image")))
    assert world.results[PATH].image_run is None


def test_other_inputs_begin_another_build() -> None:
    world = world_with(Image("acr"))
    failed(list(session_with(world, Remote(run_at(0), EdgeError("no network", kind="unreachable"))).run("image")))
    world.files["/plan/score.py"] += "# edited\n"
    remote = Remote(*WHOLE)
    built(list(session_with(world, remote).run("image")))
    assert remote.asked[0].resume is None


def test_a_plan_without_our_settings_has_the_fingerprint_that_it_always_had() -> None:
    from edgetui.jobs import fingerprints

    world = World()
    before = fingerprints.image_inputs(plan(), "pump:1", world.ports())
    assert fingerprints.image_inputs(replace(plan(), image=Image()), "pump:1", world.ports()) == before
    changed: Plan = replace(plan(), image=Image(base="python:3.12"))
    assert fingerprints.image_inputs(changed, "pump:1", world.ports()) != before

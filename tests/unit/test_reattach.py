"""A build that an earlier start left: watched where it goes on, told where it ended, never begun by looking."""

from __future__ import annotations

import msgspec

from edgetui.core.errors import EdgeError, gone
from edgetui.core.events import Failed, ImageBuilt, LogFile
from edgetui.core.plan import Image
from edgetui.core.results import Results
from edgetui.jobs import reattach
from edgetui.jobs.session import Session
from tests.unit.memory_ports import World
from tests.unit.test_build import PATH, WHOLE, Remote, failed, line, run_at, session_with, world_with

replace = msgspec.structs.replace


def killed(builder: str = "acr", said: int = 5) -> tuple[World, Remote]:
    """A world in which the first start was killed after its builder had said so much."""
    world = world_with(Image(builder))  # type: ignore[arg-type]
    remote = Remote(*WHOLE) if builder != "docker" else Remote(line("Step 1/3 : FROM x"), line("more"), line("more"))
    events = session_with(world, remote, builder).run("image")
    for _ in zip(range(said + 2), events, strict=False):
        pass
    return world, remote


def test_a_build_in_azure_is_watched_and_not_begun_again() -> None:
    world, _ = killed()
    again = Remote(run_at(10), *WHOLE[4:])
    session = session_with(world, again)
    assert session.goes_on("image")
    assert reattach.left_over(session).startswith("pump:1-")
    events = list(session.run("image", **reattach.WATCH))
    assert isinstance(events[-1], ImageBuilt)
    assert again.asked[0].only_watch
    assert any(isinstance(event, LogFile) and event.size for event in events)
    assert not session.goes_on("image")


def test_a_build_that_is_gone_is_told_and_forgotten() -> None:
    world, _ = killed()
    session = session_with(world, Remote(gone("Build ca1")))
    problem = failed(list(session.run("image", **reattach.WATCH)))
    assert "not there any more" in problem.title
    assert reattach.left_over(session) == ""
    assert session.results.image_run is None


def test_a_build_that_cannot_be_asked_about_yet_is_not_forgotten() -> None:
    world, _ = killed()
    for kind in ("unreachable", "access"):
        session = session_with(world, Remote(EdgeError("nobody is signed in", kind=kind)))  # type: ignore[arg-type]
        failed(list(session.run("image", **reattach.WATCH)))
        assert reattach.left_over(session)


def test_other_files_than_it_was_made_of_begin_nothing() -> None:
    world, _ = killed()
    world.files["/plan/score.py"] += "\n# changed\n"
    again = Remote(*WHOLE)
    session = session_with(world, again)
    problem = failed(list(session.run("image", **reattach.WATCH)))
    assert "has changed" in problem.title
    assert again.asked == []
    assert session.results.image_run is None


def test_a_build_on_this_machines_engine_ended_and_says_why() -> None:
    world, _ = killed("docker")
    session = session_with(world, Remote(), "docker")
    assert session.results.image_run is not None
    assert not session.goes_on("image")
    assert reattach.left_over(session) == ""
    problem = session.failed["image"]
    assert "ended when edgetui did" in problem.title
    assert "nobody listens" in problem.detail
    assert session.running == {}
    assert session_with(world, Remote(), "docker").results.image_run is None  # told once


def test_a_build_on_the_engine_that_fails_or_ends_leaves_nothing() -> None:
    for remote in (Remote(*WHOLE[1:3], WHOLE[-1]), Remote(line("x"), EdgeError("it failed"))):
        world = world_with(Image("docker"))
        session = session_with(world, remote, "docker")
        events = list(session.run("image"))
        assert isinstance(events[-1], ImageBuilt | Failed)
        assert world.results[PATH].image_run is None


def test_nothing_was_left() -> None:
    session = Session(World().ports())
    assert (reattach.left_over(session), session.results) == ("", Results())


def test_stopping_before_it_is_followed_ends_it_in_azure_all_the_same() -> None:
    world, _ = killed()
    again = Remote()
    session = session_with(world, again)
    for event in session.run("image", **reattach.WATCH):
        if isinstance(event, LogFile):  # the lines of before are there, and the service was not asked yet
            session.stop("image")
    assert isinstance(event, Failed)
    assert event.error.kind == "cancelled"
    (asked,) = again.asked
    assert asked.only_end
    assert asked.resume is not None
    assert asked.resume.run == "ca1"
    assert session.results.image_run is None


def test_one_that_could_not_be_stopped_is_not_forgotten() -> None:
    world, _ = killed()
    session = session_with(world, Remote(EdgeError("nothing answers", kind="unreachable")))
    for event in session.run("image", **reattach.WATCH):
        if isinstance(event, LogFile):
            session.stop("image")
    assert isinstance(event, Failed)
    assert "may go on" in event.error.title
    assert "nothing answers" in event.error.detail
    assert session.goes_on("image")
    assert "image" in session.failed

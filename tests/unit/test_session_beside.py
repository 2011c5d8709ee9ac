"""Trial and resolving: they run beside the check, and the list of steps says what they came to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from edgetui.core import events, steps
from edgetui.core.cancel import current
from edgetui.core.errors import cancelled
from edgetui.core.models import Problem, ResolveRequest, TrialRequest
from edgetui.jobs.session import Session
from tests.unit.memory_ports import World, plan

PATH = "/plan/plan.toml"


@dataclasses.dataclass
class Outside:
    """Trial and resolver that come to what a test wants."""

    smoked: events.Smoked = dataclasses.field(default_factory=lambda: events.Smoked(ok=True, answer={"a": 1}))
    resolved: events.Resolved = dataclasses.field(default_factory=lambda: events.Resolved(ok=True, pins={"a": "1"}))
    meanwhile: Callable[[], None] = lambda: None

    def run(self, request: TrialRequest) -> Iterator[events.Event]:
        yield events.Progress("script", f"trying {request.name}")
        self.meanwhile()
        if current().requested:
            raise cancelled("The trial")
        yield self.smoked

    def resolve(self, request: ResolveRequest) -> Iterator[events.Event]:
        yield events.Progress("script", f"resolving for {request.platform}")
        yield self.resolved


@pytest.fixture
def world() -> World:
    made = World()
    made.plans[PATH] = plan()
    return made


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def session(world: World, outside: Outside) -> Session:
    return Session(dataclasses.replace(world.ports(), trial=outside, resolver=outside), PATH)


def run(session: Session, job: str) -> events.Event:
    return list(session.run(job))[-1]


def summary(session: Session) -> str:
    session.refresh_inputs()
    return next(view.summary for view in session.views() if view.step.id == "script")


def test_what_was_resolved_and_tried_is_said_until_a_file_changes(session: Session, world: World) -> None:
    run(session, "script")
    assert summary(session) == "checked"
    run(session, "smoke")
    assert summary(session) == "checked, tried"
    run(session, "resolve")
    assert summary(session) == "checked, resolved, tried"
    sample = next(name for name in world.files if name.endswith("sample.json"))
    world.files[sample] = '{"other": 1}'
    assert summary(session) == "checked, resolved"
    environment = next(name for name in world.files if name.endswith(".yml"))
    world.files[environment] += "# changed\n"
    assert summary(session) == "checked"


def test_a_trial_that_fails_is_said_and_does_not_undo_the_check(session: Session, outside: Outside) -> None:
    outside.smoked = events.Smoked(ok=False, problems=(Problem("score.py", 3, "error", "run() failed: KeyError"),))
    run(session, "script")
    last = run(session, "smoke")
    assert isinstance(last, events.Smoked)
    assert last.inputs
    assert summary(session) == "checked, but failed when tried"
    assert not session.failed
    assert steps.status(steps.BY_ID["script"], session.situation()) is steps.Status.DONE


def test_the_check_runs_while_a_trial_runs(session: Session, outside: Outside) -> None:
    seen: list[events.Event] = []
    busy: list[events.Event] = []

    def meanwhile() -> None:
        assert "script" not in session.running
        seen.append(run(session, "script"))
        busy.append(run(session, "smoke"))

    outside.meanwhile = meanwhile
    assert isinstance(run(session, "smoke"), events.Smoked)
    assert isinstance(seen[0], events.Checked)
    assert isinstance(busy[0], events.Failed)
    assert "still at work" in busy[0].title


def test_a_trial_can_be_stopped_and_run_again(session: Session, outside: Outside) -> None:
    outside.meanwhile = lambda: session.stop("smoke")
    last = run(session, "smoke")
    assert isinstance(last, events.Failed)
    assert (last.job, last.kind) == ("smoke", "cancelled")
    assert not session.failed
    outside.meanwhile = lambda: None
    assert isinstance(run(session, "smoke"), events.Smoked)


def test_where_there_is_no_server_it_is_said(world: World) -> None:
    last = run(Session(world.ports(), PATH), "smoke")
    assert isinstance(last, events.Failed)
    assert last.remedy == "Go on without the trial"


def test_a_file_that_is_gone_is_an_error_of_its_own_key(session: Session, world: World) -> None:
    for name in [name for name in world.files if name.endswith(".yml")]:
        del world.files[name]
    last = run(session, "resolve")
    assert isinstance(last, events.Failed)
    assert last.field == "scoring.environment"

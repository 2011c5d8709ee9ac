"""How a session begins: which plan, and whether the sandbox is there. Functions of the list of steps, apart from its drawing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetui.core import steps
from edgetui.core.errors import EdgeError

if TYPE_CHECKING:
    from edgetui.core.models import RecentPlan
    from edgetui.core.ports import Ports
    from edgetui.jobs.session import Session
    from edgetui.ui.screens.hub import HubScreen


@dataclass(frozen=True)
class Kept:
    """A plan worked on before: its file, its name, and how it stands."""

    path: str
    name: str
    state: str


@dataclass(frozen=True)
class Offers:
    """What the start screen offers: the plan to continue with, and others that were saved here, the latest first."""

    kept: Kept | None = None
    recent: tuple[RecentPlan, ...] = ()


def begin(hub: HubScreen) -> None:
    """Open the plan that was asked for, or find out what can be offered."""
    edge = hub.edge
    if edge.session_path:
        path, edge.session_path = edge.session_path, ""
        hub.status.busy(f"Opening {path}")
        edge.bridge.load("session", lambda: _open(edge.ports, path), hub)
    else:
        edge.bridge.load("kept", lambda: _offers(edge.ports), hub)


def loaded(hub: HubScreen, what: str, value: Any) -> None:
    """Take what the background found."""
    edge = hub.edge
    if what == "session":
        edge.use(value)
        hub.show()
        if step := steps.next_open(value.situation()):
            hub.point_to(step.id)
        hub.status.say("")
        _look_back(hub)
        _greet(hub)
    elif what == "kept":
        from edgetui.ui.screens.resume import ResumeScreen

        edge.push_screen(
            ResumeScreen(
                value, sandbox=bool(edge.ports.sandbox), opened=edge.session.path if edge.has_session else None
            ),
            lambda choice: _chosen(hub, choice),
        )
    elif what == "ready":
        hub.status.say("")
        _tell_end(hub)


def load_failed(hub: HubScreen, what: str, error: EdgeError) -> None:
    """Say what went wrong, and offer the way round it."""
    hub.status.problem(f"{error.title}. {error.remedy}")
    hub.edge.show_error(error, (lambda: _greet(hub)) if what == "ready" else (lambda: begin(hub)))


def _chosen(hub: HubScreen, choice: str | None) -> None:
    """Take the start screen's answer: `example`, `new`, or a path; None where the person stays with the open plan."""
    edge = hub.edge
    if choice is None:
        return
    if edge.bridge.running:
        hub.status.problem("A job of the open plan runs: stop it first, or let it end.")
        return
    if choice == "example":
        hub.status.busy("Copying the example")
        edge.bridge.load("session", lambda: _example(edge.ports), hub)
    else:
        path = "" if choice == "new" else choice
        hub.status.busy("Opening the plan")
        edge.bridge.load("session", lambda: _open(edge.ports, path), hub)


def _look_back(hub: HubScreen) -> None:
    """Watch a build again that went on while edgetui was away, or say that it ended."""
    from edgetui.jobs import reattach

    edge = hub.edge
    hub.left_build = reattach.left_over(edge.session)
    if hub.left_build:
        hub.point_to("image")
        edge.run_job("image", **reattach.WATCH)
    _tell_end(hub)


def _tell_end(hub: HubScreen) -> None:
    error = hub.edge.session.failed.get("image") if hub.edge.has_session else None
    if error is not None:
        hub.point_to("image")
        hub.status.problem(f"{error.title}. {error.remedy}")
        hub.show()


def _greet(hub: HubScreen) -> None:
    """In the sandbox, say when it is there; it may still be starting."""
    edge = hub.edge
    if edge.ports.sandbox:
        from edgetui.jobs import browse

        hub.status.busy("The sandbox is starting; you can go on meanwhile")
        edge.bridge.load("ready", lambda: browse.account(edge.ports), hub)


def _open(ports: Ports, path: str) -> Session:
    from edgetui.jobs.session import Session

    session = Session(ports, path)
    session.refresh_inputs()
    return session


def _example(ports: Ports) -> Session:
    from edgetui.jobs import examples

    return _open(ports, examples.start(ports))


def _offers(ports: Ports) -> Offers:
    """The plan worked on last, and the others."""
    recent = ports.plans.recent()
    latest = next((plan for plan in recent if plan.saved), None)
    kept = _kept(ports, latest.path) if latest else None
    return Offers(kept, tuple(plan for plan in recent if plan is not latest))


def _kept(ports: Ports, path: str) -> Kept:
    """How a plan stands; one that cannot be read any more is offered by its path alone."""
    from edgetui.jobs.session import Session

    try:
        session = Session(ports, path)
    except EdgeError as error:
        return Kept(path, Path(path).stem, f"✗ {error.title.removeprefix(path).lstrip(':')}")
    views = session.views()
    done = sum(view.status is steps.Status.DONE for view in views)
    step = steps.next_open(session.situation())
    state = f"{done} of {len(steps.STEPS)} steps done" + (f", next: {step.title}" if step else "")
    return Kept(path, session.plan.model.name or Path(path).stem, state)

"""The app on the real sandbox: a copy of the example, and as many steps done before as a test needs."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from textual.pilot import Pilot

from edgetui import bootstrap, settings
from edgetui.adapters import cloud
from edgetui.core.events import Failed
from edgetui.core.ports import Ports
from edgetui.jobs import examples
from edgetui.jobs.session import Session
from edgetui.ui.app import EdgeApp
from tests.conftest import start_sandbox

from .driving import until


@dataclass
class Outside:
    """The ports on a running sandbox, and the plan file of a copy of the example."""

    ports: Ports
    settings: settings.Settings
    plan: str

    def text(self) -> str:
        """The plan file as it is."""
        return Path(self.plan).read_text()

    @contextmanager
    def rewritten(self, old: str, new: str) -> Iterator[None]:
        """The plan with another text in it, until the block ends; then it is as before, whatever was edited."""
        before = self.text()
        assert old in before
        Path(self.plan).write_text(before.replace(old, new))
        try:
            yield
        finally:
            Path(self.plan).write_text(before)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """When the block ends the plan is as before, whatever was edited."""
        with self.rewritten("", ""):
            yield

    def do(self, *jobs: str) -> Session:
        """Do steps without a screen; fails with what one of them says."""
        session = Session(self.ports, self.plan)
        session.refresh_inputs()
        for job in jobs:
            options = {"enable_admin": True} if job == "credentials" else {}
            failures = [event for event in session.run(job, **options) if isinstance(event, Failed)]
            assert not failures, failures
        return session

    @asynccontextmanager
    async def opened(self, step: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[int]]:
        """The app on the plan, with one step open."""
        app = EdgeApp(self.ports, self.plan, self.settings)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.has_session)
            app.open_step(step)
            await until(pilot, lambda: app.screen.id == step)
            yield pilot


@contextmanager
def outside_of_own(folder: Path, cache: Path) -> Iterator[Outside]:
    """Real ports on a sandbox that nobody else has touched."""
    running = start_sandbox(folder / "sandbox", cache)
    try:
        with outside(running.env, folder / "home") as made:
            yield made
    finally:
        running.stop()


@contextmanager
def outside(env: dict[str, str], folder: Path) -> Iterator[Outside]:
    """Real ports on the sandbox whose env file says `env`; everything is kept below `folder`."""
    configured = settings.load({"EDGETUI_HOME": str(folder)})
    ports = bootstrap.ports(configured, lambda: cloud.from_environ(env), sandbox="happy")
    try:
        made = Outside(ports, configured, examples.start(ports))
        _use_free_port(made)
        yield made
    finally:
        bootstrap.close(ports)


def _use_free_port(made: Outside) -> None:
    """The example's module takes port 5001 of its device; here that is this machine, where others may use it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = str(listener.getsockname()[1])
    plan = made.ports.plans.load(made.plan)
    options = {"HostConfig": {"PortBindings": {"5001/tcp": [{"HostPort": port}]}}}
    module = msgspec.structs.replace(plan.module, create_options=options)
    made.ports.plans.save(made.plan, msgspec.structs.replace(plan, module=module))

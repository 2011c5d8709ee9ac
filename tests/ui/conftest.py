"""The app on an outside of objects (`fake`), and on the real sandbox (`real_ports`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgetui.ui.app import EdgeApp
from tests.ui import fake_ports
from tests.ui.fake_ports import World

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def fake(world: World, tmp_path: Path) -> Callable[..., EdgeApp]:
    """A function that makes the app: `fake(plan_text, sandbox="happy")`; the plan lies in `tmp_path/plan.toml`."""

    def make(plan: str | None = None, sandbox: str = "") -> EdgeApp:
        path = ""
        if plan is not None:
            file = tmp_path / "plan.toml"
            file.write_text(plan)
            path = str(file)
        return EdgeApp(fake_ports.ports(world, tmp_path / "state", sandbox), path)

    return make

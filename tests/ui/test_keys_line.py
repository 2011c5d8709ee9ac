"""The last line of every screen: the way out is always on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from edgetui.core import steps
from edgetui.ui.app import EdgeApp
from edgetui.ui.widgets.keys_line import KeysLine
from tests.ui.driving import still, text_of, until


class ManyKeys(App[int]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "back", "Back"),
        Binding("f5", "reload", "Refresh"),
        Binding("f8", "deploy", "Deploy"),
        Binding("f1", "help", "Help"),
        Binding("f10", "leave", "Quit"),
    ]

    def compose(self) -> ComposeResult:
        yield KeysLine()


async def test_where_the_line_is_short_the_least_important_keys_are_left_out() -> None:
    app = ManyKeys()
    async with app.run_test(size=(36, 5)) as pilot:
        assert (await still(pilot)).splitlines()[-1] == "f2 Back f8 Deploy f1 Help f10 Quit"
        await pilot.resize_terminal(80, 5)
        await until(pilot, "f2 Back f5 Refresh f8 Deploy f1 Help f10 Quit")
        await pilot.resize_terminal(36, 5)
        await until(pilot, lambda: text_of(app).splitlines()[-1] == "f2 Back f8 Deploy f1 Help f10 Quit")


@pytest.mark.parametrize("step", [step.id for step in steps.STEPS])
async def test_every_step_names_the_way_out_at_80_columns(fake: Callable[..., EdgeApp], step: str) -> None:
    app = fake("")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Enter opens a step")
        app.open_step(step)
        await until(pilot, lambda: app.screen.id == step)
        await until(pilot, lambda: text_of(app).splitlines()[-1].endswith("F10 Quit"))

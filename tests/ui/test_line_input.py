"""The one-line input: what is typed fast is edited in its order, and what is long is seen at its end."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.pilot import Pilot

from edgetui.ui.widgets.line_input import LineInput


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield LineInput(compact=True)

    @property
    def field(self) -> LineInput:
        return self.query_one(LineInput)


async def at_once(pilot: Pilot[None], keys: list[str]) -> None:
    """Keys as they come in one packet."""
    for key in keys:
        pilot.app.post_message(Key(key, key if len(key) == 1 else None))
    await pilot.pause()


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([*"pushx", "backspace", *"ed"], "pushed"),
        ([*"old", "ctrl+u", *"new"], "new"),
        ([*"bc", "home", "a", "end", "d"], "abcd"),
        ([*"ac", "left", "b"], "abc"),
    ],
)
async def test_keys_that_come_together_edit_in_their_order(keys: list[str], text: str) -> None:
    app = OneLine()
    async with app.run_test() as pilot:
        await at_once(pilot, keys)
        assert app.field.value == text


async def test_the_end_of_a_long_text_is_seen_while_it_is_typed_and_its_start_at_home() -> None:
    app = OneLine()
    async with app.run_test(size=(20, 3)) as pilot:
        await pilot.press(*"abcdefghijklmnopqrstuvwxyz")
        assert "uvwxyz" in app.field.render_line(0).text
        await pilot.press("home")
        assert app.field.render_line(0).text.lstrip().startswith("abc")

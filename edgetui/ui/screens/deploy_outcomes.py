"""The devices of a deployment: how each takes the module, and what the current one answered, or why it did not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from textual import getters, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from edgetui.core.results import DeviceOutcome
from edgetui.ui.widgets.filter_table import FilterTable, Row
from edgetui.ui.widgets.texts import put
from edgetui.ui.words import review as review_words

SHORT = 40  # characters of an answer in the table; the whole of it stands below


class DeployOutcomes(Vertical):
    """A table of devices, and the current one's answer below it."""

    table = getters.query_one("#outcomes", FilterTable)

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        super().__init__(id=id)
        self._outcomes: Mapping[str, DeviceOutcome] = {}
        self._watched = False

    def compose(self) -> ComposeResult:
        """Compose table and answer."""
        yield FilterTable(
            ("device", "state", "answer", "detail"),
            noun="devices",
            empty="Nothing was deployed yet. F7: review, F8: deploy.",
            id="outcomes",
        )
        with VerticalScroll(id="answer-pane"):
            yield Static("", id="answer", markup=False)

    def put(self, devices: Iterable[str], outcomes: Mapping[str, DeviceOutcome], *, watched: bool) -> None:
        """Show how these devices do, those of which anything is known; `watched` where more will be known of them."""
        self._outcomes, self._watched = outcomes, watched
        known = ((device, outcomes[device]) for device in devices if device in outcomes)
        self.table.put(Row(device, (device, one.state, _short(one), _detail(one))) for device, one in known)
        self._show_answer(self.table.current)

    @property
    def current(self) -> DeviceOutcome | None:
        """How the current device does."""
        return self._outcomes.get(self.table.current)

    def _show_answer(self, device: str) -> None:
        outcome = self._outcomes.get(device)
        words = review_words.answer(device, outcome, watched=self._watched) if outcome else ""
        put(self.query_one("#answer", Static), words)

    @on(FilterTable.Moved)
    def _moved(self, event: FilterTable.Moved) -> None:
        event.stop()
        self._show_answer(event.key)


def _short(outcome: DeviceOutcome) -> str:
    if not outcome.answered:
        return ""
    text = json.dumps(outcome.prediction, ensure_ascii=False)
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def _detail(outcome: DeviceOutcome) -> str:
    return "" if outcome.answered or outcome.detail == outcome.state else outcome.detail

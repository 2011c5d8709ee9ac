"""The yardstick of `startup`: the smallest Textual app that fills a screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Static


class Bare(App[None]):
    BINDINGS: ClassVar = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static("everything is drawn")
        yield Footer()


if __name__ == "__main__":
    Bare().run()

"""The person's own editor on a real terminal: the screen comes back, whatever the editor did."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.terminal import terminal

PROGRAM = """
import sys
from textual.app import App
from textual.widgets import Static
from edgetui.ui.widgets.outside_editor import edit_outside
class Asking(App):
    BINDINGS = [("f4", "edit"), ("f10", "quit")]
    def compose(self):
        yield Static("waiting", id="said")
    def action_edit(self):
        said = edit_outside(self, sys.argv[1])
        self.query_one("#said", Static).update(f"said: {said or 'nothing'}; file: {open(sys.argv[1]).read()}")
Asking().run()
"""


@pytest.mark.parametrize(
    ("editor", "said"),
    [
        ("/nowhere/editor", "could not be started: No such file or directory. Check $VISUAL and $EDITOR"),
        ("sh -c 'exit 3'", "sh ended with code 3"),
        ("sh -c 'echo edited > $0'", "said: nothing; file: edited"),
    ],
    ids=["missing", "failing", "writing"],
)
def test_the_screen_comes_back(tmp_path: Path, editor: str, said: str) -> None:
    file = tmp_path / "score.py"
    file.write_text("before")
    command = [sys.executable, "-c", PROGRAM, str(file)]
    with terminal(command, {"VISUAL": editor}, Path(__file__).parents[2], (160, 10)) as shown:
        shown.wait_for("waiting")
        shown.keys("\x1bOS")
        shown.wait_for(said)
        shown.keys("\x1b[21~")
        assert shown.wait() == 0

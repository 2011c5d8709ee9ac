"""Lines of a log as they may be shown: nothing in them that a terminal would obey, and not without end."""

from __future__ import annotations

import re

from edgetui.ui.widgets import log_colours
from edgetui.ui.widgets.log_colours import Span

MAX_CHARACTERS = 4_000  # of one line; longer lines are cut in the pane, never in the file

# Terminal control sequences: CSI, strings (OSC, DCS, APC, PM, SOS) up to their end, two-character escapes.
_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|\x1b[ -/]*[0-~]"
)
# What is left of C0 and C1, and the characters that turn the direction of text: they could forge what a person reads.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")


def clean(line: str) -> str:
    """One line as it may be shown: no escape sequence, only the last state of a line that overwrote itself, tabs as spaces."""
    if line.isascii() and line.isprintable():
        return line if len(line) <= MAX_CHARACTERS else line[:MAX_CHARACTERS] + "…"
    line = _SEQUENCES.sub("", line).rstrip("\r\n")
    line = line.rpartition("\r")[2]
    line = _CONTROLS.sub("�", line.expandtabs())
    return line if len(line) <= MAX_CHARACTERS else line[:MAX_CHARACTERS] + "…"


def coloured(line: str) -> tuple[str, tuple[Span, ...]]:
    """One line as it may be shown, and the colours that it had."""
    if "\x1b[" not in line:
        return clean(line), ()
    bare, spans = log_colours.split(line)
    shown = clean(bare)
    whole = bare.rstrip("\r\n")
    # Other sequences move what stands behind them: rare enough to let the colours go.
    if not spans or "\x1b" in bare or "\x9b" in bare:
        return shown, ()
    return shown, log_colours.moved(spans, whole, shown, whole.rfind("\r") + 1)

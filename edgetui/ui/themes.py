"""Which of Textual's themes to use: the person's choice, else one that suits the terminal's background."""

from __future__ import annotations

from collections.abc import Mapping

DARK = "textual-dark"
LIGHT = "textual-light"


def choose(wanted: str, environ: Mapping[str, str], known: Mapping[str, object]) -> str:
    """The theme's name: `wanted` if it is known; `auto` or "" looks at what the terminal says of its background."""
    if wanted in known:
        return wanted
    # COLORFGBG is `foreground;background`, set by many terminals; 7 and 9 to 15 are light.
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    light = background.isdigit() and (int(background) == 7 or 9 <= int(background) <= 15)
    return LIGHT if light else DARK

"""An input whose size does not come from what is typed into it."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import Reactive
from textual.widgets import Input


class LineInput(Input):
    """One line of a width that is given: a letter repaints it, where Textual's own lays out the whole screen anew."""

    virtual_size = Reactive(Size(0, 0), layout=False)

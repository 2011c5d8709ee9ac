"""A short list to choose from with Enter; the chosen line has a mark, and the terminal's cursor stands on it."""

from __future__ import annotations

from collections.abc import Container, Iterable

from textual.content import Content
from textual.geometry import Offset
from textual.widgets import OptionList
from textual.widgets.option_list import Option

MARK, BLANK = "▸ ", "  "


class ChoiceList(OptionList):
    """Give it `(id, text)` pairs; `change` gives one another text. Reads without colour, and to screen readers."""

    def __init__(
        self,
        choices: Iterable[tuple[str, Content]],
        *,
        shut: Container[str] = (),
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        """Show the choices; those that are `shut` cannot be chosen."""
        self._texts = dict(choices)
        options = [
            Option(self._line(text, marked=False), id=key, disabled=key in shut) for key, text in self._texts.items()
        ]
        super().__init__(*options, id=id, markup=False)

    @property
    def current(self) -> str:
        """The id of the line under the cursor, or ""."""
        return list(self._texts)[self.highlighted] if self.highlighted is not None else ""

    def point_to(self, key: str) -> None:
        """Put the cursor on a line."""
        self.highlighted = list(self._texts).index(key)

    def change(self, key: str, text: Content) -> None:
        """Give a line another text; where it is the same, nothing is sent to the terminal."""
        if self._texts[key].markup != text.markup:
            self._texts[key] = text
            self._draw(key, marked=key == self.current)

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Move the mark and the terminal's cursor."""
        super().watch_highlighted(highlighted)
        for number, key in enumerate(self._texts):
            marked = number == highlighted
            if str(self.get_option_at_index(number).prompt).startswith(MARK) != marked:
                self._draw(key, marked=marked)
        self.call_after_refresh(self._mirror)

    def on_focus(self) -> None:
        """Bring the terminal's cursor here."""
        self._mirror()

    def _mirror(self) -> None:
        if self.has_focus and self.highlighted is not None:
            above = sum(text.plain.count("\n") + 1 for text in list(self._texts.values())[: self.highlighted])
            self.app.cursor_position = self.content_region.offset + Offset(0, above - self.scroll_offset.y)

    def _draw(self, key: str, *, marked: bool) -> None:
        self.replace_option_prompt(key, self._line(self._texts[key], marked=marked))

    def _line(self, text: Content, *, marked: bool) -> Content:
        first, *rest = text.split("\n")
        lines = [Content(MARK if marked else BLANK) + first, *(Content(BLANK) + line for line in rest)]
        return Content("\n").join(lines)

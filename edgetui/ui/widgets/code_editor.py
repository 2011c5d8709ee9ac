"""An editor for small source files: highlighting, line numbers, line ends kept, and a word on what is not saved."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.color import Color, ColorParseError
from textual.events import Blur, Resize
from textual.geometry import Offset
from textual.message import Message
from textual.theme import Theme
from textual.timer import Timer
from textual.widgets import TextArea
from textual.widgets.text_area import Selection, TextAreaTheme

from edgetui.ui.widgets.indenting_text import IndentingTextArea

PAUSE = 1.5  # seconds without a key after which work is worth saving

# Only these two grammars are ever loaded: the JSON grammar kills the process with some versions of tree-sitter.
LANGUAGES = {".py": "python", ".yml": "yaml", ".yaml": "yaml"}

# Which of the theme's colours a kind of word gets; the rest is plain text.
SYNTAX = {
    "text-success": ("string", "string.documentation", "string.special"),
    "text-accent": (
        "keyword",
        "keyword.function",
        "keyword.return",
        "keyword.operator",
        "conditional",
        "repeat",
        "exception",
        "include",
    ),
    "text-primary": ("function", "function.call", "method", "method.call", "function.builtin", "yaml.field"),
    "text-secondary": ("type", "type.class", "type.builtin", "constructor", "class", "attribute"),
    "text-warning": ("number", "float", "boolean", "constant.builtin", "string.escape"),
    "text-error": ("error",),
}

# F6, F7 and ctrl+f belong to the screens here.
_OURS = {"select_line", "select_all", "delete_word_right"}
_KEPT = [b for b in TextArea.BINDINGS if isinstance(b, Binding) and b.action not in _OURS]


def language_of(path: str) -> str | None:
    """The grammar for a file, by the end of its name; None shows plain text."""
    return LANGUAGES.get("." + path.rpartition(".")[2].lower()) if "." in path else None


def syntax_theme(app: App[Any]) -> TextAreaTheme:
    """Syntax colours out of the app's own theme, so that any theme, light ones and the terminal's own too, stays readable."""
    styles: dict[str, Style] = {"comment": Style(dim=True, italic=True)}
    for variable, names in SYNTAX.items():
        try:
            colour = Color.parse(app.theme_variables.get(variable, ""))
        except ColorParseError:
            continue  # a theme may leave it to the terminal: plain text then
        styles.update(dict.fromkeys(names, Style(color=colour.rich_color)))
    return TextAreaTheme("edgetui", syntax_styles=styles)


class CodeEditor(IndentingTextArea, inherit_bindings=False):
    """One file's text.

    `load(path, text)` shows a file; `text_to_save` is what belongs into it: exactly the loaded text while nothing was changed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *_KEPT,
        Binding("ctrl+home", "end_of_text(False)", "First line", show=False, id="editor.first"),
        Binding("ctrl+end", "end_of_text(True)", "Last line", show=False, id="editor.last"),
    ]

    HELP = """
## Editor
Esc leaves the editor. Tab and shift+Tab indent and unindent the lines that are selected. ctrl+z undoes, ctrl+y does it again.
ctrl+c copies, ctrl+v or your terminal's own paste pastes. ctrl+Home goes to the first line, ctrl+End to the last.
ctrl+f finds a text: type it, Enter goes to it, then `n` and `N` to the next and the previous one, Esc back to typing.
What you change is saved when you pause or leave the editor. F4 opens the file in your own editor (`$VISUAL` or `$EDITOR`).
A line with a problem has ✗ (error) or ! (warning) beside its number; **F6** goes to the next one.
"""

    @dataclass
    class Dirtied(Message):
        """There is something to save now, or no longer."""

        editor: CodeEditor
        dirty: bool

        @property
        def control(self) -> CodeEditor:
            """The editor."""
            return self.editor

    @dataclass
    class SaveDue(Message):
        """There is something to save, and the person left the editor or paused."""

        editor: CodeEditor

        @property
        def control(self) -> CodeEditor:
            """The editor."""
            return self.editor

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(
            read_only=True,  # until a file is loaded
            id=id,
            soft_wrap=False,
            show_line_numbers=True,
            tab_behavior="indent",
            max_checkpoints=500,
            compact=True,
        )
        self.cursor_blink = False
        self.path = ""
        self._original = ""  # as read from the file
        self._shown = ""  # the same, as the editor gives it back: all line ends alike
        self._dirty = False
        self._pause: Timer | None = None

    @property
    def dirty(self) -> bool:
        """Whether the text was changed since it was loaded or saved."""
        return self._dirty

    @property
    def text_to_save(self) -> str:
        """The text for the file."""
        return self.text if self._dirty else self._original

    @property
    def line_ends(self) -> str:
        """What saving would do to line ends, in words; "" where it changes none of them."""
        name = {"\r\n": "CRLF", "\n": "LF", "\r": "CR"}[self.document.newline]
        return "" if self._shown == self._original else f"mixed line ends: a change makes all of them {name}"

    def on_mount(self) -> None:
        """Take the theme's colours, now and when the theme changes."""
        self._take_colours()
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def load(self, path: str, text: str) -> None:
        """Show a file's text; undo starts anew. The cursor stays near where it was in the same file."""
        same, place = path == self.path, self.cursor_location
        self.path, self.read_only = path, False
        language = language_of(path)
        if language != self.language:
            self.language = language
            self.indent_width = 2 if language == "yaml" else 4
        self.mark(())
        self.load_text(text)
        self._original, self._shown = text, self.text
        if same:
            self.move_cursor(self.clamp_visitable(place))
        self._set_dirty_state()

    def take(self, text: str) -> None:
        """Show what the file holds now, as one step that undo takes back."""
        self.put(text)
        if self.text == text:
            self.saved(text)
        else:  # other line ends, which an edit would not bring
            self.load(self.path, text)

    def saved(self, text: str) -> None:
        """Take note that `text` is what the file now holds."""
        self._original = text
        self._shown = text if text == self.text else self._shown
        self._set_dirty_state()

    def unsaved(self) -> None:
        """Take note that no file holds the text any more."""
        self._original = self._shown = ""
        self._set_dirty_state()

    def jump(self, line: int) -> None:
        """Put the cursor on a line, counted from 1, and show it with what stands around it."""
        row = min(max(line - 1, 0), self.document.line_count - 1)
        self.move_cursor((row, 0), center=True)
        self.focus()

    def action_end_of_text(self, last: bool) -> None:
        """Go to the beginning, or to the `last` line's end."""
        self.move_cursor(self.document.end if last else (0, 0))

    def find(self, text: str, step: int = 0) -> tuple[int, int]:
        """Select a place with this text: the one at or after the cursor (0), the next (1) or the previous one (-1), wrapping round.

        Capitals count only where `text` has some. Returns which place it is, from 1, and how many there are; (0, 0) for none.
        """
        lines = self.document.lines if text != text.lower() else [line.lower() for line in self.document.lines]
        places: list[tuple[int, int]] = []
        for row, line in enumerate(lines):
            column = line.find(text) if text else -1
            while column >= 0:
                places.append((row, column))
                column = line.find(text, column + len(text))
        if not places:
            return 0, 0
        here = min(self.selection.start, self.selection.end)
        at_or_after = bisect_right(places, here) if step > 0 else bisect_left(places, here)
        index = (at_or_after - 1 if step < 0 else at_or_after) % len(places)
        row, column = places[index]
        self.selection = Selection((row, column), (row, column + len(text)))
        if not self.scroll_offset.y <= row < self.scroll_offset.y + self.scrollable_content_region.height:
            self.scroll_cursor_visible(center=True)
        return index + 1, len(places)

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Scroll to the cursor; while an undo takes many lines away, the cursor may for a moment stand behind the end."""
        if self.cursor_location[0] >= self.document.line_count:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.follow_lines()
        self._set_dirty_state()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, self._ask_to_save) if self._dirty else None

    def on_resize(self, _: Resize) -> None:
        """Keep the line that is being worked on in sight when something below takes room."""
        if self.has_focus:
            self.scroll_cursor_visible()

    def on_blur(self, _: Blur) -> None:
        """The person went elsewhere: the time to save."""
        if self._pause is not None:
            self._pause.stop()
        self._ask_to_save()

    def _ask_to_save(self) -> None:
        if self._dirty:
            self.post_message(self.SaveDue(self))

    def _set_dirty_state(self) -> None:
        dirty = self.text != self._shown
        if dirty != self._dirty:
            self._dirty = dirty
            self.post_message(self.Dirtied(self, dirty))

    def _theme_changed(self, _: Theme) -> None:
        self._take_colours()

    def _take_colours(self) -> None:
        self.register_theme(syntax_theme(self.app))
        self.theme = "edgetui"

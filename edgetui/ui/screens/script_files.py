"""The three files of step 3 in tabs: opened, edited, saved, and found in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import TabbedContent, TabPane, Tabs

from edgetui.core.errors import EdgeError
from edgetui.jobs import edit_files
from edgetui.jobs.edit_files import NAMES, Name, Opened, Saved
from edgetui.ui.file_keeper import FileKeeper
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.code_editor import CodeEditor
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.find_line import FindLine
from edgetui.ui.widgets.paths import PathSuggester, meant

TITLES: dict[Name, str] = {"script": "Script", "environment": "Environment", "sample": "Sample"}
HELPS: dict[Name, str] = {
    "script": "A Python file with `init()`, which loads the model, and `run(data)`, which answers one request.",
    "environment": "A conda file: the Python version and the packages that the script needs, pinned.",
    "sample": "What is asked of the module at the end, usually JSON. Without it nobody knows whether the module answers. "
    "**ctrl+g** keeps several: all are tried, and one is sent.",
}


class FilesScreen(StepScreen):
    """Tabs with a path and an editor each; `files_ready` and `file_saved` tell what is built on it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "next_file", "File", id="script.next_file", tooltip="Script, environment, sample, in turn"),
        # Before the editor sees it: what is typed right behind it belongs into the line.
        Binding(
            "ctrl+f", "find", "Find", id="script.find", tooltip="Find a text in the file", show=False, priority=True
        ),
    ]

    tabs = getters.query_one("#files", TabbedContent)
    finder = getters.query_one(FindLine)

    def __init__(self) -> None:
        super().__init__()
        self._editors = {name: CodeEditor(id=f"edit-{name}") for name in NAMES}
        self._files = FileKeeper(lambda: self.ports, self._editors)
        self._then: list[Callable[[], Any]] = []  # what waits until all is saved

    # what is built on it

    def files_ready(self) -> None:
        """Hear that all three files were read, or one of them anew."""

    def file_saved(self, name: Name) -> None:
        """Hear that a file holds what its editor shows."""

    def file_edited(self, name: Name) -> None:
        """Hear that a file has something to save now, or no longer."""

    # widgets

    def compose_files(self) -> ComposeResult:
        """Compose a tab for each file, and the line to find with."""
        with TabbedContent(id="files"):
            for name in NAMES:
                with TabPane(TITLES[name], id=f"tab-{name}"):
                    yield Field(
                        "path",
                        getattr(self.plan.scoring, name),
                        id=f"path-{name}",
                        placeholder=f"such as {edit_files.EXAMPLES[name]}; Enter opens it",
                        suggester=PathSuggester(lambda: self.plan.folder),
                        help=HELPS[name],
                    )
                    yield self._editors[name]
        yield FindLine()

    def field(self, name: Name) -> Field:
        """The field with a file's path."""
        return self.query_one(f"#path-{name}", Field)

    def editor(self, name: Name) -> CodeEditor:
        """A file's editor."""
        return self._editors[name]

    @property
    def active(self) -> Name:
        """The file in front."""
        return next(name for name in NAMES if self.tabs.active in {"", f"tab-{name}"})

    def go_to(self, name: Name, line: int) -> None:
        """Show a line of a file, from 1, its editor ready for typing."""
        self.tabs.active = f"tab-{name}"
        self.call_after_refresh(self.editor(name).jump, line or 1)

    # opening

    def show(self) -> None:
        """Show the paths of the plan; open files that it names since."""
        for name in NAMES:
            field = self.field(name)
            field.put(getattr(self.plan.scoring, name), at_once=not field.pending)
            opened = self._files.opened.get(name)
            if opened is not None and opened.path != edit_files.path_of(self.plan, name):
                self._open(name)

    def reload(self) -> None:
        """Read all files again; what is not saved yet is saved first."""
        self.when_saved(self.open_all)
        if not self._files.opened:
            self.tabs.query_one(Tabs).focus()

    def open_all(self) -> None:
        """Read all files."""
        for name in NAMES:
            self._open(name)

    def _open(self, name: Name) -> None:
        self.load(f"read {name}", partial(edit_files.read, self.plan, self.ports, name))

    def loaded(self, what: str, value: Any) -> None:  # noqa: ARG002 - the value says what it is
        """Take what a job did with the files."""
        match value:
            case Opened(name):
                self.show_file(name, value)
            case Saved():
                self._files.saved(value)
                self.say_kept(value)
                self.file_saved(value.name)
                self.proceed()

    def load_failed(self, what: str, error: EdgeError) -> None:  # noqa: ARG002 - whichever file: the text is kept
        """Say what could not be saved; the text stays in the editor."""
        self._files.give_up()
        self._then.clear()
        retry = partial(self.when_saved, self.action_reload)
        self.fail(error, retry)
        if self.is_current:  # one at a time
            self.edge.show_error(error, retry)

    def show_file(self, name: Name, opened: Opened) -> None:
        """Show a file as it was read; what was typed meanwhile is newer and stays."""
        editor, field = self.editor(name), self.field(name)
        if editor.dirty and editor.path == opened.path:
            return
        before = self._files.opened.get(name)
        self._files.opened[name] = opened
        if before is None or before.path != opened.path or before.missing or opened.missing:
            editor.load(opened.path, opened.text)
        elif before.text != opened.text:
            editor.take(opened.text)  # undo goes back to before
        editor.read_only = not opened.path or opened.error is not None
        field.show_problem(f"{opened.error.title}. {opened.error.remedy}" if opened.error is not None else "")
        if opened.error is not None:
            editor.placeholder = ""
        elif not opened.path:
            editor.placeholder = "Name a file above, or press F9 to start from a template that fits your model."
        else:
            editor.placeholder = f"There is no {opened.path} yet: type it here, or press F9 to start from a template."
        if len(self._files.opened) == len(NAMES):
            self.files_ready()
            if self.focused is self.tabs.query_one(Tabs) and not self._has_path:
                self._focus_file()
        self.file_edited(name)

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Take a path; what was typed for the old one is saved there first."""
        name = next(name for name in NAMES if field.id == f"path-{name}")
        text = meant(text, self.plan.folder)
        field.put(text, at_once=by_enter)
        if text != getattr(self.plan.scoring, name):
            self._save_now(name)
            self.edit(scoring={name: text})
        if by_enter:
            self.editor(name).focus()

    # saving

    @on(CodeEditor.SaveDue)
    def _due(self, event: CodeEditor.SaveDue) -> None:
        event.stop()
        self.save(name_of(event.editor))

    @on(CodeEditor.Dirtied)
    def _dirtied(self, event: CodeEditor.Dirtied) -> None:
        event.stop()
        self.file_edited(name_of(event.editor))
        if event.dirty and event.editor.line_ends:
            self.notify(f"{event.editor.path} has {event.editor.line_ends}", markup=False)

    def save(self, name: Name) -> None:
        """Save a file in the background, if there is anything to."""
        work = self._files.saving(name)
        if work is not None:
            self.load(f"save {name}", work)

    def _save_now(self, name: Name) -> None:
        try:
            done = self._files.save_now(name)
        except EdgeError as error:
            # Not at once: where this screen is being left, the error belongs over the next one.
            self.edge.call_later(self.edge.show_error, error)
        else:
            self.say_kept(done)

    def say_kept(self, done: Saved | None) -> None:
        """Say where a save put what another program had written."""
        if done is not None and done.kept:
            words = f"Another program had changed {done.path}; what it wrote is kept in {done.kept}."
            self.notify(words, markup=False, timeout=15)

    def leave(self) -> None:
        """Save what is still being typed; called before the screen goes, whichever way."""
        for name in NAMES:
            self._save_now(name)
        super().leave()

    def when_saved(self, then: Callable[[], Any]) -> None:
        """Do something once nothing is left to save."""
        self._then.append(then)
        self.proceed()

    def proceed(self) -> None:
        """Do what waits, where nothing is left to save; else save it."""
        if not self._then:
            return
        unsaved = self._files.unsaved
        for name in unsaved:
            self.save(name)
        if not unsaved:
            waiting, self._then = self._then, []
            for then in waiting:
                then()

    # keys

    def action_back(self) -> None:
        """Save, then go back."""
        self.when_saved(super().action_back)

    def action_next(self) -> None:
        """Save, then go on."""
        self.when_saved(super().action_next)

    def action_next_file(self) -> None:
        """Bring the next file to the front, its editor ready for typing."""
        name = NAMES[(NAMES.index(self.active) + 1) % len(NAMES)]
        self.tabs.active = f"tab-{name}"
        self.call_after_refresh(self._focus_file)

    @property
    def _has_path(self) -> bool:
        """Whether the plan names the file in front."""
        return bool(getattr(self.plan.scoring, self.active))

    def _focus_file(self) -> None:
        """Make the file in front ready for typing, or the field that names it where nothing does yet."""
        if self._has_path:
            self.editor(self.active).focus()
        else:
            self.field(self.active).focus_input()

    def action_find(self) -> None:
        """Ask for a text to find; once it is asked for, go to the next place."""
        if self.finder.is_open and self.focused is not self.editor(self.active):
            self.finder.action_step(1)
        else:
            selected = self.editor(self.active).selected_text
            self.finder.open("" if "\n" in selected else selected)

    @on(FindLine.Wanted)
    def _find(self, event: FindLine.Wanted) -> None:
        event.stop()
        self.finder.found(*self.editor(self.active).find(event.text, event.step))

    @on(FindLine.Left)
    def _found(self, event: FindLine.Left) -> None:
        event.stop()
        self.editor(self.active).focus()


def name_of(editor: CodeEditor) -> Name:
    """Which of the three files an editor is for."""
    return next(name for name in NAMES if editor.id == f"edit-{name}")

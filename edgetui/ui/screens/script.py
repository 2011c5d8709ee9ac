"""Step 3: the scoring script, its environment and a sample, edited and checked in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import getters, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import TabbedContent, TabPane, Tabs

from edgetui.core.errors import EdgeError
from edgetui.core.events import Checked, Event
from edgetui.core.models import Problem
from edgetui.jobs import edit_files
from edgetui.jobs.edit_files import NAMES, Name, Opened, Saved
from edgetui.ui.file_keeper import FileKeeper
from edgetui.ui.screens.step import StepScreen
from edgetui.ui.widgets.code_editor import CodeEditor
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.outside_editor import edit_outside
from edgetui.ui.widgets.paths import PathSuggester
from edgetui.ui.widgets.problem_list import ProblemList, counted

TITLES: dict[Name, str] = {"script": "Script", "environment": "Environment", "sample": "Sample"}
HELPS: dict[Name, str] = {
    "script": "A Python file with `init()`, which loads the model, and `run(data)`, which answers one request.",
    "environment": "A conda file: the Python version and the packages that the script needs, pinned.",
    "sample": "What is asked of the module at the end, usually JSON. Without it nobody knows whether the module answers.",
}


class ScriptScreen(StepScreen):
    """Three files in tabs, and what is wrong with them below."""

    step_id = "script"
    HELP = """
    # Script

    Three files: the **script** that answers requests, the **environment** that it needs, and a **sample** to ask it at the end.
    **F7** goes to the next file, **Esc** leaves an editor. What you change is saved when you pause or leave.

    After each change all is checked, as the inference server and pip will see it. **Enter** on a problem goes to its line.
    Errors must go before the image can be built; warnings may stay.

    **F4** opens the file in your own editor (`$VISUAL` or `$EDITOR`). **F9** starts from the example's files where yours are
    not there yet.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "own_editor", "Own editor", id="script.editor", tooltip="Open the file in $VISUAL or $EDITOR"),
        Binding("f7", "next_file", "Next file", id="script.next_file", tooltip="Script, environment, sample, in turn"),
        Binding("f8", "check", "Check", id="script.check", tooltip="Check all files now", show=False),
        Binding("f9", "example", "Example", id="script.example", tooltip="Start from the example's files"),
    ]

    tabs = getters.query_one("#files", TabbedContent)
    problems = getters.query_one("#problems", ProblemList)

    def __init__(self, at: tuple[Name, int] | None = None) -> None:
        """Open with a file in front, the cursor on a line of it (from 1), where `at` names them."""
        super().__init__()
        self._at = at
        self._editors = {name: CodeEditor(id=f"edit-{name}") for name in NAMES}
        self._files = FileKeeper(lambda: self.ports, self._editors)
        self._then: list[Callable[[], Any]] = []  # what waits until all is saved
        self._check_again = False
        self._counts: Counter[tuple[str, str]] = Counter()  # problems by file, as the plan writes it, and severity

    # widgets

    def body(self) -> ComposeResult:
        """Compose a tab for each file, and the problems."""
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
        yield ProblemList(id="problems")

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

    # plan and files

    def show(self) -> None:
        """Show the paths of the plan; open files that it names since."""
        for name in NAMES:
            path = getattr(self.plan.scoring, name)
            self.field(name).put(path)
            opened = self._files.opened.get(name)
            if opened is not None and opened.path != edit_files.path_of(self.plan, name):
                self._open(name)

    def reload(self) -> None:
        """Read all files again; what is not saved yet is saved first."""
        self._when_saved(self._open_all)
        if not self._files.opened:
            self.tabs.query_one(Tabs).focus()

    def _open_all(self) -> None:
        for name in NAMES:
            self._open(name)

    def _open(self, name: Name) -> None:
        self.load(f"read {name}", partial(edit_files.read, self.plan, self.ports, name))

    def loaded(self, what: str, value: Any) -> None:  # noqa: ARG002 - the value says what it is
        """Take what a job did with the files."""
        match value:
            case Opened(name):
                self._show_file(name, value)
            case Saved():
                self._files.saved(value)
                self._say_kept(value)
                self.load("inputs", self.session.refresh_inputs)
                self._check()
                self._proceed()
            case list():
                made = ", ".join(TITLES[name].lower() for name in value)
                said = f"Started from the example: {made}." if made else "All three files are there already."
                self.status.say(said)
                self.reload()

    def load_failed(self, what: str, error: EdgeError) -> None:  # noqa: ARG002 - whichever file: the text is kept
        """Say what could not be saved; the text stays in the editor."""
        self._files.give_up()
        self._then.clear()
        retry = partial(self._when_saved, self.action_check)
        self.fail(error, retry)
        self.edge.show_error(error, retry)

    def _show_file(self, name: Name, opened: Opened) -> None:
        editor, field = self.editor(name), self.field(name)
        if editor.dirty and editor.path == opened.path:
            return  # typed in meanwhile: that is newer
        self._files.opened[name] = opened
        editor.load(opened.path, opened.text)
        editor.read_only = not opened.path or opened.error is not None
        if opened.error is not None:
            field.show_problem(f"{opened.error.title}. {opened.error.remedy}")
            editor.placeholder = ""
        elif not opened.path:
            field.show_problem("")
            editor.placeholder = "Name a file above, or press F9 to start from the example."
        else:
            field.show_problem("")
            editor.placeholder = "There is no such file yet: type it here, or press F9 to start from the example."
        if len(self._files.opened) == len(NAMES):
            self._check()
        self._label(name)
        if self._at is not None and self._at[0] == name:
            line, self._at = self._at[1], None
            self._go_to(name, line)

    def _go_to(self, name: Name, line: int) -> None:
        self.tabs.active = f"tab-{name}"
        self.call_after_refresh(self.editor(name).jump, line or 1)

    def typed(self, field: Field, text: str, *, by_enter: bool) -> None:
        """Take a path; what was typed for the old one is saved there first."""
        name = next(name for name in NAMES if field.id == f"path-{name}")
        if text != getattr(self.plan.scoring, name):
            self._save_now(name)
            self.edit(scoring={name: text})
        if by_enter:
            self.editor(name).focus()

    # saving

    @on(CodeEditor.SaveDue)
    def _due(self, event: CodeEditor.SaveDue) -> None:
        event.stop()
        self._save(_name_of(event.editor))

    @on(CodeEditor.Dirtied)
    def _dirtied(self, event: CodeEditor.Dirtied) -> None:
        event.stop()
        self._label(_name_of(event.editor))
        if event.dirty and event.editor.line_ends:
            self.notify(f"{event.editor.path} has {event.editor.line_ends}", markup=False)

    def _save(self, name: Name) -> None:
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
            self._say_kept(done)

    def _say_kept(self, done: Saved | None) -> None:
        if done is not None and done.kept:
            words = f"Another program had changed {done.path}; what it wrote is kept in {done.kept}."
            self.notify(words, markup=False, timeout=15)

    def leave(self) -> None:
        """Save what is still being typed; called before the screen goes, whichever way."""
        for name in NAMES:
            self._save_now(name)
        super().leave()

    def _when_saved(self, then: Callable[[], Any]) -> None:
        self._then.append(then)
        self._proceed()

    def _proceed(self) -> None:
        """Go on with what waits, once nothing is left to save."""
        if not self._then:
            return
        unsaved = self._files.unsaved
        for name in unsaved:
            self._save(name)
        if not unsaved:
            waiting, self._then = self._then, []
            for then in waiting:
                then()

    def action_back(self) -> None:
        """Save, then go back."""
        self._when_saved(super().action_back)

    def action_next(self) -> None:
        """Save, then go on."""
        self._when_saved(super().action_next)

    def next_ready(self) -> str:
        """Hold Next back while something must be fixed first."""
        missing = self.step.missing(self.plan)
        if missing:
            return f"First {missing}, or press F9 to start from the example."
        errors = self.results.errors
        return f"First fix {'the error' if errors == 1 else f'the {errors} errors'} below." if errors else ""

    # checking

    def action_check(self) -> None:
        """Check all files now."""
        self._when_saved(self._check)

    def _check(self) -> None:
        files = self.plan.scoring
        if not (files.script and files.environment):
            self.problems.say("not checked yet: name a script and an environment")
            return
        if any(self._files.opened[name].missing for name in NAMES[:2] if name in self._files.opened):
            self.problems.say("not checked yet: F9 starts from the example")
            return
        self._check_again = self.job_runs
        self.run_job()

    def job_events(self, job: str, events: Sequence[Event]) -> None:
        """Show what the check found."""
        for event in events:
            if job == self.own_job and isinstance(event, Checked):
                self.problems.show(event.problems)
                self._counts = Counter((problem.file, problem.severity) for problem in event.problems)
                for name in NAMES:
                    self._label(name)

    def job_ended(self, job: str, error: EdgeError | None) -> None:
        """Say how the check ended; a file that cannot be read is said under its path."""
        if job != self.own_job:
            return
        if self._check_again:
            self._check()
        elif error is not None:
            self.problems.say("not checked")
            self.fail(error, self._check)
            for name in NAMES:
                if error.field == f"scoring.{name}":
                    self.field(name).show_problem(f"{error.title}. {error.remedy}")
        elif self.results.errors:
            self.last_error = None
            self.status.problem(f"{counted(self.results.errors, 0)} to fix. Enter on a problem goes to its line.")
        else:
            self.last_error = None
            found = f", {counted(0, self.results.warnings)}" if self.results.warnings else ""
            self.status.done(f"checked{found}; F3 goes on")

    @on(ProblemList.Picked)
    def _go_to_problem(self, event: ProblemList.Picked) -> None:
        event.stop()
        self._go_to(self._file_of(event.problem), event.problem.line)

    def _file_of(self, problem: Problem) -> Name:
        return next((name for name in NAMES if getattr(self.plan.scoring, name) == problem.file), "script")

    def _label(self, name: Name) -> None:
        file = getattr(self.plan.scoring, name)
        errors, warnings = self._counts[file, "error"], self._counts[file, "warning"]
        words = [TITLES[name]]
        if self.editor(name).dirty:
            words.append("unsaved")
        elif errors or warnings:
            words.append(counted(errors, warnings))
        self.tabs.get_tab(f"tab-{name}").label = " · ".join(words)

    # keys

    def action_next_file(self) -> None:
        """Bring the next file to the front, its editor ready for typing."""
        name = NAMES[(NAMES.index(self.active) + 1) % len(NAMES)]
        self.tabs.active = f"tab-{name}"
        self.call_after_refresh(self.editor(name).focus)

    def action_example(self) -> None:
        """Name the example's files where none is named, and make those that are not there."""
        empty = {name: edit_files.EXAMPLES[name] for name in NAMES if not getattr(self.plan.scoring, name)}
        if not empty or self.edit(scoring=empty):
            self._when_saved(
                lambda: self.load("example", partial(edit_files.start_from_example, self.plan, self.ports))
            )

    def action_own_editor(self) -> None:
        """Open the file in front in the person's own editor, and read it again afterwards."""
        self._when_saved(self._edit_outside)

    def _edit_outside(self) -> None:
        opened = self._files.opened.get(self.active)
        if opened is None or not opened.path:
            self.status.problem("Name a file first.")
            return
        said = edit_outside(self.edge, opened.path, self.editor(self.active).cursor_location[0] + 1)
        if said:
            self.notify(said, severity="warning", markup=False, timeout=15)
        self.reload()


def _name_of(editor: CodeEditor) -> Name:
    return next(name for name in NAMES if editor.id == f"edit-{name}")

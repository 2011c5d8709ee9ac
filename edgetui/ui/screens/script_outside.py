"""The files of step 3 and other programs: what they do to the files is noticed, and the person's own editor is one of them."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from edgetui.core.errors import EdgeError
from edgetui.jobs import edit_files
from edgetui.jobs.edit_files import NAMES, Conflict, Name, Opened
from edgetui.ui.screens.choose import ChooseScreen
from edgetui.ui.screens.script_files import FilesScreen
from edgetui.ui.widgets.outside_editor import edit_outside

LOOK = 3.0  # seconds between two looks at what other programs did to the files


class OutsideScreen(FilesScreen):
    """Reads again what another program changed; asks where that would lose something."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "own_editor", "Own editor", id="script.editor", tooltip="Open in $VISUAL or $EDITOR", show=False),
    ]

    def on_mount(self) -> None:
        """Look at the files now and then while this is in front."""
        self.set_interval(LOOK, self._look)

    def loaded(self, what: str, value: Any) -> None:
        """Take what was seen, or a save that found another text."""
        super().loaded(what, value)
        if isinstance(value, Conflict):
            self._files.ask(value)
            self._ask(value)
        elif what == "look":
            for then, now in value:
                self._changed_outside(then, now)

    def _file_name(self, name: Name) -> str:
        return str(getattr(self.plan.scoring, name))

    def _look(self) -> None:
        if self.is_current and not self._files.unsaved and len(self._files.opened) == len(NAMES):
            self.load("look", partial(edit_files.changed, self.ports, tuple(self._files.opened.values())))

    def _changed_outside(self, then: Opened, now: Opened) -> None:
        name = then.name
        if self._files.opened.get(name) is not then or name in self._files.unsaved:
            return  # looked at before we saved ourselves; a save asks by itself
        if now.missing:
            self._files.opened[name] = now
            question = f"Another program removed {self._file_name(name)}. Its text is still here."
            answers = {"write": "Write it again", "gone": "Let it be gone"}
            self.edge.push_screen(ChooseScreen("The file is gone", question, answers), partial(self._bring_back, now))
            return
        if then.missing:
            self.show_file(name, now)
        else:
            self._files.take_theirs(name, now.text)
            words = (
                f"Another program changed {self._file_name(name)}: it was read again. ctrl+z brings back what was here."
            )
            self.notify(words, markup=False, timeout=10)
        self.file_saved(name)

    def _bring_back(self, gone: Opened, answer: str | None) -> None:
        editor = self.editor(gone.name)
        if answer == "write":
            editor.unsaved()
            self.save(gone.name)
        else:
            editor.load(gone.path, "")
            self.show_file(gone.name, gone)

    def _ask(self, conflict: Conflict) -> None:
        question = (
            f"Another program changed {self._file_name(conflict.name)} while you typed.\n\n"
            "Keep mine: what it wrote is kept beside the file. Take theirs: ctrl+z brings yours back."
        )
        answers = {"mine": "Keep mine", "theirs": "Take theirs"}
        self.edge.push_screen(ChooseScreen("Changed meanwhile", question, answers), partial(self._settle, conflict))

    def _settle(self, conflict: Conflict, answer: str | None) -> None:
        if answer == "theirs":
            self._files.take_theirs(conflict.name, conflict.theirs)
        else:
            try:
                self.say_kept(self._files.keep_mine(conflict))
            except EdgeError as error:
                self.edge.show_error(error)
                return
        self.file_saved(conflict.name)
        self.proceed()

    def action_own_editor(self) -> None:
        """Open the file in front in the person's own editor, and read it again afterwards."""
        self.when_saved(self._edit_outside)

    def _edit_outside(self) -> None:
        opened = self._files.opened.get(self.active)
        if opened is None or not opened.path:
            self.status.problem("Name a file first.")
            return
        said = edit_outside(self.edge, opened.path, self.editor(self.active).cursor_location[0] + 1)
        if said:
            self.notify(said, severity="warning", markup=False, timeout=8)
        self.reload()

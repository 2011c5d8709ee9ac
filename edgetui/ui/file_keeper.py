"""Getting the texts of editors into their files: one save of a file at a time, the newest text last, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from edgetui.core import rules
from edgetui.core.errors import EdgeError
from edgetui.core.ports import Ports
from edgetui.jobs import edit_files
from edgetui.jobs.edit_files import Conflict, Name, Opened, Saved
from edgetui.ui.widgets.code_editor import CodeEditor


class FileKeeper:
    """What the files held when they were read or saved last (`opened`), and what of the editors is not in them yet."""

    def __init__(self, ports: Callable[[], Ports], editors: Mapping[Name, CodeEditor]) -> None:
        self.opened: dict[Name, Opened] = {}
        self._ports = ports
        self._editors = editors
        self._on_its_way: set[Name] = set()
        self._asking: set[Name] = set()  # another program changed the file: the person is asked what to do
        self._wanted: dict[Name, str] = {}  # the newest text that was sent to each file
        self._writing = threading.Lock()

    @property
    def unsaved(self) -> list[Name]:
        """The files with something to save, or being saved."""
        return [name for name, editor in self._editors.items() if editor.dirty or name in self._on_its_way]

    def saving(self, name: Name) -> Callable[[], Saved | Conflict] | None:
        """What to run in the background to save a file; None where there is nothing to, or a save or a question is under way."""
        opened = self._to_save(name)
        if opened is None or name in self._on_its_way | self._asking:
            return None
        self._on_its_way.add(name)
        text = self._wanted[name] = self._editors[name].text_to_save
        return partial(self._write_or_ask, opened, text)

    def ask(self, conflict: Conflict) -> None:
        """Save nothing until the person said what to do: `keep_mine` or `take_theirs`."""
        self._on_its_way.discard(conflict.name)
        self._asking.add(conflict.name)

    def keep_mine(self, conflict: Conflict) -> Saved | None:
        """Save over what another program wrote; that is kept beside the file.

        Raises:
            EdgeError: it cannot be saved; its remedy says where the text is kept instead.
        """
        self._asking.discard(conflict.name)
        return self.save_now(conflict.name)

    def take_theirs(self, name: Name, text: str) -> None:
        """Show what another program wrote; undo brings back what was here before."""
        self._asking.discard(name)
        before = self.opened[name]
        self.opened[name] = Opened(name, before.path, text)
        self._editors[name].take(text)

    def saved(self, done: Saved) -> None:
        """Take the answer of a save."""
        self._on_its_way.discard(done.name)
        if self._wanted.get(done.name) is done.text:
            self.opened[done.name] = Opened(done.name, done.path, done.text)
            self._editors[done.name].saved(done.text)

    def give_up(self) -> None:
        """A save failed: the texts stay in the editors, to be saved again."""
        self._on_its_way.clear()
        self._asking.clear()

    def save_now(self, name: Name) -> Saved | None:
        """Save before going on; these are small files. None where there is nothing to save.

        Raises:
            EdgeError: it cannot be saved; its remedy says where the text is kept instead.
        """
        opened = self._to_save(name)
        if opened is None:
            return None
        sent_before = self._wanted.get(name, opened.text)
        text = self._wanted[name] = self._editors[name].text_to_save
        try:
            done = self._write(opened, text, sent_before)
        except EdgeError as error:
            raise self._rescued(opened, text, error) from None
        self.saved(done)
        return done

    def _to_save(self, name: Name) -> Opened | None:
        opened = self.opened.get(name)
        return opened if self._editors[name].dirty and opened is not None and opened.path else None

    def _write_or_ask(self, opened: Opened, text: str) -> Saved | Conflict:
        with self._writing:
            if self._wanted[opened.name] is not text:
                return Saved(opened.name, opened.path, text)
            return edit_files.save_or_ask(self._ports(), opened.name, opened.path, text, opened.text)

    def _write(self, opened: Opened, text: str, *before: str) -> Saved:
        """Put a text into its file, unless a newer one was put there meanwhile; from any thread."""
        with self._writing:
            if self._wanted[opened.name] is not text:
                return Saved(opened.name, opened.path, text)
            return edit_files.save(self._ports(), opened.name, opened.path, text, opened.text, *before)

    def _rescued(self, opened: Opened, text: str, error: EdgeError) -> EdgeError:
        """Keep what cannot be put into its file among edgetui's own; the error then says where."""
        file = rules.file_name(f"unsaved-{opened.path.rpartition('/')[2]}")
        try:
            kept = self._ports().files.append_log(file, text.splitlines())
        except EdgeError as worse:
            return worse
        remedy = f"What you typed is in {kept}. {error.remedy}"
        return EdgeError(error.title, error.detail, remedy, field=error.field, kind=error.kind)

"""The form of a model to register: path, name, description, tags."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from edgetui.core import rules
from edgetui.core.plan import Model
from edgetui.ui.screens.model_tags import check_tags, format_tags, parse_tags
from edgetui.ui.widgets.field import Field
from edgetui.ui.widgets.paths import PathSuggester, impossible, meant

NAMES = ("path", "name", "description", "tags")


class ModelForm(VerticalScroll, can_focus=False):
    """Four fields; `folder()` says where relative paths start."""

    def __init__(self, model: Model, folder: Callable[[], str]) -> None:
        super().__init__(id="form")
        self._model = model
        self._folder = folder

    def compose(self) -> ComposeResult:
        """Compose the fields with what the plan says."""
        model = self._model
        yield Field(
            "File or folder",
            model.path,
            id="path",
            check=self._path_problem,
            placeholder="model.pkl",
            suggester=PathSuggester(self._folder),
            help="The model's file, or a folder that holds it. Relative paths start at the plan's folder. **→** completes.",
        )
        yield Field(
            "Name",
            model.name,
            id="name",
            check=rules.model_name,
            placeholder="pump-anomaly",
            help="The name in the workspace: letters, digits, `-`, `.`, `_`. Registering again makes a new version.",
        )
        yield Field(
            "Description",
            model.description,
            id="description",
            placeholder="what it is for",
            help="One line for the people who find it in the list.",
        )
        yield Field(
            "Tags",
            format_tags(model.tags),
            id="tags",
            check=check_tags,
            placeholder="site=lab, line=1",
            help='`key=value`, several with commas between. A value with a comma: `"note=a, b"`.',
        )

    def field(self, name: str) -> Field:
        """One field."""
        return self.query_one(f"#{name}", Field)

    @property
    def filled(self) -> bool:
        """Whether there is what a registration needs."""
        return bool(self.field("path").value and self.field("name").value)

    def put(self, model: Model) -> None:
        """Show what the plan says; a path or tags that it does not have stay, they may have been typed for later."""
        self.field("name").put(model.name)
        self.field("description").put(model.description)
        if model.tags:
            self.field("tags").put(format_tags(model.tags))
        if model.path:
            self.field("path").put(model.path)

    def settle(self) -> None:
        """Make a path of the current folder absolute, and propose a name where there is none."""
        path, name = self.field("path"), self.field("name")
        path.put(meant(path.value, self._folder()), at_once=True)
        stem = Path(path.value).stem
        if stem and not name.value and not rules.model_name(stem) and not self._path_problem(path.value):
            name.put(stem, at_once=True)

    def answers(self, tags_before: dict[str, str]) -> dict[str, Any]:
        """The fields of the plan's model section; tags that cannot be read yet stay as they were."""
        tags = self.field("tags").value
        return {
            "path": self.field("path").value,
            "name": self.field("name").value,
            "version": None,
            "description": self.field("description").value,
            "tags": tags_before if check_tags(tags) else parse_tags(tags),
        }

    def wrong(self) -> list[Field]:
        """Check all fields, and return those that have a problem."""
        found = [field for field in map(self.field, NAMES) if not field.check()]
        path = self.field("path")
        if not path.value:
            path.show_problem("choose the file or folder to register")
            found.insert(0, path)
        return found

    def _path_problem(self, text: str) -> str:
        if not text:
            return ""
        if problem := impossible(text, self._folder()):
            return problem
        path = Path(self._folder() or ".", Path(meant(text, self._folder())).expanduser()).absolute()
        if not path.exists():
            return f"there is no file or folder {path}"
        return "" if os.access(path, os.R_OK) else f"{path} cannot be read; change its permissions"

"""The folders of a trial, as an image has them: the script at its place, what goes in beside it, and the model in its own folder."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgetui.adapters.files import context_folder
from edgetui.adapters.files.local_files import explain
from edgetui.core import cancel, context_files
from edgetui.core.errors import cancelled
from edgetui.core.models import TrialRequest

_COPIED = 16 << 20  # bytes of a file beside the script that is copied; a larger one is a link, which costs nothing


@dataclass(frozen=True)
class Layout:
    """Where things are: `app` is the working folder and the root that modules are imported from, `models` AZUREML_MODEL_DIR."""

    app: Path
    script: Path
    models: Path
    home: Path
    temporary: Path


def lay_out(request: TrialRequest, folder: Path) -> Layout:
    """Put everything of a trial into its folder.

    Raises:
        EdgeError: a file of the context cannot be read, or the work was cancelled.
    """
    app = folder / "app"
    # A folder for the version, as in an image with one model.
    models = app / "azureml-models" / Path(request.model_name or "model").name / "1"
    script = app / context_files.entry(request.script, request.context)
    layout = Layout(app, script, models, folder / "home", folder / "tmp")
    for one in (layout.models, layout.temporary, layout.home, script.parent):
        one.mkdir(parents=True, exist_ok=True)
    for name, file in context_folder.files(request.context, request.without) if request.context else ():
        if cancel.current().requested:
            raise cancelled("The trial")
        _put(file, app / name)
    script.unlink(missing_ok=True)
    shutil.copyfile(request.script, script)
    if request.model:
        model = Path(request.model)
        if model.is_dir():
            shutil.copytree(model, models / model.name, copy_function=os.symlink)
        else:
            (models / model.name).symlink_to(model)
    return layout


def _put(file: Path, place: Path) -> None:
    """A copy, so that a module that asks where it really lies finds nothing there that the image has not."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.stat().st_size > _COPIED:
            place.symlink_to(file)
        else:
            shutil.copy(file, place)
    except OSError as problem:
        raise explain(problem, Path(problem.filename or file), context_files.FIELD) from None

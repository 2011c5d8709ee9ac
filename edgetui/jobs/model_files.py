"""The files of a plan's model, with what each says of itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgetui.core.cancel import current
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.plan import Plan
from edgetui.core.ports import Ports
from edgetui.jobs import resources

if TYPE_CHECKING:
    from edgetui.core import model_file

MOST = 300  # files of a model folder that are looked into


def of(plan: Plan, ports: Ports) -> Iterator[tuple[str, model_file.Facts]]:
    """The model's files with what each says, bounded in number and in bytes."""
    from edgetui.core import model_file

    if not plan.model.path:
        return
    path, name, left = resources.path(plan, plan.model.path), plan.model.path, model_file.LIMIT
    try:
        files = [""] if _opens(path, ports) else ports.files.listing(path, "model.path", MOST + 1)
        for one in files[:MOST]:
            if current().requested:
                raise cancelled("Looking into the model")
            with ports.files.open(f"{path.rstrip('/')}/{one}" if one else path, "model.path") as opened:
                size = opened.seek(0, io.SEEK_END)
                opened.seek(0)
                facts = model_file.read(opened, size, left)
            left = max(0, left - facts.looked)
            yield (f"{name.rstrip('/')}/{one}" if one else name), facts
        if len(files) > MOST:
            note = f"only {MOST} of its files were looked into"
            yield name, model_file.Facts("unknown", 0, note=note)
    except EdgeError as error:
        if error.kind == "cancelled":
            raise
        return  # step 2 tells of it


def _opens(path: str, ports: Ports) -> bool:
    try:
        ports.files.open(path, "model.path").close()
    except EdgeError:
        return False
    return True

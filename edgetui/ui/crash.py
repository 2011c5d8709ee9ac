"""What happens with a fault of our own: a file for whoever mends it, a screen for whoever met it."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from pathlib import Path

from edgetui import __version__
from edgetui.core.redact import redacted


def write(error: BaseException, folder: Path | None) -> str:
    """Write the traceback, secrets masked, to a new file in `folder` (or the system's temporary one); returns its path, or ""."""
    text = f"edgetui {__version__}\n" + "".join(traceback.format_exception(error))
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=time.strftime("crash-%Y%m%dT%H%M%S-"), suffix=".log", dir=place)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(redacted(text))
        except OSError:
            continue  # the next place may take it
        return name
    return ""


def words(path: str) -> str:
    """What to tell the person."""
    where = f"The details are in {path}" if path else "The details could not be written to any folder"
    return f"edgetui met a fault of its own. {where}. Your plan is saved; start edgetui again to go on."

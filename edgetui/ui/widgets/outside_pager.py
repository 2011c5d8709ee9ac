"""Reading a file in the person's own pager while the app steps aside."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from textual.app import App, SuspendNotSupported

_USUAL = ("less", "more")


def pager(environ: Mapping[str, str]) -> list[str]:
    """The person's pager as `$PAGER` names it, with its own arguments, else a usual one; [] where there is none."""
    try:
        words = shlex.split(environ.get("PAGER", ""))
    except ValueError:
        words = []  # an open quote: as good as not set
    if not words:
        words = [name for name in _USUAL if shutil.which(name)][:1]
    # A log's colours are colours there too; other sequences stay harmless.
    return [*words, "-R"] if words and os.path.basename(words[0]) == "less" else words  # noqa: PTH119 -- a program's name


def show_outside(app: App[Any], path: str) -> str:
    """Let the person read `path`; returns when they are done, with "" or why it could not be opened."""
    words = pager(os.environ)
    if not words:
        return f"$PAGER is not set, and there is neither less nor more here. The file: {path}"
    # What signs in to the sandbox is none of the pager's business.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EDGETUI_SANDBOX_")}
    code, why = 0, ""
    try:
        with app.suspend():
            try:
                code = subprocess.run([*words, path], env=environ, check=False).returncode
            except OSError as problem:  # inside: an exception through `suspend` would leave the terminal suspended
                why = problem.strerror or str(problem)
    except SuspendNotSupported:
        return f"This terminal cannot lend itself to another program. The file: {path}"
    finally:
        app.refresh(layout=True)
    if why:
        return f"{words[0]} could not be started: {why}. Check $PAGER."
    return "" if code == 0 else f"{words[0]} ended with code {code}."

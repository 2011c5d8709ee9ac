"""Opening a file in the person's own editor while the app steps aside."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

from textual.app import App, SuspendNotSupported


def command(environ: Mapping[str, str]) -> list[str]:
    """The person's editor as `$VISUAL` or `$EDITOR` names it, with its own arguments; [] where neither does."""
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environ.get(name, ""))
        except ValueError:
            continue  # an open quote: as good as not set
        if words:
            return words
    return []


def edit_outside(app: App[Any], path: str, line: int = 1) -> str:
    """Let the person edit `path`; returns when they are done, with "" or why it could not be opened."""
    words = command(os.environ)
    if not words:
        return "Neither $VISUAL nor $EDITOR is set; edit here, or set one and start again."
    # What signs in to the sandbox is none of the editor's business.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EDGETUI_SANDBOX_")}
    where = [f"+{line}"] if words[0].rpartition("/")[2] in {"vi", "vim", "nvim", "nano", "emacs", "micro"} else []
    code, why = 0, ""
    try:
        with app.suspend():
            try:
                code = subprocess.run([*words, *where, path], env=environ, check=False).returncode
            except (
                OSError
            ) as problem:  # caught inside: an exception through `suspend` would leave the terminal suspended
                why = problem.strerror or str(problem)
    except SuspendNotSupported:
        return "This terminal cannot lend itself to another program; edit here."
    finally:
        app.refresh(layout=True)
    if why:
        return f"{words[0]} could not be started: {why}. Check $VISUAL and $EDITOR."
    return "" if code == 0 else f"{words[0]} ended with code {code}; the file is as it left it."

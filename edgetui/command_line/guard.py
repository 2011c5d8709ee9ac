"""How any command ends badly: a few words on stderr and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable

from edgetui.command_line import running
from edgetui.core.errors import EdgeError
from edgetui.core.redact import redacted


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return its exit code, whatever happens in it."""
    sys.excepthook = lambda _kind, problem, _trace: report(problem)
    try:
        with running.raising():
            code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except EdgeError as error:
        show(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; what Python would still flush has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as problem:  # noqa: BLE001 -- the last guard: a person gets words, the log gets the traceback
        report(problem)
        return 1
    return code


def show(error: EdgeError) -> None:
    """Print an error for a person: what happened, the other side's words, what to do."""
    where = f"{error.field}: " if error.field else ""
    lines = [f"error: {where}{error.title}", *error.detail.splitlines(), *error.remedy.splitlines()]
    sys.stderr.write(redacted("\n  ".join(line for line in lines if line.strip())) + "\n")


def report(problem: BaseException) -> None:
    """Tell of an error that nobody foresaw, in one line; the traceback goes to a file, secrets masked."""
    text = redacted("".join(traceback.format_exception(type(problem), problem, problem.__traceback__)))
    what = redacted(f"{type(problem).__name__}: {problem}".splitlines()[0])
    sys.stderr.write(f"error: edgetui failed unexpectedly: {what}\n  {_kept(text)}\n")


def _kept(text: str) -> str:
    """Write a report file; returns the sentence that names it."""
    from edgetui import settings

    try:
        folder = settings.load(os.environ).state / "logs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / f"crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
        file.write_text(f"edgetui on Python {sys.version}\n{text}", encoding="utf-8")
    except (OSError, EdgeError) as problem:
        return f"the report could not be kept: {problem}"
    return f"details are in {file}"

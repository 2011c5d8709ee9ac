"""The whole verdict on a scoring script, in the order of its lines."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword
from pathlib import PurePath

from edgetui.core.models import Problem
from edgetui.core.scoring import contract, habits, variables, wrong_files
from edgetui.core.scoring.reading import Script, read
from edgetui.core.scoring.rules import problem


def check(file: str, text: str) -> list[Problem]:
    """Return what is wrong with the scoring script `text`, by line; `file` is the name to show. Never raises."""
    return sorted(_found(file, text), key=lambda found: (found.line, found.rule))


def _found(file: str, text: str) -> Iterator[Problem]:
    yield from _name(file)
    try:
        script = read(file, text)
    except SyntaxError as wrong:
        yield from _unreadable(file, text, f"Python cannot read this: {wrong.msg}", wrong.lineno or 0)
        return
    except ValueError as wrong:  # a null byte
        yield from _unreadable(file, text, f"Python cannot read this: {wrong}", 0)
        return
    except (RecursionError, MemoryError):
        yield from _unreadable(file, text, "Python cannot read this: it is nested too deeply", 0)
        return
    yield from _of(script)


def _of(script: Script) -> Iterator[Problem]:
    yield from contract.check(script)
    yield from wrong_files.placeholders(script)
    yield from habits.check(script)
    yield from variables.check(script)


def _name(file: str) -> Iterator[Problem]:
    stem = PurePath(file).stem
    if not file.endswith(".py") or not stem.isidentifier() or iskeyword(stem):
        yield problem(file, 0, "script-name", f"the image cannot take a script named {PurePath(file).name!r}")


def _unreadable(file: str, text: str, message: str, line: int) -> Iterator[Problem]:
    other = wrong_files.unreadable(file, text)
    if other is not None:
        yield other
        return
    yield from wrong_files.placeholders_in_lines(file, text)
    yield problem(file, line, "syntax", message)

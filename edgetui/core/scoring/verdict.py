"""The whole verdict on a scoring script, in the order of its lines."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import PurePath

from edgetui.core.models import Problem
from edgetui.core.scoring import answers, contract, habits, places, variables, wrong_files
from edgetui.core.scoring.reading import Script, read, walk
from edgetui.core.scoring.rules import problem

# What Python says of statements that an older one had not, at the end of each; and what they are.
_NEW = {"Pattern matching is only supported": "Match", "Exception groups are only supported": "TryStar"}
_OURS = sys.version_info[1]
_OLDEST = 7  # Python's parser knows no older grammar than that of 3.7


def check(file: str, text: str, python: str = "") -> list[Problem]:
    """Return what is wrong with the scoring script `text`, by line. Never raises.

    Args:
        file: the script's name to show.
        text: the script.
        python: the environment's Python, as `3.11`; "" where it names none.
    """
    return sorted(_found(file, text, _minor(python)), key=lambda found: (found.line, found.rule))


def _minor(python: str) -> int:
    """The 11 of `3.11`; ours where it names none."""
    found = re.match(r"3\.(\d+)", python)
    return int(found.group(1)) if found else _OURS


def _found(file: str, text: str, minor: int) -> Iterator[Problem]:
    yield from _name(file)
    try:
        script = read(file, text, max(minor, _OLDEST) if minor < _OURS else None)
    except SyntaxError as wrong:
        yield from _unreadable(file, text, wrong.msg, _line(text, wrong), minor)
        return
    except ValueError as wrong:  # a null byte
        yield from _unreadable(file, text, str(wrong), 0)
        return
    except (RecursionError, MemoryError):
        yield from _unreadable(file, text, "it is nested too deeply", 0)
        return
    yield from _of(script)
    yield from _compiled(script)


def _line(text: str, wrong: SyntaxError) -> int:
    """The line of an error; where a statement is too new for the Python that was asked for, that is its first one."""
    kind = next((kind for words, kind in _NEW.items() if wrong.msg.startswith(words)), "")
    if not kind:
        return wrong.lineno or 0
    found = [node for node in walk(read("", text).tree) if type(node).__name__ == kind]
    return min((node.lineno for node in found), default=wrong.lineno or 0)  # type: ignore[attr-defined]  # statements


def _compiled(script: Script) -> Iterator[Problem]:
    """What Python finds only while it compiles: `return` outside a function, `global` after the use, one argument twice."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(script.tree, script.file, "exec", dont_inherit=True)
    except SyntaxError as wrong:
        yield problem(script.file, wrong.lineno or 0, "syntax", f"Python cannot compile this: {wrong.msg}")
    except (ValueError, RecursionError, MemoryError):
        yield problem(script.file, 0, "syntax", "Python cannot compile this: it is nested too deeply")


def _of(script: Script) -> Iterator[Problem]:
    yield from contract.check(script)
    yield from wrong_files.placeholders(script)
    yield from habits.check(script)
    yield from places.check(script)
    yield from variables.check(script)
    yield from answers.check(script)


def _name(file: str) -> Iterator[Problem]:
    stem = PurePath(file).stem
    if not file.endswith(".py") or not stem.isidentifier() or iskeyword(stem):
        yield problem(file, 0, "script-name", f"the image cannot take a script named {PurePath(file).name!r}")


def _unreadable(file: str, text: str, why: str, line: int, minor: int = _OURS) -> Iterator[Problem]:
    other = wrong_files.unreadable(file, text)
    if other is not None:
        yield other
        return
    yield from wrong_files.placeholders_in_lines(file, text)
    if minor > _OURS:
        message = f"Python 3.{_OURS}, which edgetui runs on, cannot read this: {why}; the environment's is 3.{minor}"
        yield problem(file, line, "syntax-newer", message)
        return
    asked = f"Python 3.{minor}, as the environment asks," if minor < _OURS else "Python"
    yield problem(file, line, "syntax", f"{asked} cannot read this: {why}")

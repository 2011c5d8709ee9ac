"""A script against what stands beside it: the model's file name, the environment's packages, other modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from edgetui.core.models import Fix, Problem
from edgetui.core.scoring import imports
from edgetui.core.scoring.places import MODEL_FILES
from edgetui.core.scoring.reading import AT_IMPORT, Script, read, walk

# What only looks at a name, or says it, loads no file.
_SPOKEN = {"print", "debug", "info", "warning", "error", "exception", "critical", "log", "endswith", "match", "search"}


def _nothing(name: str) -> bool:
    del name
    return False


def check(
    file: str,
    text: str,
    model: str = "",
    environment: str = "",
    packages: str = "",
    beside: imports.Beside = _nothing,
    inside: imports.Beside = _nothing,
) -> list[Problem]:
    """Say where a script does not go with its surroundings; a script that cannot be read gives nothing.

    Args:
        file: the script's name to show.
        text: the script.
        model: the model file's bare name; "" where the model is a folder, or not known.
        environment: the environment file's name to show; "" leaves it out.
        packages: the environment file.
        beside: whether a file or folder of that name lies beside the script.
        inside: whether a file or folder of that name goes into the image, where modules are imported from.
    """
    try:
        script = read(file, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found = list(_model_name(script, model)) if model else []
    if environment:
        found += imports.check(script, environment, packages, beside, inside)
    return found


def _model_name(script: Script, model: str) -> Iterator[Problem]:
    """A script that names one model file, and not this one, does not find it."""
    starting = script.reachable(AT_IMPORT, "init")
    named = [node for node, scope in script.strings if scope in starting and _is_file(str(node.value))]
    if named:
        parts = _parts(script, starting)
        named = [node for node in named if id(node) not in parts]
    names = {str(node.value).replace("\\", "/").rpartition("/")[2] for node in named}
    if len(names) != 1 or model in names:
        return
    text, line = str(named[0].value), named[0].lineno
    (name,) = names
    source = script.text.splitlines()
    fix = None
    if len(named) == 1 and 0 < line <= len(source) and source[line - 1].count(name) == 1:
        fix = Fix(script.file, line, source[line - 1].replace(name, model), f"Write {model}")
    message = f"the script loads {text!r}, but the model's file is {model!r}"
    yield Problem(script.file, line, "warning", message, f"write {model}", "model-name", fix)


def _is_file(text: str) -> bool:
    """Whether a text is the name of a model file: no suffix alone, no sentence, no pattern."""
    name = text.replace("\\", "/").rpartition("/")[2].lower()
    return name.endswith(MODEL_FILES) and name not in MODEL_FILES and not any(one in text for one in " *?%{[|$\n")


def _parts(script: Script, scopes: list[str]) -> set[int]:
    """The ids of texts that are only the end of a name (`f"{site}_model.pkl"`), or that nothing loads."""
    found: set[int] = set()
    for call in script.calls_in(scopes):
        if call.name.rpartition(".")[2] in _SPOKEN:
            found |= {id(one) for part in call.node.args for one in walk(part)}
    for node in walk(script.tree):
        later: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            later = node.values[1:]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            later = [node.right]
        found |= {id(one) for one in later if isinstance(one, ast.Constant) and str(one.value)[:1] not in {"/", "\\"}}
    return found

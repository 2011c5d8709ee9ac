"""The scoring contract: what `azureml-inference-server-http` asks of a scoring script, decided by reading it, never by running it.

Source: azureml-inference-server-http 1.5, `user_script.py`: `init` and `run` must exist; `run` takes parameters by keyword,
at least one of them besides `request_headers`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Literal

from edgetui.core.models import Problem

_TEMPLATE_MARK = re.compile(r"<<\s*[A-Za-z_]\w*\s*>>|#\{\w+\}#")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def check(file: str, text: str) -> list[Problem]:
    """Return what is wrong with the scoring script `text`, by line; `file` is the name to show."""
    stem = PurePath(file).stem
    problems = []
    if not file.endswith(".py") or not stem.isidentifier():
        problems.append(
            _problem(
                file,
                0,
                "error",
                "script-name",
                f"the server cannot import {PurePath(file).name!r}",
                "name the script like a Python module: letters, digits and '_', ending in .py",
            )
        )
    problems += _placeholders(file, text)
    try:
        tree = ast.parse(text)
    except SyntaxError as wrong:
        message = f"Python cannot read this: {wrong.msg}"
        return [*problems, _problem(file, wrong.lineno or 0, "error", "syntax", message, "correct the line")]
    except ValueError as wrong:  # a null byte
        return [*problems, _problem(file, 0, "error", "syntax", f"Python cannot read this: {wrong}", "save it as text")]
    problems += _contract(file, tree)
    problems += _habits(file, tree)
    return sorted(problems, key=lambda problem: problem.line)


def _problem(
    file: str, line: int, severity: Literal["error", "warning"], rule: str, message: str, remedy: str
) -> Problem:
    return Problem(file, line, severity, message, remedy, rule)


def _placeholders(file: str, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), 1):
        found = _TEMPLATE_MARK.search(line)
        if found and not line.lstrip().startswith("#"):
            message = f"the placeholder {found.group()} was never filled in"
            yield _problem(file, number, "error", "placeholder", message, "put the real value there")


def _contract(file: str, tree: ast.Module) -> Iterator[Problem]:
    names = _top_level_names(tree)
    for name, call in (("init", "init()"), ("run", "run(raw_data)")):
        if name not in names:
            remedy = f"add `def {call}:` at the top level of the script"
            yield _problem(file, 0, "error", f"no-{name}", f"the script has no function `{name}`", remedy)
    init, run = names.get("init"), names.get("run")
    if isinstance(init, _FUNCTION):
        yield from _init_parameters(file, init)
    if isinstance(run, _FUNCTION):
        yield from _run_parameters(file, run)
    for name, node in (("init", init), ("run", run)):
        if isinstance(node, ast.AsyncFunctionDef):
            message = f"`{name}` is async; the server calls it and never awaits it"
            yield _problem(file, node.lineno, "error", f"async-{name}", message, f"write `def {name}` instead")


def _top_level_names(tree: ast.Module) -> dict[str, ast.stmt]:
    """Return what stands at the top level under a name, also inside `if` and `try`; the last of a name wins."""
    names: dict[str, ast.stmt] = {}
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (*_FUNCTION, ast.ClassDef)):
            names[node.name] = node
        elif isinstance(node, ast.Assign):
            names.update({target.id: node for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update({(alias.asname or alias.name).partition(".")[0]: node for alias in node.names})
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            handlers = [line for handler in getattr(node, "handlers", []) for line in handler.body]
            more = [*node.body, *handlers, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            waiting = more + waiting
    return names


def _init_parameters(file: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Problem]:
    given = node.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    required += sum(default is None for default in given.kw_defaults)
    if required:
        message = "`init` takes parameters, but the server calls it without any"
        yield _problem(file, node.lineno, "error", "init-parameters", message, "write `def init():`")


def _run_parameters(file: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Problem]:
    given = node.args
    line, remedy = node.lineno, "write `def run(raw_data):`"
    if given.vararg or given.kwarg:
        star = f"*{given.vararg.arg}" if given.vararg else f"**{given.kwarg.arg}" if given.kwarg else ""
        yield _problem(file, line, "error", "run-star", f"`run` may not take {star}: the server refuses it", remedy)
    if given.posonlyargs:
        message = "`run` has positional-only parameters, but the server passes them by name"
        yield _problem(file, line, "error", "run-positional", message, remedy)
    named = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    if not [name for name in named if name != "request_headers"] and not (given.vararg or given.kwarg):
        message = "`run` takes no data, but the server passes the request's body"
        yield _problem(file, line, "error", "run-parameters", message, remedy)
    if named[:1] == ["mini_batch"]:
        message = "`run(mini_batch)` is a batch endpoint's script; this server passes the body of one request"
        yield _problem(file, line, "warning", "batch", message, remedy)


def _habits(file: str, tree: ast.Module) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            names = {alias.name for alias in node.names}
            if module.startswith("sklearn.externals") or (module == "sklearn" and "externals" in names):
                message = "scikit-learn has had no `sklearn.externals` since 0.23"
                yield _problem(file, node.lineno, "error", "externals", message, "write `import joblib`")
        elif isinstance(node, ast.Attribute) and node.attr == "get_model_path":
            message = "`Model.get_model_path` asks Azure ML, which a device may not reach"
            remedy = 'read the model below `os.environ["AZUREML_MODEL_DIR"]`'
            yield _problem(file, node.lineno, "warning", "model-path", message, remedy)

"""Values that get lost on the way from `init` to `run`: a forgotten `global`, an exception that nobody sees."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring.reading import FUNCTION, Function, Script, children, walk
from edgetui.core.scoring.rules import problem

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_ENDING = {"sys.exit", "exit", "os._exit", "flask.abort", "werkzeug.exceptions.abort"}
_DEEP = 5
_NEW_SCOPES = (*FUNCTION, ast.Lambda, ast.ClassDef)


def check(script: Script) -> Iterator[Problem]:
    """Say where values get lost."""
    init, run = script.function("init"), script.function("run")
    if init is not None:
        yield from _init_swallows(script, init)
    if init is not None and run is not None:
        yield from _no_global(script, init)
    for name, tries in script.tries.items():
        function = script.function(name)
        goes_on = any(not _ends(script, handler.body) for node in tries for handler in node.handlers)
        if function is not None and goes_on:
            yield from _swallowed(script, function)


def own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function itself, without functions and classes in it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _NEW_SCOPES):
            waiting += reversed(children(node))


def stored(nodes: Iterable[ast.AST]) -> dict[str, int]:
    """Names that are assigned, with the first line of each."""
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id, node.lineno)
    return found


def _no_global(script: Script, init: Function) -> Iterator[Problem]:
    nodes = list(own(init))
    declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    local = stored(nodes)
    for scope in script.reachable("run"):
        function = script.function(scope)
        if function is None or function is init:
            continue
        inner = list(own(function))
        known = set(stored(inner)) | {one.arg for one in walk(function) if isinstance(one, ast.arg)}
        known |= {
            (one.asname or one.name).partition(".")[0]
            for node in inner
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for one in node.names
        }
        known |= {node.name for node in inner if isinstance(node, (*FUNCTION, ast.ClassDef))}
        known |= {node.name for node in inner if isinstance(node, ast.ExceptHandler) and node.name}
        for name in sorted(local.keys() - declared):
            at_top = script.names.get(name)
            empty = at_top is None or (isinstance(at_top, ast.Constant) and at_top.value is None)
            if name in script.uses.get(scope, ()) and name not in known and empty and not script.star:
                message = f"`{name}` is set in `init` for `init` alone; `{scope}` never sees it"
                remedy = f"begin `init` with `global {name}`"
                yield problem(script.file, local.pop(name), "no-global", message, remedy)


def _init_swallows(script: Script, init: Function) -> Iterator[Problem]:
    for node in own(init):
        if not isinstance(node, ast.Try):
            continue
        loads = any(
            isinstance(one, ast.Call) and "load" in script.dotted(one.func).lower()
            for part in node.body
            for one in walk(part)
        )
        for handler in node.handlers:
            broad = handler.type is None or script.dotted(handler.type) in {"Exception", "BaseException"}
            if (
                broad
                and loads
                and not any(isinstance(one, (ast.Raise, ast.Return, ast.Assign)) for one in walk(handler))
            ):
                message = "an exception while the model loads is kept quiet: each request fails later"
                yield problem(script.file, handler.lineno, "init-swallows", message)


def _swallowed(script: Script, function: Function) -> Iterator[Problem]:
    """A name that only the `try` sets and that is used after it, although a handler goes on without it."""
    arguments = {one.arg for one in walk(function.args) if isinstance(one, ast.arg)}
    known = arguments | {
        name for node in own(function) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
    }
    yield from _block(script, function.body, known)


def _block(script: Script, body: list[ast.stmt], known: set[str]) -> Iterator[Problem]:
    known = set(known)
    for number, node in enumerate(body):
        if isinstance(node, ast.Try):
            tried = stored(one for part in (*node.body, *node.orelse) for one in walk(part))
            for handler in node.handlers:
                if _ends(script, handler.body):
                    continue
                saved = stored(one for part in handler.body for one in walk(part))
                lost = (
                    tried.keys()
                    - known
                    - saved.keys()
                    - stored(one for part in node.finalbody for one in walk(part)).keys()
                )
                used = _first_used(body[number + 1 :], lost)
                if used:
                    name, line = used
                    message = f"when this handler runs, `{name}` (line {line}) is not set: its UnboundLocalError hides the cause"
                    yield problem(script.file, handler.lineno, "swallowed", message)
                    break
            yield from _block(script, node.body, known)
        elif isinstance(node, (ast.If, ast.For, ast.While, ast.With)):
            yield from _block(script, node.body, known)
        known |= stored(walk(node)).keys()


def _ends(script: Script, body: list[ast.stmt], depth: int = 0) -> bool:
    """Whether a block never goes on after its end."""
    last = body[-1] if body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        name = script.dotted(last.value.func)
        helper = script.function(name)
        if helper is not None and depth < _DEEP:
            return isinstance(helper.body[-1], ast.Raise) or _ends(script, helper.body[-1:], depth + 1)
        return name in _ENDING
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(script, last.body, depth) and _ends(script, last.orelse, depth)
    return isinstance(last, _ENDS)


def _first_used(body: list[ast.stmt], names: set[str]) -> tuple[str, int] | None:
    """The first of the names that is read before it is set again."""
    for node in body:
        if isinstance(node, ast.If) and any(
            isinstance(one, ast.Name) and one.id not in names for one in walk(node.test)
        ):
            return None  # a condition may well be about the failure
        for one in walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load) and one.id in names:
                return one.id, one.lineno
        names = names - stored(walk(node)).keys()
    return None

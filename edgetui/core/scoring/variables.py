"""What happens to values on the way from `init` to the answer: forgotten `global`, hidden exceptions, answers that are no JSON."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring.contract import HEADERS, OLD_RAWHTTP, RAWHTTP
from edgetui.core.scoring.reading import FUNCTION, Function, Script, children, walk
from edgetui.core.scoring.rules import problem

_ARRAYS = {"predict", "predict_proba", "decision_function", "score_samples", "transform", "predict_log_proba"}
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
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
        goes_on = any(not _ends(handler.body) for node in tries for handler in node.handlers)
        if function is not None and goes_on:
            yield from _swallowed(script, function)
    if run is not None:
        yield from _answers(script, run)
        yield from _decodes(script, run)


def _own(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function itself, without functions and classes in it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _NEW_SCOPES):
            waiting += reversed(children(node))


def _stored(nodes: Iterable[ast.AST]) -> dict[str, int]:
    """Names that are assigned, with the first line of each."""
    found: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id, node.lineno)
    return found


def _no_global(script: Script, init: Function) -> Iterator[Problem]:
    nodes = list(_own(init))
    declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    local = _stored(nodes)
    for scope in script.reachable("run"):
        function = script.function(scope)
        if function is None or function is init:
            continue
        own = list(_own(function))
        known = set(_stored(own)) | {one.arg for one in walk(function) if isinstance(one, ast.arg)}
        known |= {
            (one.asname or one.name).partition(".")[0]
            for node in own
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for one in node.names
        }
        known |= {node.name for node in own if isinstance(node, (*FUNCTION, ast.ClassDef))}
        known |= {node.name for node in own if isinstance(node, ast.ExceptHandler) and node.name}
        for name in sorted(local.keys() - declared):
            at_top = script.names.get(name)
            empty = at_top is None or (isinstance(at_top, ast.Constant) and at_top.value is None)
            if name in script.uses.get(scope, ()) and name not in known and empty and not script.star:
                message = f"`{name}` is set in `init` for `init` alone; `{scope}` never sees it"
                remedy = f"begin `init` with `global {name}`"
                yield problem(script.file, local.pop(name), "no-global", message, remedy)


def _init_swallows(script: Script, init: Function) -> Iterator[Problem]:
    for node in _own(init):
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
        name for node in _own(function) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names
    }
    yield from _block(script, function.body, known)


def _block(script: Script, body: list[ast.stmt], known: set[str]) -> Iterator[Problem]:
    known = set(known)
    for number, node in enumerate(body):
        if isinstance(node, ast.Try):
            tried = _stored(one for part in (*node.body, *node.orelse) for one in walk(part))
            for handler in node.handlers:
                if _ends(handler.body):
                    continue
                saved = _stored(one for part in handler.body for one in walk(part))
                lost = (
                    tried.keys()
                    - known
                    - saved.keys()
                    - _stored(one for part in node.finalbody for one in walk(part)).keys()
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
        known |= _stored(walk(node)).keys()


def _ends(body: list[ast.stmt]) -> bool:
    """Whether a block never goes on after its end."""
    last = body[-1] if body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        name = ast.unparse(last.value.func)
        return name in {"sys.exit", "exit", "os._exit"}
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
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
        names = names - _stored(walk(node)).keys()
    return None


def _answers(script: Script, run: Function) -> Iterator[Problem]:
    nodes = list(_own(run))
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    fails = any(isinstance(node, ast.Raise) for node in run.body)
    generator = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes)
    if not any(node.value is not None for node in returns) and not fails and not generator and not _stub(run):
        yield problem(script.file, run.lineno, "no-answer", "`run` returns nothing: each answer is `{}`")
    assigned: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).append(node.value)
    for node in returns:
        for value in _parts(node.value):
            one = value
            if isinstance(one, ast.Name) and len(assigned.get(one.id, ())) == 1:
                one = assigned[one.id][0]
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in _ARRAYS:
                message = f"`{one.func.attr}` gives an array, which is no JSON: the request fails"
                yield problem(script.file, node.lineno, "not-json", message)


def _stub(run: Function) -> bool:
    return all(isinstance(node, (ast.Pass, ast.Expr)) for node in run.body) and not any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in run.body
    )


def _parts(value: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(value, ast.Dict):
        for one in value.values:
            yield from _parts(one)
    elif isinstance(value, (ast.List, ast.Tuple)):
        for one in value.elts:
            yield from _parts(one)
    elif value is not None:
        yield value


def _decodes(script: Script, run: Function) -> Iterator[Problem]:
    """Undecorated, `run` gets a text: `raw_data["x"]` cannot work."""
    names = {script.dotted(one.func if isinstance(one, ast.Call) else one) for one in run.decorator_list}
    if names or RAWHTTP in names or OLD_RAWHTTP in names:
        return
    data = next((one.arg for one in (*run.args.args, *run.args.kwonlyargs) if one.arg != HEADERS), "")
    nodes = list(_own(run))
    if (
        not data
        or data in _stored(nodes)
        or any(isinstance(one, ast.Call) and script.dotted(one.func) in {"isinstance", "type"} for one in nodes)
    ):
        return
    if any(isinstance(node, ast.Try) for node in nodes):
        return
    for node in nodes:
        keyed = (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
        )
        if keyed and isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == data:
            message = f"`{data}` is the body as a text; it has no keys yet"
            yield problem(script.file, node.lineno, "not-decoded", message)
            return

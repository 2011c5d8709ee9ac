"""What `azureml-inference-server-http` itself asks of a scoring script, and so refuses without.

Source: azureml-inference-server-http 1.5.1, `server/user_script.py`: the script is executed as a module of its own, must
have `init` and `run`, and `inspect.signature(run)` must hold named parameters only, one besides `request_headers`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from edgetui.core.models import Problem
from edgetui.core.scoring import wrong_files
from edgetui.core.scoring.reading import AT_IMPORT, FUNCTION, Function, Script, children
from edgetui.core.scoring.rules import problem

HEADERS = "request_headers"
# The server answers to the older name too: it puts its own module in that one's place.
RAWHTTP = {
    "azureml_inference_server_http.api.aml_request.rawhttp",
    "azureml.contrib.services.aml_request.rawhttp",
}
_SCHEMA = {"input_schema", "output_schema"}
_BATCH = {"mini_batch", "minibatch", "batch_files", "input_files"}


class Signature(NamedTuple):
    """Parameters as `inspect.signature` sees them: named ones, how many of them have no default, and what is refused."""

    named: list[str]
    required: list[str]
    refused: str  # `*args`, `**kwargs`, or "positional-only parameters"
    line: int


def check(script: Script) -> Iterator[Problem]:
    """Say what the server refuses, and what fails as soon as it calls the two functions."""
    yield from _there(script)
    yield from _init(script)
    yield from _run(script)


def _there(script: Script) -> Iterator[Problem]:
    if script.star or "driver_module" in script.names:
        return
    missing = [name for name in ("init", "run") if name not in script.names]
    if (
        len(missing) == 2
        and (other := wrong_files.unreadable(script.file, script.text) or wrong_files.readable(script)) is not None
    ):
        yield other
        return
    for name in missing:
        line, message, remedy = 0, f"the script has no function `{name}`", ""
        if name in script.hidden:
            node, place = script.hidden[name]
            line = node.lineno
            message = f"`{name}` is inside {place}; the server looks at the top level only"
            remedy = f"move `def {name}` out of {place}"
        elif similar := wrong_files.similar(script, name):
            line = script.names[similar].lineno  # type: ignore[attr-defined]  # a def, so it has a line
            remedy = f"name it `{name}`, or add `def {name}` that calls `{similar}`"
            message = f"the script has no function `{name}`; there is `{similar}`"
        yield problem(script.file, line, f"no-{name}", message, remedy)


def _init(script: Script) -> Iterator[Problem]:
    node = script.names.get("init")
    if _never_callable(script, node):
        yield problem(script.file, _line(node), "init-not-callable", "`init` is no function; the server calls it")
    function = script.function("init")
    if function is None:
        return
    signature = _signature(script, function)
    if signature and signature.required:
        message = "`init` takes parameters, but the server calls it without any"
        yield problem(script.file, signature.line, "init-parameters", message)
    if isinstance(function, ast.AsyncFunctionDef):
        message = "`init` is async; the server calls it and never awaits it"
        yield problem(script.file, function.lineno, "async-init", message)
    elif _yields(function):
        message = "`init` has a `yield`: calling it does nothing"
        yield problem(script.file, function.lineno, "init-generator", message)


def _run(script: Script) -> Iterator[Problem]:
    node = script.names.get("run")
    if _never_callable(script, node):
        yield problem(script.file, _line(node), "run-not-callable", "`run` is no function; the server calls it")
        return
    if isinstance(node, ast.Lambda):
        yield from _parameters(script, _of_arguments(node.args, node.lineno), raw=_raw(script), schema=False)
    function = script.function("run")
    if function is None:
        return
    decorators = list(_decorators(script, function))
    schema = [call for name, call in decorators if name.rpartition(".")[2] in _SCHEMA]
    raw = _raw(script)
    for name, call in decorators:
        if name in RAWHTTP and isinstance(call, ast.Call) and not call.args and not call.keywords:
            message = "`@rawhttp()` calls it without a function: importing it fails"
            yield problem(script.file, call.lineno, "raw-call", message)
    if raw and schema:
        message = "`run` cannot have both @rawhttp and a schema: the server refuses it"
        yield problem(script.file, function.lineno, "raw-and-schema", message)
    yield from _schemas(script, function, decorators)
    signature = _signature(script, function)
    if signature:
        yield from _parameters(script, signature, raw=raw, schema=bool(schema))
    if isinstance(function, ast.AsyncFunctionDef):
        message = "`run` is async; the server calls it and never awaits it"
        yield problem(script.file, function.lineno, "async-run", message)
    elif _yields(function):
        message = "`run` has a `yield`: its answer would be a generator, which is no JSON"
        yield problem(script.file, function.lineno, "run-generator", message)


def _parameters(script: Script, signature: Signature, *, raw: bool, schema: bool) -> Iterator[Problem]:
    file, line = script.file, signature.line
    if signature.refused:
        rule = "run-positional" if signature.refused.startswith("positional") else "run-star"
        yield problem(file, line, rule, f"`run` may not take {signature.refused}: the server refuses it")
        return
    data = [name for name in signature.named if name != HEADERS]
    if not data:
        yield problem(file, line, "run-parameters", "`run` takes no data, but the server passes the request's body")
        return
    if data[0].lower() in _BATCH:
        message = f"`run({data[0]})` is a batch endpoint's script; this server passes the body of one request"
        yield problem(file, line, "batch", message)
    extra = [name for name in data[1:] if name in signature.required]
    if extra and not schema:
        what = "the request" if raw else "the body as one text"
        message = f"`run` also wants {', '.join(extra)}, but the server passes {what} and nothing else"
        yield problem(file, line, "run-extra", message)


def _schemas(script: Script, function: Function, decorators: list[tuple[str, ast.expr]]) -> Iterator[Problem]:
    named = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    outputs = 0
    lasts = [name.rpartition(".")[2] for name, _ in decorators]
    data = next((one.arg for one in (*function.args.args, *function.args.kwonlyargs) if one.arg != HEADERS), "")
    if data and lasts.count("output_schema") == 1 and "input_schema" not in lasts:
        message = f'with @output_schema alone `run` gets what the body has under "{data}", not the body as a text'
        yield problem(script.file, function.lineno, "output-only", message)
    for name, call in decorators:
        last = name.rpartition(".")[2]
        if last not in _SCHEMA:
            continue
        outputs += last == "output_schema"
        if outputs == 2 and last == "output_schema":
            yield problem(script.file, call.lineno, "schema-twice", "`run` has two @output_schema: importing it fails")
        if not isinstance(call, ast.Call):
            yield problem(script.file, call.lineno, "schema-type", f"@{last} needs a type: importing it fails")
            continue
        given = {one.arg: one.value for one in call.keywords}
        if any(isinstance(one, ast.Starred) for one in call.args) or None in given:
            continue  # `*args` and `**names` may hold anything
        place = 1 if last == "input_schema" else 0
        kind = call.args[place] if len(call.args) > place else given.get("param_type" if place else "output_type")
        if kind is None or isinstance(kind, ast.Constant) or _bare_type(kind):
            message = f"@{last} wants a parameter type with a sample in it: importing it fails"
            yield problem(script.file, call.lineno, "schema-type", message)
        first = call.args[0] if call.args else given.get("param_name")
        if place and isinstance(first, ast.Constant) and first.value not in named:
            message = f"@input_schema names {first.value!r}, which is no parameter of `run`"
            yield problem(script.file, call.lineno, "schema-name", message)


def _bare_type(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute)) and (
        node.id if isinstance(node, ast.Name) else node.attr
    ).endswith("ParameterType")


def _raw(script: Script) -> bool:
    """Whether the script has said `@rawhttp` anywhere: the server keeps that for the whole process."""
    decorated = (
        script.dotted(one) in RAWHTTP
        for node in script.names.values()
        if isinstance(node, FUNCTION)
        for one in node.decorator_list
    )
    return any(decorated) or any(call.name in RAWHTTP and call.node.args for call in script.calls_in([AT_IMPORT]))


def _decorators(script: Script, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """The decorators as (dotted name, node), the one that works last first."""
    for node in function.decorator_list:
        yield script.dotted(node.func if isinstance(node, ast.Call) else node), node


def _signature(script: Script, function: Function) -> Signature | None:
    """What `inspect.signature` says of the decorated function; None where that cannot be known."""
    for name, node in _decorators(script, function):
        if name == "property" or name.rpartition(".")[2] in {"cli", "command"}:
            return None
        wrapper = script.function(name) if name in script.names else None
        if wrapper is None:
            continue  # imported ones keep the signature, as all good ones do
        inner = _returned(wrapper)
        if isinstance(node, ast.Call) and inner is not None:
            inner = _returned(inner) or inner
        if inner is None:
            return None if not _returns_parameter(wrapper) else _of_arguments(function.args, function.lineno)
        if not any(
            "wraps" in script.dotted(one.func if isinstance(one, ast.Call) else one) for one in inner.decorator_list
        ):
            return _of_arguments(inner.args, inner.lineno)
    return _of_arguments(function.args, function.lineno)


def _returned(function: Function) -> Function | None:
    """The inner function that a decorator returns."""
    inner = {node.name: node for node in function.body if isinstance(node, FUNCTION)}
    for node in function.body:
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id in inner:
            return inner[node.value.id]
    return None


def _returns_parameter(function: Function) -> bool:
    first = function.args.args[0].arg if function.args.args else ""
    return any(
        isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id == first
        for node in function.body
    )


def _of_arguments(given: ast.arguments, line: int) -> Signature:
    positional = [*given.posonlyargs, *given.args]
    required = [one.arg for one in positional[: len(positional) - len(given.defaults)]]
    required += [one.arg for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is None]
    refused = "positional-only parameters; they are passed by name" if given.posonlyargs else ""
    if given.vararg:
        refused = f"*{given.vararg.arg}"
    elif given.kwarg:
        refused = f"**{given.kwarg.arg}"
    return Signature([one.arg for one in (*positional, *given.kwonlyargs)], required, refused, line)


def _never_callable(script: Script, node: ast.AST | None) -> bool:
    seen = 0
    while isinstance(node, ast.Name) and seen < 20:
        node, seen = script.names.get(node.id), seen + 1
    return isinstance(node, (ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.JoinedStr, ast.BinOp))


def _yields(function: Function) -> bool:
    """Whether the function itself is a generator, not a function in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (*FUNCTION, ast.Lambda, ast.ClassDef)):
            waiting += children(node)
    return False


def _line(node: ast.AST | None) -> int:
    return getattr(node, "lineno", 0)

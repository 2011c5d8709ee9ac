"""What goes into `run` and what comes out of it: a text that is not decoded yet, an answer that is no JSON."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from edgetui.core.models import Problem
from edgetui.core.scoring.contract import HEADERS, RAWHTTP
from edgetui.core.scoring.reading import Function, Script
from edgetui.core.scoring.rules import problem
from edgetui.core.scoring.variables import own, stored

# Methods of models that give an array, methods of an array that give one again, and numpy's functions of both kinds.
_PREDICTS = {"predict", "predict_proba", "decision_function", "score_samples", "transform", "predict_log_proba"}
_STAYS = {"flatten", "ravel", "reshape", "astype", "round", "squeeze", "copy", "transpose", "clip"}
_MAKES = {f"numpy.{name}" for name in ("array", "asarray", "zeros", "ones", "concatenate", "vstack", "hstack", "stack")}
_KEEPS = {f"numpy.{name}" for name in ("round", "around", "squeeze", "exp", "log", "clip", "ravel", "abs", "sqrt")}
_FRAMES = {"pandas.DataFrame", "pandas.Series"}
_TIMES = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
_OF_A_DICT = {"get", "keys", "items", "values"}
_DEEP = 20


def check(script: Script) -> Iterator[Problem]:
    """Say where `run` takes its input, or gives its answer, for what it is not."""
    run = script.function("run")
    if run is not None:
        yield from _answers(script, run)
        yield from _decodes(script, run)


def _answers(script: Script, run: Function) -> Iterator[Problem]:
    nodes = list(own(run))
    returns = [node for node in nodes if isinstance(node, ast.Return)]
    fails = any(isinstance(node, ast.Raise) for node in run.body)
    generator = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes)
    if not any(node.value is not None for node in returns) and not fails and not generator and not _stub(run):
        yield problem(script.file, run.lineno, "no-answer", "`run` returns nothing: each answer is `{}`")
    values = _Values(script, nodes)
    for node in returns:
        for what, remedy in filter(None, map(values.no_json, values.parts(node.value))):
            message = f"{what}, which is no JSON: the request fails"
            yield problem(script.file, node.lineno, "not-json", message, remedy)


def _stub(run: Function) -> bool:
    return all(isinstance(node, (ast.Pass, ast.Expr)) for node in run.body) and not any(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in run.body
    )


class _Values:
    """What the names of a function stand for, where each is set only once."""

    def __init__(self, script: Script, nodes: list[ast.AST]) -> None:
        self._script = script
        stores = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        self._known = {
            node.targets[0].id: node.value
            for node in nodes
            if isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and stores[node.targets[0].id] == 1
        }

    def of(self, node: ast.expr) -> ast.expr:
        """What an expression stands for."""
        seen: set[str] = set()
        while isinstance(node, ast.Name) and node.id in self._known and node.id not in seen:
            seen.add(node.id)
            node = self._known[node.id]
        return node

    def parts(self, node: ast.expr | None, depth: int = 0) -> Iterator[ast.expr]:
        """The values that an answer is made of, also one that the script itself makes JSON of."""
        if node is None or depth > _DEEP:
            return
        node = self.of(node)
        below: list[ast.expr] = []
        if isinstance(node, ast.Dict):
            below = node.values
        elif isinstance(node, (ast.List, ast.Tuple)):
            below = node.elts
        elif isinstance(node, ast.Call) and self._script.dotted(node.func) == "json.dumps" and node.args:
            # `default=` or `cls=` may well know what to do with an array.
            below = (
                [] if node.keywords and {"default", "cls", None} & {one.arg for one in node.keywords} else node.args[:1]
            )
        else:
            yield node
        for one in below:
            yield from self.parts(one, depth + 1)

    def no_json(self, node: ast.expr) -> tuple[str, str] | None:
        """What a value is that is no JSON, and what to do about it; None where it may be one."""
        if isinstance(node, (ast.Set, ast.SetComp)):
            return "this is a set", "make it a list: `sorted(…)`"
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            return "this is bytes", "decode it, or answer by `AMLResponse`"
        if not isinstance(node, ast.Call):
            return None
        name = self._script.dotted(node.func)
        if name in _FRAMES:
            return f"`{name}` is a table", 'add `.to_dict("records")`'
        if name in _TIMES:
            return f"`{name}()` is a time", "add `.isoformat()`"
        return (f"`{self._method(node)}` gives an array", "") if self._array(node) else None

    def _array(self, node: ast.expr, depth: int = 0) -> bool:
        node = self.of(node)
        if not isinstance(node, ast.Call) or depth > _DEEP:
            return False
        name = self._script.dotted(node.func)
        if name in _MAKES or (name in _KEEPS and bool(node.args) and self._array(node.args[0], depth + 1)):
            return True
        if not isinstance(node.func, ast.Attribute):
            return False
        return node.func.attr in _PREDICTS or (node.func.attr in _STAYS and self._array(node.func.value, depth + 1))

    def _method(self, node: ast.Call) -> str:
        return node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)


def _decodes(script: Script, run: Function) -> Iterator[Problem]:
    """Undecorated, `run` gets a text: neither `raw_data["x"]` nor `raw_data.get("x")` can work."""
    data = next((one.arg for one in (*run.args.args, *run.args.kwonlyargs) if one.arg != HEADERS), "")
    nodes = list(own(run))
    if any(script.dotted(one) in RAWHTTP for one in run.decorator_list):
        yield from _raw(script, data, nodes)
    if run.decorator_list:
        return
    if not data or data in stored(nodes):
        return
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(script.dotted(one.func) in {"isinstance", "type", "hasattr"} for one in calls):
        return
    tried = any(isinstance(node, ast.Try) for node in nodes)
    if tried and any(isinstance(one, ast.Name) and one.id == data for call in calls for one in call.args):
        return  # it may be decoded where the first way fails
    for node in nodes:
        if _as_a_dict(node, data):
            message = f"`{data}` is the body as a text; it has no keys yet"
            yield problem(script.file, node.lineno, "not-decoded-tried" if tried else "not-decoded", message)  # type: ignore[attr-defined]  # an expression, so it has a line
            return


def _raw(script: Script, data: str, nodes: list[ast.AST]) -> Iterator[Problem]:
    """With `@rawhttp` `run` gets the request: `json.loads(request)` cannot work."""
    if data in stored(nodes):
        return
    for node in nodes:
        if not isinstance(node, ast.Call) or script.dotted(node.func) != "json.loads" or not node.args:
            continue
        if isinstance(node.args[0], ast.Name) and node.args[0].id == data:
            message = f"with @rawhttp `{data}` is the request, not its body"
            remedy = f"read the body: `json.loads({data}.get_data())`"
            yield problem(script.file, node.lineno, "raw-text", message, remedy)


def _as_a_dict(node: ast.AST, data: str) -> bool:
    if not isinstance(node, (ast.Subscript, ast.Attribute)):
        return False
    if not isinstance(node.value, ast.Name) or node.value.id != data:
        return False
    if isinstance(node, ast.Attribute):
        return node.attr in _OF_A_DICT
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)

"""A script read once: what runs when, which names stand for what. All rules look at this, so that a long script stays fast."""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
AT_IMPORT = ""  # the scope of what runs when the server imports the script
_NO_NODES = frozenset({"ctx", "op", "ops", "name", "id", "attr", "arg", "kind", "type_comment", "lineno", "level"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}  # the fields of each kind of node that may hold nodes
_LEAVES = {ast.Name, ast.Constant, ast.Import, ast.ImportFrom}
_LOOKED_AT = {*FUNCTION, ast.ClassDef, ast.Try, ast.If, ast.Expr, ast.Call, ast.While, ast.NamedExpr}
_DEFINES = {"globals", "vars", "exec"}  # calls that may define any name
NEVER = "__main__"  # the scope of what runs only when the file is started as a program


@dataclass(frozen=True)
class Call:
    """One call: `name` is dotted and without aliases (`sklearn.externals.joblib.load`), `?.fit` or "" where it has none."""

    node: ast.Call
    name: str
    in_try: bool = False


@dataclass
class Script:
    """What a script holds.

    Attributes:
        names: What stands at the top level under a name; the last one wins. Without what only `__main__` defines.
        star: Whether more may be defined than can be read: by `from x import *`, `globals()[…] = …` or `exec`.
        hidden: Functions that exist, but not at the top level: name -> (node, the class or block it is in).
        aliases: Imported name -> full dotted name.
        imports: Imported full names, with the statement and the scope.
        calls: Scope -> calls. A scope is `AT_IMPORT`, `NEVER`, or the name of a top-level function or class.
        uses: Scope -> names that are read there.
        strings: String constants that are no docstrings, with their scope.
    """

    file: str
    text: str
    tree: ast.Module
    names: dict[str, ast.AST] = field(default_factory=dict)
    star: bool = False
    hidden: dict[str, tuple[Function, str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    imports: list[tuple[ast.stmt, str, str, bool]] = field(default_factory=list)  # node, full name, scope, in a try
    calls: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    uses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    strings: list[tuple[ast.Constant, str]] = field(default_factory=list)
    classes: list[ast.ClassDef] = field(default_factory=list)
    loops: list[tuple[ast.While, str]] = field(default_factory=list)
    tries: dict[str, list[ast.Try]] = field(default_factory=lambda: defaultdict(list))

    def function(self, name: str) -> Function | None:
        """The top-level function of that name, through `run = predict` too; None where it is something else."""
        seen = set()
        node = self.names.get(name)
        while isinstance(node, ast.Name) and node.id not in seen:
            seen.add(node.id)
            node = self.names.get(node.id)
        return node if isinstance(node, FUNCTION) else None

    def dotted(self, node: ast.AST) -> str:
        """`np.load` as `numpy.load`; "" for what is no chain of names."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.aliases.get(node.id, node.id), *reversed(parts)])

    def reachable(self, *scopes: str) -> list[str]:
        """The scopes that run when these run: themselves, and the top-level functions and classes that they name."""
        found: list[str] = []
        waiting = list(scopes)
        while waiting:
            scope = waiting.pop(0)
            if scope not in found:
                found.append(scope)
                for name in sorted(self.uses.get(scope, ())):
                    node = self.names.get(name)
                    if isinstance(node, (*FUNCTION, ast.ClassDef)):
                        waiting.append(name)
        return found

    def calls_in(self, scopes: list[str]) -> Iterator[Call]:
        """All calls of these scopes."""
        for scope in scopes:
            yield from self.calls.get(scope, ())


def read(file: str, text: str, minor: int | None = None) -> Script:
    """Parse a script and look at each of its nodes once.

    Args:
        file: the script's name to show.
        text: the script.
        minor: the Python to read it as, 9 for 3.9; None is the one that runs this. Later ones than that cannot be had.

    Raises:
        SyntaxError, ValueError, RecursionError: Python cannot read it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as `"\d"`, which is the person's own matter
        tree = ast.parse(text, feature_version=None if minor is None else (3, minor))
    script = Script(file, text, tree)
    _Names(script).block(tree.body)
    found = _walk(script)
    # An import may stand below what uses it, so names are resolved when all are known.
    for scope, node, in_try in found:
        name = script.dotted(node.func)
        if not name and isinstance(node.func, ast.Attribute):
            name = f"?.{node.func.attr}"  # a method of whatever an expression gives
        script.calls[scope].append(Call(node, name, in_try))
    script.star = script.star or any(call.name in _DEFINES for call in script.calls.get(AT_IMPORT, ()))
    return script


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in order; several times as fast as `ast.iter_child_nodes`."""
    kind = node.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in node._fields if name not in _NO_NODES)
    found: list[ast.AST] = []
    for name in fields:
        value: Any = getattr(node, name, None)
        if value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(*nodes: ast.AST) -> Iterator[ast.AST]:
    """All nodes below and including these."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)


class _Names:
    """What stands at the top level under a name, also inside `if`, `try`, `with` and loops."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def block(self, body: list[ast.stmt], hidden_in: str = "") -> None:
        for node in body:
            self._statement(node, hidden_in)

    def _statement(self, node: ast.stmt, hidden_in: str) -> None:
        if isinstance(node, FUNCTION):
            self._define(node, hidden_in)
        elif isinstance(node, ast.ClassDef):
            self._script.names[node.name] = node
            self.block([inner for inner in node.body if isinstance(inner, FUNCTION)], f"class {node.name}")
        elif hidden_in:
            for inner in _blocks(node):
                self.block(inner, hidden_in)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif not self._bind(node):
            main = isinstance(node, ast.If) and never_true(node.test)
            for number, inner in enumerate(_blocks(node)):
                self.block(inner, "`if __name__`" if main and number == 0 else "")

    def _bind(self, node: ast.stmt) -> bool:
        """Take an assignment or a `del`; False for any other statement."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._assign(node.target, node.value)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._script.names.pop(target.id, None)
        else:
            return self._bind_in_head(node)
        return True

    def _bind_in_head(self, node: ast.stmt) -> bool:
        """Take what a loop or `with` gives a name to; its body is still to be read."""
        if isinstance(node, (ast.For, ast.AsyncFor)):
            self._assign(node.target, node.iter, whole=False)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, whole=False)
        return False

    def _define(self, node: Function, hidden_in: str) -> None:
        if hidden_in:
            self._script.hidden.setdefault(node.name, (node, hidden_in))
        else:
            self._script.names[node.name] = node

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._script.star = True
            else:
                self._script.names[(alias.asname or alias.name).partition(".")[0]] = node

    def _assign(self, target: ast.expr, value: ast.expr, *, whole: bool = True) -> None:
        """Note what a name stands for; where that is only a part of `value`, it stands for what cannot be told."""
        if isinstance(target, ast.Name):
            self._script.names[target.id] = value if whole else target
        elif isinstance(target, ast.Starred):
            self._assign(target.value, value, whole=False)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            same = whole and len(parts) == len(target.elts)
            for number, one in enumerate(target.elts):
                self._assign(one, parts[number] if same else value, whole=same)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for handler in getattr(node, "handlers", []):
        yield handler.body
    for case in getattr(node, "cases", []):
        yield case.body


def never_true(test: ast.expr) -> bool:
    """Whether a condition is about being started as a program, or about type checkers: never so on the server."""
    if isinstance(test, ast.Constant):
        return not test.value
    if isinstance(test, (ast.Name, ast.Attribute)):
        return (test.id if isinstance(test, ast.Name) else test.attr) == "TYPE_CHECKING"
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(never_true(value) for value in test.values)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = (test.left, test.comparators[0])
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def _walk(script: Script) -> list[tuple[str, ast.Call, bool]]:
    """Look at each node once: note it under the scope that it runs in; returns the calls, and whether in a `try`."""
    calls: list[tuple[str, ast.Call, bool]] = []
    waiting: list[tuple[ast.AST, str, bool]] = [(node, AT_IMPORT, False) for node in reversed(script.tree.body)]
    while waiting:
        node, scope, in_try = waiting.pop()
        kind = node.__class__
        if kind in _LEAVES:
            _note_leaf(script, node, scope, in_try)
        elif kind not in _LOOKED_AT:
            waiting += [(one, scope, in_try) for one in reversed(children(node))]
        elif isinstance(node, (*FUNCTION, ast.ClassDef)):
            waiting += _definition(script, node, scope, in_try)
        elif isinstance(node, ast.Try):
            script.tries[scope].append(node)
            waiting += [(one, scope, in_try) for one in (*node.handlers, *node.orelse, *node.finalbody)]
            waiting += [(one, scope, True) for one in reversed(node.body)]
        elif isinstance(node, ast.If) and scope == AT_IMPORT and never_true(node.test):
            waiting += [(one, scope, in_try) for one in reversed(node.orelse)]
            waiting += [(one, NEVER, in_try) for one in reversed(node.body)]
        elif not _docstring(node):
            if isinstance(node, ast.Call):
                calls.append((scope, node, in_try))
            elif isinstance(node, ast.While):
                script.loops.append((node, scope))
            elif isinstance(node, ast.NamedExpr) and scope == AT_IMPORT:
                script.names.setdefault(node.target.id, node.value)
            waiting += [(one, scope, in_try) for one in reversed(children(node))]
    return calls


def _note_leaf(script: Script, node: ast.AST, scope: str, in_try: bool) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            script.uses[scope].add(node.id)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            start = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            full = f"{start}.{alias.name}" if start else alias.name
            script.imports.append((node, full, scope, in_try))
            if start or alias.asname:
                script.aliases[alias.asname or alias.name] = full
            else:
                script.aliases.setdefault(full.partition(".")[0], full.partition(".")[0])
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        script.strings.append((node, scope))


def _definition(
    script: Script, node: Function | ast.ClassDef, scope: str, in_try: bool
) -> list[tuple[ast.AST, str, bool]]:
    """What a definition leads to: decorators and defaults run where it stands, the body in a scope of its own."""
    inner = node.name if scope in {AT_IMPORT, NEVER} else scope
    outside: list[ast.AST] = list(node.decorator_list)
    if isinstance(node, ast.ClassDef):
        script.classes.append(node)
        outside += node.bases
    else:
        outside += [*node.args.defaults, *(one for one in node.args.kw_defaults if one)]
    found = [(one, scope, in_try) for one in reversed(outside)]
    return found + [(one, inner, False) for one in reversed(node.body) if not _docstring(one)]


def _docstring(node: ast.AST) -> bool:
    """A text that stands alone does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)

"""The IoT Hub query language over twins: select, projections, aggregates, where, group by.

Comparisons follow the service: a property that is not there, or a value of another type, makes a comparison undefined, and
an undefined condition selects nothing. Not here: `devices.jobs`, joins, arithmetic.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import lark

from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import Document

MAX_LENGTH = 8192
_DEPTH = 40

GRAMMAR = r"""
start: "SELECT"i [top] selection "FROM"i source ["WHERE"i condition] [group]
top: "TOP"i INT
selection: "*" -> everything
    | item ("," item)*
item: expression ["AS"i name]
expression: CALL "(" ")" -> count | CALL "(" path ")" -> aggregate | path -> projected
source: NAME ("." NAME)*
group: "GROUP"i "BY"i path ("," path)*
?condition: conjunction ("OR"i conjunction)* -> either
conjunction: negation ("AND"i negation)* -> every
?negation: "NOT"i negation -> invert | atom
?atom: "(" condition ")"
    | value OPERATOR value -> compare
    | value "IN"i members -> among
    | value "NIN"i members -> not_among
    | value -> truth
?value: path -> look | literal | CALL "(" value ("," value)* ")" -> call
literal: STRING -> string | SIGNED_NUMBER -> number | "TRUE"i -> yes | "FALSE"i -> no | "NULL"i -> nothing
members: "[" [value ("," value)*] "]" | "(" value ("," value)* ")"
path: (NAME | QUOTED) ("." (NAME | QUOTED))*
name: NAME
CALL.2: /(?!(?i:SELECT|FROM|WHERE|AND|OR|NOT|IN|NIN|AS|GROUP|BY|TOP|TRUE|FALSE|NULL)\b)[A-Za-z_]+(?=\s*\()/
NAME: /(?!(?i:SELECT|FROM|WHERE|AND|OR|NOT|IN|NIN|AS|GROUP|BY|TOP|TRUE|FALSE|NULL)\b)[A-Za-z_$][A-Za-z0-9_$-]*/
QUOTED: /\[\[[^\]]+\]\]/
STRING: /'(?:[^']|'')*'|"[^"]*"/
OPERATOR: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
%import common.INT
%import common.SIGNED_NUMBER
%import common.WS
%ignore WS
"""


class _Undefined:
    """The value of a property that is not there."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = _Undefined()
Row = Document
Value = Callable[[Row], Any]


@dataclass(frozen=True)
class Item:
    """One selected column; `function` is empty for a plain projection."""

    path: tuple[str, ...]
    alias: str
    function: str = ""


@dataclass(frozen=True)
class Query:
    """A parsed query: `source` is `devices` or `devices.modules`, no items means `SELECT *`."""

    source: str
    items: tuple[Item, ...] = ()
    condition: Value | None = None
    group: tuple[tuple[str, ...], ...] = ()
    top: int | None = None
    aggregates: bool = field(default=False)

    def matches(self, row: Row) -> bool:
        """Say whether the row fulfils the condition."""
        return self.condition is None or self.condition(row) is True

    def project(self, row: Row) -> Document:
        """Return the selected columns of one row; columns without a value are left out."""
        if not self.items:
            return row
        pairs = ((item.alias, look_up(row, item.path)) for item in self.items)
        return {alias: value for alias, value in pairs if value is not UNDEFINED}

    def aggregate(self, rows: Iterable[Row]) -> list[Document]:
        """Return one row for each group (for all rows, if there is no GROUP BY)."""
        groups: dict[str, list[Row]] = {} if self.group else {"": []}
        for row in rows:
            key = repr([look_up(row, path) for path in self.group]) if self.group else ""
            groups.setdefault(key, []).append(row)
        answer = []
        for members in groups.values():
            pairs = [(item.alias, _aggregate(item, members)) for item in self.items]
            answer.append({alias: value for alias, value in pairs if value is not UNDEFINED})
        return answer


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        HubError: 400 `BadRequest` that says where the text is not understood.
    """
    if len(text) > MAX_LENGTH:
        raise _bad(f"the query has {len(text)} characters; the limit is {MAX_LENGTH}")
    if text.count("(") > _DEPTH or text.upper().count("NOT") > _DEPTH:
        raise _bad(f"more than {_DEPTH} parentheses or NOT")
    try:
        return _parser().parse(text)  # type: ignore[return-value]
    except lark.exceptions.UnexpectedInput as problem:
        if isinstance(problem, lark.exceptions.UnexpectedToken) and problem.token.type == "$END":
            raise _bad("the query ends too early") from None
        column = getattr(problem, "pos_in_stream", None) or 0
        raise _bad(f"not understood at character {column + 1}: {text[column : column + 30]!r}") from None
    except lark.exceptions.VisitError as problem:
        if isinstance(problem.orig_exc, HubError):
            raise problem.orig_exc from None
        raise


def look_up(row: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path, or UNDEFINED."""
    for name in path:
        if not isinstance(row, dict) or name not in row:
            return UNDEFINED
        row = row[name]
    return row


def _bad(text: str) -> HubError:
    return HubError(400, "BadRequest", f"The query is not valid: {text}")


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def _compare(symbol: str, left: Any, right: Any) -> Any:
    if left is UNDEFINED or right is UNDEFINED or _kind(left) != _kind(right):
        return UNDEFINED
    if symbol not in {"=", "!=", "<>"} and _kind(left) not in {"number", "str"}:
        return UNDEFINED
    return _COMPARISONS[symbol](left, right)


def _text_test(test: Callable[[str, str], bool]) -> Callable[..., Any]:
    def check(text: Any, part: Any) -> Any:
        return test(text, part) if isinstance(text, str) and isinstance(part, str) else UNDEFINED

    return check


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "STARTSWITH": (2, _text_test(str.startswith)),
    "ENDSWITH": (2, _text_test(str.endswith)),
    "CONTAINS": (2, _text_test(operator.contains)),
    "ISDEFINED": (1, lambda value: value is not UNDEFINED),
    "ISNULL": (1, lambda value: value is None),
    "ISBOOL": (1, lambda value: isinstance(value, bool)),
    "ISNUMBER": (1, lambda value: _kind(value) == "number"),
    "ISSTRING": (1, lambda value: isinstance(value, str)),
    "ISOBJECT": (1, lambda value: isinstance(value, dict)),
    "ISARRAY": (1, lambda value: isinstance(value, list)),
    "ISPRIMITIVE": (1, lambda value: value is None or isinstance(value, (str, bool, int, float))),
}
_AGGREGATES = {"COUNT", "SUM", "AVG", "MIN", "MAX"}


def _aggregate(item: Item, rows: list[Row]) -> Any:
    if item.function == "":
        return look_up(rows[0], item.path) if rows else UNDEFINED
    if item.function == "COUNT":
        return len(rows)
    numbers = [value for value in (look_up(row, item.path) for row in rows) if _kind(value) == "number"]
    if not numbers:
        return UNDEFINED
    if item.function == "AVG":
        return sum(numbers) / len(numbers)
    reduce: dict[str, Callable[[list[float]], float]] = {"SUM": sum, "MIN": min, "MAX": max}
    return reduce[item.function](numbers)


class _Build(lark.Transformer[lark.Token, Any]):
    """Turns the text into functions while it is parsed, so that no tree is walked."""

    def path(self, names: list[lark.Token]) -> tuple[str, ...]:
        parts = tuple(name[2:-2] if name.startswith("[[") else str(name) for name in names)
        return parts[1:] if len(parts) > 1 and parts[0] == "devices" else parts

    def look(self, found: list[tuple[str, ...]]) -> Value:
        path = found[0]
        return lambda row: look_up(row, path)

    def string(self, found: list[lark.Token]) -> Value:
        text = found[0][1:-1].replace("''", "'") if found[0].startswith("'") else str(found[0][1:-1])
        return lambda _row: text

    def number(self, found: list[lark.Token]) -> Value:
        number = float(found[0])
        return lambda _row: number

    def yes(self, _found: list[Any]) -> Value:
        return lambda _row: True

    def no(self, _found: list[Any]) -> Value:
        return lambda _row: False

    def nothing(self, _found: list[Any]) -> Value:
        return lambda _row: None

    def truth(self, found: list[Value]) -> Value:
        return found[0]

    def compare(self, found: list[Any]) -> Value:
        left, symbol, right = found
        return lambda row: _compare(str(symbol), left(row), right(row))

    def among(self, found: list[Any]) -> Value:
        wanted, members = found

        def check(row: Row) -> Any:
            value = wanted(row)
            return UNDEFINED if value is UNDEFINED else any(_compare("=", value, m(row)) is True for m in members)

        return check

    def members(self, found: list[Value | None]) -> list[Value]:
        return [part for part in found if part is not None]

    def not_among(self, found: list[Any]) -> Value:
        return self.invert([self.among(found)])

    def invert(self, found: list[Value]) -> Value:
        inner = found[0]

        def check(row: Row) -> Any:
            value = inner(row)
            return not value if isinstance(value, bool) else UNDEFINED

        return check

    def every(self, found: list[Value]) -> Value:
        def check(row: Row) -> Any:
            values = [part(row) for part in found]
            if any(value is False for value in values):
                return False
            return True if all(value is True for value in values) else UNDEFINED

        return found[0] if len(found) == 1 else check

    def either(self, found: list[Value]) -> Value:
        def check(row: Row) -> Any:
            values = [part(row) for part in found]
            if any(value is True for value in values):
                return True
            return False if all(value is False for value in values) else UNDEFINED

        return found[0] if len(found) == 1 else check

    def call(self, found: list[Any]) -> Value:
        name, *arguments = found
        arity, function = _FUNCTIONS.get(name.upper().replace("_", ""), (0, None))
        if function is None:
            raise _bad(f"there is no function {name}")
        if arity != len(arguments):
            raise _bad(f"{name} takes {arity} argument(s), not {len(arguments)}")
        return lambda row: function(*(argument(row) for argument in arguments))

    def top(self, found: list[lark.Token]) -> int:
        return min(int(found[0][:9]), 10**9)

    def everything(self, _found: list[Any]) -> tuple[Item, ...]:
        return ()

    def selection(self, found: list[Item]) -> tuple[Item, ...]:
        return tuple(found)

    def projected(self, found: list[tuple[str, ...]]) -> Item:
        return Item(found[0], found[0][-1])

    def count(self, found: list[lark.Token]) -> Item:
        if found[0].upper() != "COUNT":
            raise _bad(f"{found[0]}() needs a property")
        return Item((), "$1", "COUNT")

    def aggregate(self, found: list[Any]) -> Item:
        name = found[0].upper()
        if name not in _AGGREGATES:
            raise _bad(f"there is no aggregate {found[0]}; there are {', '.join(sorted(_AGGREGATES))}")
        return Item(found[1], "$1", name)

    def item(self, found: list[Any]) -> Item:
        item, alias = found
        return item if alias is None else Item(item.path, alias, item.function)

    def name(self, found: list[lark.Token]) -> str:
        return str(found[0])

    def source(self, found: list[lark.Token]) -> str:
        source = ".".join(found)
        if source.lower() not in {"devices", "devices.modules"}:
            raise _bad(f"FROM {source}: this hub can query devices and devices.modules")
        return source.lower()

    def group(self, found: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        return tuple(found)

    def start(self, found: list[Any]) -> Query:
        top, items, source, condition, group = found
        aggregates = bool(group) or any(item.function for item in items)
        for item in items:
            if aggregates and not item.function and item.path not in (group or ()):
                raise _bad(f"{'.'.join(item.path)} must be in GROUP BY, or in an aggregate")
        if group and not items:
            raise _bad("SELECT * cannot be grouped")
        return Query(source, items, condition, group or (), top, aggregates)


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", transformer=_Build(), maybe_placeholders=True)

"""The plan from TOML, strictly: what is wrong is named with its line and key."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from edgetui.core import parser_words
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.plan import Plan, Section

NOT_IN_FILE = {"folder", "file"}
_WHERE = re.compile(r" - at `(key in )?\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_POSITION = re.compile(r"at line (?P<line>\d+) col(?:umn)? (?P<column>\d+)")
_TWICE = re.compile(r'Key "(?P<key>.+)" already exists')
_GOT = re.compile(r"got `(?P<kind>[^`]*)`")
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number with a point",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_HEADER = re.compile(r"\s*(?P<open>\[\[?)\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGN = re.compile(r"""\s*(?P<key>(?:[A-Za-z0-9_.-]|\s(?=[.\s=])|"(?:\\.|[^"\\])*"|'[^']*')+?)\s*=""")
_SECRETS = {"password", "passwd", "secret", "key", "token", "connection_string", "sas"}

Key = tuple[str | int, ...]


def read(text: str, file: str) -> Plan:
    """The plan that `text` holds; EdgeError(kind='input') whose title begins with `file:line` and whose field is the key."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        data = tomlkit.parse(text).unwrap()
    except (TOMLKitError, ValueError) as error:
        remedy = "Correct the line; text needs quotes, and every [section] and key stands once."
        line = _line_of_error(text, error)
        detail = parser_words.toml(error)
        detail = detail if detail.startswith("line ") else f"line {line}: {detail}"
        raise bad_input("", f"{file}:{line}: this is not TOML", remedy, detail) from None
    for name in NOT_IN_FILE & data.keys():
        raise _unknown(text, file, (), name)
    try:
        return msgspec.convert(data, Plan)
    except msgspec.ValidationError as error:
        raise _invalid(text, file, data, str(error)) from None


def _line_of_error(text: str, error: Exception) -> int:
    if where := _POSITION.search(str(error)):
        return int(where["line"])
    if twice := _TWICE.search(str(error)):
        lines = enumerate(text.splitlines(), 1)
        return max(
            (n for n, line in lines if (a := _ASSIGN.match(line)) and twice["key"] in _split_key(a["key"])), default=1
        )
    return 1


def _invalid(text: str, file: str, data: Any, message: str) -> EdgeError:
    where = _WHERE.search(message)
    path = _real(data, _parse_path(where["path"])) if where else ()
    unknown = _UNKNOWN.search(message)
    if unknown:
        return _unknown(text, file, path, unknown["key"])
    wanted = _type_at(path)
    key = dotted(path)
    choices = _choices(wanted)
    if choices:
        title, remedy = f"{key} has a value that it cannot have", f"Write one of: {', '.join(choices)}."
    else:
        title, remedy = f"{key or 'the file'} must be {_say_type(wanted)}", _advice(wanted)
    # Values are not repeated: nobody knows what stands in a wrong place.
    got = _GOT.search(message)
    detail = f"It is {_KINDS.get(got['kind'], 'something else')}." if got and not choices else ""
    return bad_input(key, f"{file}:{line_of(text, path)}: {title}", remedy, detail)


def _real(data: Any, path: Key) -> Key:
    """`path` with each `...` (msgspec names no key of a free table) replaced by the first key whose value is wrong."""
    out: Key = ()
    for part in path:
        if part == "...":
            kind = _type_at((*out, part))
            part = next((key for key, value in data.items() if not _fits(value, kind)), part)  # noqa: PLW2901
        out = (*out, part)
        data = data[part]
    return out


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _unknown(text: str, file: str, path: Key, name: str) -> EdgeError:
    section = _type_at(path)
    known = [f.name for f in msgspec.structs.fields(section) if f.name not in NOT_IN_FILE]
    key = dotted((*path, name))
    if name.lower() in _SECRETS:
        remedy = "Secrets never stand in a plan: remove the line; edgetui keeps them in the keyring."
    elif len(homes := list(_homes(name))) == 1:
        remedy = f"Did you mean {homes[0]}?"
    elif near := difflib.get_close_matches(name.lower(), known, 1, 0.6):
        remedy = f"Did you mean {dotted((*path, near[0]))}?"
    else:
        what = f"[{dotted(path)}]" if path else "a plan"
        remedy = f"Remove it; {what} knows: {', '.join(known)}."
    return bad_input(key, f"{file}:{line_of(text, (*path, name))}: unknown key {key}", remedy)


def _homes(name: str) -> Iterator[str]:
    """The dotted keys of all sections that know `name`."""
    for field in msgspec.structs.fields(Plan):
        section = element(field.type)
        if isinstance(section, type) and issubclass(section, Section):
            for inner in msgspec.structs.fields(section):
                if inner.name == name:
                    yield f"{field.name}.{name}"


def _parse_path(text: str) -> Key:
    parts: list[str | int] = []
    for name, index in re.findall(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]", text):
        if name:
            parts.append(name)
        else:
            parts.append(int(index) if index.isdigit() else index)
    return tuple(parts)


def dotted(path: Key) -> str:
    """`target[0].devices`, as a person says it."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def element(kind: Any) -> Any:
    """The element type of a list, else the type itself."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind


def _type_at(path: Key) -> Any:
    """The declared type at `path`; Any where the schema says no more."""
    kind: Any = Plan
    for part in path:
        if isinstance(part, int):
            kind = element(kind)
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = next((f.type for f in msgspec.structs.fields(kind) if f.name == part), Any)
        elif typing.get_origin(kind) is dict:
            kind = typing.get_args(kind)[1]
        else:
            return Any
    return kind


def _choices(kind: Any) -> tuple[str, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


_WORDS: dict[Any, tuple[str, str]] = {
    str: ("a text", 'Put it in quotes: key = "value".'),
    int: ("a whole number", "Write it without quotes: key = 3."),
    float: ("a number", "Write it without quotes: key = 0.5."),
    bool: ("true or false", "Write it without quotes: key = true."),
}


def _say_type(kind: Any) -> str:
    if kind in _WORDS:
        return _WORDS[kind][0]
    origin = typing.get_origin(kind)
    if origin is tuple:
        inner = element(kind)
        return "a list of texts" if inner is str else "a list of tables"
    if origin is dict or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return "a table"
    return (
        " or ".join(dict.fromkeys(_say_type(k) for k in typing.get_args(kind) if k is not type(None)))
        or "another value"
    )


def _advice(kind: Any) -> str:
    if kind in _WORDS:
        return _WORDS[kind][1]
    origin = typing.get_origin(kind)
    if origin is tuple:
        return (
            'Write it as a list: key = ["one", "two"].'
            if element(kind) is str
            else "Write it as [[target]], one or more."
        )
    if origin is dict:
        return 'Write it as a table: key = { name = "value" }.'
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "Write it as a [section] with keys below."
    inner = [k for k in typing.get_args(kind) if k is not type(None)]
    return _advice(inner[0]) if len(inner) == 1 else "Correct the value."


def line_of(text: str, path: Key) -> int:
    """The line (from 1) of the deepest part of `path` that the text shows; 1 where it shows none."""
    best, best_depth = 1, 0
    table: Key = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            names = _split_key(header["name"])
            if header["open"] == "[[":
                counts[names[0]] = counts.get(names[0], -1) + 1
            # `[target.x]` below `[[target]]` speaks of the last one.
            table = (names[0], counts[names[0]], *names[1:]) if names[0] in counts else tuple(names)
            here = table
        elif assignment := _ASSIGN.match(line):
            here = (*table, *_split_key(assignment["key"]))
        else:
            continue
        depth = _common(here, path)
        if depth == min(len(here), len(path)) and depth > best_depth:
            best, best_depth = number, depth
    return best


def _common(left: Key, right: Key) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _split_key(key: str) -> list[str]:
    parts = re.findall(r""""((?:\\.|[^"\\])*)"|'([^']*)'|([A-Za-z0-9_-]+)""", key)
    return [next((part for part in found if part), "") for found in parts] or [key]

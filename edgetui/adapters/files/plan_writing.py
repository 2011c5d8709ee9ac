"""The plan to TOML: only what was answered, into an existing file without losing a person's comments and order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from edgetui.adapters.files.plan_reading import NOT_IN_FILE, dotted, element, read
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.plan import Plan, Section


def values(section: Section) -> dict[str, Any]:
    """What the file must say of a section: the values that are not the default ones, nested, ready for TOML."""
    out: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if field.name in NOT_IN_FILE or value == default(field):
            continue
        if isinstance(value, Section):
            inner = values(value)
            if inner:
                out[field.name] = inner
        elif isinstance(value, tuple):
            out[field.name] = [values(item) if isinstance(item, Section) else item for item in value]
        else:
            out[field.name] = value
    return out


def default(field: msgspec.structs.FieldInfo) -> Any:
    """A field's default value."""
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def write(plan: Plan, old: str = "") -> str:
    """The TOML of `plan`: `old` with only the changed values changed, or a fresh text where that cannot be done."""
    import tomlkit

    wanted = values(plan)
    _refuse_null(wanted, ())
    if old.strip():
        document = tomlkit.parse(old)
        _update(document, wanted, Plan)
        text = document.as_string()
        if _says(text, plan):
            return text
    document = tomlkit.document()
    _update(document, wanted, Plan)
    return document.as_string().lstrip("\n")


def _says(text: str, plan: Plan) -> bool:
    """Whether reading `text` gives `plan`: an edit in place is kept only where it is right."""
    try:
        return msgspec.structs.replace(read(text, ""), folder=plan.folder, file=plan.file) == plan
    except EdgeError:
        return False


def _refuse_null(value: Any, path: tuple[str | int, ...]) -> None:
    if value is None:
        raise bad_input(dotted(path), f"{dotted(path)} is null, which a plan file cannot hold", "Leave the key out.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_null(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_null(inner, (*path, index))


def _update(table: Any, wanted: dict[str, Any], schema: Any) -> None:
    """Bring a TOML table to `wanted`, touching only what differs. `schema` is a section's class, or None for free tables."""
    defaults = {f.name: f for f in msgspec.structs.fields(schema)} if schema is not None else {}
    for key in [key for key in table if key not in wanted]:
        field = defaults.get(key)
        if field is not None and _is_section(field.type):
            _update(table[key], {}, field.type)  # the header and its comments stay
        elif field is None or _unwrapped(table[key]) != _plain(default(field)):
            del table[key]
    for key, value in wanted.items():
        kind = defaults[key].type if key in defaults else None
        old = table.get(key)
        if old is not None and _same(_unwrapped(old), value):
            continue
        if isinstance(value, dict) and isinstance(old, Mapping):
            _update(old, value, kind if _is_section(kind) else None)
        elif _is_section(element(kind)) and isinstance(value, list):
            _update_list(table, key, value, element(kind))
        else:
            table[key] = _item(value, kind)


def _update_list(table: Any, key: str, wanted: list[dict[str, Any]], schema: Any) -> None:
    old = table.get(key)
    if old is not None and len(old) == len(wanted):
        for item, value in zip(old, wanted, strict=True):
            _update(item, value, schema)
    else:
        table[key] = _item(wanted, tuple[schema, ...])


def _unwrapped(item: Any) -> Any:
    """The plain value of an item; tomlkit gives true and false as they are."""
    return item if isinstance(item, bool) else item.unwrap()


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def _same(old: Any, new: Any) -> bool:
    """Equal, and of the same types all the way down: TOML tells 1 from 1.0 and from true."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(one, other) for one, other in zip(old, new, strict=True))
    return type(old) is type(new) and bool(old == new)


def _item(value: Any, kind: Any) -> Any:
    """A TOML item: sections as [tables], lists of sections as [[tables]], free tables on one line."""
    import tomlkit

    if isinstance(value, dict):
        if _is_section(kind):
            table = tomlkit.table()
            _update(table, value, kind)
            return table
        inline = tomlkit.inline_table()
        for key, inner in value.items():
            inline[key] = _item(inner, None)
        return inline
    if isinstance(value, list):
        if _is_section(element(kind)):
            tables = tomlkit.aot()
            for inner in value:
                table = tomlkit.table()
                _update(table, inner, element(kind))
                tables.append(table)
            return tables
        array = tomlkit.array()
        for inner in value:
            array.append(_item(inner, None))
        return array
    return tomlkit.item(value)

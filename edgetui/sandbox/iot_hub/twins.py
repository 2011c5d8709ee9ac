"""Device and module twins: desired and reported properties, their versions and `$metadata`, merge and size rules.

A twin is kept under kind `twin` (devices, by device id) or `module-twin` (modules, by `<device>/<module>`); what belongs to the
identity (connection state, keys, capabilities) stays with the identity, under the kinds `device` and `module`.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import Document, World

NEVER = "0001-01-01T00:00:00Z"
DESIRED_LIMIT = 32 * 1024  # bytes, as reported; tags have 8 KiB
TAGS_LIMIT = 8 * 1024
STRING_LIMIT = 4 * 1024
KEY_LIMIT = 1024
DEPTH_LIMIT = 10
_INTEGER_LIMIT = 2**52
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_KEY = re.compile(r"[.$ \x00-\x1f\x7f]")


def now() -> str:
    """Return the time as the hub writes it, with seven digits."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def new() -> Document:
    """Return the twin of an identity that was just made."""
    section = {"$metadata": {"$lastUpdated": NEVER}, "$version": 1}
    return {
        "version": 2,
        "backEnd": 1,
        "tags": {},
        "properties": {"desired": copy.deepcopy(section), "reported": copy.deepcopy(section)},
    }


def place(device: str, module: str | None) -> tuple[str, str]:
    """Return the kind and key of a twin's document."""
    return ("twin", device) if module is None else ("module-twin", f"{device}/{module}")


def get(world: World, device: str, module: str | None = None) -> Document | None:
    """Return the twin's document, or None: `{"version", "backEnd", "tags", "properties": {"desired", "reported"}}`."""
    return world.get(*place(device, module))


def content(section: Document) -> Document:
    """Return desired or reported properties without `$metadata` and `$version`."""
    return {key: value for key, value in section.items() if key not in {"$metadata", "$version"}}


def etag(twin: Document) -> str:
    """Return the twin's ETag, unquoted. A device's report does not change it."""
    return base64.b64encode(int(twin["backEnd"]).to_bytes(8, "big")).decode()


def report(world: World, device: str, module: str | None, patch: Document) -> None:
    """Merge `patch` into the reported properties, as the device's own client does; a twin that is gone is left alone."""
    with world.transaction():
        twin = get(world, device, module)
        if twin is None:
            return
        _merge_section(twin["properties"]["reported"], patch, versioned=False)
        twin["version"] += 1
        world.put(*place(device, module), twin)


def set_desired(world: World, device: str, module: str | None, desired: Document) -> None:
    """Replace the desired properties wholesale; an unknown twin is made.

    Raises:
        HubError: 400, the properties break a rule of twins.
    """
    check_section(desired, "properties.desired", DESIRED_LIMIT)
    with world.transaction():
        twin = get(world, device, module) or new()
        _replace_section(twin, desired)
        _back_end_changed(world, device, module, twin)


def change(world: World, device: str, module: str | None, body: Document, *, replace: bool) -> Document:
    """Merge (PATCH) or put (PUT) tags and desired properties of `body` into a twin that exists, and return it.

    Raises:
        HubError: 400, the result breaks a rule of twins.
    """
    with world.transaction():
        twin = get(world, device, module)
        assert twin is not None  # noqa: S101 -- the caller holds the lock and has looked
        tags = _object(body, "tags")
        desired = _object(_object(body, "properties") or {}, "desired")
        if replace:
            tags, desired = tags or {}, content(desired or {})
            twin["tags"] = {}
        if tags is not None:
            merge(twin["tags"], tags)
        if desired is not None and replace:
            _replace_section(twin, desired)
        elif desired is not None:
            _merge_section(twin["properties"]["desired"], content(desired), versioned=True)
        check_section(twin["tags"], "tags", TAGS_LIMIT)
        check_section(content(twin["properties"]["desired"]), "properties.desired", DESIRED_LIMIT)
        _back_end_changed(world, device, module, twin)
    return twin


def merge(target: Document, patch: Document) -> None:
    """Merge like the hub: objects go into objects, null removes, everything else replaces."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            merge(target[key], value)
        else:
            target[key] = value


def check_section(section: Document, where: str, limit: int) -> None:
    """Check keys, depth, values and size of a section of a twin.

    Raises:
        HubError: 400 that names the place.
    """
    try:
        json.dumps(section, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # half a surrogate pair, or not a number
        raise bad(f"{where}: a text or number in it cannot be written as JSON in UTF-8") from None
    for path, key, value, depth in _walk(section, where):
        if not key or len(key.encode()) > KEY_LIMIT or _NO_KEY.search(key):
            raise bad(f"{path}: a key must not be empty or contain '.', '$', space or control characters")
        if depth > DEPTH_LIMIT:
            raise bad(f"{path}: deeper than {DEPTH_LIMIT} levels")
        if isinstance(value, str) and len(value.encode()) > STRING_LIMIT:
            raise bad(f"{path}: a string must not be longer than {STRING_LIMIT} bytes")
        if isinstance(value, int) and abs(value) > _INTEGER_LIMIT:
            raise bad(f"{path}: an integer must lie within -2^52 and 2^52")
    if (size := weigh(section)) > limit:
        raise bad(f"{where} has {size} bytes; the limit is {limit}")


def weigh(value: Any) -> int:
    """Return the size that counts against a limit: keys and strings in UTF-8, numbers 8 bytes, booleans 4."""
    if isinstance(value, dict):
        return sum(weigh(key) + weigh(item) for key, item in value.items() if key not in {"$metadata", "$version"})
    if isinstance(value, list):
        return sum(weigh(item) for item in value)
    if isinstance(value, bool):
        return 4
    if isinstance(value, (int, float)):
        return 8
    if isinstance(value, str):
        return len(_CONTROL.sub("", value).encode())
    return 0


def bad(text: str) -> HubError:
    """Return the hub's 400 for an argument that breaks a rule."""
    return HubError(400, "ArgumentInvalid", text)


def _walk(value: Any, path: str, depth: int = 1) -> Iterator[tuple[str, str, Any, int]]:
    pairs = value.items() if isinstance(value, dict) else ((f"[{n}]", item) for n, item in enumerate(value))
    for key, item in pairs:
        inner = f"{path}.{key}"
        yield inner, ("item" if isinstance(value, list) else key), item, depth
        if isinstance(item, (dict, list)) and depth <= DEPTH_LIMIT:
            yield from _walk(item, inner, depth + 1)


def _object(body: Document, name: str) -> Document | None:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise bad(f"{name} must be an object")
    return value


def _back_end_changed(world: World, device: str, module: str | None, twin: Document) -> None:
    twin["version"] += 1
    twin["backEnd"] += 1
    world.put(*place(device, module), twin)


def _replace_section(twin: Document, wanted: Document) -> None:
    version = twin["properties"]["desired"]["$version"]
    fresh: Document = {"$metadata": {}, "$version": version}
    _merge_section(fresh, wanted, versioned=True)
    twin["properties"]["desired"] = fresh


def _merge_section(section: Document, patch: Document, *, versioned: bool) -> None:
    section["$version"] += 1
    stamp: Document = {"$lastUpdated": now()}
    if versioned:
        stamp["$lastUpdatedVersion"] = section["$version"]
    merge(section, patch)
    _stamp(section["$metadata"], patch, stamp)


def _stamp(metadata: Document, patch: Document, stamp: Document) -> None:
    metadata.update(stamp)
    for key, value in patch.items():
        if value is None:
            metadata.pop(key, None)
        elif isinstance(value, dict):
            _stamp(metadata.setdefault(key, {}), value, stamp)
        else:
            metadata[key] = dict(stamp)

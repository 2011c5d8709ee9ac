"""What of a deployment manifest may be shown or kept: everything but secrets, and but what other people's variables hold."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from edgetui.core.redact import MASK, secret_name
from edgetui.core.redact import redacted as without_secrets

_OPTIONS = re.compile(r"createOptions[0-9]*")
_VARIABLE = re.compile(r"\.env\.[^.]+\.value$")


def is_options(key: str) -> bool:
    """Whether a key of a module's settings holds its createOptions, or a piece of them."""
    return _OPTIONS.fullmatch(key) is not None


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Say what differs between two sections, a line each (`+`, `-` or `~`, then the place).

    Values of secrets are masked, and what a variable held before: somebody else may have set it.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = _with_whole_options(before), _with_whole_options(after)
        for key in {**old, **new}:
            where = f"{place}.{key}" if place else str(key)
            if key not in new:
                yield f"- {where}"
            elif key not in old:
                yield from _added(new[key], where)
            else:
                yield from differences(old[key], new[key], where)
    elif before != after or type(before) is not type(after):
        was = MASK if _VARIABLE.search(place) else _shown(place, before)
        yield f"~ {place}: {was} → {_shown(place, after)}"


def redacted(section: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a module's desired properties without secrets.

    Masked are passwords, whatever is a secret by its name or its look, and every environment variable, also those inside
    createOptions. Routes stay as they are; createOptions in pieces become one text.
    """
    return {key: copy.deepcopy(value) if key == "routes" else _without(value, key) for key, value in section.items()}


def _without(value: Any, key: str) -> Any:
    if key.lower() == "env":
        return _all_masked(value)
    if is_options(key):
        return _options_shown(value) if isinstance(value, str) else _of_container(value)
    if isinstance(value, dict):
        return {name: _without(inner, str(name)) for name, inner in _with_whole_options(value).items()}
    if isinstance(value, list):
        return [_without(inner, key) for inner in value]
    if _secret(key):
        return MASK
    return without_secrets(value) if isinstance(value, str) else value


def _all_masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_masked(inner) for key, inner in value.items()}
    return [_all_masked(inner) for inner in value] if isinstance(value, list) else MASK


def _with_whole_options(settings: dict[str, Any]) -> dict[str, Any]:
    """A section whose createOptions are one text, however many pieces hold them: a secret may be cut in two."""
    pieces = sorted(filter(is_options, settings))
    if len(pieces) < 2 or not all(isinstance(settings[piece], str) for piece in pieces):
        return settings
    rest = {key: value for key, value in settings.items() if key not in pieces}
    return {**rest, "createOptions": "".join(settings[piece] for piece in pieces)}


def _options_shown(text: str) -> str:
    """CreateOptions as they may be shown: the names of variables without their values; nothing of what is no JSON."""
    try:
        options = json.loads(text or "{}")
    except ValueError:
        return MASK
    return json.dumps(_of_container(options), separators=(",", ":"), ensure_ascii=False)


def _of_container(options: Any, name: str = "") -> Any:
    if name.lower() == "env":
        is_list = isinstance(options, list) and all(isinstance(one, str) for one in options)
        return [_variable(one) for one in options] if is_list else _all_masked(options)
    if isinstance(options, dict):
        return {key: _of_container(value, key) for key, value in options.items()}
    if isinstance(options, list):
        # `--password` and its value may be two arguments.
        flags = ("", *(str(one).lstrip("-") if str(one).startswith("-") else "" for one in options))
        return [_of_container(one, flag or name) for one, flag in zip(options, flags, strict=False)]
    if _secret(name):
        return MASK
    return without_secrets(options) if isinstance(options, str) else options


def _variable(text: str) -> str:
    name, equals, _ = text.partition("=")
    return name + equals + MASK * bool(equals)


def _added(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from _added(entry, f"{place}.{key}")
    else:
        yield f"+ {place}: {_shown(place, value)}"


def _secret(name: str) -> bool:
    return secret_name(name) or "_key" in name.lower()


def _shown(place: str, value: Any) -> str:
    # The value of a variable stands one level below its name: `env.API_KEY.value`.
    shown = _without(value, place.removesuffix(".value").rpartition(".")[2])
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)

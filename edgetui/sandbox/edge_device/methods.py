"""Direct methods of the live device's `$edgeAgent`: ping, GetModuleLogs, RestartModule."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

from edgetui.sandbox.edge_device import edge_device
from edgetui.sandbox.edge_device.agent import Agent

RESPONSE_LIMIT = 128 * 1024 - 4096  # bytes; the hub's limit of a method's answer, less the frame


class _PayloadError(Exception):
    pass


def invoke(name: str, payload: Any) -> tuple[int, Any]:
    """Return status and payload of a method's answer, as edgeAgent gives them."""
    agent = edge_device.agent()
    if agent is None:
        return 503, {"message": "The edge agent is not running"}
    methods = {"ping": _ping, "getmodulelogs": _logs, "restartmodule": _restart}
    method = methods.get(name.lower())
    if method is None:
        return 400, {"message": f"Unsupported method {name}"}
    try:
        return method(agent, payload)
    except _PayloadError as problem:
        return 400, {"message": str(problem)}


def _ping(_agent: Agent, _payload: Any) -> tuple[int, Any]:
    return 200, None


def _restart(agent: Agent, payload: Any) -> tuple[int, Any]:
    name = _object(payload).get("id")
    if not isinstance(name, str) or not agent.restart(name):
        raise _PayloadError(f"Module {name} not found in the current environment")
    return 200, None


def _logs(agent: Agent, payload: Any) -> tuple[int, Any]:
    request = _object(payload)
    items = request.get("items")
    encoding, content = request.get("encoding", "none"), request.get("contentType", "text")
    if encoding not in {"none", "gzip"} or content not in {"text", "json"}:
        raise _PayloadError("encoding must be none or gzip, contentType text or json")
    if not isinstance(items, list) or not items:
        raise _PayloadError("items must be a list of {id, filter}")
    answer: list[dict[str, Any]] = []
    room = RESPONSE_LIMIT
    for item in items:
        pattern, wanted = _pattern(_object(item).get("id")), _object(item).get("filter") or {}
        for name, log in agent.logs().items():
            if not pattern.search(name):
                continue
            lines = _filtered(log.lines(), _object(wanted))
            one = _encoded(name, lines, str(encoding), str(content), room)
            room -= len(json.dumps(one))
            answer.append(one)
    return 200, answer


def _filtered(lines: list[str], wanted: dict[str, Any]) -> list[str]:
    if wanted.get("regex") is not None:
        pattern = _pattern(wanted["regex"])
        lines = [line for line in lines if pattern.search(line)]
    tail = wanted.get("tail")
    if tail is not None:
        if not isinstance(tail, int) or tail < 0:
            raise _PayloadError("tail must be a number of lines")
        lines = lines[-tail:] if tail else []
    return lines


def _encoded(name: str, lines: list[str], encoding: str, content: str, room: int) -> dict[str, Any]:
    """Return one log; its oldest lines are left out where they have no room."""
    while True:
        rows = [{"id": name, "text": line} for line in lines]
        text = json.dumps(rows) if content == "json" else "".join(line + "\n" for line in lines)
        if encoding == "gzip":
            packed = base64.b64encode(gzip.compress(text.encode())).decode()
            one: dict[str, Any] = {"id": name, "payloadBytes": packed, "payload": None}
        else:
            one = {"id": name, "payloadBytes": None, "payload": text}
        if not lines or len(json.dumps(one)) <= room:
            return one
        lines = lines[len(lines) // 4 + 1 :]


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):  # some clients send the object as a text
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise _PayloadError("The payload must be an object")
    return value


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except (re.error, TypeError):
        raise _PayloadError(f"{value!r} is not a regular expression") from None

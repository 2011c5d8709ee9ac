"""What is known of an edge device, in words."""

from __future__ import annotations

from typing import Any

from edgetui.core.models import Device

_CODES = {200: "ok", 400: "refused: bad settings", 406: "not connected", 412: "refused: schema", 417: "not told yet"}
_HIDDEN = {"simulated", "live", "address"}  # said in other words, or of no interest here


def connected(device: Device) -> str:
    """`online`, `offline`, or `disabled`."""
    if device.status != "enabled":
        return device.status
    return "online" if device.connected else "offline"


def last_status(device: Device) -> str:
    """What its agent made of what it was told last."""
    code = device.agent_code
    return "never reported" if code is None else _CODES.get(code, f"code {code}")


def only_reports(device: Device) -> bool:
    """Whether it is one that runs nothing (the sandbox has such)."""
    return bool(device.tags.get("simulated"))


def tags(device: Device) -> str:
    """Its tags, short; `reports only` first where nothing runs on it."""
    words = [f"{key}={_short(value)}" for key, value in device.tags.items() if key not in _HIDDEN]
    return " ".join((["reports only"] if only_reports(device) else []) + words)


def warnings(device: Device, image_platform: str) -> list[str]:
    """What is worth a second thought before deploying to it."""
    found = []
    if device.platform and image_platform and device.platform != image_platform:
        found.append(f"is {device.platform}, the image is {image_platform}: it will not start there")
    if only_reports(device):
        found.append("only reports: nothing runs on it, nothing there will answer")
    if device.status != "enabled":
        found.append(f"is {device.status} in the hub")
    elif not device.connected:
        found.append("is offline: it gets the module when it connects")
    return found


def described(device: Device, image_platform: str) -> str:
    """All that is known, one thing a line."""
    lines = [
        device.id,
        "",
        f"Connected    {connected(device)}",
        f"Platform     {device.platform or 'not reported'}",
        f"Agent        {device.agent_version or 'not reported'}",
        f"Last status  {last_status(device)}",
        f"Last seen    {device.last_seen[:16].replace('T', ' ') or 'never'}",
        "",
        f"Modules      {len(device.modules) or 'none'}",
        *(f"  {name}" for name in device.modules),
        "",
        "Tags",
        *(f"  {key} = {_short(value)}" for key, value in device.tags.items()),
    ]
    found = warnings(device, image_platform)
    return "\n".join([*lines, *(["", *(f"! {text}" for text in found)] if found else [])])


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 24 else text[:23] + "…"

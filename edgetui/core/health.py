"""The verdict on our module on one device, from what its agent reports.

Source: Azure/iotedge, doc/reported_states_during_deployment.md, and the agent's own status codes.
"""

from __future__ import annotations

from typing import Any

from edgetui.core.models import Deployed, ModuleReport

CRASHES = 3  # restarts after which a module that keeps ending is called broken
_REFUSED = ("unauthorized", "authentication required", "denied", "no basic auth")
_MISSING = ("not found", "manifest unknown", "no such image", "name unknown")
_PORT = ("port is already allocated", "address already in use", "failed to bind", "ports are not available")
_ARCHITECTURE = ("exec format error", "no matching manifest", "does not match the specified platform")
_STILL_PULLING = ("operation was canceled", "operation was cancelled", "task was canceled")
_CREDENTIALS = "fetch the registry credential again (step 5) and deploy once more"


def judge(live: Deployed, module: str, image: str) -> ModuleReport:
    """Say how our module does on a device.

    Args:
        live: the device's twins as they are now.
        module: our module's name.
        image: the image that it must run, as in the manifest.
    """
    reported = live.agent_reported
    status = reported.get("lastDesiredStatus") or {}
    code, text = status.get("code"), str(status.get("description") or "")
    if int(reported.get("lastDesiredVersion") or 0) != live.agent_version:
        return _not_taken(live)
    if code in {400, 412, 417}:
        return _refused(code, text)
    if code == 406:
        return ModuleReport("waiting", "the device is offline; it applies the change when it returns")
    entry = (reported.get("modules") or {}).get(module) or {}
    ours = str((entry.get("settings") or {}).get("image", "")) == image
    trouble = _trouble(text, module) if code == 500 else None
    if trouble and not (ours and entry.get("runtimeStatus") == "running"):
        return trouble
    if not ours:
        return ModuleReport("pulling", text or "the device has the change and has not started the module yet")
    return _running(entry)


def _not_taken(live: Deployed) -> ModuleReport:
    if not live.connected:
        return ModuleReport("waiting", "the device is offline; it applies the change when it returns")
    return ModuleReport("pulling", "the device is taking the change: it pulls the image and makes the module")


def _refused(code: int, text: str) -> ModuleReport:
    meaning = {
        400: "the device cannot read its configuration",
        412: "the device does not know this schema version",
        417: "the device's configuration is not set",
    }[code]
    detail = f"{meaning}: {text}" if text else meaning
    remedy = "update IoT Edge on the device" if code == 412 else "look at the device's manifest; apply it again"
    return ModuleReport("failed", detail, remedy, settled=True)


def _trouble(text: str, module: str) -> ModuleReport | None:
    """Read the agent's own words of a failure; None where they speak of other modules only."""
    low = text.lower()
    if module.lower() not in low and "module" in low:
        return None
    if any(word in low for word in _STILL_PULLING):
        return ModuleReport("pulling", "a slow pull: the agent gave up waiting and tries again by itself")
    for words, remedy in (
        (_REFUSED, f"the device may not pull the image: {_CREDENTIALS}"),
        (_MISSING, "the image is not in the registry any more: build it again (step 4)"),
        (_PORT, "another program on the device has the port: bind another HostPort in [module.create_options]"),
        (_ARCHITECTURE, "the image is for another processor: build it for the device's platform (step 4)"),
    ):
        if any(word in low for word in words):
            return ModuleReport("failed", text, remedy, settled=True)
    return ModuleReport("failed", text, "run `sudo iotedge check` on the device; the agent tries again by itself")


def _running(entry: dict[str, Any]) -> ModuleReport:
    state = str(entry.get("runtimeStatus") or "unknown")
    restarts = int(entry.get("restartCount") or 0)
    code, text = entry.get("exitCode"), str(entry.get("statusDescription") or "")
    ended = text or (f"it ended with exit code {code}" if code else "")
    if state == "running":
        if restarts >= CRASHES and entry.get("lastExitTimeUtc", "") > entry.get("lastStartTimeUtc", ""):
            return ModuleReport("backoff", ended, _LOG, restarts=restarts)
        return ModuleReport("running", text, settled=True, restarts=restarts)
    if state == "backoff":
        again = f"{ended}; restarted {restarts} times" if restarts else ended
        return ModuleReport("backoff", again, _LOG, settled=restarts >= CRASHES, restarts=restarts)
    if state in {"failed", "dead"}:
        return ModuleReport("failed", ended or "it failed", _LOG, settled=True, restarts=restarts)
    if state == "stopped":
        return ModuleReport("stopped", ended or "it was stopped", _LOG, settled=True, restarts=restarts)
    return ModuleReport("unknown", ended or f"the device says {state}", restarts=restarts)


_LOG = "read the module's log: the scoring script may fail in init()"

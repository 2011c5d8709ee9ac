"""Device and module identities of the hub, and how a twin shows them.

Devices are documents of kind `device`, modules of kind `module` with key `<device>/<module>`.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any

from edgetui.sandbox.iot_hub import twins
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import Document, World

SYSTEM_MODULES = ("$edgeAgent", "$edgeHub")
_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_MODULE_LIMIT = 50


def check_id(value: str, what: str) -> None:
    """Refuse an id with other characters than the hub takes.

    Raises:
        HubError: 400 `ArgumentInvalid`.
    """
    if not _ID.fullmatch(value):
        raise twins.bad(f"{what} {value!r}: 1 to 128 letters, digits or - : . + % _ # * ? ! ( ) , = @ ; $ '")


def device(world: World, device_id: str) -> Document:
    """Return the device's identity.

    Raises:
        HubError: 404 `DeviceNotFound`.
    """
    found = world.get("device", device_id)
    if found is None:
        raise HubError(404, "DeviceNotFound", f"The device '{device_id}' is not registered")
    return found


def module(world: World, device_id: str, module_id: str) -> Document:
    """Return the module's identity.

    Raises:
        HubError: 404 `DeviceNotFound` or `ModuleNotFound`.
    """
    device(world, device_id)
    found = world.get("module", f"{device_id}/{module_id}")
    if found is None:
        raise HubError(404, "ModuleNotFound", f"The module '{module_id}' on device '{device_id}' is not registered")
    return found


def put_device(world: World, device_id: str, body: Document) -> Document:
    """Create or update a device from what a client sent; an edge device gets its system modules."""
    check_id(device_id, "deviceId")
    known = world.get("device", device_id)
    identity = known or _new_identity({"deviceId": device_id, "status": "enabled", "statusReason": None})
    status = body.get("status") or identity["status"]
    if status not in {"enabled", "disabled"}:
        raise twins.bad(f"status {status!r}: enabled or disabled")
    if status != identity["status"]:
        identity["statusUpdatedTime"] = twins.now()
    identity["status"], identity["statusReason"] = status, body.get("statusReason")
    wanted_capabilities = body.get("capabilities")
    capabilities = wanted_capabilities if isinstance(wanted_capabilities, dict) else {}
    edge = bool(capabilities.get("iotEdge", identity.get("capabilities", {}).get("iotEdge", False)))
    identity["capabilities"] = {"iotEdge": edge}
    identity["authentication"] = _authentication(body.get("authentication"), identity["authentication"])
    if edge:
        identity.setdefault("deviceScope", f"ms-azure-iot-edge://{device_id}-{secrets.randbelow(10**18)}")
        identity.setdefault("parentScopes", [])
    _save(world, "device", device_id, identity)
    if known is None:
        world.put(*twins.place(device_id, None), twins.new())
    if edge:
        for name in SYSTEM_MODULES:
            if world.get("module", f"{device_id}/{name}") is None:
                put_module(world, device_id, name, {"managedBy": "iotEdge"})
    return identity


def put_module(world: World, device_id: str, module_id: str, body: Document) -> Document:
    """Create or update a module's identity, and its twin if it is new."""
    check_id(module_id, "moduleId")
    key = f"{device_id}/{module_id}"
    known = world.get("module", key)
    if known is None and len(world.items("module", f"{device_id}/")) >= _MODULE_LIMIT + len(SYSTEM_MODULES):
        raise HubError(
            403, "MaximumNumberOfModulesExceeded", f"a device has at most {_MODULE_LIMIT} modules"
        )  # the runtime's own two are counted apart here
    identity = known or _new_identity({"moduleId": module_id, "deviceId": device_id, "managedBy": None})
    identity["managedBy"] = body.get("managedBy", identity["managedBy"])
    identity["authentication"] = _authentication(body.get("authentication"), identity["authentication"])
    _save(world, "module", key, identity)
    if known is None:
        world.put(*twins.place(device_id, module_id), twins.new())
    return identity


def delete_device(world: World, device_id: str) -> None:
    """Remove a device, its modules and all their twins."""
    for key, _ in world.items("module", f"{device_id}/"):
        delete_module(world, device_id, key.partition("/")[2])
    world.delete("device", device_id)
    world.delete(*twins.place(device_id, None))


def delete_module(world: World, device_id: str, module_id: str) -> None:
    """Remove a module and its twin."""
    world.delete("module", f"{device_id}/{module_id}")
    world.delete(*twins.place(device_id, module_id))


def connect(world: World, device_id: str, *modules: str, connected: bool) -> None:
    """Note that a device and some of its modules are connected, or no longer."""
    state, moment = ("Connected" if connected else "Disconnected"), twins.now()
    with world.transaction():
        for kind, key in [("device", device_id), *(("module", f"{device_id}/{name}") for name in modules)]:
            identity = world.get(kind, key)
            if identity is not None and identity["connectionState"] != state:
                identity.update(connectionState=state, connectionStateUpdatedTime=moment, lastActivityTime=moment)
                world.put(kind, key, identity)


def twin_view(identity: Document, twin: Document) -> Document:
    """Return a twin as the hub shows it: the twin's document with what the identity adds."""
    view: Document = {"deviceId": identity["deviceId"]}
    if "moduleId" in identity:
        view["moduleId"] = identity["moduleId"]
    view.update(
        etag=twins.etag(twin),
        deviceEtag=identity["etag"],
        status=identity.get("status", "enabled"),
        statusUpdateTime=identity.get("statusUpdatedTime", twins.NEVER),
        connectionState=identity["connectionState"],
        lastActivityTime=identity["lastActivityTime"],
        cloudToDeviceMessageCount=0,
        authenticationType=identity["authentication"]["type"],
        x509Thumbprint={"primaryThumbprint": None, "secondaryThumbprint": None},
        version=twin["version"],
    )
    if "moduleId" not in identity or twin["tags"]:
        view["tags"] = twin["tags"]
    view["properties"] = {
        name: {**twins.content(section), "$metadata": section["$metadata"], "$version": section["$version"]}
        for name, section in twin["properties"].items()
    }
    for name in ("capabilities", "deviceScope", "parentScopes"):
        if name in identity:
            view[name] = identity[name]
    view.update(twin.get("extra", {}))
    return view


def rows(world: World, source: str) -> list[Document]:
    """Return all twins of a query's source (`devices` or `devices.modules`), in the order of their ids."""
    kind, twin_kind = ("device", "twin") if source == "devices" else ("module", "module-twin")
    with world.lock:
        known = dict(world.items(twin_kind))
        identities = world.items(kind)
    return [twin_view(identity, known[key]) for key, identity in identities if key in known]


def _new_identity(names: Document) -> Document:
    keys = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in ("primaryKey", "secondaryKey")}
    return {
        **names,
        "generationId": str(secrets.randbelow(10**18)),
        "etag": "",
        "connectionState": "Disconnected",
        "connectionStateUpdatedTime": twins.NEVER,
        "lastActivityTime": twins.NEVER,
        "cloudToDeviceMessageCount": 0,
        "authentication": {
            "symmetricKey": keys,
            "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
            "type": "sas",
        },
    }


def _save(world: World, kind: str, key: str, identity: Document) -> None:
    identity["etag"] = base64.b64encode(str(secrets.randbelow(10**9)).encode()).decode()
    world.put(kind, key, identity)


def _authentication(wanted: Any, current: Document) -> Document:
    if not isinstance(wanted, dict):
        return current
    kind = wanted.get("type") or current["type"]
    if kind not in {"sas", "selfSigned", "certificateAuthority", "none"}:
        raise twins.bad(f"authentication.type {kind!r}: sas, selfSigned, certificateAuthority or none")
    given = wanted.get("symmetricKey") or {}
    keys = {name: given.get(name) or value for name, value in current["symmetricKey"].items()}
    thumbprints = {**current["x509Thumbprint"], **(wanted.get("x509Thumbprint") or {})}
    return {"symmetricKey": keys, "x509Thumbprint": thumbprints, "type": kind}

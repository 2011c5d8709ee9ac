"""Setting the modules of one edge device: the service's check of a deployment manifest, and its effect.

The checks are those of the published deployment schemas (module names, required fields, enumerations, chunks of createOptions,
routes, credentials) and of the documented limits. Unlike the schemas, fields that are not known here are kept, not refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgetui.sandbox.iot_hub import identities, twins
from edgetui.sandbox.iot_hub.errors import HubError
from edgetui.sandbox.world import Document, World

MODULE_LIMIT = 50
_MODULE_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_ROUTE_NAME = re.compile(r"[^.$# ]+")
_CREDENTIAL_NAME = re.compile(r"[^.$# ]+")
_ENV_NAME = re.compile(r"[^+#$ .]+")
_CHUNK = re.compile(r"createOptions([0-9]+)")
_RESTART = ("never", "on-failure", "on-unhealthy", "always")


def apply(world: World, device_id: str, body: Mapping[str, Any]) -> None:
    """Set the device's modules: `$edgeAgent` and `$edgeHub` wholesale, other module twins only where they are given.

    Identities of modules that are named are made; those of modules that IoT Edge manages and that are no longer named go.

    Raises:
        HubError: 404 no such device; 400 not an edge device, or the content breaks a rule.
    """
    with world.transaction():
        device = identities.device(world, device_id)
        if not device["capabilities"]["iotEdge"]:
            raise twins.bad(f"The device '{device_id}' is not an IoT Edge device")
        wanted = check(body)
        named = set(_section(wanted["$edgeAgent"], "modules")) | (wanted.keys() - set(identities.SYSTEM_MODULES))
        for name in sorted(named):
            if world.get("module", f"{device_id}/{name}") is None:
                identities.put_module(world, device_id, name, {"managedBy": "iotEdge"})
        for key, identity in world.items("module", f"{device_id}/"):
            name = key.partition("/")[2]
            if name not in named and name not in identities.SYSTEM_MODULES and identity["managedBy"] == "iotEdge":
                identities.delete_module(world, device_id, name)
        for name, desired in wanted.items():
            twins.set_desired(world, device_id, name, desired)
        world.put("edge-applied", device_id, {"at": twins.now()})


def check(body: Mapping[str, Any]) -> dict[str, Document]:
    """Return the desired properties of each module that the content names.

    Raises:
        HubError: 400 that names the field.
    """
    content = body.get("modulesContent", body.get("moduleContent"))
    if not isinstance(content, dict) or not content:
        raise _bad("modulesContent", "must be an object that names $edgeAgent and $edgeHub")
    if body.get("deviceContent"):
        raise _bad("deviceContent", "must not be given for an IoT Edge device")
    wanted: dict[str, Document] = {}
    for name, part in content.items():
        if name not in identities.SYSTEM_MODULES and not _MODULE_NAME.fullmatch(name):
            raise _bad(f"modulesContent.{name}", "a module name has letters, digits, '_' and '-' only")
        if not isinstance(part, dict) or not isinstance(part.get("properties.desired"), dict):
            raise _bad(f"modulesContent.{name}", "must hold an object 'properties.desired'")
        desired = twins.content(part["properties.desired"])
        twins.check_section(desired, f"modulesContent.{name}.properties.desired", twins.DESIRED_LIMIT)
        wanted[name] = desired
    for name in identities.SYSTEM_MODULES:
        if name not in wanted:
            raise _bad("modulesContent", f"{name} is missing")
    if wanted["$edgeAgent"]:
        _check_agent(wanted["$edgeAgent"])
    if wanted["$edgeHub"]:
        _check_hub(wanted["$edgeHub"])
    return wanted


def _check_agent(agent: Document) -> None:
    where = "$edgeAgent"
    _text(agent, "schemaVersion", where)
    runtime = _object(agent, "runtime", where)
    _one_of(runtime, "type", ("docker",), f"{where}.runtime")
    settings = _object(runtime, "settings", f"{where}.runtime")
    _check_credentials(settings.get("registryCredentials", {}), f"{where}.runtime.settings.registryCredentials")
    system = _object(agent, "systemModules", where)
    for name in ("edgeAgent", "edgeHub"):
        module = _object(system, name, f"{where}.systemModules")
        _check_module(module, f"{where}.systemModules.{name}", user=False)
    if missing := {"status", "restartPolicy"} - system["edgeHub"].keys():
        raise _bad(f"{where}.systemModules.edgeHub", f"{min(missing)} is missing")
    modules = _object(agent, "modules", where)
    if len(modules) > MODULE_LIMIT:
        raise _bad(f"{where}.modules", f"{len(modules)} modules; the limit is {MODULE_LIMIT}")
    for name in modules:
        if not _MODULE_NAME.fullmatch(name):
            raise _bad(f"{where}.modules.{name}", "a module name has letters, digits, '_' and '-' only")
        _check_module(_object(modules, name, f"{where}.modules"), f"{where}.modules.{name}", user=True)


def _check_credentials(credentials: Any, where: str) -> None:
    if not isinstance(credentials, dict):
        raise _bad(where, "must be an object")
    for name in credentials:
        if not _CREDENTIAL_NAME.fullmatch(name):
            raise _bad(f"{where}.{name}", "a name must not contain '.', '$', '#' or space")
        entry = _object(credentials, name, where)
        for part in ("username", "password", "address"):
            _text(entry, part, f"{where}.{name}")
        if extra := entry.keys() - {"username", "password", "address"}:
            raise _bad(f"{where}.{name}", f"{min(extra)!r} is not known here")


def _check_module(module: Document, where: str, *, user: bool) -> None:
    _one_of(module, "type", ("docker",), where)
    for name, choices in (("status", ("running", "stopped")), ("restartPolicy", _RESTART)):
        if user or name in module:
            _one_of(module, name, choices, where)
    if "imagePullPolicy" in module:
        _one_of(module, "imagePullPolicy", ("on-create", "never"), where)
    order = module.get("startupOrder", 0)
    if not isinstance(order, int) or isinstance(order, bool) or not 0 <= order <= 2**32 - 1:
        raise _bad(f"{where}.startupOrder", "must be an integer from 0 to 4294967295")
    settings = _object(module, "settings", where)
    _text(settings, "image", f"{where}.settings")
    chunks = sorted(int(found[1]) for found in map(_CHUNK.fullmatch, settings) if found)
    if chunks != list(range(1, len(chunks) + 1)) or (chunks and "createOptions" not in settings):
        raise _bad(f"{where}.settings", "createOptions01, 02 ... must follow each other and createOptions")
    for name, value in settings.items():
        if (name == "createOptions" or _CHUNK.fullmatch(name)) and not isinstance(value, str):
            raise _bad(f"{where}.settings.{name}", "must be a string of JSON")
    variables = module.get("env", {})
    if not isinstance(variables, dict):
        raise _bad(f"{where}.env", "must be an object")
    for name in variables:
        entry = _object(variables, name, f"{where}.env")
        if not _ENV_NAME.fullmatch(name) or not isinstance(entry.get("value"), (str, int, float, bool)):
            raise _bad(f"{where}.env.{name}", 'must be {"value": text, number or boolean}')


def _check_hub(hub: Document) -> None:
    where = "$edgeHub"
    _text(hub, "schemaVersion", where)
    routes = _object(hub, "routes", where)
    for name, route in routes.items():
        if not _ROUTE_NAME.fullmatch(name):
            raise _bad(f"{where}.routes.{name}", "a route's name must not contain '.', '$', '#' or space")
        if isinstance(route, dict):
            _text(route, "route", f"{where}.routes.{name}")
            priority = route.get("priority", 0)
            if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= 9:
                raise _bad(f"{where}.routes.{name}.priority", "must be an integer from 0 to 9")
        elif not isinstance(route, str) or not route.strip():
            raise _bad(f"{where}.routes.{name}", "must be a route, or an object with a route")


def _section(desired: Document, name: str) -> Document:
    value = desired.get(name)
    return value if isinstance(value, dict) else {}


def _object(parent: Document, name: str, where: str) -> Document:
    value = parent.get(name)
    if not isinstance(value, dict):
        raise _bad(f"{where}.{name}", "is missing" if value is None else "must be an object")
    return value


def _text(parent: Document, name: str, where: str) -> None:
    value = parent.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _bad(f"{where}.{name}", "is missing" if value is None else "must be a text that is not empty")


def _one_of(parent: Document, name: str, choices: tuple[str, ...], where: str) -> None:
    if parent.get(name) not in choices:
        raise _bad(f"{where}.{name}", f"must be {' or '.join(choices)}, not {parent.get(name)!r}")


def _bad(where: str, text: str) -> HubError:
    return HubError(400, "InvalidConfigurationContent", f"{where}: {text}")

"""Deployment manifests: put our module into what a device runs, and leave everything else as it is, to the byte.

Semantics of `applyConfigurationContent`: a section that is sent replaces the whole section, one that is not sent stays. So `$edgeAgent`
and `$edgeHub` are sent whole, and no other module's twin is sent at all.
Schema: https://learn.microsoft.com/azure/iot-edge/module-composition
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from edgetui.core import plan as plans
from edgetui.core import rules
from edgetui.core.errors import bad_input
from edgetui.core.manifest_shown import differences, is_options
from edgetui.core.models import Deployed, RegistryCredential

MODULE_LIMIT = 50  # modules on one device
SECTION_LIMIT = 32 * 1024  # bytes of desired properties in one twin
STRING_LIMIT = 4096  # bytes of one value
CHUNK = 512  # characters: how the runtime itself splits longer createOptions
_RUNTIME_VERSION = re.compile(r"(\d+)\.(\d+)")
_EDGE_HUB_OPTIONS = (
    '{"HostConfig":{"PortBindings":{"443/tcp":[{"HostPort":"443"}],"5671/tcp":[{"HostPort":"5671"}],'
    '"8883/tcp":[{"HostPort":"8883"}]}}}'
)


class Merged(msgspec.Struct, frozen=True):
    """A manifest's `modulesContent` to apply, what it changes (`- …` first, then `+ …`, `~ …`, `= …`), and what is worth a second look.

    `content` holds the registry's password; `changes` and `warnings` hold no secret.
    """

    content: dict[str, Any]
    changes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def merge(live: Deployed, name: str, image: str, module: plans.Module, credential: RegistryCredential | None) -> Merged:
    """Put our module into a device's live content.

    Args:
        live: what the device was told so far; empty sections for a device that was told nothing.
        name: the module's name.
        image: its image, by digest.
        module: its settings, as planned.
        credential: what the device pulls the image with; None for an image that anyone can pull.

    Raises:
        EdgeError: (input) a name that the schema refuses, a host port that another module has, or a limit of the hub.
    """
    check_names(name, module)
    agent, hub = copy.deepcopy(live.agent), copy.deepcopy(live.hub)
    warnings = list(_warnings(live, name, image))
    if not agent:
        agent = _first_agent(live)
        warnings.append("this device was never configured: the runtime's own modules are added too")
    hub = hub or {"schemaVersion": "1.1", "routes": {}, "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}}
    if credential:
        warnings += _put_credential(agent, credential)
    modules = agent.setdefault("modules", {})
    modules[name] = _module(modules.get(name) or {}, image, module)
    routes = hub.setdefault("routes", {})
    for route, text in module.routes.items():
        known = routes.get(route)
        # A route in the longer form keeps its priority and its time to live.
        routes[route] = {**known, "route": text} if isinstance(known, dict) else text
    _check_ports(agent, name, live.device)
    _check_limits(agent, live.device)
    changes = (*differences(live.agent, agent, "$edgeAgent"), *differences(live.hub, hub, "$edgeHub"))
    ordered = sorted(changes, key=lambda line: "-+~".find(line[0]))
    content = {"$edgeAgent": {"properties.desired": agent}, "$edgeHub": {"properties.desired": hub}}
    return Merged(content, (*ordered, _kept(live, name)), tuple(warnings))


def host_port(create_options: dict[str, Any], port: str = "5001/tcp") -> int | None:
    """Return the port of the device that is bound to the container's `port`, or None."""
    bindings = ((create_options.get("HostConfig") or {}).get("PortBindings") or {}).get(port) or []
    for binding in bindings:
        text = str((binding or {}).get("HostPort") or "")
        if text.isdigit() and int(text):
            return int(text)
    return None


def check_names(name: str, module: plans.Module) -> None:
    """Refuse names that the schema refuses.

    Raises:
        EdgeError: (input) the module's name, a variable's or a route's; it names the field.
    """
    if problem := rules.module_name(name):
        raise bad_input("module.name", f"{name!r} cannot be a module's name", problem)
    for variable in module.env:
        if problem := rules.env_name(variable):
            raise bad_input("module.env", f"{variable!r} cannot be an environment variable here", problem)
    for route in module.routes:
        if problem := rules.route_name(route):
            raise bad_input("module.routes", f"{route!r} cannot be a route's name", problem)


def _module(known: dict[str, Any], image: str, module: plans.Module) -> dict[str, Any]:
    """Our module's entry; what an older one has beyond our answers stays."""
    settings = {key: value for key, value in (known.get("settings") or {}).items() if not is_options(key)}
    settings["image"] = image
    settings.update(_options(module.create_options))
    entry = {
        **known,
        "type": "docker",
        "status": "running",
        "restartPolicy": module.restart_policy,
        "settings": settings,
    }
    entry.setdefault("version", "1.0")
    if module.startup_order is not None:
        entry["startupOrder"] = module.startup_order
    if module.env:
        ours = {variable: {"value": value} for variable, value in module.env.items()}
        entry["env"] = {**(known.get("env") or {}), **ours}
    return entry


def _options(create_options: dict[str, Any]) -> dict[str, str]:
    """CreateOptions as the schema wants them: one string, or pieces of it where a twin could not hold it."""
    text = json.dumps(create_options, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) <= STRING_LIMIT:
        return {"createOptions": text}
    pieces = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    if len(pieces) > 100:
        raise bad_input(
            "module.create_options", f"createOptions has {len(text)} characters; {CHUNK * 100} are the most"
        )
    return {f"createOptions{number:02}" if number else "createOptions": piece for number, piece in enumerate(pieces)}


def _joined_options(settings: dict[str, Any]) -> dict[str, Any]:
    pieces = sorted(key for key in settings if is_options(key))
    value = settings.get("createOptions")
    if isinstance(value, dict):
        return value
    try:
        parsed = json.loads("".join(str(settings[key]) for key in pieces) or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _put_credential(agent: dict[str, Any], credential: RegistryCredential) -> list[str]:
    """Set user name and password of the registry: in the entry that has its address, else in a new one. Returns warnings."""
    runtime = agent.setdefault("runtime", {"type": "docker", "settings": {}})
    known = runtime.setdefault("settings", {}).setdefault("registryCredentials", {})
    address = credential.login_server
    same = [key for key, entry in known.items() if str((entry or {}).get("address", "")).lower() == address.lower()]
    ours = {"username": credential.username, "password": credential.password.reveal(), "address": address}
    if same:
        known[same[0]] = {**known[same[0]], **ours, "address": known[same[0]]["address"]}
    else:
        known[_free_key(known, credential)] = ours
    if len(same) > 1:
        return [
            f"{len(same)} credentials have the address {address} ({', '.join(same)}); the device may use any of them"
        ]
    return []


def _free_key(known: dict[str, Any], credential: RegistryCredential) -> str:
    """A key for a new credential: the registry's name, which may hold none of `.`, `$`, `#`, space."""
    label = credential.login_server.partition(":")[0].partition(".")[0]
    wanted = re.sub(r"[^A-Za-z0-9_-]", "", label if not label.isdigit() else credential.username) or "registry"
    key, number = wanted, 2
    while key in known:
        key, number = f"{wanted}{number}", number + 1
    return key


def _first_agent(live: Deployed) -> dict[str, Any]:
    """The content of a device that has none: the runtime in the version that the device reports, else the current LTS."""
    reported = live.agent_reported.get("version")
    found = _RUNTIME_VERSION.match(str(reported.get("version", ""))) if isinstance(reported, dict) else None
    version = f"{found.group(1)}.{found.group(2)}" if found else "1.6"
    return {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {
            "edgeAgent": {
                "type": "docker",
                "settings": {"image": f"mcr.microsoft.com/azureiotedge-agent:{version}", "createOptions": "{}"},
            },
            "edgeHub": {
                "type": "docker",
                "status": "running",
                "restartPolicy": "always",
                "settings": {
                    "image": f"mcr.microsoft.com/azureiotedge-hub:{version}",
                    "createOptions": _EDGE_HUB_OPTIONS,
                },
            },
        },
        "modules": {},
    }


def _check_ports(agent: dict[str, Any], name: str, device: str) -> None:
    """Refuse a host port that two modules want: the second one would never start."""
    taken: dict[str, str] = {}
    everyone = {**(agent.get("systemModules") or {}), **(agent.get("modules") or {})}
    for other in sorted(everyone, key=lambda module: module == name):  # ours last: it is the one to change
        options = _joined_options((everyone[other] or {}).get("settings") or {})
        for port, bindings in ((options.get("HostConfig") or {}).get("PortBindings") or {}).items():
            kind = str(port).partition("/")[2] or "tcp"
            for binding in bindings or []:
                key = f"{(binding or {}).get('HostPort', '')}/{kind}"
                if key[0] == "/":
                    continue
                if other == name and key in taken:
                    raise bad_input(
                        "module.create_options",
                        f"Port {key} of {device} is already bound by its module {taken[key]!r}",
                        f"Bind another HostPort in [module.create_options], or remove {taken[key]!r} from the device",
                    )
                taken.setdefault(key, other)


def _check_limits(agent: dict[str, Any], device: str) -> None:
    count = len(agent.get("modules") or {})
    if count > MODULE_LIMIT:
        raise bad_input(
            "target", f"{device} would get {count} modules; {MODULE_LIMIT} are the most", "Remove some first"
        )
    size = twin_size(agent)
    if size > SECTION_LIMIT:
        raise bad_input(
            "module",
            f"The desired properties of {device} would take {size} bytes; {SECTION_LIMIT} are the most",
            "Remove modules, or shorten env and createOptions",
        )


def twin_size(value: Any) -> int:
    """Bytes of a section by IoT Hub's rule: UTF-8 of keys and strings, numbers 8, booleans 4, `$` fields not counted.

    Source: https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-device-twins#device-twin-size
    """
    if isinstance(value, dict):
        return sum(
            len(str(key).encode()) + twin_size(entry) for key, entry in value.items() if not str(key).startswith("$")
        )
    if isinstance(value, list):
        return sum(twin_size(entry) for entry in value)
    if isinstance(value, bool):
        return 4
    if isinstance(value, (int, float)):
        return 8
    return len(value.encode()) if isinstance(value, str) else 0


def _warnings(live: Deployed, name: str, image: str) -> Iterator[str]:
    governing = [key for key, status in live.configurations.items() if status.lower() == "applied"]
    if governing:
        yield f"the automatic deployment {', '.join(governing)} governs this device and will undo this change"
    known = ((live.agent.get("modules") or {}).get(name) or {}).get("settings") or {}
    old = str(known.get("image", ""))
    if old and _repository(old) != _repository(image):
        yield f"the device has another module named {name}, from {old}; it will be replaced"


def _repository(image: str) -> str:
    head, _, last = image.partition("@")[0].rpartition("/")
    return f"{head}/{last.partition(':')[0]}"


def _kept(live: Deployed, name: str) -> str:
    others = [module for module in live.agent.get("modules") or {} if module != name]
    routes = live.hub.get("routes") or {}
    modules = f"{len(others)} other module{'s' * (len(others) != 1)}"
    names = f" ({', '.join(sorted(others))})" if others else ""
    return f"= {modules}{names} and {len(routes)} route{'s' * (len(routes) != 1)} stay as they are"

"""What a new sandbox holds. Scenarios are data: add one to `SCENARIOS`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """One version of a registered model; `files` maps paths in the model's folder to their text."""

    name: str
    files: dict[str, str]
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    framework: str = "Custom"
    framework_version: str | None = None


@dataclass(frozen=True)
class Scenario:
    """A seeded world.

    Versions of a model count up in the order in which they stand here. `settings` become the documents of kind `setting` that
    the rooms read: `edge` (edge_device/settings.py), `fleet`, `registry` and `builder`. `faults` are those of faults.py.
    """

    title: str
    models: tuple[Model, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()


def _weights(name: str, *values: float) -> dict[str, str]:
    return {f"{name}.json": json.dumps({"kind": "linear", "weights": list(values)}, indent=1) + "\n"}


def _lookup(site: str, low: int, high: int) -> dict[str, str]:
    lines = [f"{degrees},{min(1.0, max(0.0, (degrees - low) / (high - low))):.3f}" for degrees in range(0, 150, 5)]
    return {
        "bearing/table.csv": "celsius,risk\n" + "\n".join(lines) + "\n",
        "bearing/site.json": json.dumps({"site": site, "alarm_celsius": high}) + "\n",
    }


_VIBRATION = "Classifies the vibration of a spindle as normal, unbalanced or worn"
_MODELS = (
    Model("vibration-classifier", _weights("vibration", 0.41, -1.2, 0.08), _VIBRATION, {"site": "lab"}),
    Model("bearing-temperature", _lookup("lab", 60, 95), "Risk of bearing failure by temperature", {"site": "lab"}),
    Model(
        "vibration-classifier",
        _weights("vibration", 0.44, -1.1, 0.09),
        _VIBRATION,
        {"site": "lab", "stage": "candidate"},
    ),
    Model(
        "energy-forecast",
        _weights("energy", 12.4, 0.7, 0.02, -3.1),
        "Energy use of a line in the next hour, in kWh",
        {"site": "plant-north", "owner": "energy team"},
        "ScikitLearn",
        "1.7.2",
    ),
    Model(
        "bearing-temperature",
        _lookup("plant-north", 65, 105),
        "Risk of bearing failure by temperature; two files",
        {"site": "plant-north", "stage": "production"},
    ),
    Model(
        "vibration-classifier",
        _weights("vibration", 0.47, -1.0, 0.11),
        _VIBRATION,
        {"site": "plant-north", "stage": "production"},
    ),
    Model(
        "weld-inspector", _weights("weld", 0.9, 0.1), "Finds bad welds in camera frames", {"camera": "cam-4"}, "Onnx"
    ),
)
# What somebody with the role Reader gets.
_READ_ONLY = (
    {"method": "POST", "path": "/modelmanagement/.*/(assets|models|packages|images)$", "status": 403},
    {"method": "POST", "path": "/artifact/.*/batch/metadata/", "status": 403},
    {
        "method": "*",
        "path": "/registries/[^/]+/(listCredentials|regenerateCredential|generateCredentials)$",
        "status": 403,
    },
    {"method": "PATCH", "path": "/registries/[^/]+$", "status": 403},
    {"method": "POST", "path": "^/devices/[^/]+/applyConfigurationContent$", "status": 401},
)
_NO_PACKAGES = {"UV_DEFAULT_INDEX": "file:///no-such-package-index", "UV_INDEX": "", "UV_FIND_LINKS": ""}
_SOON = {"Retry-After": "1"}
_THROTTLES = (
    {"method": "GET", "path": "^/subscriptions", "status": 429, "times": 2, "headers": _SOON},
    {"method": "GET", "path": "/modelmanagement/.*/models$", "status": 429, "times": 1, "headers": _SOON},
    {"method": "POST", "path": "^/devices/query$", "status": 429, "times": 3, "headers": _SOON},
    {
        "method": "POST",
        "path": "^/devices/[^/]+/applyConfigurationContent$",
        "status": 429,
        "times": 1,
        "headers": _SOON,
    },
    {"method": "GET", "path": "^/twins/", "status": 429, "times": 2, "headers": _SOON},
)
SCENARIOS = {
    "happy": Scenario("A workspace with models, a registry, and a hub with edge devices", _MODELS),
    "empty-workspace": Scenario("A workspace in which nothing has been registered yet"),
    "no-registry": Scenario(
        "A workspace that has no registry before its first image", _MODELS, {"registry": {"missing": True}}
    ),
    "many-devices": Scenario("A hub with 1000 more devices, which only report", _MODELS, {"fleet": {"more": 1000}}),
    "device-offline": Scenario("The live device is switched off", _MODELS, {"edge": {"off": True}}),
    "slow-build": Scenario("A build that takes a minute", _MODELS, {"builder": {"pause": 10}}),
    "loud-build": Scenario(
        "A build that writes 200,000 lines, 10,000 a second", _MODELS, {"builder": {"lines": 200_000, "rate": 10_000}}
    ),
    "build-fails": Scenario(
        "An installer that finds no package at all", _MODELS, {"builder": {"installer": _NO_PACKAGES}}
    ),
    "older-workspace": Scenario(
        "A workspace that serves no packages, only the image API that was before them",
        _MODELS,
        {},
        ({"method": "POST", "path": "/modelmanagement/.*/packages$", "status": 404},),
    ),
    "denied": Scenario("An account that may look at everything and change nothing", _MODELS, {}, _READ_ONLY),
    "throttled": Scenario("Services that refuse the first calls: too many requests", _MODELS, {}, _THROTTLES),
}

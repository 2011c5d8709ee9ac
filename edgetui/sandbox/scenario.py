"""What a new sandbox holds. Scenarios are data: add one to `SCENARIOS`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import ModuleType

from . import artifacts, blobs, model_registry
from .lifecycle import SandboxError
from .world import World


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
    """A seeded world; versions of a model count up in the order in which they stand here."""

    title: str
    models: tuple[Model, ...] = ()


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
SCENARIOS = {
    "happy": Scenario("A workspace with models, a registry, and a hub with edge devices", _MODELS),
    "empty-workspace": Scenario("A workspace in which nothing has been registered yet"),
}


def seed(world: World, name: str | None, rooms: list[ModuleType]) -> None:
    """Fill a new world with the scenario, all or nothing; an old one stays as it is.

    Raises:
        SandboxError: there is no such scenario, or the state folder holds another one.
    """
    known = world.get("sandbox", "scenario")
    if known:
        world.scenario = known["name"]
        if name not in {None, world.scenario}:
            raise SandboxError(
                f"{world.state} already holds scenario {world.scenario!r}; give another --state folder for {name!r}"
            )
        return
    world.scenario = name or "happy"
    if world.scenario not in SCENARIOS:
        raise SandboxError(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    with world.transaction():
        for room in rooms:
            if hasattr(room, "seed"):
                room.seed(world)
        for number, model in enumerate(SCENARIOS[world.scenario].models):
            _register(world, number, model)
        world.put("sandbox", "scenario", {"name": world.scenario})


def _register(world: World, number: int, model: Model) -> None:
    """Store the files of a model and register it, as a client would."""
    container = f"LocalUpload/2601{number + 5:02}T080000-5eed{number:04}"
    for name, text in model.files.items():
        file = blobs.path(world, artifacts.blob_path(f"{container}/{name}"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    tops = sorted({name.partition("/")[0] for name in model.files})
    asset = model_registry.create_asset(world, [{"prefix": f"{container}/{top}"} for top in tops], model.name)
    model_registry.register(
        world,
        {
            "name": model.name,
            "url": f"aml://asset/{asset['id']}",
            "description": model.description,
            "kvTags": model.tags,
            "framework": model.framework,
            "frameworkVersion": model.framework_version,
        },
    )

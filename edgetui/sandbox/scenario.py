"""Fills a new sandbox with what its scenario says."""

from __future__ import annotations

from types import ModuleType

from edgetui.sandbox import faults
from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.lifecycle import SandboxError
from edgetui.sandbox.machine_learning import artifacts, model_registry
from edgetui.sandbox.scenarios import SCENARIOS, Model
from edgetui.sandbox.world import World


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
    chosen = SCENARIOS[world.scenario]
    with world.transaction():
        for key, setting in chosen.settings.items():
            world.put("setting", key, dict(setting))
        world.put("setting", "faults", {"faults": [faults.check(dict(fault)) for fault in chosen.faults]})
        for room in rooms:
            if hasattr(room, "seed"):
                room.seed(world)
        for number, model in enumerate(chosen.models):
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

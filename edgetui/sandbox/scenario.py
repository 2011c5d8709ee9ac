"""What a new sandbox holds. Scenarios are data: add one to `SCENARIOS`."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from .lifecycle import SandboxError
from .world import World


@dataclass(frozen=True)
class Model:
    """One version of a registered model; `files` maps names inside the model's folder to their text."""

    name: str
    version: int
    files: dict[str, str]
    description: str = ""
    tags: dict[str, str] | None = None
    framework: str = "Custom"


@dataclass(frozen=True)
class Scenario:
    """A seeded world."""

    title: str
    models: tuple[Model, ...] = ()


SCENARIOS = {
    "happy": Scenario("A workspace with models, a registry, and a hub with edge devices"),
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
        world.put("sandbox", "scenario", {"name": world.scenario})

"""The edge devices of a new hub that only report: which they are, and how they are doing. Data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seed:
    """One simulated device; `modules` names modules of seed.py, `trouble` one of its troubles."""

    device: str
    site: str
    line: str
    environment: str
    platform: str = "amd64"
    agent: str = "1.6.1"
    online: bool = True
    modules: tuple[str, ...] = ("SimulatedTemperatureSensor",)
    trouble: str = ""
    tags: dict[str, Any] = field(default_factory=dict)


PROBE, OPC, CAMERA, STORE = "SimulatedTemperatureSensor", "opc-publisher", "vision-inspector", "blob-store"
FLEET = (
    Seed("line1-sensor-hub", "eindhoven", "line1", "production", modules=(PROBE, OPC)),
    Seed("line2-gateway", "eindhoven", "line2", "production", modules=(OPC, STORE)),
    Seed("line2-camera-01", "eindhoven", "line2", "production", "arm64v8", modules=(CAMERA,)),
    Seed("line2-camera-02", "eindhoven", "line2", "production", "arm64v8", trouble="backoff", modules=(CAMERA,)),
    Seed("line3-gateway", "eindhoven", "line3", "production", agent="1.5.21", modules=(OPC, PROBE, STORE)),
    Seed("line3-press-07", "eindhoven", "line3", "production", "arm32v7", "1.5.21"),
    Seed("line3-press-08", "eindhoven", "line3", "production", "arm32v7", "1.5.21", online=False),
    Seed("paint-shop-gw", "eindhoven", "paint", "production", online=False, modules=(OPC,)),
    Seed("test-bench-01", "eindhoven", "lab", "test", modules=(PROBE,), tags={"owner": "j.devries"}),
    Seed("test-bench-02", "eindhoven", "lab", "test", "arm64v8", modules=(PROBE, CAMERA), trouble="pull"),
    Seed("test-bench-03", "eindhoven", "lab", "test", modules=(), trouble="empty"),
    Seed("pump-station-a1", "rotterdam", "pumps", "production", modules=(OPC, PROBE)),
    Seed("pump-station-a2", "rotterdam", "pumps", "production", modules=(OPC, PROBE)),
    Seed("pump-station-a3", "rotterdam", "pumps", "production", agent="1.4.40", modules=(OPC,)),
    Seed("pump-station-b1", "rotterdam", "pumps", "production", online=False, modules=(OPC, PROBE)),
    Seed("pump-station-b2", "rotterdam", "pumps", "staging", modules=(OPC, STORE)),
    Seed("compressor-11", "rotterdam", "compressors", "production", "arm64v8", modules=(PROBE, STORE)),
    Seed("compressor-12", "rotterdam", "compressors", "production", "arm64v8", trouble="failed", modules=(PROBE,)),
    Seed("compressor-13", "rotterdam", "compressors", "staging", "arm64v8", "1.5.21", modules=(PROBE,)),
    Seed("boiler-room-gw", "rotterdam", "utilities", "production", agent="1.4.40", online=False, modules=(OPC,)),
    Seed("turbine-01", "bilbao", "turbines", "production", modules=(OPC, PROBE, STORE), tags={"floor": 2}),
    Seed("turbine-02", "bilbao", "turbines", "production", modules=(OPC, PROBE), tags={"floor": 2}),
    Seed("turbine-03", "bilbao", "turbines", "production", trouble="schema", modules=(OPC,), tags={"floor": 3}),
    Seed("warehouse-door-1", "bilbao", "warehouse", "production", "arm32v7", "1.4.40", modules=(PROBE,)),
    Seed("warehouse-door-2", "bilbao", "warehouse", "production", "arm32v7", "1.4.40", online=False),
    Seed("Truck;42@bilbao", "bilbao", "logistics", "pilot", "arm64v8", modules=(PROBE,), tags={"mobile": True}),
    Seed("lab-raspi-4", "bilbao", "lab", "test", "arm64v8", modules=(PROBE,), trouble="stopped"),
    Seed("lab-jetson", "bilbao", "lab", "test", "arm64v8", modules=(CAMERA, STORE)),
)


def more(count: int) -> Iterator[Seed]:
    """Return that many further devices, in a few sites, kinds and states that repeat."""
    sites, platforms = ("eindhoven", "rotterdam", "bilbao", "gdansk"), ("amd64", "amd64", "arm64v8")
    sets = ((PROBE,), (OPC, PROBE), (OPC,), (PROBE, STORE))
    for number in range(1, count + 1):
        yield Seed(
            f"press-{number:04}",
            sites[number % len(sites)],
            f"line{number % 12 + 1}",
            "production" if number % 5 else "staging",
            platforms[number % len(platforms)],
            "1.5.21" if number % 7 == 0 else "1.6.1",
            number % 11 != 0,
            sets[number % len(sets)],
            "backoff" if number % 97 == 0 else "",
        )

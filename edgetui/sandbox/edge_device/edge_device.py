"""The live edge device: an agent that behaves like edgeAgent 1.6, with real processes as modules.

It watches the desired properties of its `$edgeAgent`, pulls images with the credentials that stand there, runs modules, starts
them again by their restart policy, and reports. Its own two system modules are not run, only reported as running; messages are
not routed. Of createOptions it honours `Env` and the binding of 5001/tcp; volumes, commands and networks need a container engine.
"""

from __future__ import annotations

import threading

from starlette.routing import Route

from edgetui.sandbox.edge_device.agent import Agent
from edgetui.sandbox.fleet import simulated_devices
from edgetui.sandbox.world import World

_running: list[Agent | simulated_devices.Fleet] = []


def routes(_world: World) -> list[Route]:
    """Return nothing: a device answers through the hub and on its modules' own ports."""
    return []


def start(world: World) -> None:
    """Switch on the live device, if the hub has one and its scenario does not leave it off, and those that only report."""
    if world.get("device", world.names.live_device) and not (world.get("setting", "edge") or {}).get("off"):
        agent = Agent(world, world.names.live_device)
        agent.start()
        _running.append(agent)
    fleet = simulated_devices.Fleet(world)
    fleet.start()
    _running.append(fleet)


def stop() -> None:
    """Switch all devices off; within 2 seconds no module is left."""
    workers = [threading.Thread(target=one.stop, name="switch off") for one in _running]
    _running.clear()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def agent() -> Agent | None:
    """Return the live device's agent, None while it is off."""
    return next((one for one in _running if isinstance(one, Agent)), None)

"""The sandbox's one HTTPS server: collects the rooms, seeds a new world, says when it is ready, and ends cleanly."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from edgetui.sandbox import client_files, guests, lifecycle, scenario, tls
from edgetui.sandbox.lifecycle import SandboxError
from edgetui.sandbox.world import World

# Order matters twice: routes are tried from the first to the last, and rooms are stopped from the last to the first.
ROOMS = (
    "builder.acr_tasks",
    "arm.arm",
    "machine_learning.machine_learning",
    "iot_hub.iot_hub",
    "registry.registry",
    "builder.builder",
    "edge_device.edge_device",
    "blobs.blobs",
)
_WORKERS = 200  # threads for requests: logs are polled and devices wait, and all of them block


def serve(
    state: Path,
    cache: Path,
    scenario_name: str | None = None,
    env_file: Path | None = None,
    *,
    until_stdin_closes: bool = False,
    engine: str = "",
) -> int:
    """Serve Azure on loopback until a signal, or the end of stdin, says to stop.

    Prints one line `ready https://127.0.0.1:PORT` when the server answers and the env file is written.

    Args:
        state: this sandbox's own folder; made when missing, and seeded with the scenario when new.
        cache: shared by all sandboxes of this person; holds the environments that devices run.
        scenario_name: what a new world holds; None is `happy`, or what an old state folder holds.
        env_file: where the shell's `export` lines go, besides `sandbox.env` in the state folder.
        until_stdin_closes: stop at the end of stdin too, once no guest is left.
        engine: the container engine of the live device, `unix:///…` or `tcp://…`; "" for none.

    Returns:
        The exit code: 0 after a clean end, 2 when the sandbox could not start (the reason is on stderr).
    """
    ending = lifecycle.Ending()
    ending.on_signals()
    state, cache = state.expanduser().absolute(), cache.expanduser().absolute()
    if until_stdin_closes:
        ending.on_stdin_end(lambda: guests.present(state))
    try:
        with lifecycle.owned(state):
            _serve_owned(state, cache, scenario_name, env_file, ending, engine)
    except SandboxError as problem:
        sys.stderr.write(f"edgetui sandbox: {problem}\n")
        return 2
    return 0


def _serve_owned(
    state: Path,
    cache: Path,
    scenario_name: str | None,
    env_file: Path | None,
    ending: lifecycle.Ending,
    engine: str,
) -> None:
    import uvicorn

    try:
        client_files.forget(state)
        guests.forget(state)
        world = World(state, cache)
    except OSError as problem:
        raise SandboxError(f"{state} or {cache} cannot be used: {problem.strerror or problem}") from None
    with (
        contextlib.closing(world),
        contextlib.closing(_port(world)) as listener,
        _log_file(state),
        contextlib.ExitStack() as until_end,
    ):
        files = tls.ensure(state)
        world.ca_file = files.ca
        world.engine = engine
        rooms = [importlib.import_module(f"{__package__}.{name}") for name in ROOMS if _exists(name)]
        scenario.seed(world, scenario_name, rooms)
        config = uvicorn.Config(
            application(world, rooms),
            loop="asyncio",
            http="h11",
            ws="none",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # shorter, and a client's idle connection breaks under its next POST
            timeout_graceful_shutdown=1,
            ssl_certfile=files.chain,
            ssl_keyfile=files.key,
        )
        config.load()

        def ready() -> None:
            wanted = env_file.expanduser().absolute() if env_file else None
            until_end.enter_context(client_files.written(world, wanted))
            sys.stdout.write(f"ready {world.base_url}\n")
            sys.stdout.flush()

        class Server(uvicorn.Server):
            async def startup(self, sockets: Any = None) -> None:
                await super().startup(sockets)
                if self.started and not self.should_exit:
                    ready()

            async def shutdown(self, sockets: Any = None) -> None:
                # A client that holds a connection for later does not answer the farewell of TLS, which would be waited for.
                for one in list(self.server_state.connections):
                    cycle = getattr(one, "cycle", None)
                    if cycle is None or cycle.response_complete:
                        one.transport.abort()
                await super().shutdown(sockets)

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # ours are set already; uvicorn's would end the process by the signal itself

        server = Server(config)
        ending.then(lambda: setattr(server, "should_exit", True))
        server.run(sockets=[listener])


def application(world: World, rooms: list[ModuleType]) -> Any:
    """Return the ASGI application of these rooms; their own work starts and stops with its lifespan."""
    import anyio.to_thread
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from edgetui.sandbox import faults, wire

    def front(_request: Request) -> Response:
        return JSONResponse({"service": "edgetui sandbox", "scenario": world.scenario})

    def broken(_request: Request, problem: Exception) -> Response:
        return wire.arm_error(500, "InternalServerError", f"The sandbox failed: {type(problem).__name__}.")

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _WORKERS
        started: list[ModuleType] = []
        try:
            for room in rooms:
                if hasattr(room, "start"):
                    await run_in_threadpool(room.start, world)
                started.append(room)
            yield
        finally:
            for room in reversed(started):
                if hasattr(room, "stop"):
                    try:
                        await run_in_threadpool(room.stop)
                    except Exception:  # the other rooms must still be stopped
                        logging.getLogger(__name__).exception("room %s did not stop", room.__name__)

    table = faults.Table(world)
    of_rooms = (route for room in rooms for route in room.routes(world))
    app = Starlette(
        routes=[Route("/", front), *faults.routes(world, table), *of_rooms],
        lifespan=lifespan,
        exception_handlers={HTTPException: wire.http_exception, Exception: broken},
    )
    return faults.gate(world, table, app)


def _port(world: World) -> Any:
    """Open the port of this state folder, and tell the world its address."""
    kept = (world.get("sandbox", "port") or {}).get("port")
    listener = lifecycle.bind(kept)
    port = listener.getsockname()[1]
    if kept and port != kept:
        sys.stderr.write(
            f"edgetui sandbox: port {kept} is taken, using {port}; images deployed before still name the old address\n"
        )
    world.put("sandbox", "port", {"port": port})
    world.base_url = f"https://127.0.0.1:{port}"
    return listener


def _exists(name: str) -> bool:
    return importlib.util.find_spec(f"{__package__}.{name}") is not None


@contextlib.contextmanager
def _log_file(state: Path) -> Iterator[None]:
    """Send what rooms and the server log, from warnings up, to `sandbox.log` in the state folder."""
    from logging.handlers import RotatingFileHandler

    handler = RotatingFileHandler(state / "sandbox.log", maxBytes=1 << 20, backupCount=1, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()

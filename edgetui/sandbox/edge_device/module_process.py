"""One running module: `azureml-inference-server-http` in the environment of its image, as a process group of its own.

The server listens on the device's loopback address only. Its output goes to a log of limited size. The process group ends with
`stop()`, and also when the sandbox itself is killed: the launcher holds a pipe and kills its group when the other end is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

LOG_LIMIT = 1 << 20  # bytes of one log file; the one before it is kept too
APP_ROOT = "/var/azureml-app"  # where an image has the script and the models

# The server's host is a constant of its own; a container needs 0.0.0.0, a process of ours must not listen there.
# stdin is the lifeline: its end means that the sandbox is gone. The module itself gets an empty stdin, as in a container.
_LAUNCHER = """
import contextlib, os, signal, sys, threading
host, lifeline = sys.argv[1], os.dup(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
def watch():
    while os.read(lifeline, 1):
        pass
    if hasattr(os, "killpg"):
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(137)
threading.Thread(target=watch, name="lifeline", daemon=True).start()
sys.argv[1:] = sys.argv[2:]
sys.path.pop(0)
with contextlib.suppress(ImportError):  # before gunicorn 25.1 there is none; its path would be too long for a socket here
    from gunicorn.config import ControlSocketDisable
    ControlSocketDisable.default = True
from azureml_inference_server_http import amlserver, constants
amlserver.DEFAULT_HOST = constants.DEFAULT_HOST = host
amlserver.run()
"""


class StartError(Exception):
    """The engine could not start the container; the text is docker's."""


class ModuleLog:
    """A module's output in a file of limited size; what is older moves to `<file>.1` once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything, as a new container does."""
        with self._lock:
            self.path.unlink(missing_ok=True)
            self._older.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append bytes; a folder that is gone (the sandbox was removed) loses them."""
        with self._lock, contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size > LOG_LIMIT:
                self.path.replace(self._older)
            with self.path.open("ab") as file:
                file.write(data)

    def lines(self) -> list[str]:
        """Return the lines that are kept, oldest first."""
        with self._lock:
            data = b"".join(path.read_bytes() for path in (self._older, self.path) if path.exists())
        return data.decode(errors="replace").splitlines()

    @property
    def _older(self) -> Path:
        return self.path.with_name(self.path.name + ".1")


class ModuleProcess:
    """A started module and its process group."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, port: int) -> None:
        self.address, self.port = address, port
        self.stopping = False
        self._process = process
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 + n after signal n, as an engine counts."""
        code = self._process.returncode
        return code if code is None or code >= 0 else 128 - code

    def stop(self, grace: float) -> None:
        """Ask it to end, wait up to `grace` seconds, then kill its whole group; returns when it is gone."""
        self.ask()
        if not self._ended.wait(grace):
            self.kill()
            self._ended.wait()

    def ask(self) -> None:
        """Ask it to end, as `docker stop` does first."""
        self.stopping = True
        with self._lock, contextlib.suppress(OSError):
            if self._process.returncode is None:
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group now."""
        self.stopping = True
        with self._lock:
            self._kill_group()

    def wait(self) -> None:
        """Wait for the end, and end those of the group that are left. For one thread only."""
        if hasattr(os, "waitid"):  # not reaped yet, so that the group's number is still ours
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._lock:
            self._kill_group()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process.wait()
        self._ended.set()

    def _kill_group(self) -> None:
        if self._process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def start(
    name: str,
    python: Path,
    root: Path,
    environment: dict[str, str],
    bind: tuple[str, int | None],
    home: Path,
    log: ModuleLog,
    on_exit: Callable[[ModuleProcess], None],
) -> ModuleProcess:
    """Start a module.

    Args:
        name: of the module, for messages.
        python: interpreter of the image's environment.
        root: where the image's layers are unpacked.
        environment: variables of the image and of the module; paths below `/var/azureml-app` are moved into `root`.
        bind: address and port to listen on; port None means an unused one.
        home: a folder for HOME and temporary files.
        log: gets what the module writes.
        on_exit: called from another thread once the module has ended.

    Raises:
        StartError: the port is taken, or the interpreter cannot be started.
    """
    address, wanted = bind
    port = _reserve(name, address, wanted)
    variables = _clean_environment(python, home) | {key: _inside(root, value) for key, value in environment.items()}
    app = Path(variables.get("AML_APP_ROOT") or _inside(root, APP_ROOT))
    script = app / variables.get("AZUREML_ENTRY_SCRIPT", "score.py")
    command = [str(python), "-c", _LAUNCHER, address, "--entry_script", str(script), "--port", str(port)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables,
            cwd=app if app.is_dir() else root,
            start_new_session=True,
        )
    except OSError as problem:
        raise StartError(f"OCI runtime create failed: {problem.strerror}: {python}") from None
    module = ModuleProcess(process, address, port)

    def copy() -> None:
        assert process.stdout is not None  # noqa: S101 -- it is a pipe
        with process.stdout as pipe:
            while data := os.read(pipe.fileno(), 65536):
                log.write(data)

    def wait() -> None:
        module.wait()
        copier.join(timeout=2)
        on_exit(module)

    copier = threading.Thread(target=copy, name=f"log of {name}", daemon=True)
    copier.start()
    threading.Thread(target=wait, name=f"end of {name}", daemon=True).start()
    return module


def _reserve(name: str, address: str, wanted: int | None) -> int:
    """Return a port on which the module can listen; nobody holds it for the moment between this and its own bind."""
    with socket.socket() as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, wanted or 0))
            probe.listen(1)
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise StartError(
                f"driver failed programming external connectivity on endpoint {name}: Error starting userland proxy: "
                f"listen tcp4 {address}:{wanted}: bind: {reason}"
            ) from None
        return int(probe.getsockname()[1])


def _inside(root: Path, value: str) -> str:
    if value == APP_ROOT or value.startswith(APP_ROOT + "/"):
        return str(root / value.lstrip("/"))
    return value


def _clean_environment(python: Path, home: Path) -> dict[str, str]:
    """Return the variables that a process needs; nothing of the sandbox's own environment but the system's."""
    home.mkdir(parents=True, exist_ok=True)
    kept = ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT") if sys.platform == "win32" else ()
    path = os.defpath if sys.platform == "win32" else "/usr/local/bin:/usr/bin:/bin"
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"{python.parent}{os.pathsep}{path}",
        "VIRTUAL_ENV": str(python.parent.parent),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }

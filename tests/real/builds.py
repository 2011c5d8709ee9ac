"""Builds of the example by a real engine: what is asked for, and what comes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgetui.adapters.builders import docker_build
from edgetui.core import cancel
from edgetui.core.errors import EdgeError
from edgetui.core.events import Event, ImageBuilt, LogLine
from edgetui.core.models import BuildRequest, RegistryCredential, RegistryInfo, WorkspaceInfo
from edgetui.core.redact import Secret
from tests.contract.client_runs import EXAMPLE
from tests.real.base_images import BASE, CERTIFICATES

USER, PASSWORD = "edgeacr", "pw-of-the-registry"
UNPINNED = "dependencies:\n- pip\n"  # any Python will do
BARE = "dependencies:\n- python=3.11\n- pip\n"
LIMIT = 120.0  # seconds until something that hangs is given up
replace = msgspec.structs.replace


def example(into: Path) -> Callable[..., BuildRequest]:
    """Makes requests for a copy of the example, or for one with another environment."""
    folder = into / "example"
    shutil.copytree(EXAMPLE, folder)

    def make(login_server: str, password: str = PASSWORD, environment: str = "") -> BuildRequest:
        if environment:
            (folder / "myenv.yml").write_text(environment)
        return BuildRequest(
            WorkspaceInfo("s", "g", "w"),
            "pump-anomaly:1",
            str(folder / "score.py"),
            str(folder / "myenv.yml"),
            "pump",
            "1",
            model_path=str(folder / "model.pkl"),
            registry=RegistryInfo("id", "edgeacr", login_server),
            credential=RegistryCredential(login_server, USER, Secret(password)),
            content="content",
            base=BASE,
            index_url=package_index(),
            ca_bundle=CERTIFICATES,
            network="host",
        )

    return make


def package_index() -> str:
    """The package index that this machine's pip asks, where a build can reach it too."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    url = os.environ.get("PIP_INDEX_URL") or said.stdout.strip()
    return url if url.startswith("http") and "@" not in url else ""


def built(events: list[Event]) -> ImageBuilt:
    assert isinstance(events[-1], ImageBuilt), events
    return events[-1]


def lines(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, LogLine)]


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.remedy
    assert PASSWORD not in str(caught.value)
    return caught.value


class InThread:
    """A build in a thread; `reached` once its log says the words."""

    def __init__(self, builder: docker_build.DockerBuilder, request: BuildRequest, words: str) -> None:
        self.stop = cancel.Cancellation()
        self.error: EdgeError | None = None
        self._reached = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(builder, request, words), daemon=True)
        self._thread.start()
        assert self._reached.wait(LIMIT)

    def ended(self, seconds: float) -> EdgeError:
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        assert self.error is not None
        return self.error

    def _run(self, builder: docker_build.DockerBuilder, request: BuildRequest, words: str) -> None:
        try:
            with cancel.using(self.stop):
                for event in builder.build(request):
                    if words in getattr(event, "text", ""):
                        self._reached.set()
        except EdgeError as problem:
            self.error = problem

"""Images by a local container engine (Docker, or Podman by the same API): built from our own Dockerfile, then pushed.

The environment is an image of its own on the engine, under a tag that is the hash of what it holds; the module's image is two
small layers on top of it, and only what the registry has not is sent.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import IO, Any, cast

import requests
import urllib3
from docker.errors import APIError, DockerException, ImageNotFound

from edgetui.adapters.builders import build_context
from edgetui.adapters.builders.build_log import Lines, cause
from edgetui.adapters.builders.engine_progress import Layers
from edgetui.adapters.context import Context
from edgetui.adapters.docker_engine import connect
from edgetui.adapters.errors import as_edge_error, short
from edgetui.core import cancel
from edgetui.core.build_causes import explained
from edgetui.core.errors import EdgeError, cancelled
from edgetui.core.events import Event, ImageBuilt, LogLine, Progress
from edgetui.core.models import BuildRequest, RegistryCredential

ENVIRONMENT = "edgetui-environment"
_JOB = "image"
_STALLED = 60.0  # seconds without a byte after which a pull or push is given up
_KEPT = 20_000  # lines kept to look for the cause of a failure
_BROKEN = (APIError, DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_DIGEST = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})\b")
_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class DockerBuilder:
    """The ImageBuilder port over docker-py."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, request: BuildRequest) -> Iterator[Event]:
        """Build on the engine and push to the registry; yields LogLine and Progress, ends in `ImageBuilt`.

        Cancelling ends the build on the engine too, with its containers; Podman 4.3 first ends the steps that are left, and
        makes no image of them.

        Raises:
            EdgeError: no engine answers, an input is wrong, the build failed, or the registry refused.
        """
        if request.registry is None:
            title = "There is no registry to push to yet"
            raise EdgeError(title, remedy="Build once with Azure ML, which creates one.", field="image.builder")
        recipe = build_context.recipe(request)
        client = connect(_STALLED)
        work = _Work(client, request, self._context)
        try:
            with cancel.current().on_cancel(work.cancel):
                environment = f"{ENVIRONMENT}:{recipe.key}"
                if work.has(environment):
                    yield Progress(_JOB, "The environment is on the engine already")
                else:
                    yield from work.build(recipe.environment_context(), environment)
                reference = f"{request.registry.login_server}/{request.name}:{request.tag}"
                yield from work.build(recipe.image_context(environment), reference)
                found = work.checked(reference)
                yield from work.push(reference, request.credential)
            yield ImageBuilt(
                reference, "", digest=work.digest, platform=request.platform, layers=len(found["RootFS"]["Layers"])
            )
        finally:
            client.close()


class _Work:
    """One build on an engine."""

    def __init__(self, client: Any, request: BuildRequest, context: Context) -> None:
        self.digest = ""
        self._client, self._request, self._context = client, request, context
        self._log: deque[str] = deque(maxlen=_KEPT)
        self._responses: list[requests.Response] = []
        client.hooks["response"].append(lambda response, *_, **__: self._responses.append(response))

    def cancel(self) -> None:
        """End what runs: the engine stops a build whose listener is gone. From any thread."""
        for response in self._responses[-1:]:
            with contextlib.suppress(OSError, ValueError, AttributeError, RuntimeError):
                response.raw.shutdown()

    def has(self, image: str) -> bool:
        """Whether the engine has an image."""
        try:
            self._client.inspect_image(image)
        except ImageNotFound:
            return False
        except _BROKEN as problem:
            raise self._failure("look at the engine's images", problem) from problem
        return True

    def build(self, files: build_context.Files, tag: str) -> Iterator[Event]:
        """Build one image."""
        doing = f"build {tag}"
        with tempfile.TemporaryFile(dir=self._context.folder) as archive:
            yield Progress(_JOB, "Packing the build context")
            build_context.write(files, cast("IO[bytes]", archive), zipped=False)
            archive.seek(0)
            yield Progress(_JOB, "Sending the build context to the engine")
            with self._failing(doing):
                events = self._client.build(
                    fileobj=build_context.Stopping(cast("IO[bytes]", archive), "Sending the build context"),
                    custom_context=True,
                    tag=tag,
                    rm=True,
                    forcerm=True,  # a failed step leaves its container otherwise
                    decode=True,
                    network_mode=self._request.network or None,
                    platform=self._foreign_platform(),
                )
                yield from self._told(events, doing)
        if not self.has(tag):
            title = f"The engine ended the build of {tag} without an image"
            raise EdgeError(
                title, short(cause(list(self._log))), "Look whether the engine still runs, then build again."
            )

    def checked(self, reference: str) -> dict[str, Any]:
        """The image as the engine has it; its platform must be what was asked for: engines ignore what they cannot do."""
        with self._failing(f"look at {reference}"):
            found: dict[str, Any] = self._client.inspect_image(reference)
        parts = [found.get("Os"), _architecture(found.get("Architecture")), found.get("Variant")]
        wanted = self._request.platform.split("/")
        if parts[: len(wanted)] != wanted:
            real = "/".join(part for part in parts if part)
            title = f"The engine built for {real}, not for {self._request.platform}"
            remedy = "Build with acr, which has other processors, or choose a base image for that platform."
            raise EdgeError(title, remedy=remedy, field="image.platform")
        return found

    def push(self, reference: str, credential: RegistryCredential | None) -> Iterator[Event]:
        """Push to the registry; yields how far it is over all layers."""
        repository, _, tag = reference.rpartition(":")
        login = {"username": credential.username, "password": credential.password.reveal()} if credential else None
        doing = f"push {reference}"
        with self._failing(doing):
            # By this call only: `login` would write the password to a file.
            events = self._client.push(repository, tag=tag, stream=True, decode=True, auth_config=login)
            yield from self._told(events, doing)
        if not self.digest:
            title = f"Could not {doing}: the engine named no digest"
            raise EdgeError(
                title, short(cause(list(self._log))), "Look whether the engine still runs, then build again."
            )

    def _told(self, events: Iterator[dict[str, Any]], doing: str) -> Iterator[Event]:
        """The engine's own events as ours; its error event becomes an EdgeError."""
        lines, layers = Lines(), Layers()
        for event in events:
            if cancel.current().requested:
                raise cancelled(doing.capitalize())
            if "error" in event:
                said = str((event.get("errorDetail") or {}).get("message") or event["error"])
                yield from self._lines([*lines.feed(b"", last=True), *said.splitlines()])
                raise explained(
                    EdgeError(f"Could not {doing}", short(said), "Read the log."), "\n".join(list(self._log)[-60:])
                )
            if "stream" in event:
                yield from self._lines(list(lines.feed(str(event["stream"]).encode())))
            elif "aux" in event:
                self.digest = str((event["aux"] or {}).get("Digest") or self.digest)
            elif "status" in event:
                if named := _DIGEST.search(str(event["status"])):  # Podman says it in words only
                    self.digest = named[1]
                told = layers.take(event)
                if isinstance(told, str):
                    yield from self._lines([told])
                elif told:
                    yield Progress(_JOB, *told, "bytes")
        yield from self._lines(list(lines.feed(b"", last=True)))

    def _lines(self, lines: list[str]) -> Iterator[Event]:
        self._log.extend(lines)
        for line in lines:
            yield LogLine(_JOB, line)

    def _foreign_platform(self) -> str | None:
        """The platform to ask for, where it is not the engine's own: older engines refuse the question."""
        own = self._client.version()
        same = f"{own.get('Os')}/{_architecture(own.get('Arch'))}" == self._request.platform
        return None if same else self._request.platform

    @contextlib.contextmanager
    def _failing(self, doing: str) -> Iterator[None]:
        try:
            yield
        except EdgeError:
            raise
        except _BROKEN as problem:
            raise self._failure(doing, problem) from problem

    def _failure(self, doing: str, problem: Exception) -> EdgeError:
        if cancel.current().requested:
            return cancelled(doing.capitalize())
        return explained(as_edge_error(problem, doing))


def _architecture(name: Any) -> str:
    return _NAMES.get(str(name), str(name))


def create(context: Context) -> DockerBuilder:
    """Make the adapter in the process that hosts it."""
    return DockerBuilder(context)

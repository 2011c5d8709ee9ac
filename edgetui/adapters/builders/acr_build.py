"""Images by ACR Tasks: our own Dockerfile, built in the registry by quick builds (azure-mgmt-containerregistry).

A quick build has no cache of its own. So the environment is an image of its own in the registry, with the hash of what it holds
as its tag; it is built where it is missing, and the module's image is two small layers on top of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, cast

import requests
from azure.core.exceptions import AzureError
from azure.mgmt.containerregistry import ContainerRegistryManagementClient

from edgetui.adapters.builders import build_context
from edgetui.adapters.builders.acr_run import Run
from edgetui.adapters.context import Context
from edgetui.adapters.errors import as_edge_error
from edgetui.adapters.registry import oci_registry
from edgetui.adapters.web import CONNECT_SECONDS, READ_SECONDS, TokenCredential, Web
from edgetui.core import cancel, dockerfile
from edgetui.core.errors import EdgeError, bad_input, cancelled, gone
from edgetui.core.events import Event, ImageBuilt, Progress
from edgetui.core.models import BuildRequest, RegistryCredential, RegistryInfo

API = "2025-03-01-preview"
_JOB = "image"
_BLOCK = 4 * 2**20  # bytes; one request each, so that an upload shows how far it is and can be stopped
_LONGEST = 3600  # seconds that a run may take
_PLATFORMS = {
    "linux/amd64": {"architecture": "amd64"},
    "linux/arm64": {"architecture": "arm64"},
    "linux/arm/v7": {"architecture": "arm", "variant": "v7"},
}


class AcrBuilder:
    """The ImageBuilder port over a registry's task runner."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._web = Web(context.cloud.ca_file)

    def build(self, request: BuildRequest) -> Iterator[Event]:
        """Build and push in the registry; yields LogLine and `ImageRun` as lines come, ends in `ImageBuilt`.

        With `request.resume` it continues that run instead of scheduling one; with `only_end` it ends it, and says nothing.

        Raises:
            EdgeError: an input is wrong, the registry refused, the build failed or was cancelled.
        """
        registry = request.registry
        if registry is None:
            title = "There is no registry to build in yet"
            raise EdgeError(title, remedy="Build once with Azure ML, which creates one.", field="image.builder")
        if request.only_end and request.resume:
            self._run(registry, request.resume.stage).end(request.resume.run)
            return
        if request.platform not in _PLATFORMS:
            raise bad_input("image.platform", f"ACR Tasks cannot build for {request.platform}", "Choose another.")
        recipe = build_context.recipe(request)
        environment = f"{dockerfile.ENVIRONMENT_REPOSITORY}:{recipe.key}"
        resumed = request.resume
        run, offset = self._run(registry, resumed.stage if resumed else ""), 0
        if resumed and not run.attach(resumed.run):
            if request.only_watch:
                raise gone(f"Build {resumed.run}")
            resumed = None
        if resumed:
            offset = resumed.offset
        if resumed and resumed.stage == "environment":
            yield from self._follow(run, offset)
        elif not resumed and not self._has(registry, environment):
            run = self._run(registry, "environment")
            yield Progress(_JOB, "The environment is not in the registry yet: it is built first")
            yield from self._scheduled(run, registry, request, recipe.environment_context(), environment)
        if not resumed or resumed.stage == "environment":
            run, offset = self._run(registry, "image"), 0
            context = recipe.image_context(f"{registry.login_server}/{environment}")
            yield from self._scheduled(run, registry, request, context, f"{request.name}:{request.tag}")
        else:
            yield from self._follow(run, offset)
        yield self._built(registry, request, run)

    def _run(self, registry: RegistryInfo, stage: str) -> Run:
        group, name, client = self._client(registry)
        return Run(client, group, name, self._web, stage)

    def _scheduled(
        self, run: Run, registry: RegistryInfo, request: BuildRequest, files: build_context.Files, image: str
    ) -> Iterator[Event]:
        """Send the context, schedule the run, and follow it."""
        group, name, client = self._client(registry)
        with tempfile.TemporaryFile(dir=self._context.folder) as archive:
            yield Progress(_JOB, "Packing the build context")
            build_context.write(files, cast("IO[bytes]", archive), zipped=True)
            try:
                place = client.registries.get_build_source_upload_url(group, name)
            except AzureError as problem:
                raise as_edge_error(problem, f"build in registry {name}", "image.builder") from problem
            yield from self._upload(cast("IO[bytes]", archive), place.upload_url)
        models = ContainerRegistryManagementClient.models(API)
        wanted = models.DockerBuildRequest(
            docker_file_path=dockerfile.DOCKERFILE,
            platform=models.PlatformProperties(os="Linux", **_PLATFORMS[request.platform]),
            image_names=[image],
            is_push_enabled=True,
            source_location=place.relative_path,
            timeout=_LONGEST,
        )
        with cancel.current().on_cancel(run.cancel):
            if cancel.current().requested:
                raise cancelled("The build")
            run.schedule(wanted)
            yield from run.follow()

    def _follow(self, run: Run, offset: int) -> Iterator[Event]:
        with cancel.current().on_cancel(run.cancel):
            yield from run.follow(offset)

    def _upload(self, archive: IO[bytes], url: str) -> Iterator[Event]:
        """Put the archive into the storage, in blocks where it is large."""
        total = archive.tell()
        archive.seek(0)
        if total <= _BLOCK:
            self._put(url, archive.read(), {"x-ms-blob-type": "BlockBlob"})
            yield Progress(_JOB, "Build context sent", total, total, "bytes")
            return
        names = []
        for number in range(-(-total // _BLOCK)):
            if cancel.current().requested:
                raise cancelled("Sending the build context")
            names.append(f"{number:08d}".encode().hex())
            self._put(f"{url}&comp=block&blockid={names[-1]}", archive.read(_BLOCK), {})
            yield Progress(_JOB, "Sending the build context", min(total, (number + 1) * _BLOCK), total, "bytes")
        listed = "".join(f"<Latest>{name}</Latest>" for name in names)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
        self._put(f"{url}&comp=blocklist", body.encode(), {"Content-Type": "application/xml"})

    def _put(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            self._web.send("PUT", url, data=body, headers=headers, seconds=60.0).raise_for_status()
        except requests.RequestException as problem:
            raise as_edge_error(problem, "send the build context to the registry") from problem

    def _has(self, registry: RegistryInfo, image: str) -> bool:
        """Whether the registry has an image; where we may not look, it is built again, which changes nothing."""
        try:
            oci_registry.Session(self._web, self._credential(registry)).image(f"{registry.login_server}/{image}")
        except EdgeError as problem:
            if problem.kind == "cancelled":
                raise
            return False
        return True

    def _credential(self, registry: RegistryInfo) -> RegistryCredential:
        token, _ = self._context.token(self._context.cloud.arm_scope)
        return oci_registry.exchanged(self._web, registry.login_server, token)

    def _built(self, registry: RegistryInfo, request: BuildRequest, run: Run) -> ImageBuilt:
        reference = f"{registry.login_server}/{request.name}:{request.tag}"
        outputs = run.found.output_images or []
        digest = next((one.digest for one in outputs if one.repository == request.name and one.digest), "")
        try:
            found = oci_registry.Session(self._web, self._credential(registry)).image(reference)
        except EdgeError as problem:
            if problem.kind == "cancelled" or not digest:
                raise
            return ImageBuilt(reference, "", digest=digest)
        if found.platform and found.platform != request.platform:
            title = f"The registry built for {found.platform}, not for {request.platform}"
            raise EdgeError(title, remedy="Choose a base image that has this platform.", field="image.platform")
        return ImageBuilt(
            reference, "", digest=digest or found.digest, platform=found.platform, size=found.size, layers=found.layers
        )

    def _client(self, registry: RegistryInfo) -> tuple[str, str, Any]:
        parts = registry.id.strip("/").split("/")
        named = {key.lower(): value for key, value in zip(parts[::2], parts[1::2], strict=False)}
        try:
            subscription, group, name = named["subscriptions"], named["resourcegroups"], named["registries"]
        except KeyError:
            title = f"{registry.id!r} is no id of a container registry"
            raise EdgeError(title, remedy="Choose the workspace again.", kind="input") from None
        cloud = self._context.cloud
        client = ContainerRegistryManagementClient(
            TokenCredential(self._context),
            subscription,
            base_url=cloud.arm,
            api_version=API,
            credential_scopes=[cloud.arm_scope],
            connection_verify=cloud.ca_file or True,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retry_total=2,
            retry_backoff_factor=0.4,
        )
        return group, name, client


def create(context: Context) -> AcrBuilder:
    """Make the adapter in the process that hosts it."""
    return AcrBuilder(context)

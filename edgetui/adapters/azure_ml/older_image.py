"""Images by `ContainerImage.create`, the API before `Model.package`: for workspaces that serve only that one."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azureml._model_management._util import generate_main, get_mms_operation, upload_dependency  # behind no public call
from azureml.core.image import ContainerImage, Image
from azureml.core.image.container import ContainerImageConfig

from edgetui.core.errors import bad_input
from edgetui.core.models import BuildRequest

STAGE = "older-image"  # of a `BuildRun`, by which a new start knows it
PLATFORM = "linux/amd64"  # all that this API can
NOT_SERVED = (404, 405, 410, 501)
_NAME = re.compile(r"[a-z0-9][-.a-z0-9]{1,30}[a-z0-9]")


def is_wanted(problem: Exception) -> bool:
    """Whether `Model.package` failed since the workspace serves no packages."""
    response = getattr(problem.__context__, "response", None)
    return (
        response is not None
        and response.status_code in NOT_SERVED
        and urlsplit(str(response.url)).path.endswith("/packages")
    )


class OlderImage:
    """A build by this API, as azureml-core's ModelPackage shows one: by its operation's id, with the same attributes."""

    def __init__(self, workspace: Any, operation_id: str) -> None:
        self._workspace = workspace
        self._operation_id = operation_id
        self.update_creation_state()

    def update_creation_state(self) -> None:
        """Ask for the state, the error and the log's address, which is signed anew each time."""
        operation = get_mms_operation(self._workspace, self._operation_id)
        # `Image` fetches it; its own `update_creation_state` would fetch it twice.
        image = Image(self._workspace, id=operation["resourceLocation"].rpartition("/")[2])
        self.state: str = operation["state"]
        self.error: Any = operation.get("error")
        self.location: str | None = image.image_location
        self.package_build_log_uri: str | None = image.image_build_log_uri


def create(workspace: Any, request: BuildRequest, model: Any) -> OlderImage:
    """Begin a build. Azure tags the image with a version of its own.

    Raises:
        EdgeError: (input) what this API cannot do is asked for.
        WebserviceException: the service refused.
    """
    if request.platform != PLATFORM:
        title = f"This workspace has only the older image API, which cannot build for {request.platform}"
        raise bad_input("image.platform", title, f"Choose {PLATFORM}, or build with acr or docker.")
    if not _NAME.fullmatch(request.name):
        title = f"This workspace has only the older image API, which does not take the name {request.name!r}"
        raise bad_input("image.name", title, "Use 3 to 32 small letters, digits, dashes and periods.")
    wanted = _Configuration(request.script, "python", conda_file=request.environment, allow_absolute_path=True)
    image = ContainerImage.create(workspace, request.name, [model], wanted)
    return OlderImage(workspace, image._operation_endpoint.rpartition("/")[2])  # noqa: SLF001 -- shown nowhere else


class _Configuration(ContainerImageConfig):  # type: ignore[misc]  # azureml-core has no types
    """The SDK's own, but with the script where the driver looks for it.

    The SDK archives a script under its whole path on this machine, while its driver knows the name that it was given.
    """

    def build_create_payload(self, workspace: Any, name: str, model_ids: list[str]) -> Any:
        payload = super().build_create_payload(workspace, name, model_ids)
        script = Path(self.execution_script).name
        handle, driver = tempfile.mkstemp(suffix=".py")
        os.close(handle)
        url, _ = upload_dependency(workspace, generate_main(script, "", driver, log_aml_debug=False))
        archive, archive_id = upload_dependency(workspace, self.execution_script, create_tar=True, arcname=script)
        payload["assets"] = [
            {"id": "driver", "url": url, "mimeType": "application/x-python"},
            {"id": archive_id, "url": archive, "mimeType": "application/octet-stream", "unpack": True},
        ]
        return payload

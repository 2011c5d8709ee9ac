"""Azure ML's image builds: `Model.package`, the older `ContainerImage`, and the operations that follow both."""

from __future__ import annotations

import re
import shutil
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edgetui.sandbox import wire
from edgetui.sandbox.arm import registries as arm_registries
from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.builder import builder
from edgetui.sandbox.builder import context as build_context
from edgetui.sandbox.machine_learning import model_registry
from edgetui.sandbox.machine_learning.paths import MODELS, bad_request, base, now, route
from edgetui.sandbox.world import Document, World

_IMAGE_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_ENDED = frozenset({"Succeeded", "Failed", "Cancelled"})


def start(world: World) -> None:
    """Remove the unpacked files of builds that an earlier run left behind."""
    shutil.rmtree(world.state / "builds", ignore_errors=True)


def routes(world: World) -> list[Route]:
    """Return the routes of packages, images and operations."""

    def package(request: Request) -> Response:
        return _accepted(world, _package(world, wire.json_object(request)))

    def image(request: Request) -> Response:
        return _accepted(world, _image(world, wire.json_object(request)))

    def images(request: Request) -> Response:
        query = request.query_params
        found = [_image_document(world, entry) for _, entry in world.items("image")]
        found = [entry for entry in found if query.get("name") in {None, entry["name"]}]
        found.sort(key=lambda entry: str(entry["createdTime"]), reverse=True)
        # No nextLink: azureml-core would follow one that is null.
        return JSONResponse({"value": found[: int(query.get("count") or 255)]})

    def one_image(request: Request) -> Response:
        known = world.get("image", request.path_params["id"])
        if known is None:
            raise HTTPException(404, f"ImageNotFound: There is no image '{request.path_params['id']}'.")
        return JSONResponse(_image_document(world, known))

    def operation(request: Request) -> Response:
        return JSONResponse(_operation(world, request.path_params["id"]))

    def cancel(request: Request) -> Response:
        _operation(world, request.path_params["id"])
        builder.cancel(world, request.path_params["id"])
        return Response(status_code=202)

    return [
        route(world, "POST", f"{MODELS}/packages", package),
        route(world, "POST", f"{MODELS}/images", image),
        route(world, "GET", f"{MODELS}/images", images),
        route(world, "GET", f"{MODELS}/images/{{id}}", one_image),
        route(world, "GET", f"{MODELS}/operations/{{id}}", operation),
        route(world, "POST", f"{MODELS}/operations/{{id}}/cancel", cancel),
        route(world, "DELETE", f"{MODELS}/operations/{{id}}", cancel),
    ]


def _package(world: World, body: Document) -> str:
    """Submit what `Model.package` asks for; return the operation's id."""
    if body.get("packageType") != "DockerImage":
        raise bad_request("The sandbox builds images; it does not make Dockerfile packages (generate_dockerfile=True).")
    asked = body.get("imageRequest") or {}
    environment = asked.get("environment") or {}
    variables = {str(key): str(value) for key, value in (environment.get("environmentVariables") or {}).items()}
    script = variables.get("AZUREML_ENTRY_SCRIPT")
    if not script:
        raise bad_request("The request names no entry script; the sandbox has no packages without code.")
    python = environment.get("python") or {}
    if python.get("userManagedDependencies") or not isinstance(python.get("condaDependencies"), dict):
        raise bad_request("The environment must have conda dependencies: the sandbox has no base image with packages.")
    name = body.get("imageName") or "package"
    # Without a label Azure ML takes the time, too.
    tag = body.get("imageLabel") or datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S")
    platform = (environment.get("docker") or {}).get("platform") or {}
    work = uuid.uuid4().hex
    files = build_context.script_files(
        world, asked.get("assets") or [], asked.get("driverProgram"), build_context.folder(world, work)
    )
    submitted = _submit(
        world,
        name=name,
        tag=tag,
        script=script,
        files=files,
        conda=python["condaDependencies"],
        model_ids=asked.get("modelIds") or [],
        variables=variables,
        platform=f"{platform.get('os', 'Linux')}/{platform.get('architecture', 'amd64')}".lower(),
    )
    world.put("ml-operation", submitted, {"type": "PackageDockerImage", "work": work, "createdTime": now()})
    return submitted


def _image(world: World, body: Document) -> str:
    """Submit what `ContainerImage.create` asks for; return the operation's id."""
    runtime = body.get("targetRuntime") or {}
    properties = runtime.get("properties") or {}
    assets = body.get("assets") or []
    driver = next((asset for asset in assets if asset.get("id") == body.get("driverProgram", "driver")), None)
    if driver is None:
        raise bad_request("The request has no driver program.")
    script = build_context.wrapped_script(world, driver.get("url"))
    conda: dict[str, Any] = {"dependencies": []}
    if properties.get("condaEnvFile"):
        conda = build_context.conda_file(build_context.uploaded(world, properties["condaEnvFile"]))
    work = uuid.uuid4().hex
    files = build_context.script_files(world, assets, driver["id"], build_context.folder(world, work))
    name = str(body.get("name"))
    with world.transaction():
        version = len(world.items("image", f"{name}:")) + 1
        image_id = f"{name}:{version}"
        entry = {"id": image_id, "name": name, "version": version, "createdTime": now(), "request": body}
        world.put("image", image_id, entry)
    try:
        submitted = _submit(
            world,
            name=name,
            tag=str(version),
            script=script,
            files=build_context.beside(files, script),
            conda=build_context.with_server(conda),
            model_ids=body.get("modelIds") or [],
            variables={},
            platform="linux/amd64",
        )
    except BaseException:
        world.delete("image", image_id)
        raise
    world.put("image", image_id, {**entry, "operation": submitted})
    note = {"type": "Image", "work": work, "createdTime": entry["createdTime"], "image": image_id}
    world.put("ml-operation", submitted, note)
    return submitted


def _submit(
    world: World,
    *,
    name: Any,
    tag: Any,
    script: str,
    files: dict[str, Path],
    conda: dict[str, Any],
    model_ids: list[str],
    variables: dict[str, str],
    platform: str,
) -> str:
    if not isinstance(name, str) or not _IMAGE_NAME.fullmatch(name):
        raise bad_request(f"The image name {name!r} is not valid: use lower-case letters, digits, '.', '-' and '_'.")
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise bad_request(f"The image label {tag!r} is not valid: use letters, digits, '.', '-' and '_', at most 128.")
    if script not in files:
        raise bad_request(f"The entry script {script} is not among the uploaded files: {', '.join(sorted(files))}.")
    models = [model_registry.find(world, model_id) for model_id in model_ids]
    arm_registries.create(world)
    operation: str = builder.submit(
        world,
        builder.BuildRequest(
            image=name,
            tag=tag,
            entry_script=Path(script),
            conda=conda,
            models=[
                builder.ModelFiles(
                    name=model["name"], version=str(model["version"]), root=build_context.model_root(world, model)
                )
                for model in models
            ],
            environment_variables=variables,
            script_files=files,
            platform=platform,
        ),
    )
    return operation


def _accepted(world: World, operation: str) -> Response:
    """Answer that a build has begun; clients follow the last part of the link."""
    return Response(status_code=202, headers={"Operation-Location": f"{base(world)}/operations/{operation}"})


def _operation(world: World, operation: str) -> Document:
    """Return an operation as model management shows it.

    Raises:
        HTTPException: 404, there is none.
    """
    build, note = world.get("operation", operation), world.get("ml-operation", operation)
    if build is None or note is None:
        raise HTTPException(404, f"OperationNotFound: There is no operation '{operation}'.")
    result = {
        "id": operation,
        "operationType": note["type"],
        "state": build["state"],
        "createdTime": note["createdTime"],
        "operationLog": blobs.read_url(world, build["log"]),
    }
    if note["type"] == "Image":  # there from the beginning: the client reads the image's id from it
        result["resourceLocation"] = f"{base(world)}/images/{note['image']}"
    elif build["state"] == "Succeeded":
        result["resourceLocation"] = build["resourceLocation"]
    if build.get("error"):
        error = build["error"]
        result["error"] = {"code": error["code"], "statusCode": 400, "message": error["message"], "details": []}
    if build["state"] in _ENDED:
        shutil.rmtree(build_context.folder(world, note["work"]), ignore_errors=True)
    return result


def _image_document(world: World, entry: Document) -> Document:
    """Return an image with every field that azureml-core insists on."""
    asked = entry["request"]
    build = world.get("operation", entry.get("operation", "")) or {"state": "NotStarted"}
    runtime = asked.get("targetRuntime") or {}
    return {
        "id": entry["id"],
        "name": entry["name"],
        "version": entry["version"],
        "createdTime": entry["createdTime"],
        "creationState": build["state"],
        "description": asked.get("description"),
        "kvTags": asked.get("kvTags") or {},
        "properties": asked.get("properties") or {},
        "imageType": "Docker",
        "imageFlavor": "WebApiContainer",
        "imageLocation": f"{world.host}/{entry['name']}:{entry['version']}",
        "imageBuildLogUri": blobs.read_url(world, build["log"]) if "log" in build else None,
        "modelIds": asked.get("modelIds") or [],
        "assets": [
            {
                "id": asset.get("id"),
                "mimeType": asset.get("mimeType"),
                "unpack": bool(asset.get("unpack")),
                "url": asset.get("url"),
            }
            for asset in asked.get("assets") or []
        ],
        "driverProgram": asked.get("driverProgram", "driver"),
        "targetRuntime": {
            "runtimeType": runtime.get("runtimeType"),
            "targetArchitecture": runtime.get("targetArchitecture", "Amd64"),
            "properties": runtime.get("properties") or {},
        },
    }

"""Gathers what an image is made of: unpacks the uploaded script files and finds the models' folders."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

from edgetui.sandbox.blobs import blobs
from edgetui.sandbox.machine_learning import artifacts, model_registry
from edgetui.sandbox.machine_learning.paths import bad_request
from edgetui.sandbox.world import Document, World

_ARTIFACT = "aml://artifact/"
# The SDK's wrapper, uploaded for the base images of old, names the operator's own script in one line.
_USER_SCRIPT = re.compile(r"os\.path\.realpath\(__file__\)\), '([^']+)'\)")


def folder(world: World, build: str) -> Path:
    """Return where the unpacked files of one build lie until it has ended."""
    return world.state / "builds" / build


def uploaded(world: World, url: Any) -> Path:
    """Return the stored file of an `aml://artifact/…` URL.

    Raises:
        HTTPException: 400, it is no such URL or was never uploaded.
    """
    if not isinstance(url, str) or not url.startswith(_ARTIFACT):
        raise bad_request(f"The sandbox takes uploaded files only, not {url!r}.")
    try:
        file = blobs.path(world, artifacts.blob_path(url[len(_ARTIFACT) :]))
    except ValueError:
        file = None
    if file is None or not file.is_file():
        raise bad_request(f"The file {url} was not uploaded.")
    return file


def script_files(world: World, assets: list[Document], driver: str | None, into: Path) -> dict[str, Path]:
    """Return the operator's files by their path in the image; archives are unpacked below `into`.

    Args:
        world: where the uploads are.
        assets: the request's list of `{"id", "url", "unpack"?}`.
        driver: the id of the SDK's wrapper script, which the image does not need: its inference server loads the entry
            script itself, and the wrapper's random name would make every image different.
        into: an empty folder for what is unpacked.

    Raises:
        HTTPException: 400, a file that was not uploaded, or an archive that cannot be unpacked safely.
    """
    found: dict[str, Path] = {}
    for number, asset in enumerate(assets):
        if asset.get("id") == driver:
            continue
        file = uploaded(world, asset.get("url"))
        if not asset.get("unpack"):
            found[PurePosixPath(str(asset.get("id"))).name] = file
            continue
        target = into / str(number)
        target.mkdir(parents=True)
        try:
            with tarfile.open(file) as archive:
                archive.extractall(target, filter="data")
        except (tarfile.TarError, EOFError, OSError) as problem:
            raise bad_request(f"The archive {asset.get('id')} cannot be unpacked: {problem}") from None
        found |= {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    return found


def wrapped_script(world: World, url: Any) -> str:
    """Return the name of the operator's script that the SDK's wrapper at `url` loads.

    Raises:
        HTTPException: 400, it is not such a wrapper.
    """
    match = _USER_SCRIPT.search(uploaded(world, url).read_text(encoding="utf-8", errors="replace"))
    if match is None:
        raise bad_request("The driver program names no entry script.")
    return match[1]


def beside(files: dict[str, Path], script: str) -> dict[str, Path]:
    """Return the files with paths relative to the folder that holds `script`.

    `ContainerImage.create` archives files under the absolute paths of the operator's machine; the image has no such folders.
    """
    for path in files:
        if path.endswith(f"/{script}"):
            prefix = path[: -len(script)]
            return {name.removeprefix(prefix): file for name, file in files.items()}
    return files


def model_root(world: World, model: Document) -> Path:
    """Return the folder whose content becomes the model's folder in the image.

    Raises:
        HTTPException: 400, the model has no files, or they were uploaded to different folders.
    """
    containers = {"/".join(prefix.split("/")[:2]) for prefix in model_registry.prefixes(world, model)}
    if len(containers) != 1:
        raise bad_request(f"The files of model {model['id']} must lie in one upload.")
    root = blobs.path(world, artifacts.blob_path(containers.pop()))
    if not root.is_dir() or not any(root.iterdir()):
        raise bad_request(f"The model {model['id']} has no files.")
    return root


def conda_file(file: Path) -> dict[str, Any]:
    """Return an uploaded conda file as data.

    Raises:
        HTTPException: 400, it is not a YAML mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        loaded = YAML(typ="safe", pure=True).load(io.StringIO(file.read_text(encoding="utf-8")))
    except (YAMLError, UnicodeDecodeError) as problem:
        raise bad_request(f"The conda file is not valid YAML: {problem}") from None
    if not isinstance(loaded, dict):
        raise bad_request("The conda file must be a mapping with dependencies.")
    return loaded


def with_server(conda: dict[str, Any]) -> dict[str, Any]:
    """Return the conda file with an inference server in its pip part, unless it brings one.

    `ContainerImage` environments name none: the base images of old had their own.
    """
    dependencies = list(conda.get("dependencies") or [])
    pip = next((entry["pip"] for entry in dependencies if isinstance(entry, dict) and "pip" in entry), None) or []
    if any(str(line).startswith(("azureml-defaults", "azureml-inference-server-http")) for line in pip):
        return conda
    others = [entry for entry in dependencies if not (isinstance(entry, dict) and "pip" in entry)]
    return {**conda, "dependencies": [*others, {"pip": [*pip, "azureml-inference-server-http"]}]}

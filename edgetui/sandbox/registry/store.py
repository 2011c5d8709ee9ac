"""What the container registry holds: blobs and manifests by digest on disk, and which repository has which in documents.

A file in `world.state/registry/sha256/` is complete and has the digest that is its name: it was moved there after the
check. Documents: `registry-blob` and `registry-manifest` under "<repository> <digest>", `registry-tag` under
"<repository> <tag>"; no name of either can hold a space.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgetui.sandbox.world import Document, World

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFESTS = (DOCKER_MANIFEST, OCI_MANIFEST)
_INDEXES = (DOCKER_LIST, OCI_INDEX)
# Grammar: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class RegistryError(Exception):
    """A refusal as the distribution API words it: `{"errors": [{"code", "message", "detail"}]}`."""

    def __init__(self, status: int, code: str, message: str, detail: Any = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail = status, code, message, detail


def check_repository(name: str) -> None:
    """Raise NAME_INVALID for a name that no repository can have."""
    if len(name) > 255 or not _REPOSITORY.fullmatch(name):
        raise RegistryError(400, "NAME_INVALID", "invalid repository name", {"name": name})


def is_digest(text: str) -> bool:
    """Say whether the text is a digest in a form that the store keeps."""
    return _DIGEST.fullmatch(text) is not None


def new_part(world: World) -> Path:
    """Return a fresh path, on the store's own disk, for bytes whose digest is not known yet."""
    folder = world.state / "registry" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return `algorithm:hex` of a file's bytes."""
    hasher = hashlib.new(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return f"{algorithm}:{hasher.hexdigest()}"


# --- blobs ---------------------------------------------------------------------------------------------------------


def blob(world: World, repository: str, digest: str) -> Path:
    """Return the file of a repository's blob.

    Raises:
        RegistryError: DIGEST_INVALID or BLOB_UNKNOWN.
    """
    if not is_digest(digest):
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content", {"digest": digest})
    file = _file(world, digest)
    if not has_blob(world, repository, digest) or not file.is_file():
        raise RegistryError(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})
    return file


def has_blob(world: World, repository: str, digest: str) -> bool:
    """Say whether the repository has this blob."""
    return world.get("registry-blob", f"{repository} {digest}") is not None


def add_blob(world: World, repository: str, part: Path, digest: str) -> None:
    """Move a file into the store as a blob of the repository.

    Raises:
        RegistryError: DIGEST_INVALID, the bytes have another digest; the file is left where it is.
    """
    if not is_digest(digest) or file_digest(part, digest.partition(":")[0]) != digest:
        raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content", {"digest": digest})
    target = _file(world, digest)
    with world.transaction():
        target.parent.mkdir(parents=True, exist_ok=True)
        size = part.stat().st_size
        part.replace(target)
        world.put("registry-blob", f"{repository} {digest}", {"size": size})


def mount_blob(world: World, source: str, repository: str, digest: str) -> bool:
    """Give `repository` a blob that `source` has; say whether it has."""
    with world.transaction():
        known = world.get("registry-blob", f"{source} {digest}")
        if known is not None:
            world.put("registry-blob", f"{repository} {digest}", known)
    return known is not None


def delete_blob(world: World, repository: str, digest: str) -> None:
    """Take a blob from a repository; the bytes go with the last one that has them."""
    with world.transaction():
        blob(world, repository, digest)
        world.delete("registry-blob", f"{repository} {digest}")
        _sweep(world, digest)


# --- manifests and tags --------------------------------------------------------------------------------------------


def manifest(world: World, repository: str, reference: str) -> tuple[str, str, bytes]:
    """Return (digest, media type, bytes) of the manifest with this tag or digest.

    Raises:
        RegistryError: MANIFEST_UNKNOWN.
    """
    digest = reference
    if not is_digest(reference):
        tag = world.get("registry-tag", f"{repository} {reference}")
        if tag is None:
            raise _unknown(f'manifest tagged by "{reference}" is not found')
        digest = tag["digest"]
    known = world.get("registry-manifest", f"{repository} {digest}")
    if known is None:
        raise _unknown(f"manifest {digest} is not found")
    return digest, known["mediaType"], _file(world, digest).read_bytes()


def put_manifest(world: World, repository: str, reference: str, raw: bytes, content_type: str | None) -> Document:
    """Store a manifest or index, and point the tag at it; return its document with `digest` and `subject`.

    Raises:
        RegistryError: MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN (it names something that the repository has not),
            DIGEST_INVALID or TAG_INVALID.
    """
    content = _decoded(raw)
    media_type = _media_type(content, content_type)
    algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"
    if is_digest(reference):
        if digest != reference:
            detail = {"digest": reference}
            raise RegistryError(400, "DIGEST_INVALID", "provided digest did not match uploaded content", detail)
    elif not _TAG.fullmatch(reference):
        raise RegistryError(400, "TAG_INVALID", "manifest tag did not match URI", {"tag": reference})
    document = {
        "mediaType": media_type,
        "size": len(raw),
        "artifactType": content.get("artifactType") or _config_type(content),
        "annotations": content.get("annotations") or {},
        "subject": _subject(content),
    }
    part = new_part(world)
    part.write_bytes(raw)
    try:
        with world.transaction():
            _require_references(world, repository, content, media_type)
            target = _file(world, digest)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            world.put("registry-manifest", f"{repository} {digest}", document)
            if not is_digest(reference):
                stamp = datetime.now(timezone.utc).isoformat()
                world.put("registry-tag", f"{repository} {reference}", {"digest": digest, "updated": stamp})
    finally:
        part.unlink(missing_ok=True)
    return {**document, "digest": digest}


def delete_manifest(world: World, repository: str, reference: str) -> None:
    """Remove a tag, or a manifest by digest with every tag that points at it.

    Raises:
        RegistryError: MANIFEST_UNKNOWN.
    """
    with world.transaction():
        digest, _, _ = manifest(world, repository, reference)
        if not is_digest(reference):
            world.delete("registry-tag", f"{repository} {reference}")
            return
        for key, tag in world.items("registry-tag", f"{repository} "):
            if tag["digest"] == digest:
                world.delete("registry-tag", key)
        world.delete("registry-manifest", f"{repository} {digest}")
        _sweep(world, digest)


def tags(world: World, repository: str) -> list[str]:
    """Return a repository's tags in order.

    Raises:
        RegistryError: NAME_UNKNOWN, nothing was ever pushed to it.
    """
    if not world.items("registry-manifest", f"{repository} "):
        raise RegistryError(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": repository})
    return [key.partition(" ")[2] for key, _ in world.items("registry-tag", f"{repository} ")]


def repositories(world: World) -> list[str]:
    """Return the names of all repositories that hold a manifest, in order."""
    return sorted({key.partition(" ")[0] for key, _ in world.items("registry-manifest")})


def referrers(world: World, repository: str, digest: str, artifact_type: str | None) -> list[Document]:
    """Return descriptors of the manifests whose subject is `digest`."""
    return [
        {
            "mediaType": known["mediaType"],
            "digest": key.partition(" ")[2],
            "size": known["size"],
            "artifactType": known["artifactType"],
            "annotations": known["annotations"],
        }
        for key, known in world.items("registry-manifest", f"{repository} ")
        if known["subject"] == digest and artifact_type in {None, known["artifactType"]}
    ]


def _file(world: World, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return world.state / "registry" / algorithm / value


def _sweep(world: World, digest: str) -> None:
    kinds = ("registry-blob", "registry-manifest")
    if not any(key.endswith(f" {digest}") for kind in kinds for key, _ in world.items(kind)):
        _file(world, digest).unlink(missing_ok=True)


def _decoded(raw: bytes) -> Document:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise RegistryError(400, "MANIFEST_INVALID", f"manifest invalid: {problem}") from None
    if not isinstance(content, dict) or content.get("schemaVersion") != 2:
        raise RegistryError(400, "MANIFEST_INVALID", "manifest invalid: schemaVersion must be 2")
    return content


def _media_type(content: Document, content_type: str | None) -> str:
    sent = (content_type or "").partition(";")[0].strip()
    own = content.get("mediaType")
    media_type = sent or own
    if media_type not in {*_MANIFESTS, *_INDEXES}:
        raise RegistryError(400, "MANIFEST_INVALID", f"manifest invalid: media type {media_type!r} is not supported")
    if own not in {None, media_type}:
        raise RegistryError(400, "MANIFEST_INVALID", f"manifest invalid: mediaType is {own!r}, not {media_type!r}")
    return str(media_type)


def _config_type(content: Document) -> str | None:
    config = content.get("config")
    return str(config["mediaType"]) if isinstance(config, dict) and "mediaType" in config else None


def _subject(content: Document) -> str | None:
    subject = content.get("subject")
    if subject is None:
        return None
    if not isinstance(subject, dict) or not is_digest(str(subject.get("digest"))):
        raise RegistryError(400, "MANIFEST_INVALID", "manifest invalid: subject must be a descriptor")
    return str(subject["digest"])


def _require_references(world: World, repository: str, content: Document, media_type: str) -> None:
    """Check that the repository has all that the manifest names."""
    index = media_type in _INDEXES
    children = content.get("manifests") if index else content.get("layers")
    wanted = children if index else [content.get("config"), *(children if isinstance(children, list) else [])]
    if not isinstance(children, list) or not isinstance(wanted, list):
        field = "manifests" if index else "layers"
        raise RegistryError(400, "MANIFEST_INVALID", f"manifest invalid: {field} must be a list")
    kind = "registry-manifest" if index else "registry-blob"
    for descriptor in wanted:
        if not isinstance(descriptor, dict) or not is_digest(str(descriptor.get("digest"))):
            raise RegistryError(400, "MANIFEST_INVALID", "manifest invalid: a descriptor has no valid digest")
        if descriptor.get("urls"):  # lies elsewhere by its own word
            continue
        known = world.get(kind, f"{repository} {descriptor['digest']}")
        detail = {"digest": descriptor["digest"]}
        if known is None:
            raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail)
        if "size" in descriptor and descriptor["size"] != known["size"]:
            raise RegistryError(400, "SIZE_INVALID", "provided length did not match content length", detail)


def _unknown(message: str) -> RegistryError:
    return RegistryError(404, "MANIFEST_UNKNOWN", message)

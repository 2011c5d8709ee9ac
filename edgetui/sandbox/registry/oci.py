"""Pulls an image from a registry as a container engine would, and unpacks its layers safely."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import platform as machine
import re
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse

import requests

from edgetui.sandbox.registry.store import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, is_digest
from edgetui.sandbox.registry.unpack import UnsafeLayerError, unpack

_TIMEOUT = (10, 60)  # seconds: to connect, and between two pieces of an answer
_DOCUMENT_LIMIT = 4 << 20  # bytes of a manifest or configuration
_REFERENCE = re.compile(r"(?P<host>[^/]+)/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}


class PullFailed(Exception):  # noqa: N818 -- a name that rooms share
    """The image cannot be pulled; `message` is worded as docker words it, `status` is HTTP's or 0."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class PulledImage:
    """An image's configuration, the digest of its manifest, and the folder that holds its unpacked layers."""

    config: dict[str, Any]
    digest: str
    root: Path


def configuration(
    reference: str, username: str | None, password: str | None, ca_file: Path | None
) -> tuple[dict[str, Any], str]:
    """An image's configuration and the digest of its manifest, without its layers; arguments and errors as of `pull`."""
    with _opened(reference, username, password, ca_file) as (registry, wanted):
        manifest, digest = registry.manifest(wanted, reference)
        if "manifests" in manifest:
            manifest, _ = registry.manifest(_for_this_machine(manifest), reference)
        return registry.document(manifest.get("config")), digest


def pull(reference: str, username: str | None, password: str | None, ca_file: Path | None, into: Path) -> PulledImage:
    """Pull `host[:port]/repository[:tag][@digest]` and unpack it to `into/root`.

    Args:
        reference: the image; a digest wins over a tag, and without either it is `latest`.
        username: the credential's name, None to ask without a credential.
        password: its password.
        ca_file: the PEM file of the authority to trust; None is the system's.
        into: a folder for the image's files; made when missing.

    Raises:
        PullFailed: refused, unknown, unreachable, damaged on the way, or with a layer that cannot be unpacked safely.
        OSError: the disk.
    """
    with _opened(reference, username, password, ca_file) as (registry, wanted):
        manifest, digest = registry.manifest(wanted, reference)
        if "manifests" in manifest:
            manifest, _ = registry.manifest(_for_this_machine(manifest), reference)
        config = registry.document(manifest.get("config"))
        root = into / "root"
        root.mkdir(parents=True, exist_ok=True)
        for layer in manifest.get("layers") or []:
            with registry.blob(layer, into) as file:
                try:
                    unpack(file, root)
                except (UnsafeLayerError, tarfile.TarError, EOFError) as problem:
                    raise PullFailed(0, f"failed to register layer: {problem}") from None
    return PulledImage(config, digest, root)


@contextlib.contextmanager
def _opened(
    reference: str, username: str | None, password: str | None, ca_file: Path | None
) -> Iterator[tuple[_Registry, str]]:
    """The image's repository, and the tag or digest in it."""
    match = _REFERENCE.fullmatch(reference)
    if match is None or (match["digest"] and not is_digest(match["digest"])):
        raise PullFailed(0, "invalid reference format")
    credential = (username, password or "") if username else None
    with contextlib.closing(_Registry(match["host"], match["repository"], credential, ca_file)) as registry:
        yield registry, match["digest"] or match["tag"] or "latest"


class _Registry:
    """One repository of a registry, signed in to as the registry asks."""

    def __init__(self, host: str, repository: str, credential: tuple[str, str] | None, ca_file: Path | None) -> None:
        self._base = f"https://{host}/v2/{repository}"
        self._repository, self._credential = repository, credential
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy, nor a .netrc, nor another trust than what was given
        self._session.verify = str(ca_file) if ca_file else True
        self._authorization: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def manifest(self, wanted: str, reference: str) -> tuple[dict[str, Any], str]:
        """Return a manifest or index, and its digest."""
        accept = ", ".join((DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX))
        with self._get(f"{self._base}/manifests/{wanted}", accept) as response:
            if response.status_code == 404:
                raise PullFailed(404, f"manifest for {reference} not found: manifest unknown: {_text(response)}")
            self._require(response)
            raw = _limited(response)
        algorithm = wanted.partition(":")[0] if is_digest(wanted) else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"
        if is_digest(wanted) and digest != wanted:
            raise PullFailed(0, f"manifest verification failed for digest {wanted}")
        manifest = _json(raw)
        if manifest.get("schemaVersion") != 2:
            raise PullFailed(0, "unsupported manifest format: schemaVersion must be 2")
        return manifest, digest

    def document(self, descriptor: Any) -> dict[str, Any]:
        """Return a blob that is JSON: the image's configuration."""
        digest = _digest(descriptor)
        with self._get(f"{self._base}/blobs/{digest}") as response:
            self._require(response)
            raw = _limited(response)
        if hashlib.new(digest.partition(":")[0], raw).hexdigest() != digest.partition(":")[2]:
            raise PullFailed(0, f"filesystem layer verification failed for digest {digest}")
        return _json(raw)

    @contextlib.contextmanager
    def blob(self, descriptor: Any, folder: Path) -> Iterator[Path]:
        """Download a layer and check it; the file is gone afterwards."""
        digest = _digest(descriptor)
        file = folder / f".layer-{uuid.uuid4().hex}"
        hasher = hashlib.new(digest.partition(":")[0])
        try:
            with self._get(f"{self._base}/blobs/{digest}") as response, file.open("wb") as out:
                self._require(response)
                try:
                    for chunk in response.iter_content(1 << 20):
                        hasher.update(chunk)
                        out.write(chunk)
                except requests.RequestException as problem:
                    raise PullFailed(0, f"error pulling image configuration: {_reason(problem)}") from None
            if hasher.hexdigest() != digest.partition(":")[2]:
                raise PullFailed(0, f"filesystem layer verification failed for digest {digest}")
            yield file
        finally:
            file.unlink(missing_ok=True)

    def _get(self, url: str, accept: str = "*/*") -> requests.Response:
        response = self._send(url, accept)
        if response.status_code == 401 and self._authorization is None:
            self._authorization = self._sign_in(response.headers.get("WWW-Authenticate", ""))
            response.close()
            response = self._send(url, accept)
        return response

    def _send(self, url: str, accept: str) -> requests.Response:
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        try:
            return self._session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
        except requests.RequestException as problem:
            raise PullFailed(0, f'Get "{url}": {_reason(problem)}') from None

    def _sign_in(self, challenge: str) -> str:
        """Return the Authorization header that answers the registry's challenge."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._credential:
            return "Basic " + base64.b64encode(":".join(self._credential).encode()).decode()
        fields = dict(_CHALLENGE.findall(rest))
        realm = fields.get("realm", "")
        if scheme.lower() != "bearer" or urlparse(realm).scheme != "https":
            raise PullFailed(401, "no basic auth credentials" if not self._credential else _REFUSED)
        query = {"service": fields.get("service", ""), "scope": f"repository:{self._repository}:pull"}
        try:
            response = self._session.get(realm, params=query, auth=self._credential, timeout=_TIMEOUT)
        except requests.RequestException as problem:
            raise PullFailed(0, f'Get "{realm}": {_reason(problem)}') from None
        self._require(response)
        answer = _json(response.content)
        return f"Bearer {answer.get('access_token') or answer.get('token')}"

    def _require(self, response: requests.Response) -> None:
        if response.status_code == 401:
            raise PullFailed(401, _REFUSED)
        if response.status_code != 200:
            raise PullFailed(response.status_code, _text(response))


_REFUSED = "unauthorized: authentication required"


def _for_this_machine(index: dict[str, Any]) -> str:
    """Return the digest of the image in an index that this machine can run."""
    architecture = _ARCHITECTURES.get(machine.machine().lower(), machine.machine().lower())
    for entry in index.get("manifests") or []:
        where = entry.get("platform") or {}
        if (where.get("os"), where.get("architecture")) == ("linux", architecture):
            return _digest(entry)
    raise PullFailed(0, f"no matching manifest for linux/{architecture} in the manifest list entries")


def _digest(descriptor: Any) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not is_digest(digest):
        raise PullFailed(0, "invalid checksum digest format")
    return digest


def _limited(response: requests.Response) -> bytes:
    raw = b""
    try:
        for chunk in response.iter_content(1 << 16):
            raw += chunk
            if len(raw) > _DOCUMENT_LIMIT:
                raise PullFailed(0, f"the document is larger than {_DOCUMENT_LIMIT} bytes")
    except requests.RequestException as problem:
        raise PullFailed(0, _reason(problem)) from None
    return raw


def _json(raw: bytes) -> dict[str, Any]:
    import json

    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise PullFailed(0, "the registry's answer is not a JSON object")
    return cast("dict[str, Any]", value)


def _text(response: requests.Response) -> str:
    """Return the registry's error as docker words it: `denied: requested access to the resource is denied`."""
    try:
        error = response.json()["errors"][0]
        return f"{str(error['code']).lower().replace('_', ' ')}: {error['message']}".removeprefix("manifest unknown: ")
    except (ValueError, LookupError, TypeError):
        return f"received unexpected HTTP status: {response.status_code} {response.reason}"


def _reason(problem: requests.RequestException) -> str:
    if isinstance(problem, requests.exceptions.SSLError):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    if isinstance(problem, requests.Timeout):
        return "net/http: request canceled while waiting for connection (Client.Timeout exceeded)"
    if "refused" in str(problem):
        return "connect: connection refused"
    return str(problem)

"""The data plane of a container registry: manifests, tags and catalog by the OCI distribution API, with one given credential.

No client library fits: oras-py reads credentials from the Docker configuration and has no deadlines; docker needs an engine.
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
import requests

from edgetui.adapters.errors import as_edge_error, short
from edgetui.adapters.web import Web
from edgetui.core.errors import EdgeError, bad_input
from edgetui.core.models import ImageDetails, RegistryCredential
from edgetui.core.redact import Secret

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ACCEPT = ", ".join(
    ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json", *_INDEXES)
)
_LIMIT = 4 << 20  # bytes; manifests and configs are far below
_PAGE = 100
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<host>[A-Za-z0-9.-]+(?::\d+)?)/(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_LINK = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_FIELD = "registry.credential"


@dataclass(frozen=True)
class Reference:
    """A parsed image reference; `last` is its digest, else its tag."""

    host: str
    repository: str
    last: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `<login server>/<repository>[:tag][@sha256:…]`; EdgeError(kind='input') where it is none."""
        found = _REFERENCE.fullmatch(text)
        if not found:
            raise bad_input("image.name", f"{text!r} is no image reference", "Write <login server>/<repository>:<tag>.")
        return cls(found["host"], found["repository"], found["digest"] or found["tag"] or "latest")


# The user name that Azure's registries take with a token of their own as the password.
BY_TOKEN = "00000000-0000-0000-0000-000000000000"


class Session:
    """One credential at one registry. The password goes to that host by TLS, and nowhere else."""

    def __init__(self, web: Web, credential: RegistryCredential) -> None:
        self._web = web
        self._credential = credential
        self._host = credential.login_server
        self._base = f"https://{self._host}"
        self._bearers: dict[str, str] = {}  # by scope

    def image(self, reference: str) -> ImageDetails:
        """An image's digest, platform and size (see `core.ports.Registry.resolve`)."""
        place = Reference.parse(reference)
        if place.host.lower() != self._host.lower():
            title = f"The credential is for {self._host}, the image is in {place.host}"
            raise EdgeError(title, remedy="Fetch the credential of the image's registry.", field=_FIELD)
        doing = f"read image {reference}"
        manifest, digest, kind = self._manifest(place.repository, place.last, doing)
        if kind in _INDEXES:
            entries = [e for e in manifest.get("manifests", []) if _platform(e.get("platform") or {})]
            platform = ",".join(dict.fromkeys(_platform(e["platform"]) for e in entries))
            if entries:
                manifest, _, _ = self._manifest(place.repository, entries[0]["digest"], doing)
        else:
            return self._with_config(_details(reference, digest, "", manifest), place.repository, manifest, doing)
        return _details(reference, digest, platform, manifest)

    def images(self) -> Iterator[list[ImageDetails]]:
        """All tags of all repositories, one list for each page of tags; no platform, which would take a request each."""
        doing = f"list the images of {self._host}"
        for repositories in self._pages("/v2/_catalog", "repositories", "registry:catalog:*", doing):
            for name in repositories:
                scope = f"repository:{name}:pull,metadata_read"
                for tags in self._pages(f"/v2/{name}/tags/list", "tags", scope, doing):
                    found = [self._tagged(name, tag, doing) for tag in tags]
                    yield [one for one in found if one is not None]

    def _tagged(self, name: str, tag: str, doing: str) -> ImageDetails | None:
        """The details of one tag, or None where it was deleted since the list was made."""
        reference = f"{self._host}/{name}:{tag}"
        response = self._get(f"/v2/{name}/manifests/{tag}", f"repository:{name}:pull", {"Accept": _ACCEPT}, doing)
        if response.status_code == 404:
            return None
        manifest, digest, _ = self._read_manifest(response, doing)
        return _details(reference, digest, "", manifest)

    def _pages(self, path: str, key: str, scope: str, doing: str) -> Iterator[list[str]]:
        url = f"{path}?n={_PAGE}"
        while url:
            response = self._get(url, scope, {}, doing)
            if response.status_code == 404:  # a repository that was deleted since
                return
            document = self._json(response, doing)
            yield [name for name in document.get(key) or [] if isinstance(name, str)]
            following = _LINK.search(response.headers.get("Link", ""))
            url = urljoin(url, following[1]) if following else ""

    def _manifest(self, repository: str, last: str, doing: str) -> tuple[dict[str, Any], str, str]:
        path = f"/v2/{repository}/manifests/{last}"
        return self._read_manifest(
            self._get(path, f"repository:{repository}:pull", {"Accept": _ACCEPT}, doing), doing, last
        )

    def _read_manifest(
        self, response: requests.Response, doing: str, last: str = ""
    ) -> tuple[dict[str, Any], str, str]:
        manifest = self._json(response, doing)
        digest = "sha256:" + hashlib.sha256(response.content).hexdigest()
        said = {response.headers.get("Docker-Content-Digest", digest), last if last.startswith("sha256:") else digest}
        if said != {digest}:
            title = f"Could not {doing}: the manifest does not match its digest"
            raise EdgeError(title, "It may have been changed on the way.", "Check the proxy, then try again.")
        kind = manifest.get("mediaType") or response.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind in _INDEXES or "config" in manifest:
            return manifest, digest, kind
        raise EdgeError(
            f"Could not {doing}: it is no image", f"Its type is {kind}.", "Choose another tag.", field="image.tag"
        )

    def _with_config(
        self, details: ImageDetails, repository: str, manifest: dict[str, Any], doing: str
    ) -> ImageDetails:
        config = self._config(repository, manifest, doing)
        inner = config.get("config")
        labels = inner.get("Labels") if isinstance(inner, dict) else None
        kept = {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
        return msgspec.structs.replace(details, platform=_platform(config), labels=kept)

    def _config(self, repository: str, manifest: dict[str, Any], doing: str) -> dict[str, Any]:
        digest = manifest["config"].get("digest", "")
        return self._json(
            self._get(f"/v2/{repository}/blobs/{digest}", f"repository:{repository}:pull", {}, doing), doing
        )

    def _json(self, response: requests.Response, doing: str) -> dict[str, Any]:
        if response.status_code != 200:
            raise _refusal(response, self._credential, doing)
        if len(response.content) > _LIMIT:
            raise EdgeError(f"Could not {doing}: the answer is too large", remedy="This is no image of ours.")
        try:
            value = msgspec.json.decode(response.content)
        except msgspec.DecodeError as problem:
            raise _foreign(self._host, doing, str(problem)) from None
        if not isinstance(value, dict):
            raise _foreign(self._host, doing, "its answer is no JSON object")
        return value

    def _get(self, path: str, scope: str, headers: dict[str, str], doing: str) -> requests.Response:
        """One GET, signed in as the registry asks; the last answer, whatever its status."""
        url = urljoin(self._base, path)
        bearer = self._bearers.get(scope)
        try:
            response = self._web.send("GET", url, headers={**headers, **({"Authorization": bearer} if bearer else {})})
            if response.status_code == 401:
                self._bearers[scope] = self._sign_in(response, scope, doing)
                response = self._web.send("GET", url, headers={**headers, "Authorization": self._bearers[scope]})
        except requests.RequestException as problem:
            raise as_edge_error(problem, doing) from problem
        return response

    def _sign_in(self, challenge: requests.Response, scope: str, doing: str) -> str:
        """The Authorization header that answers a 401: Basic, or a bearer token of the registry's own token service."""
        asked = challenge.headers.get("WWW-Authenticate", "")
        user = (self._credential.username, self._credential.password.reveal())
        if asked.lower().startswith("basic"):
            basic = requests.Request("GET", self._base, auth=user).prepare().headers["Authorization"]
            return str(basic)
        known = dict(_PARAMETER.findall(asked))
        realm = urlsplit(known.get("realm", ""))
        if (
            not asked.lower().startswith("bearer")
            or realm.scheme != "https"
            or realm.netloc.lower() != self._host.lower()
        ):
            raise _foreign(self._host, doing, f"it asks to sign in by {short(asked) or 'nothing'}")
        # Our own scope: a registry names only what the one request needs.
        query = {"service": known.get("service", self._host), "scope": known.get("scope") or scope}
        response = self._web.send("GET", realm.geturl(), params=query, auth=user)
        document = self._json(response, doing)
        token = document.get("access_token") or document.get("token")
        if not isinstance(token, str) or not token:
            raise _foreign(self._host, doing, "its token service gave no token")
        return f"Bearer {token}"


def exchanged(web: Web, login_server: str, token: str) -> RegistryCredential:
    """A registry credential for a bearer token of Azure (https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md).

    Raises:
        EdgeError: the registry is not reachable, or does not know whose token that is.
    """
    doing = f"sign in to registry {login_server}"
    form = {"grant_type": "access_token", "service": login_server, "access_token": token}
    try:
        response = web.send("POST", f"https://{login_server}/oauth2/exchange", data=form)
    except requests.RequestException as problem:
        raise as_edge_error(problem, doing) from problem
    who = RegistryCredential(login_server, BY_TOKEN, Secret(""))
    if response.status_code != 200:
        error = _refusal(response, who, doing)
        if error.kind == "access":
            error.title = f"You may not use registry {login_server}"
            error.remedy = "Ask an owner of the registry for the role AcrPush on it."
        raise error
    try:
        refresh = msgspec.json.decode(response.content)["refresh_token"]
    except (msgspec.DecodeError, KeyError, TypeError):
        raise _foreign(login_server, doing, "it gave no token") from None
    return msgspec.structs.replace(who, password=Secret(str(refresh)))


def _details(reference: str, digest: str, platform: str, manifest: dict[str, Any]) -> ImageDetails:
    layers = manifest.get("layers") or []
    return ImageDetails(reference, digest, platform, sum(layer.get("size", 0) for layer in layers), len(layers))


def _platform(value: dict[str, Any]) -> str:
    """`os/arch[/variant]`; "" for what is no image, such as an attestation."""
    parts = [value.get(name) for name in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if part) if parts[0] and parts[0] != "unknown" else ""


def _foreign(host: str, doing: str, detail: str) -> EdgeError:
    remedy = "Check that the name is that of a container registry, and that no proxy answers in its place."
    return EdgeError(f"Could not {doing}: {host} does not answer as a container registry", detail, remedy)


def _refusal(response: requests.Response, credential: RegistryCredential, doing: str) -> EdgeError:
    """What a registry's refusal means: password, rights, firewall, name; else the general table."""
    said = _message(response)
    host, user, status = credential.login_server, credential.username, response.status_code
    if status == 401:
        title = f"{host} does not accept the credential of {user}"
        remedy = "Fetch the credential again in step 5 Credentials; the password may have been renewed, or the user switched off."
        return EdgeError(title, said, remedy, field=_FIELD, kind="access")
    if status == 403 and re.search(r"\bIP\b|firewall|network", said):
        title = f"The firewall of {host} does not let this machine in"
        remedy = "Add this machine's address to the registry's network rules, or work from a network that is allowed."
        return EdgeError(title, said, remedy, kind="access")
    if status == 403:
        title = f"{user} may not pull from {host}"
        return EdgeError(
            title, said, "Give the user the right to pull, or use another credential.", field=_FIELD, kind="access"
        )
    if status == 404:
        title = f"Could not {doing}: it is not in the registry"
        return EdgeError(title, said, "Check repository and tag, or build the image again.", field="image.name")
    try:
        response.raise_for_status()
    except requests.RequestException as problem:
        error = as_edge_error(problem, doing)
        error.detail = said or error.detail
        return error
    return _foreign(host, doing, f"status {status}")


def _message(response: requests.Response) -> str:
    """The registry's own words: `CODE: message` of the first error."""
    try:
        first = msgspec.json.decode(response.content)["errors"][0]
        return short(f"{first.get('code', '')}: {first.get('message', '')}")
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
        return short(response.text[:300])

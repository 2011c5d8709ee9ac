"""The causes of failed builds that we know, as data: the words of engines, registries, pip, uv, conda and micromamba."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetui.core.errors import ErrorKind

_ENVIRONMENT = "scoring.environment"
_CREDENTIAL = "registry.credential"
_HOST = r"https?://(?:[^@/\s]*@)?"  # what stands before a host's name; a user's part of it is never shown


@dataclass(frozen=True)
class Cause:
    """One cause: what it is called, what to do, where, and how it counts.

    The pattern's groups may stand in the first two: `said`, which other branches of the pattern call `said2`, `said3` …
    """

    pattern: re.Pattern[str]
    why: str
    remedy: str
    field: str = ""
    kind: ErrorKind = "failed"
    retryable: bool = False


def _cause(
    pattern: str, why: str, remedy: str, field: str = "", kind: ErrorKind = "failed", *, again: bool = False
) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE | re.MULTILINE), why, remedy, field, kind, again)


_MACHINE = (
    _cause(
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "Free some space where the build runs; `docker system prune` helps there",
        again=True,
    ),
    _cause(
        r"^killed$|killed signal terminated program|signal: killed|^MemoryError\b"
        r"|(?:returned a non-zero code:|exit (?:code|status):?) 137\b",
        "the memory did not suffice",
        "Give the engine more memory, build elsewhere (image.builder), or choose versions that have wheels",
    ),
    _cause(
        r"exec format error",
        "the base image is for another processor",
        "Choose a base image for the platform, or another platform",
        "image.platform",
    ),
    _cause(
        r"^WrongBase: (?P<said>[^\"\n]{1,200})",
        "{said}",
        "Change the environment's python, or the base image",
        "image.base",
    ),
)
_NETWORK = (
    _cause(
        r"/v2/[^\n]*x509",
        "the engine does not trust the registry's certificate",
        "Give the engine the certificate's CA: /etc/docker/certs.d/<registry>/ca.crt, for Podman /etc/containers/certs.d",
    ),
    _cause(
        r"server gave HTTP response to HTTPS client",
        "the registry speaks plain HTTP, which the engine does not use there",
        "Name it in the engine's insecure-registries, for Podman in registries.conf",
    ),
    _cause(
        r"certificate[ _]verify[ _]failed|SSLCertVerificationError|x509: certificate",
        "the package index's certificate is not trusted inside the build",
        "Give the file with your network's certificates as image.ca_bundle",
        "image.ca_bundle",
    ),
    _cause(
        r"toomanyrequests|pull rate limit|429 Too Many Requests",
        "the base image's registry gives no more for now",
        "Wait and build again, sign the engine in (docker login), or name a copy in your own registry as image.base",
        "image.base",
        again=True,
    ),
    _cause(
        r"dial tcp: lookup (?P<said>[^\s:]+)[^\n]*: (?:no such host|server misbehaving|Temporary failure)"
        r"|Failed to resolve '(?P<said2>[^'\n]+)'|Could not resolve host: (?P<said3>[\w.-]+)",
        "the build finds no host {said}",
        "Correct the name, or look at the engine's network, DNS and proxy; image.network = \"host\" uses this machine's",
        again=True,
    ),
    _cause(
        r"name resolution|no such host|Name or service not known|failed to lookup address|Network is unreachable"
        r"|Failed to establish a new connection|Connection to \S+ timed out|ReadTimeoutError",
        "the build cannot reach the network",
        "Look at the engine's network and proxy; image.network = \"host\" uses this machine's",
        again=True,
    ),
    _cause(
        rf"HTTP error 40[13] while getting {_HOST}(?P<said>[^/\s]+)|40[13] Error, [^\n]*? for {_HOST}(?P<said2>[^/\s]+)"
        rf"|40[13] Client Error: [^\n]*? for url: {_HOST}(?P<said3>[^/\s]+)"
        rf"|\(40[13] [^)\n]*\) for url \({_HOST}(?P<said4>[^/\s)]+)"
        rf"|index URL \({_HOST}(?P<said5>[^/\s)]+)[^\n]*\(40[13] ",
        "the package index {said} asks for a sign-in",
        "Name an index that needs none as image.index_url: a password would stand in the image and in its log",
        "image.index_url",
    ),
    _cause(
        rf"HTTP 40[13] [^\n]*for url <?{_HOST}(?P<said>[^/\s>]+)|{_HOST}(?P<said2>[^/\s\]]+)[^\n]*returned error: 40[13]"
        rf"|Failed to download package from {_HOST}(?P<said3>[^/\s]+)[^\n]*\(status 40[13]\)",
        "the conda channel at {said} asks for a sign-in",
        "Name a channel that needs none, such as conda-forge, or take the packages from pip",
        _ENVIRONMENT,
    ),
)
_PACKAGES = (
    _cause(
        r"No such file or directory: 'git'|Cannot find command 'git'|Git executable not found|git: (?:command )?not found",
        "git is missing, which a line with git+ needs",
        "Add `- git` to the environment's conda packages, or name a release from the package index",
        _ENVIRONMENT,
    ),
    _cause(
        r"(?:No such file or directory|Distribution not found|does not exist)[^\n]*"
        r"/(?:feedstock_root/build_artifacts|conda-bld|croots?(?:/recipe)?|bld)/(?:rattler-build_)?(?P<said>[a-z0-9][\w.-]*?)_\d{5}",
        "{said} is named by a path of the machine where it was frozen",
        "Write its name and version there: {said}==…",
        _ENVIRONMENT,
    ),
    _cause(
        r"Could not open (?:requirements|constraints) file: [^\n]*?'(?P<said>[^'\n]+)'",
        "the environment names the file {said}, which the image has not",
        "List its packages in the environment instead",
        _ENVIRONMENT,
    ),
    _cause(
        r"Package '(?P<said>[^'\n]+)' requires a different Python: (?P<has>\S+) not in '(?P<wants>[^'\n]+)'"
        r"|current Python version \((?P<has2>[^)\n]+)\) does not satisfy Python(?P<wants2>\S+?),? and (?P<said2>\S+) depends",
        "{said} is not for Python {has}, but for {wants}",
        "Change python in the environment, or the package's version",
        _ENVIRONMENT,
    ),
    _cause(
        r"No matching distribution found for (?P<said>[^\s\"(]+)"
        r"|Could not find a version that satisfies the requirement (?P<said2>[^\s\"(]+)"
        r"|Because (?P<said3>\S+) was not found in the|there (?:is|are) no versions? of (?P<said4>\S+)",
        "there is no {said} for this Python and platform",
        "Correct the package's name or version in the environment",
        _ENVIRONMENT,
    ),
    _cause(
        r"ResolutionImpossible|conflicting dependencies|No solution found when resolving",
        "the packages do not fit together",
        "Loosen the versions that are named in the log",
        _ENVIRONMENT,
    ),
    _cause(
        r"^[^\w\n]*(?P<said>\w[\w.-]*)[^\n]*? does not exist \(perhaps|nothing provides requested (?P<said2>[^\s,]+)"
        r"|nothing provides (?P<said3>[^\s,]+)[^\n]* needed by",
        "conda's channels have no {said}",
        "Correct its name or version, add its channel, or take it from pip",
        _ENVIRONMENT,
    ),
    _cause(
        r"PackagesNotFoundError|LibMambaUnsatisfiableError|ResolvePackageNotFound|UnsatisfiableError|nothing provides"
        r"|Could not solve for environment specs",
        "conda cannot resolve the environment",
        "Correct the conda packages in the environment",
        _ENVIRONMENT,
    ),
    _cause(
        r"metadata-generation-failed|Failed building wheel for (?P<said>\S+)|subprocess-exited-with-error",
        "a package has no wheel here and cannot be compiled",
        "Choose a version that has wheels for this Python and platform",
        _ENVIRONMENT,
    ),
)
_REGISTRY = (
    _cause(
        r"pull access denied|manifest (?:for \S+ )?(?:not found|unknown)|repository \S+ not found|no such image",
        "the base image is not there, or may not be pulled",
        "Check image.base, or leave it empty",
        "image.base",
    ),
    _cause(
        r"requested access to the resource is denied|insufficient_scope|(?<!permission )denied: |^denied$",
        "the registry does not let this user push",
        "Use a credential that may push, such as the admin user's",
        _CREDENTIAL,
        "access",
    ),
    _cause(
        r"unauthorized|authentication required|no basic auth credentials|incorrect username or password",
        "the registry does not accept the credential",
        "Fetch the credential again in step 5 Credentials",
        _CREDENTIAL,
        "access",
    ),
    _cause(
        r"connection refused|connection reset|no route to host|i/o timeout|TLS handshake timeout",
        "the registry or the network does not answer",
        "Check the network, then build again",
        "",
        "unreachable",
        again=True,
    ),
)
_FILES = (
    _cause(
        r"(?:COPY|ADD) failed|unable to find \S+ in the context|failed to (?:compute cache key|calculate checksum)",
        "a file that the build needs is missing",
        "Look at the .dockerignore of image.context",
        "image.context",
    ),
    _cause(
        r"Permission denied: '(?P<said>[^'\n]+)'|(?P<said2>/[^\s:'\u2019]+)['\u2019]?: Permission denied",
        "a command of the build may not use {said}",
        "Read the log above it: the package's own installation, or the engine's security, forbids that",
    ),
    _cause(
        r"No such file or directory: '(?P<said>[^'\n]+)'|(?P<said2>/[^\s:'\u2019]+)['\u2019]?: No such file or directory",
        "a command of the build misses {said}",
        "Read the log above it: a package needs a program or file that the base image has not",
    ),
)

# The first that matches is told: what stands above is nearer to the cause, what stands below often follows from it.
CAUSES = (*_MACHINE, *_NETWORK, *_PACKAGES, *_REGISTRY, *_FILES)

# Says only that something failed, not what.
ANY = _cause(
    r"returned a non-zero code: (?P<said>\d+)",
    "a command of the build ended with code {said}",
    "Read the log above the last line",
)

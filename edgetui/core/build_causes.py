"""Why a build failed, in one line, with the field to correct: from the builders' own words to causes that a person can act on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgetui.core.ansi import plain
from edgetui.core.errors import EdgeError, ErrorKind

_ENVIRONMENT = "scoring.environment"
_CREDENTIAL = "registry.credential"


@dataclass(frozen=True)
class Cause:
    """One cause: what it is called (groups of the match may stand in it), what to do, where, and how it counts."""

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


# The first that matches is told: what stands above is nearer to the cause, what stands below often follows from it.
CAUSES = (
    _cause(
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "Free some space where the build runs; `docker system prune` helps there",
        again=True,
    ),
    _cause(
        r"exec format error",
        "the base image is for another processor",
        "Choose a base image for the platform, or another platform",
        "image.platform",
    ),
    _cause(
        r"^WrongBase: (?P<said>[^\"\n]{0,200})",
        "{said}",
        "Change the environment's python, or the base image",
        "image.base",
    ),
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
        r"name resolution|no such host|Name or service not known|Network is unreachable|Failed to establish a new connection"
        r"|Connection to \S+ timed out|ReadTimeoutError",
        "the build cannot reach the network",
        "Look at the engine's network and proxy; image.network = \"host\" uses this machine's",
        again=True,
    ),
    _cause(
        r"No matching distribution found for (?P<said>[^\s\"(]+)"
        r"|Could not find a version that satisfies the requirement (?P<also>[^\s\"(]+)"
        r"|Because (?P<unknown>\S+) was not found in the|there (?:is|are) no versions? of (?P<never>\S+)",
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
        r"PackagesNotFoundError|LibMambaUnsatisfiableError|ResolvePackageNotFound|UnsatisfiableError|nothing provides",
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
    _cause(
        r"pull access denied|manifest (?:for \S+ )?(?:not found|unknown)|repository \S+ not found|no such image",
        "the base image is not there, or may not be pulled",
        "Check image.base, or leave it empty",
        "image.base",
    ),
    _cause(
        r"requested access to the resource is denied|insufficient_scope|denied: |^denied$",
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
    _cause(
        r"COPY failed|unable to find \S+ in the context|no such file or directory",
        "a file that the build needs is missing",
        "Look at the .dockerignore of image.context",
        "image.context",
    ),
)

# Says only that something failed, not what.
_ANY = _cause(
    r"returned a non-zero code: (?P<said>\d+)",
    "a command of the build ended with code {said}",
    "Read the log above the last line",
    "",
)
# The commands themselves, which speak of what may go wrong.
_COMMANDS = re.compile(r"^(?:Step \d+/\d+ :|The command ').*$", re.MULTILINE)


def find(text: str) -> tuple[Cause, str] | None:
    """The cause that the words speak of, and its name in one line; None where they say nothing that we know."""
    said = _COMMANDS.sub("", plain(text))
    for cause in CAUSES:
        found = cause.pattern.search(said)
        if found:
            name = next((value for value in found.groupdict().values() if value), "").strip()
            return cause, cause.why.format(said=name) if name or "{said}" not in cause.why else cause.remedy
    return None


def _any(text: str) -> tuple[Cause, str] | None:
    found = _ANY.pattern.search(text)
    return (_ANY, _ANY.why.format(said=found["said"])) if found else None


def explained(problem: EdgeError, log: str = "") -> EdgeError:
    """The same failure with its cause in the title, what to do, and where; unchanged where the cause is not known."""
    found = (find(problem.detail) or find(log) or _any(problem.detail)) if problem.kind == "failed" else None
    if found is None:
        return problem
    cause, why = found
    return EdgeError(
        f"{problem.title}: {why}",
        problem.detail,
        f"{cause.remedy}.",
        retryable=cause.retryable,
        field=cause.field,
        kind=cause.kind,
    )

"""The package installer (uv) as a program: where it is, and the environment in which it asks the index that pip is told of."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from edgetui.core.models import PackageIndex

_KEPT = frozenset(
    (
        *(
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "LANG",
            "TZ",
            "TMPDIR",
            "TMP",
            "TEMP",
            "SYSTEMROOT",
            "USERPROFILE",
            "APPDATA",
        ),
        *("LOCALAPPDATA", "PROGRAMDATA", "COMSPEC", "PATHEXT", "LD_LIBRARY_PATH", "CC", "CXX", "CFLAGS", "LDFLAGS"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    )
)
_KEPT_PREFIXES = ("LC_", "XDG_", "UV_")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")


def program() -> str:
    """The path of the uv program that came with its package."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def environment(
    cache: Path, outer: Mapping[str, str] | None = None, index: PackageIndex | None = None
) -> dict[str, str]:
    """The environment of uv's process: nothing of Azure, no secret of ours, the index as pip is configured.

    Args:
        cache: uv's own cache folder.
        outer: the environment to take from; None is this process's.
        index: the one that the image is built from, which then is the only one; None, or "" in it, is as pip is configured.
    """
    outer = os.environ if outer is None else outer
    found = {k: v for k, v in outer.items() if k.upper() in _KEPT or k.upper().startswith(_KEPT_PREFIXES)}
    if "EDGETUI_SANDBOX_ARM" in outer:  # the sandbox's certificate is not the index's
        found.pop("SSL_CERT_FILE", None)
    found = _own_credentials(cache, outer) | found | _index(outer)
    found.pop("UV_CACHE_DIR", None)
    if index is not None and index.url:
        found = {k: v for k, v in found.items() if k not in {*_INDEXES, "UV_FIND_LINKS", "UV_NO_INDEX"}}
        found["UV_DEFAULT_INDEX"] = index.url
    if index is not None and index.ca:
        found["SSL_CERT_FILE"] = index.ca
    # A Python is chosen among those that are there; tens of megabytes are not fetched behind a check.
    found.setdefault("UV_PYTHON_DOWNLOADS", "never")
    return {**found, "UV_CACHE_DIR": str(cache), "NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PYTHONUNBUFFERED": "1"}


def _own_credentials(cache: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """Keep uv's lock file out of the person's home, unless they keep their logins of `uv auth` there."""
    home = Path(outer.get("HOME") or outer.get("USERPROFILE") or Path.home())
    shares = (
        Path(outer.get("XDG_DATA_HOME") or home / ".local/share", "uv"),
        Path(outer.get("APPDATA") or home, "uv/data"),
    )
    if any((share / "credentials/credentials.toml").is_file() for share in shares):
        return {}
    return {"UV_CREDENTIALS_DIR": str(cache / "credentials")}


def _index(outer: Mapping[str, str]) -> dict[str, str]:
    """What pip is told about its index, in uv's words, unless uv is told itself."""
    told = _pip_settings(outer)
    found = {}
    if not any(outer.get(name) for name in _INDEXES):
        if told.get("index-url"):
            found["UV_DEFAULT_INDEX"] = told["index-url"]
        if told.get("extra-index-url"):
            found["UV_INDEX"] = " ".join(told["extra-index-url"].split())
            # As pip does: the best version of all indexes, not the first index that knows the name.
            found["UV_INDEX_STRATEGY"] = outer.get("UV_INDEX_STRATEGY") or "unsafe-best-match"
    if told.get("find-links") and not outer.get("UV_FIND_LINKS"):
        found["UV_FIND_LINKS"] = ",".join(told["find-links"].split())
    if told.get("trusted-host") and not outer.get("UV_INSECURE_HOST"):
        found["UV_INSECURE_HOST"] = " ".join(told["trusted-host"].split())
    if told.get("cert") and Path(told["cert"]).is_file() and not outer.get("SSL_CERT_FILE"):
        found["SSL_CERT_FILE"] = told["cert"]
    return found


def _pip_settings(outer: Mapping[str, str]) -> dict[str, str]:
    """Settings of pip for installing, as pip reads them: files, then variables."""
    settings: dict[str, str] = {}
    if outer.get("PIP_CONFIG_FILE") != os.devnull:
        for file in _pip_files(outer):
            parser = configparser.RawConfigParser()
            try:
                parser.read(file, encoding="utf-8")
            except (configparser.Error, UnicodeDecodeError):
                continue  # pip's to complain about
            for section in ("global", "install"):
                if parser.has_section(section):
                    settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in outer.items():
        if name.upper().startswith("PIP_") and value:
            settings[name[4:].lower().replace("_", "-")] = value
    return settings


def _pip_files(outer: Mapping[str, str]) -> list[Path]:
    """Where pip's settings may be, later ones win."""
    home = Path(outer.get("HOME") or outer.get("USERPROFILE") or Path.home())
    config = Path(outer.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    files.append(Path(sys.prefix) / "pip.conf")
    return [*files, Path(outer["PIP_CONFIG_FILE"])] if outer.get("PIP_CONFIG_FILE") else files

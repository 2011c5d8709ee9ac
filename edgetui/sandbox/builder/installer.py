"""The package installer (uv): its program, and the environment in which it talks to the package index.

It gets what it needs and nothing else: a package's own build code must not see the sandbox's secrets, and the sandbox's
certificate must not become the package index's. The index that pip is configured for is the one that uv asks.
"""

from __future__ import annotations

import configparser
import os
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path

_SYSTEM = (
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
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
    ),
    *("USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "LD_LIBRARY_PATH"),
)
_COMPILER = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "PKG_CONFIG_PATH")
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "SSL_CERT_DIR")
_UV = (
    *("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE", "UV_EXCLUDE_NEWER"),
    *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_TORCH_BACKEND"),
    *("UV_CONFIG_FILE", "UV_LINK_MODE", "UV_CREDENTIALS_DIR"),
)
_KEPT = frozenset({*_SYSTEM, *_COMPILER, *_NETWORK, *_UV})
_KEPT_PREFIXES = ("LC_", "XDG_", "UV_INDEX", "UV_HTTP_", "UV_CONCURRENT_")
_SANDBOX = "EDGETUI_SANDBOX_ARM"  # there when a sandbox's env file was loaded
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")


def program() -> str:
    """Return the path of the uv program that came with its package."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def environment(
    cache: Path, outer: Mapping[str, str] | None = None, told: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of the installer's process.

    Args:
        cache: the installer's own cache folder.
        outer: the environment to take from; None is this process's.
        told: what counts instead of the person's own settings; an empty value takes a setting away.
    """
    outer = os.environ if outer is None else outer
    inner = {
        name: value for name, value in outer.items() if name.upper() in _KEPT or name.upper().startswith(_KEPT_PREFIXES)
    }
    inner |= _index(outer) | _trust(outer) | dict(told or {})
    inner = _own_credentials(cache, outer) | {name: value for name, value in inner.items() if value}
    return {**inner, "UV_CACHE_DIR": str(cache), "NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PYTHONUNBUFFERED": "1"}


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
    """Return what pip is told about its index, in uv's words, unless uv is told itself."""
    if any(outer.get(name) for name in _INDEXES):
        return {}
    told = _pip_settings(outer)
    found = {}
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
    return found


def _trust(outer: Mapping[str, str]) -> dict[str, str]:
    """Return what says whose certificates the index's may be signed by: as for pip, but never the sandbox's."""
    bundles = [outer.get("SSL_CERT_FILE"), _pip_settings(outer).get("cert")]
    requests_bundle = outer.get("REQUESTS_CA_BUNDLE")
    if _SANDBOX in outer:
        bundles = [bundle for bundle in bundles if bundle != requests_bundle]
    else:
        bundles += [requests_bundle, outer.get("CURL_CA_BUNDLE")]
    for bundle in bundles:
        if bundle and Path(bundle).is_file():
            return {"SSL_CERT_FILE": bundle}
    # The system's own trust where this Python finds it, as pip has it; else uv's own list.
    if sys.platform != "linux" or ssl.create_default_context().cert_store_stats()["x509_ca"]:
        return {"UV_SYSTEM_CERTS": "1"}
    return {}


def _pip_settings(outer: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings for installing, as pip reads them.

    https://pip.pypa.io/en/stable/topics/configuration/
    """
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
    """Return where pip's settings may be, later ones win."""
    import platformdirs

    home = Path(outer.get("HOME") or outer.get("USERPROFILE") or Path.home())
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    legacy = home / ("pip" if sys.platform == "win32" else ".pip") / name
    files = [Path("/etc/pip.conf")] if sys.platform == "linux" else []
    for folder in platformdirs.site_config_dir("pip", appauthor=False, multipath=True).split(os.pathsep):
        files.append(Path(folder) / name)  # noqa: PERF401 -- reads better as steps
    files += [legacy, Path(platformdirs.user_config_dir("pip", appauthor=False, roaming=True)) / name]
    files.append(Path(sys.prefix) / name)
    if outer.get("PIP_CONFIG_FILE"):
        files.append(Path(outer["PIP_CONFIG_FILE"]))
    return files

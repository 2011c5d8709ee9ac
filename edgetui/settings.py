"""The configuration: the file, then EDGETUI_* variables, then flags; the later one wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetui.core.errors import EdgeError

FILE = "config.toml"
SIGN_IN = ("auto", "az", "device-code", "service-principal", "managed-identity")
_TEXTS = ("sign_in", "tenant", "theme")
_SWITCHES = ("read_only",)
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Settings:
    """What a person can set once for all plans.

    Attributes:
        state: Folder for plans, results, logs and the sandbox's world.
        cache: Folder for what can be made again.
        config: Folder of `config.toml`.
        sign_in: How to sign in: one of `SIGN_IN`; 'auto' tries the silent ways, then a device code.
        tenant: The directory to sign in to, "" for the account's own.
        theme: The screen's theme, "" for the default.
        read_only: Hides and refuses everything that changes Azure or a device.
    """

    state: Path
    cache: Path
    config: Path
    sign_in: str = "auto"
    tenant: str = ""
    theme: str = ""
    read_only: bool = False


def load(environ: Mapping[str, str], **flags: Any) -> Settings:
    """Read the settings; a flag that is None was not given.

    Raises:
        EdgeError: kind 'input'; `field` is the key, and title or detail name the file, variable or flag.
    """
    state, cache, config = _folders(environ)
    values = _from_file(config / FILE)
    values |= _from_environ(environ)
    values |= {
        key: _checked(key, value, f"--{key.replace('_', '-')}") for key, value in flags.items() if value is not None
    }
    return Settings(state, cache, config, **values)


def _folders(environ: Mapping[str, str]) -> tuple[Path, Path, Path]:
    home = environ.get("EDGETUI_HOME", "")
    if home:
        base = Path(home).expanduser().absolute()
        return base / "state", base / "cache", base / "config"
    import platformdirs

    return (
        platformdirs.user_state_path("edgetui", appauthor=False),
        platformdirs.user_cache_path("edgetui", appauthor=False),
        platformdirs.user_config_path("edgetui", appauthor=False),
    )


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise _wrong("", f"Cannot read {path}", f"{problem}", "Make it a text file that you may read.") from None
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        values = tomlkit.parse(text).unwrap()
    except ParseError as problem:
        from edgetui.core import parser_words

        raise _wrong("", f"{path} is no valid TOML", parser_words.toml(problem), "Correct that line.") from None
    return {key: _checked(key, value, str(path)) for key, value in values.items()}


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in (*_TEXTS, *_SWITCHES):
        name = f"EDGETUI_{key.upper()}"
        if environ.get(name):
            value: Any = environ[name]
            if key in _SWITCHES:
                value = _WORDS.get(value.lower(), value)
            found[key] = _checked(key, value, name)
    return found


def _checked(key: str, value: Any, where: str) -> Any:
    if key not in {*_TEXTS, *_SWITCHES}:
        known = ", ".join((*_TEXTS, *_SWITCHES))
        raise _wrong(
            key, f"{where}: there is no setting '{key}'", f"There are: {known}.", "Remove it or correct its name."
        )
    if key in _SWITCHES and not isinstance(value, bool):
        raise _wrong(key, f"{where}: {key} must be true or false", f"It is {value!r}.", "Write true or false.")
    if key in _TEXTS and not isinstance(value, str):
        raise _wrong(key, f"{where}: {key} must be a text", f"It is {value!r}.", "Put it in quotes.")
    if key == "sign_in" and value not in SIGN_IN:
        raise _wrong(key, f"{where}: sign_in cannot be '{value}'", "", f"Choose one of {', '.join(SIGN_IN)}.")
    return value


def _wrong(field: str, title: str, detail: str, remedy: str) -> EdgeError:
    return EdgeError(title, detail, remedy, field=field, kind="input")

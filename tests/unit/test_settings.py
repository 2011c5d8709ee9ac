"""Settings: file, then environment, then flags; every mistake names the key and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetui.core.errors import EdgeError
from edgetui.settings import load


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path


def write(home: Path, text: str) -> None:
    (home / "config" / "config.toml").write_text(text, encoding="utf-8")


def test_without_anything_there_are_defaults(home: Path) -> None:
    settings = load({"EDGETUI_HOME": str(home)})
    assert (settings.state, settings.cache, settings.config) == (home / "state", home / "cache", home / "config")
    assert (settings.sign_in, settings.tenant, settings.theme, settings.read_only) == ("auto", "", "", False)


def test_the_folders_are_the_systems_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    settings = load({})
    assert [folder.name for folder in (settings.state, settings.cache, settings.config)] == ["edgetui"] * 3
    assert settings.state != settings.cache != settings.config


def test_the_later_source_wins(home: Path) -> None:
    write(home, 'sign_in = "az"\ntenant = "from-file"\ntheme = "from-file"\nread_only = true\n')
    environ = {"EDGETUI_HOME": str(home), "EDGETUI_TENANT": "from-env", "EDGETUI_THEME": "from-env"}
    settings = load(environ, theme="from-flag", tenant=None)
    assert settings.sign_in == "az"
    assert settings.tenant == "from-env"
    assert settings.theme == "from-flag"
    assert settings.read_only is True


@pytest.mark.parametrize(("word", "meant"), [("1", True), ("yes", True), ("OFF", False), ("false", False)])
def test_a_switch_may_be_a_word_in_the_environment(home: Path, word: str, meant: bool) -> None:
    assert load({"EDGETUI_HOME": str(home), "EDGETUI_READ_ONLY": word}).read_only is meant


def test_variables_of_the_sandbox_are_no_settings(home: Path) -> None:
    assert load({"EDGETUI_HOME": str(home), "EDGETUI_SANDBOX_TOKEN": "abc", "EDGETUI_READ_ONLY": ""}).read_only is False


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("colour = 1\n", "colour", "there is no setting 'colour'"),
        ("read_only = 'yes'\n", "read_only", "true or false"),
        ("theme = 3\n", "theme", "must be a text"),
        ("sign_in = 'magic'\n", "sign_in", "cannot be 'magic'"),
        ("theme = \n", "", "no valid TOML"),
    ],
)
def test_a_mistake_in_the_file_names_file_and_key(home: Path, text: str, field: str, says: str) -> None:
    write(home, text)
    with pytest.raises(EdgeError) as caught:
        load({"EDGETUI_HOME": str(home)})
    assert (caught.value.kind, caught.value.field, caught.value.exit_code) == ("input", field, 2)
    assert says in caught.value.title
    assert "config.toml" in caught.value.title
    assert caught.value.remedy


def test_a_mistake_elsewhere_names_the_variable_or_the_flag(home: Path) -> None:
    with pytest.raises(EdgeError, match="EDGETUI_SIGN_IN"):
        load({"EDGETUI_HOME": str(home), "EDGETUI_SIGN_IN": "magic"})
    with pytest.raises(EdgeError, match="--sign-in"):
        load({"EDGETUI_HOME": str(home)}, sign_in="magic")


def test_a_file_that_is_no_text_says_so(home: Path) -> None:
    (home / "config" / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EdgeError, match="Cannot read"):
        load({"EDGETUI_HOME": str(home)})

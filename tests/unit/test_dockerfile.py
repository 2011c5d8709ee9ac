"""Our own Dockerfiles: the same inputs give the same text, context and tag; every name survives; what cannot be is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetui.adapters.builders import build_context
from edgetui.core import dockerfile
from edgetui.core.dockerfile import Environment, Setting
from edgetui.core.errors import EdgeError
from edgetui.core.models import BuildRequest, WorkspaceInfo
from edgetui.sandbox.builder import dockerfile_steps

CONDA = "dependencies:\n- python=3.11\n- pip\n- pip:\n  - b==2\n  - a==1\n"
NAMES = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]), min_size=1)


def refused(work: Callable[[], Any]) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        work()
    assert caught.value.kind == "input"
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def request_(tmp_path: Path) -> BuildRequest:
    (tmp_path / "score.py").write_text("def init(): pass\n")
    (tmp_path / "myenv.yml").write_text(CONDA)
    (tmp_path / "model.pkl").write_bytes(b"model")
    return BuildRequest(
        WorkspaceInfo("s", "g", "w"),
        "pump:3",
        str(tmp_path / "score.py"),
        str(tmp_path / "myenv.yml"),
        "pump",
        "3-abc",
        model_path=str(tmp_path / "model.pkl"),
        content="c" * 64,
        commit="c0ffee",
    )


def packed(files: build_context.Files, *, zipped: bool = True) -> bytes:
    out = io.BytesIO()
    build_context.write(files, out, zipped=zipped)
    return out.getvalue()


def listing(files: build_context.Files) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed(files, zipped=False))) as archive:
        return {one.name: one for one in archive}


# -- the environment ---------------------------------------------------------------------------------------------------------


def test_order_and_comments_make_no_other_environment() -> None:
    other = "# a comment\nname: x\nchannels: [conda-forge]\ndependencies:\n- pip\n- pip:\n  - a==1\n  - b==2\n- python=3.11.4\n"
    assert dockerfile.environment(CONDA) == dockerfile.environment(other) == Environment("3.11", ("a==1", "b==2"))


@pytest.mark.parametrize(
    "change",
    [
        Setting(base="debian:12"),
        Setting(index_url="https://index.example/simple"),
        Setting(ca=b"x"),
        Setting(platform="linux/arm64"),
    ],
)
def test_whatever_changes_the_environment_changes_its_tag(change: Setting) -> None:
    wanted = dockerfile.environment(CONDA)
    assert dockerfile.environment_tag(wanted, change) != dockerfile.environment_tag(wanted, Setting())
    other = dockerfile.environment(CONDA.replace("a==1", "a==2"))
    assert dockerfile.environment_tag(other, Setting()) != dockerfile.environment_tag(wanted, Setting())


def test_pip_packages_need_no_conda_and_others_come_by_micromamba() -> None:
    pip = dockerfile.environment_dockerfile(dockerfile.environment(CONDA), Setting())
    assert "micromamba" not in pip
    assert pip.startswith("FROM python:3.11-slim\n")
    assert "python3 -m venv /opt/environment" in pip
    mixed = "channels: [conda-forge, defaults]\n" + CONDA + "- conda-forge::gdal>=3\n"
    conda = dockerfile.environment_dockerfile(dockerfile.environment(mixed), Setting())
    assert f"COPY --from={dockerfile.MICROMAMBA}" in conda
    assert "--channel conda-forge --channel defaults python=3.11 pip 'conda-forge::gdal>=3'" in conda
    assert "-m pip install" in conda


def test_a_base_image_may_bring_any_python_of_a_range() -> None:
    ranged = dockerfile.environment(CONDA.replace("python=3.11", "python>=3.9,<3.13"))
    assert ranged.python == "3.11"
    own = dockerfile.environment_dockerfile(ranged, Setting("registry.example/base:1"))
    assert "not in '3.9 3.10 3.11 3.12'.split()" in own
    named = dockerfile.environment_dockerfile(dockerfile.environment(CONDA), Setting("registry.example/base:1"))
    assert "not in '3.11'.split()" in named
    anything = dockerfile.environment(CONDA.replace("- python=3.11\n", ""))
    assert "WrongBase" not in dockerfile.environment_dockerfile(anything, Setting("registry.example/base:1"))


def test_micromamba_trusts_the_given_certificates_and_takes_channels_only() -> None:
    wanted = dockerfile.environment("channels: [conda-forge, nodefaults]\n" + CONDA + "- gdal\n")
    text = dockerfile.environment_dockerfile(wanted, Setting(ca=b"-----BEGIN CERTIFICATE-----"))
    assert f"--ssl-verify {dockerfile.SPECIFICATION}/ca.pem --channel conda-forge python" in text
    assert "--ssl-verify" not in dockerfile.environment_dockerfile(wanted, Setting())


def test_conda_packages_for_a_processor_that_has_none_are_refused() -> None:
    wanted = dockerfile.environment(CONDA + "- gdal\n")
    with pytest.raises(EdgeError) as caught:
        dockerfile.environment_dockerfile(wanted, Setting(platform="linux/arm/v7"))
    assert (caught.value.field, "gdal" in caught.value.title) == ("image.platform", True)


def test_pip_finds_what_conda_brought() -> None:
    text = dockerfile.environment_dockerfile(dockerfile.environment(CONDA + "- git=2.*\n"), Setting())
    assert "PATH=/opt/environment/bin:$PATH /opt/environment/bin/python -m pip install" in text


def test_a_repository_is_no_file_of_this_machine() -> None:
    wanted = dockerfile.environment("dependencies: [pip: ['-e git+https://git.example.org/x.git@v1#egg=x']]\n")
    assert wanted.pip == ("-e git+https://git.example.org/x.git@v1#egg=x",)


def test_a_conda_package_keeps_its_form() -> None:
    wanted = dockerfile.environment(CONDA + "- gdal >= 3, <4\n- proj 9.*\n- libblas =3.9.0 = *openblas\n")
    assert wanted.conda == ("gdal>=3,<4", "libblas=3.9.0=*openblas", "proj 9.*")


def test_base_image_index_and_certificates_can_be_set() -> None:
    setting = Setting("registry.example/base:1", "https://index.example/simple", b"BEGIN CERTIFICATE")
    text = dockerfile.environment_dockerfile(dockerfile.environment(CONDA), setting)
    assert text.startswith("FROM registry.example/base:1\n")
    assert "--index-url https://index.example/simple" in text
    assert "PIP_CERT=/azureml-environment/ca.pem" in text
    files = dockerfile.environment_files(dockerfile.environment(CONDA), setting)
    assert files["environment/azureml-environment/ca.pem"] == b"BEGIN CERTIFICATE"


@pytest.mark.parametrize(
    "url", ["https://user:pw@index.example/simple", "index", "https://a b", "https://x/$(id)", "https://x/'"]
)
def test_an_index_that_would_show_a_password_or_run_something_is_refused(url: str) -> None:
    error = refused(lambda: dockerfile.environment_dockerfile(Environment(), Setting(index_url=url)))
    assert error.field == "image.index_url"
    assert "pw" not in error.title


@pytest.mark.parametrize("base", ["a b", "x\nRUN id", "-x", "$HOME"])
def test_a_base_that_is_no_image_is_refused(base: str) -> None:
    assert refused(lambda: dockerfile.environment_dockerfile(Environment(), Setting(base=base))).field == "image.base"


@pytest.mark.parametrize(
    "text",
    [
        "dependencies: 3\n",
        "- a\n",
        "dependencies: [{pip: ['-r other.txt']}]\n",
        "dependencies: [{pip: ['-e .']}]\n",
        "dependencies: [{pip: ['numpy @ file:///tmp/numpy']}]\n",
        "dependencies: [{pip: ['x-1.0-py3-none-any.whl']}]\n",
        "a: [\n",
    ],
)
def test_an_environment_that_cannot_be_built_is_refused(text: str) -> None:
    assert refused(lambda: dockerfile.environment(text)).field == "scoring.environment"


# -- the module's image -------------------------------------------------------------------------------------------------------


def steps(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in dockerfile_steps.read(text):
        found.setdefault(step.word, []).append(step.rest)
    return found


@given(script=NAMES, title=NAMES, model=st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,40}", fullmatch=True))
def test_every_name_comes_out_of_the_dockerfile_as_it_went_in(script: str, title: str, model: str) -> None:
    labels = dockerfile.labels(f"{model}:7", "key", "content", title)
    found = steps(dockerfile.image_dockerfile("base:1", f"{model}:7", script, labels))
    variables = dockerfile_steps.pairs(found["ENV"][0])
    assert variables["AZUREML_ENTRY_SCRIPT"] == script
    assert variables["AZUREML_MODEL_DIR"].endswith(f"/{model}/7")
    assert dockerfile_steps.command(found["CMD"][0]) == ["azmlinfsrv", "--entry_script", script]
    assert dockerfile_steps.pairs(found["LABEL"][0]) == labels


@pytest.mark.parametrize("bad", ["a\nRUN id", "\x00", "\x7f", "a\rb"])
def test_a_name_with_a_line_end_is_refused(bad: str) -> None:
    assert refused(lambda: dockerfile.image_dockerfile("base:1", "m:1", bad, {})).field == "scoring.script"


def test_the_image_has_what_a_module_needs() -> None:
    labels = dockerfile.labels("pump:3", "key", "content", "pump", "c0ffee")
    found = steps(dockerfile.image_dockerfile("base:1", "pump:3", "score.py", labels))
    assert (found["EXPOSE"], found["USER"], found["COPY"]) == (["5001"], ["1000:1000"], ["model/ /", "script/ /"])
    assert json.loads(found["HEALTHCHECK"][0].partition("CMD ")[2])[0] == "python"
    assert labels["org.opencontainers.image.version"] == "3"
    assert labels["org.opencontainers.image.revision"] == "c0ffee"
    assert labels[dockerfile.MODEL_LABEL] == "pump:3"


# -- the context --------------------------------------------------------------------------------------------------------------


def test_the_same_files_give_the_same_archive_whatever_their_times(request_: BuildRequest, tmp_path: Path) -> None:
    import os

    recipe = build_context.recipe(request_)
    before = packed(recipe.image_context("base:1")), packed(recipe.environment_context())
    for name in ("score.py", "model.pkl", "myenv.yml"):
        os.utime(tmp_path / name, (1, 1))
        (tmp_path / name).chmod(0o600)
    again = build_context.recipe(request_)
    assert (packed(again.image_context("base:1")), packed(again.environment_context())) == before


def test_every_entry_of_the_archive_is_root_s_and_of_time_0(request_: BuildRequest) -> None:
    found = listing(build_context.recipe(request_).image_context("base:1"))
    assert {(one.mtime, one.uid, one.gid) for one in found.values()} == {(0, 0, 0)}
    assert list(found) == [
        *sorted(n for n, o in found.items() if o.isdir()),
        *sorted(n for n, o in found.items() if o.isfile()),
    ]
    assert "model/var/azureml-app/azureml-models/pump/3/model.pkl" in found
    assert "script/var/azureml-app/score.py" in found
    assert found["script/var/azureml-app"].isdir()


def test_a_model_folder_keeps_its_name_unless_its_content_is_meant(request_: BuildRequest, tmp_path: Path) -> None:
    from msgspec.structs import replace

    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"a")
    place = "model/var/azureml-app/azureml-models/pump/3"
    named = build_context.recipe(replace(request_, model_path=str(folder))).image_context("b:1")
    assert f"{place}/weights/deep/a.bin" in named
    inside = build_context.recipe(replace(request_, model_path=f"{folder}/")).image_context("b:1")
    assert f"{place}/deep/a.bin" in inside


def test_the_context_folder_goes_in_as_its_dockerignore_says(request_: BuildRequest, tmp_path: Path) -> None:
    from msgspec.structs import replace

    root = tmp_path / "app"
    for name in ("lib/a.py", "lib/a.pyc", "data/big.csv", "data/keep.csv", ".git/config", "sub/score.py", "notes.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "out").symlink_to("/etc/hostname")
    (root / ".dockerignore").write_text("# what stays out\n**/*.pyc\ndata\n!data/keep.csv\n*.md\n")
    wanted = replace(request_, context=str(root), script=str(root / "sub" / "score.py"))
    files = build_context.recipe(wanted).image_context("base:1")
    place = "script/var/azureml-app/"
    assert {name.removeprefix(place) for name in files if name.startswith(place)} == {
        "lib/a.py",
        "data/keep.csv",
        "sub/score.py",
    }
    text = files["Dockerfile"]
    assert isinstance(text, bytes)
    assert b'"--entry_script", "sub/score.py"' in text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model_path": "/nowhere"}, "model.path"),
        ({"script": "/nowhere"}, "scoring.script"),
        ({"environment": "/nowhere"}, "scoring.environment"),
        ({"ca_bundle": "SCRIPT"}, "image.ca_bundle"),
        ({"context": "/nowhere"}, "image.context"),
    ],
)
def test_a_file_that_is_missing_or_wrong_is_named(request_: BuildRequest, change: dict[str, str], field: str) -> None:
    from msgspec.structs import replace

    changed = {key: request_.script if value == "SCRIPT" else value for key, value in change.items()}
    wanted = replace(request_, **changed)
    assert refused(lambda: build_context.recipe(wanted).image_context("base:1")).field == field

"""Our own Dockerfiles: the environment as an image of its own, the model and the script as two layers on top of it.

The environment's tag is a hash of what it holds, so it is built once, wherever that was; the usual edit, in the script,
makes one small layer. The same inputs give the same text and the same context, whose files all have the time 0.

Three folders of the context are copied, each as one layer, onto the root of the image: `environment/`, `model/`, `script/`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex

import msgspec

from edgetui.core import parser_words, pythons
from edgetui.core.conda.document import fitting_python, is_local
from edgetui.core.errors import bad_input

APP_ROOT = "/var/azureml-app"
MODELS_ROOT = f"{APP_ROOT}/azureml-models"
SPECIFICATION = "/azureml-environment"  # conda.yml, requirements.txt and, where given, ca.pem
ENVIRONMENT = "/opt/environment"
PORT = 5001
USER = "1000:1000"  # by number: a base image need not know the name
ENVIRONMENT_REPOSITORY = "edgetui/environment"
MICROMAMBA = "mambaorg/micromamba:2"
CONTENT_LABEL = "edgetui.content"
ENVIRONMENT_LABEL = "edgetui.environment"
MODEL_LABEL = "edgetui.model"
DOCKERFILE = "Dockerfile"
_FORM = 2  # changes when the same environment would be built in another way
_CONDA_PLATFORMS = ("linux/amd64", "linux/arm64")
_COMPILED_AT_ONCE = 500  # files by one process
_CONDA_SPEC = re.compile(r"(?:[^:\s]+::)?\s*([A-Za-z0-9_.-]+)\s*(.*)")
_LOCAL = re.compile(r"-[rc](?:\s|$)|--(?:requirement|constraint)\b")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_INDEX = re.compile(r"https?://[^\s'\"\\$`@]+")


class Environment(msgspec.Struct, frozen=True):
    """A conda file in normal form: what it says, without what makes no difference.

    `python` is `3.11`, the one that is named or that we take of a range, or "" where any will do; `pythons` are those of a
    range, all of which a base image may bring. `conda` is what only conda can install.
    """

    python: str = ""
    pip: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True):
    """What stands around an environment: base image ("" = Python's own), package index, extra certificates, platform."""

    base: str = ""
    index_url: str = ""
    ca: bytes = b""
    platform: str = "linux/amd64"


def require_certificate(file: str, content: bytes) -> None:
    """See that a file of extra certificates holds some.

    Raises:
        EdgeError: (input, field `image.ca_bundle`) it holds none.
    """
    if b"BEGIN CERTIFICATE" not in content:
        raise bad_input("image.ca_bundle", f"{file} holds no certificate", "Choose a PEM file")


def environment(text: str) -> Environment:
    """Read a conda file.

    Raises:
        EdgeError: (input, field `scoring.environment`) it is no conda file, needs files that the image would not have, or no
            Python fits it.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError as wrong:
        raise _unfit("The environment is not YAML", parser_words.yaml(wrong)) from None
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise _unfit("The environment has no list of dependencies", "Add `dependencies:` with a list below it")
    asked, conda, pip = "", [], []
    for entry in listed:
        if isinstance(entry, dict):
            pip += [str(line).strip() for line in entry.get("pip") or []]
            continue
        found = _CONDA_SPEC.fullmatch(str(entry).strip())
        if found is None:
            raise _unfit(f"The environment's dependency {entry!r} is not understood", "Write name=version")
        if found[1].lower() == "python":
            asked = str(entry)
        elif found[1].lower() != "pip":
            conda.append(" ".join(re.sub(r"\s*([<>=!~,|])\s*", r"\1", str(entry)).split()))
    pip = [line for line in pip if line and not line.startswith("#")]
    for line in pip:
        if _LOCAL.match(line) or is_local(line) or "\n" in line:
            raise _unfit(f"The pip line {line!r} names a file that the image has not", "List the packages themselves")
    channels = tuple(str(one) for one in document.get("channels") or []) if conda else ()
    options = [line for line in pip if line.startswith("-")]
    packages = sorted({line for line in pip if not line.startswith("-")}, key=lambda line: (line.lower(), line))
    python, others = _pythons(asked)
    return Environment(python, (*options, *packages), tuple(sorted(set(conda))), channels, others)


def _pythons(entry: str) -> tuple[str, tuple[str, ...]]:
    """The Python for an environment's entry, and all that fit it where it is a range."""
    wanted = pythons.bounds(entry) if entry else ""
    if wanted == "":
        return "", ()
    several = wanted is not None and not pythons.named(wanted)
    fitting = set(pythons.allowed(wanted or "")) if several else set()
    return fitting_python(wanted), tuple(one for one in pythons.END_OF_SUPPORT if one in fitting)


def _unfit(title: str, remedy: str) -> Exception:
    return bad_input("scoring.environment", title, remedy)


def base_image(wanted: Environment, setting: Setting) -> str:
    """The image that an environment starts from."""
    return setting.base or f"python:{wanted.python or pythons.DEFAULT}-slim"


def environment_tag(wanted: Environment, setting: Setting) -> str:
    """The tag of an environment's image: the same for the same packages, index, certificates, base and platform."""
    parts = [
        str(_FORM),
        msgspec.json.encode(wanted).decode(),
        base_image(wanted, setting),
        setting.index_url,
        hashlib.sha256(setting.ca).hexdigest() if setting.ca else "",
        setting.platform,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def environment_files(wanted: Environment, setting: Setting) -> dict[str, bytes]:
    """The context of the environment's image beside its Dockerfile, by path."""
    place = f"environment{SPECIFICATION}"
    files = {
        f"{place}/conda.yml": _conda_file(wanted).encode(),
        f"{place}/requirements.txt": "".join(f"{line}\n" for line in wanted.pip).encode(),
    }
    if setting.ca:
        files[f"{place}/ca.pem"] = setting.ca
    return files


def _conda_file(wanted: Environment) -> str:
    # JSON texts are YAML too, and quoted in any case.
    lines = [f"  - {json.dumps(one)}\n" for one in (*_python(wanted), "pip", *wanted.conda)]
    pip = [f"      - {json.dumps(one)}\n" for one in wanted.pip]
    channels = [f"  - {json.dumps(one)}\n" for one in wanted.channels or ("conda-forge",)]
    return "".join(["channels:\n", *channels, "dependencies:\n", *lines, *(["  - pip:\n", *pip] if pip else [])])


def _python(wanted: Environment) -> tuple[str, ...]:
    return (f"python={wanted.python}",) if wanted.python else ()


def environment_dockerfile(wanted: Environment, setting: Setting) -> str:
    """The Dockerfile of an environment: a virtual environment by pip, or by micromamba where conda packages are asked for.

    Raises:
        EdgeError: (input) the base image's name or the index's address cannot be used.
    """
    base = base_image(wanted, setting)
    if not _IMAGE.fullmatch(base):
        raise bad_input("image.base", f"{base!r} is no name of an image", "Write repository:tag")
    if setting.index_url and not _INDEX.fullmatch(setting.index_url):
        title = "The package index must be an address without a user or password in it"
        raise bad_input("image.index_url", title, "Write https://host/path; images and logs would show a password")
    cert = f"PIP_CERT={SPECIFICATION}/ca.pem SSL_CERT_FILE={SPECIFICATION}/ca.pem " if setting.ca else ""
    index = f" --index-url {setting.index_url}" if setting.index_url else ""
    # What conda brought (git, compilers) is found by pip too.
    path = f"PATH={ENVIRONMENT}/bin:$PATH " if wanted.conda else ""
    pip = (
        f"{cert}{path}{ENVIRONMENT}/bin/python -m pip install --no-cache-dir --no-compile --no-input "
        f"--disable-pip-version-check --root-user-action ignore --requirement {SPECIFICATION}/requirements.txt{index}"
    )
    lines = [f"FROM {base}", "USER 0:0"]
    if wanted.conda:
        lines.append(f"COPY --from={MICROMAMBA} /bin/micromamba /usr/local/bin/micromamba")
        make = _conda_make(wanted, setting)
    else:
        make = f"{_right_python(wanted)}python3 -m venv {ENVIRONMENT}"
    lines += [
        "COPY environment/ /",
        "RUN begun=$(date +%s) && " + " \\\n && ".join([make, *([pip] if wanted.pip else []), *_same_bytes()]),
        f"ENV PATH={ENVIRONMENT}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1",
        f'LABEL {ENVIRONMENT_LABEL}="{environment_tag(wanted, setting)}"',
    ]
    return "\n".join(lines) + "\n"


def _conda_make(wanted: Environment, setting: Setting) -> str:
    """The command by which micromamba makes an environment."""
    if setting.platform not in _CONDA_PLATFORMS:
        title = f"conda-forge has no packages for {setting.platform}, and the environment asks for {wanted.conda[0]}"
        raise bad_input("image.platform", title, f"Choose {' or '.join(_CONDA_PLATFORMS)}, or take it from pip")
    packages = " ".join(map(shlex.quote, (*(_python(wanted) or ("python",)), "pip", *wanted.conda)))
    # `nodefaults` is a word for conda, and no channel.
    named = [one for one in wanted.channels if one != "nodefaults"] or ["conda-forge"]
    channels = " ".join(f"--channel {shlex.quote(one)}" for one in named)
    # It takes the system's certificates whatever SSL_CERT_FILE says.
    trust = f" --ssl-verify {SPECIFICATION}/ca.pem" if setting.ca else ""
    create = (
        f"MAMBA_ROOT_PREFIX=/tmp/micromamba micromamba create --yes --prefix {ENVIRONMENT}{trust} {channels} {packages}"
    )
    return f"{create} && rm -rf /tmp/micromamba {ENVIRONMENT}/conda-meta/history"  # the history tells the time


def _right_python(wanted: Environment) -> str:
    if not wanted.python:
        return ""
    fitting = wanted.pythons or (wanted.python,)
    says = f"this base image has no Python {' or '.join(fitting)}, which the environment asks for"
    test = f"import sys; sys.exit('.'.join(sys.version.split('.')[:2]) not in '{' '.join(fitting)}'.split())"
    return f'{{ python3 -c "{test}" || {{ echo "WrongBase: {says}" >&2; exit 1; }}; }} && '


def _same_bytes() -> list[str]:
    """Commands after which two builds have the same files: compiled code without times in it, and no times at all."""
    compiling = f"{ENVIRONMENT}/bin/python -S -m compileall -q --invalidation-mode unchecked-hash"
    sources = f"find {ENVIRONMENT} -name '*.py' -print0 | LC_ALL=C sort -z"
    return [
        f"find {ENVIRONMENT} -name __pycache__ -prune -exec rm -rf {{}} +",
        "echo 'Compiling the packages'",
        # A package may bring files that are not for this Python; that they do not compile means nothing.
        # Without -S a process would have imported some of it, a set's order follows the seed, and what a process compiled
        # before shows too: so each takes the same files in the same order, on however many processors.
        f"{{ {sources} | PYTHONHASHSEED=0 xargs -0 -n {_COMPILED_AT_ONCE} -P $(nproc) {compiling} >/dev/null || true; }}",
        'find / -xdev -newermt "@$((begun - 1))" -exec touch -h -d @0 {} +',
    ]


def image_dockerfile(environment_image: str, model: str, script: str, labels: dict[str, str]) -> str:
    """The Dockerfile of the module's image on top of an environment's.

    Args:
        environment_image: the reference to start from.
        model: `name:version`.
        script: the entry script's path below the app's folder.
        labels: of the image, see `labels`.
    """
    name, _, version = model.rpartition(":")
    variables = {
        "AML_APP_ROOT": APP_ROOT,
        "AZUREML_MODEL_DIR": f"{MODELS_ROOT}/{name}/{version}",
        "AZUREML_ENTRY_SCRIPT": script,
    }
    health = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/', timeout=4)"
    return "\n".join(
        [
            f"FROM {environment_image}",
            # What changes least comes first: an edit in the script leaves everything above it as it is.
            f"EXPOSE {PORT}",
            f"USER {USER}",
            f"HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD {json.dumps(['python', '-c', health])}",
            "ENV " + " ".join(f"{key}={quoted(value)}" for key, value in variables.items()),
            f"CMD {json.dumps(['azmlinfsrv', '--entry_script', script])}",
            "COPY model/ /",
            f"WORKDIR {APP_ROOT}",  # after the copy that makes the folder, or it would be a layer too
            "COPY script/ /",
            "LABEL " + " ".join(f"{key}={quoted(labels[key])}" for key in sorted(labels)),
            "",
        ]
    )


def labels(model: str, environment_key: str, content: str, name: str, commit: str = "") -> dict[str, str]:
    """An image's labels: by the OCI's names where it has some (https://github.com/opencontainers/image-spec annotations)."""
    found = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": model.rpartition(":")[2],
        "org.opencontainers.image.revision": commit,
        MODEL_LABEL: model,
        ENVIRONMENT_LABEL: environment_key,
        CONTENT_LABEL: content,
    }
    return {key: value for key, value in found.items() if value}


def model_folder(model: str) -> str:
    """Where a model's files go in the context; `model` is `name:version`."""
    name, _, version = model.rpartition(":")
    return f"model{MODELS_ROOT}/{name}/{version}"


def script_folder() -> str:
    """Where the scoring script goes in the context."""
    return f"script{APP_ROOT}"


def quoted(value: str) -> str:
    """A value as ENV and LABEL take it, whatever characters are in it.

    Raises:
        EdgeError: (input) there is a line end or another control character in it.
    """
    if any(ord(one) < 32 or ord(one) == 127 for one in value):
        raise bad_input("scoring.script", f"{value!r} cannot stand in an image", "Rename the file")
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'

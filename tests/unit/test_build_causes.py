"""What a build's last words come to: the cause, the field to correct, the line of the environment; and what only looks like one."""

from __future__ import annotations

import pytest

from edgetui.core import build_causes, build_places
from edgetui.core.errors import EdgeError


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ("ERROR: No matching distribution found for nosuch==1.0", "scoring.environment", "nosuch==1.0"),
        (
            "ERROR: Could not find a version that satisfies the requirement a==9 (from versions: 1)",
            "scoring.environment",
            "a==9",
        ),
        ("  ╰─▶ Because nosuch was not found in the package registry and", "scoring.environment", "no nosuch for"),
        ("Because there is no version of a==9 and you require a==9", "scoring.environment", "no a==9 for"),
        ("ERROR: ResolutionImpossible: for help visit", "scoring.environment", "fit together"),
        ("error    libmamba PackagesNotFoundError: x", "scoring.environment", "conda"),
        ("write /x: no space left on device", "", "disk is full"),
        ("pull access denied for nosuch, repository does not exist", "image.base", "base image"),
        ("unauthorized: authentication required", "registry.credential", "credential"),
        ("denied", "registry.credential", "push"),
        ("denied: requested access to the resource is denied", "registry.credential", "push"),
        ("standard_init_linux.go: exec user process caused: exec format error", "image.platform", "processor"),
        ("SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "image.ca_bundle", "certificate"),
        (
            "NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "",
            "network",
        ),
        (
            'Get "https://edge.azurecr.io/v2/": x509: certificate signed by unknown authority',
            "",
            "trust the registry's certificate",
        ),
        ('Get "https://127.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client', "", "plain HTTP"),
        (
            'Get "https://edge.azurecr.io/v2/": dial tcp: lookup edge.azurecr.io: no such host',
            "",
            "finds no host edge.azurecr.io",
        ),
        ("COPY failed: file not found in build context: no such file or directory", "image.context", "file"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "", "does not answer"),
        ("WrongBase: this base image has no Python 3.9, which the environment asks for", "image.base", "no Python 3.9"),
        ("The command '/bin/sh -c exit 3' returned a non-zero code: 3", "", "code 3"),
    ],
)
def test_the_cause_of_a_failure_is_named_with_its_field(said: str, field: str, words: str) -> None:
    error = build_causes.explained(EdgeError("The build failed", said), "Collecting things\n")
    assert error.field == field
    assert words in error.title
    assert error.remedy


def test_what_is_not_known_stays_as_it_was() -> None:
    error = EdgeError("The build failed", "something new")
    assert build_causes.explained(error) is error


FAILED = "The command '/bin/sh -c python -m pip install' returned a non-zero code: 1"
# Below which folder conda's own builders work; their paths are what a frozen environment names.
BUILDERS = ("croot", "croots/recipe", "feedstock_root/build_artifacts", "conda-bld", "bld")


def built(folder: str, package: str) -> str:
    """Where a package was built."""
    return f"/{folder}/{package}_1700501669400/work"


ENVIRONMENT = f"""\
dependencies:
  - python=3.8
  - libgomp=99
  - pip:
      - numpy==2.0.0
      - pump @ git+https://github.com/example/pump.git
      - certifi @ file://{built("croot", "certifi")}/certifi
"""


def told(log: str, detail: str = FAILED) -> EdgeError:
    return build_causes.explained(EdgeError("It failed", detail), log)


def line(error: EdgeError, log: str) -> int:
    """The line of the environment that the failure is shown at."""
    assert error.field == "scoring.environment"
    return build_places.environment_line(ENVIRONMENT, error.title, error.detail, build_places.telling(log.splitlines()))


PIP_WITHOUT_GIT = """\
Collecting pump@ git+https://github.com/example/pump.git (from -r /azureml-environment/requirements.txt (line 2))
  Cloning https://github.com/example/pump.git to /tmp/pip-install-d1/pump_8f0
  ERROR: Error [Errno 2] No such file or directory: 'git' while executing command git version
ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?
"""
PIP_OTHER_PYTHON = """\
Collecting numpy==2.0.0
  Downloading numpy-2.0.0.tar.gz (18.3 MB)
ERROR: Package 'numpy' requires a different Python: 3.8.18 not in '>=3.9'
"""
UV_OTHER_PYTHON = """\
  \N{MULTIPLICATION SIGN} No solution found when resolving dependencies:
  ╰─▶ Because the current Python version (3.8.18) does not satisfy Python>=3.9 and numpy==2.0.0 depends on
      Python>=3.9, we can conclude that numpy==2.0.0 cannot be used.
"""
MICROMAMBA_NO_VERSION = """\
conda-forge/linux-64                                        Using cache
error    libmamba Could not solve for environment specs
    The following package could not be found
    └─ libgomp =99 * does not exist (perhaps a typo or a missing channel).
critical libmamba Could not solve for environment specs
"""
MICROMAMBA_OLD = """\
error    libmamba Could not solve for environment specs
    Encountered problems while solving:
      - nothing provides requested libgomp 99**
"""
CONDA_NEEDED_BY = """\
LibMambaUnsatisfiableError: Encountered problems while solving:
  - nothing provides __glibc >=2.34 needed by libgomp-99-h767d61c_1
"""
NO_SUCH = "OSError: [Errno 2] No such file or directory"
FROZEN_ELSEWHERE = [
    f"Processing {built(folder, 'certifi')}/certifi (from -r requirements.txt (line 3))\n"
    f"ERROR: Could not install packages due to an {NO_SUCH}: '{built(folder, 'certifi')}/certifi'\n"
    for folder in BUILDERS
]
FEEDSTOCK = f"{NO_SUCH}: '{built('feedstock_root/build_artifacts', 'numpy')}'"
NO_FILE = "ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'"


@pytest.mark.parametrize(
    ("log", "words", "number"),
    [
        (PIP_WITHOUT_GIT, "git is missing", 6),
        (
            "error: Git operation failed\n  Caused by: Git executable not found. Ensure that Git is installed",
            "git is",
            6,
        ),
        ("/bin/sh: 1: git: not found", "git is missing", 6),
        (PIP_OTHER_PYTHON, "numpy is not for Python 3.8.18, but for >=3.9", 5),
        (UV_OTHER_PYTHON, "numpy==2.0.0 is not for Python 3.8.18, but for >=3.9", 5),
        (MICROMAMBA_NO_VERSION, "conda's channels have no libgomp", 3),
        (MICROMAMBA_OLD, "conda's channels have no libgomp", 3),
        (CONDA_NEEDED_BY, "conda's channels have no __glibc", 3),
        ("critical libmamba Could not solve for environment specs", "conda cannot resolve", 0),
        *((log, "certifi is named by a path of the machine where it was frozen", 7) for log in FROZEN_ELSEWHERE),
        (FEEDSTOCK, "numpy is named by a path", 5),
        (NO_FILE, "names the file requirements.txt, which the image has not", 0),
    ],
)
def test_what_the_environment_lacks_is_told_at_its_line(log: str, words: str, number: int) -> None:
    error = told(log)
    assert words in error.title
    assert error.remedy.endswith(".")
    assert line(error, log) == number
    first = told("", log)  # ACR Tasks and Azure ML give the words themselves
    assert (first.title, line(first, "")) == (error.title, number)


RATE = (
    "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: "
    "https://www.docker.com/increase-rate-limit"
)
PIP_FEED = """\
Looking in indexes: https://packages.example/team/simple/
WARNING: 401 Error, Credentials not correct for https://packages.example/team/simple/numpy/
ERROR: Could not find a version that satisfies the requirement numpy==2.0.0 (from versions: none)
"""
PIP_NO_HOST = """\
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NameResolutionError("HTTPSConnection(\
host='packages.example', port=443): Failed to resolve 'packages.example' ([Errno -2] Name or service not known)")': /nope/
ERROR: No matching distribution found for nope
"""
UV_FEED = """\
error: No solution found when resolving dependencies
  cause: Because nope was not found in the package registry and you require nope, we can conclude that \
your requirements are unsatisfiable.
hint: An index URL (https://packages.example/simple) could not be queried due to a lack of valid authentication credentials \
(401 Unauthorized)
"""
UNREACHABLE = """\
WARNING: Retrying (Retry(total=4, connect=None, read=None)) after connection broken by 'NewConnectionError(': Failed to \
establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/numpy/
WARNING: Retrying (Retry(total=0, connect=None, read=None)) after connection broken by 'NewConnectionError(': Failed to \
establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/numpy/
ERROR: Could not find a version that satisfies the requirement numpy==2.0.0 (from versions: none)
"""


@pytest.mark.parametrize(
    ("log", "detail", "field", "words"),
    [
        ("", RATE, "image.base", "gives no more for now"),
        ("Building wheel for pump\nKilled", FAILED, "", "memory did not suffice"),
        ("", "The command '/bin/sh -c pip install x' returned a non-zero code: 137", "", "memory did not suffice"),
        ("", 'building at STEP "RUN pip install x": while running runtime: exit status 137', "", "memory"),
        ("", 'process "/bin/sh -c pip" did not complete successfully: exit code: 137', "", "memory did not suffice"),
        (
            "c++: fatal error: Killed signal terminated program cc1plus\nFailed building wheel for x",
            FAILED,
            "",
            "memory",
        ),
        (PIP_FEED, FAILED, "image.index_url", "the package index packages.example asks for a sign-in"),
        ("ERROR: HTTP error 401 while getting https://packages.example/a.whl", FAILED, "image.index_url", "sign-in"),
        (
            "HTTPError: 403 Client Error: Forbidden for url: https://me:secret@packages.example/simple/a/",
            FAILED,
            "image.index_url",
            "index packages.example asks",
        ),
        (
            "error: HTTP status client error (401 Unauthorized) for url (https://packages.example/simple/a/)",
            FAILED,
            "image.index_url",
            "index packages.example asks",
        ),
        (
            "CondaHTTPError: HTTP 401 UNAUTHORIZED for url <https://conda.example/linux-64/repodata.json>",
            FAILED,
            "scoring.environment",
            "channel at conda.example asks for a sign-in",
        ),
        ("[Errno 13] Permission denied: '/opt/x'", FAILED, "", "a command of the build may not use /opt/x"),
        ("/bin/sh: 1: /opt/x: Permission denied", FAILED, "", "may not use /opt/x"),
        ("[Errno 2] No such file or directory: '/opt/x'", FAILED, "", "a command of the build misses /opt/x"),
        (UNREACHABLE, FAILED, "", "cannot reach the network"),
        ("fatal: unable to access: Could not resolve host: github.com", FAILED, "", "finds no host github.com"),
        ("  cause: failed to lookup address information: Name or service not known", FAILED, "", "reach the network"),
        (
            PIP_NO_HOST,
            FAILED,
            "",
            "finds no host packages.example",
        ),
        (
            UV_FEED,
            FAILED,
            "image.index_url",
            "index packages.example asks",
        ),
        (
            "error    libmamba Failed to download package from https://***:***@conda.example/pkgs/noarch/a.conda (status 401)",
            FAILED,
            "scoring.environment",
            "channel at conda.example asks",
        ),
        (
            "mkdir: cannot create directory \u2018/opt/y\u2019: Permission denied",
            FAILED,
            "",
            "may not use /opt/y",
        ),
    ],
)
def test_what_the_machine_or_the_network_lacks_is_told(log: str, detail: str, field: str, words: str) -> None:
    error = told(log, detail)
    assert words in error.title
    assert error.field == field
    assert "secret" not in error.title


@pytest.mark.parametrize(
    ("log", "detail", "not_field", "not_words"),
    [
        ("Permission denied: '/opt/x'", FAILED, "registry.credential", "push"),
        (
            "WARNING: 401 Error, Credentials not correct for https://packages.example/a/",
            FAILED,
            "registry.credential",
            "",
        ),
        (
            "",
            '401 Client Error for http+docker://localhost/v1/push: Unauthorized ("unauthorized")',
            "image.index_url",
            "",
        ),
        ("No such file or directory: '/home/x'", FAILED, "image.context", ".dockerignore"),
        (f"{built('feedstock_root/build_artifacts', 'torch')}/x.cc: warning", FAILED, "-", "frozen"),
        ("", "The command '/bin/sh -c exit 13' returned a non-zero code: 13", "-", "memory"),
        ("INFO the idle worker was killed\nexit code: 1370", FAILED, "-", "memory"),
        ("cloning with git 2.39 succeeded; no such file or directory: 'gitlab.cfg'", FAILED, "-", "git is missing"),
        ("the folder /tmp/a does not exist", FAILED, "-", "conda's channels"),
        ("the queue says: too many requests so far: 3", FAILED, "image.base", "for now"),
        ("", "The command '/bin/sh -c echo no space left on device; Killed' returned a non-zero code: 1", "-", "disk"),
        ("Package 'numpy' requires Python", FAILED, "scoring.environment", "is not for Python"),
        ("lookup of the table failed: no such hostess", "", "-", "finds no host"),
    ],
)
def test_what_only_looks_like_a_cause_is_none(log: str, detail: str, not_field: str, not_words: str) -> None:
    error = told(log, detail)
    assert error.field != not_field
    assert not not_words or not_words not in error.title + error.remedy


def test_a_retry_that_went_well_is_no_cause() -> None:
    again = "WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError(\"packages.example\")'\n"
    assert told(again + PIP_OTHER_PYTHON).field == "scoring.environment"
    assert told(again + "ERROR: No matching distribution found for nope==1").title.endswith(
        "for this Python and platform"
    )

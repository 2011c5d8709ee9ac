"""The real parts that some tests need. A missing one is named; where everything should be there (CI) it is a failure."""

from __future__ import annotations

import os
import shutil

import pytest

# Program -> the Debian package that brings it; .ci/run installs them.
PACKAGES = {
    "tmux": "tmux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "skopeo": "skopeo",
    "gnome-keyring-daemon": "gnome-keyring",
    "dbus-run-session": "dbus",
    "Xvfb": "xvfb",
    "dockerd": "docker.io",
    "podman": "podman",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "sh": "dash",
    "sleep": "coreutils",
    "date": "coreutils",
    "ldd": "libc-bin",
}


def need(*programs: str) -> list[str]:
    """The paths of programs; skips the test where one is missing, or fails it in CI."""
    paths = []
    for program in programs:
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
        if path is None:
            message = f"real part missing: {program}; install the Debian package {PACKAGES[program]}"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        paths.append(path)
    return paths

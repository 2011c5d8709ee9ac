"""The plan's own package index: the resolver and the trial ask it, and no other, as the image's build does."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from edgetui.adapters.trial import uv_program
from edgetui.adapters.trial.environments import TrialEnvironments
from edgetui.adapters.trial.uv_resolver import UvResolver
from edgetui.core.errors import EdgeError
from edgetui.core.events import Resolved
from edgetui.core.models import PackageIndex, ResolveRequest
from edgetui.core.plan import Image, Plan
from edgetui.jobs import resources
from tests.unit import memory_ports

WHEEL = "only_here-1.0-py3-none-any.whl"


def wheel() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("only_here.py", "VALUE = 7\n")
        about = "only_here-1.0.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: only-here\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"only_here.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return out.getvalue()


class _Index(SimpleHTTPRequestHandler):
    """Files of a folder; `asked` are the paths that were asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    folder = tmp_path / "index/simple/only-here"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    (folder / WHEEL).write_bytes(wheel())
    _Index.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Index, directory=str(tmp_path / "index"))) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield PackageIndex(f"http://127.0.0.1:{server.server_port}/simple/")
        server.shutdown()
        serving.join(10)


def test_the_resolver_asks_the_plan_s_index_and_no_other(tmp_path: Path, index: PackageIndex) -> None:
    requirements = (("only-here", 5),)
    request = ResolveRequest("myenv.yml", requirements, (), (), "3.11", "linux/amd64", index)
    *_, last = UvResolver(tmp_path).resolve(request)
    assert isinstance(last, Resolved)
    assert (last.ok, last.pins) == (True, {"only-here": "1.0"})
    other = ResolveRequest("myenv.yml", (("numpy", 5),), (), (), "3.11", "linux/amd64", index)
    *_, last = UvResolver(tmp_path).resolve(other)
    assert isinstance(last, Resolved)
    assert not last.ok
    assert "/simple/numpy/" in _Index.asked


def test_the_trial_installs_from_the_plan_s_index(tmp_path: Path, index: PackageIndex) -> None:
    making = TrialEnvironments(tmp_path).ensure(["only-here==1.0"], "", index)
    try:
        while True:
            next(making)
    except StopIteration as done:
        environment = done.value
    assert list(environment.python.parents[1].glob("lib/*/site-packages/only_here.py"))
    assert f"/simple/only-here/{WHEEL}" in _Index.asked


def test_the_index_takes_the_place_of_those_that_pip_is_told_of() -> None:
    outer = {"UV_EXTRA_INDEX_URL": "https://other.example/simple", "PIP_EXTRA_INDEX_URL": "https://more.example/simple"}
    own = PackageIndex("https://index.example/simple", "/etc/own.pem")
    found = uv_program.environment(Path("/cache"), outer | {"SSL_CERT_FILE": "/etc/theirs.pem"}, own)
    assert (found["UV_DEFAULT_INDEX"], found["SSL_CERT_FILE"]) == ("https://index.example/simple", "/etc/own.pem")
    assert not {"UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"} & found.keys()
    assert uv_program.environment(Path("/cache"), outer, PackageIndex())["UV_EXTRA_INDEX_URL"]


def test_a_plan_s_index_is_asked_where_its_image_is_built_by_it() -> None:
    ports = memory_ports.World().ports()
    image = Image(builder="acr", index_url="https://index.example/simple")
    assert resources.package_index(Plan(image=image), ports) == PackageIndex("https://index.example/simple")
    assert resources.package_index(Plan(image=Image(builder="azureml", index_url="https://x"))) == PackageIndex()
    assert resources.resolving(Plan(image=image), "a") != resources.resolving(Plan(image=Image(builder="acr")), "a")
    with pytest.raises(EdgeError) as caught:
        resources.package_index(Plan(image=Image(builder="acr", ca_bundle="/nowhere.pem")), ports)
    assert caught.value.field == "image.ca_bundle"

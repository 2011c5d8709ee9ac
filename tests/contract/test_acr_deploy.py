"""An image by the registry's own builder, deployed from the command line to the device's answer."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest

from tests.contract.client_runs import EXAMPLE
from tests.contract.whole_runs import Home

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the whole run is watched through /proc")


def test_the_device_runs_it_and_answers_what_the_model_says(tmp_path: Path, sandbox_cache: Path) -> None:
    home = Home(tmp_path / "person", sandbox_cache)
    home.plan.write_text(home.plan.read_text().replace('builder = "azureml"', 'builder = "acr"'))
    try:
        run = home.run("deploy", str(home.plan), "--sandbox", "--yes", "--json")
        assert run.code == 0, run.out + run.err
        built = next(event for event in run.events if event["event"] == "image-built")
        assert (built["platform"], built["layers"]) == ("linux/amd64", 4)
        (outcome,) = run.events[-1]["devices"].values()
    finally:
        home.kill_left()
    readings = json.loads((EXAMPLE / "sample.json").read_text())["readings"]
    model = pickle.loads((EXAMPLE / "model.pkl").read_bytes())  # noqa: S301 -- the file is our own
    scores = model.decision_function([[one["temperature"], one["pressure"]] for one in readings])
    assert outcome["prediction"]["score"] == pytest.approx([float(score) for score in scores])

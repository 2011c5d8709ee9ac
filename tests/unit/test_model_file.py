"""The model file: what it needs is read from its bytes; nothing in it ever runs; any bytes at all are taken."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import sys
import tracemalloc
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import lz4.frame
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from edgetui.core import model_file
from edgetui.core.model_file import Facts

EXAMPLE = Path(__file__).parents[2] / "assets/examples/pump-anomaly/model.pkl"
ENVIRONMENT = """dependencies:
  - python=3.11
  - pip
  - pip:
      - azureml-inference-server-http==1.5.1
      - numpy==2.2.6
      - scikit-learn==1.7.2  # as trained
"""


class Runs:
    """A pickle of this calls what it was made with."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, Any]:
        return self.call


def facts(data: bytes) -> Facts:
    return model_file.read(io.BytesIO(data), len(data))


def forest() -> Any:
    random = np.random.default_rng(1)
    return make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=1)).fit(
        random.random((50, 3)), random.integers(0, 2, 50)
    )


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_any_protocol(protocol: int) -> None:
    found = facts(pickle.dumps(forest(), protocol))
    assert (found.kind, found.note) == ("pickle", "")
    assert found.versions == {"scikit-learn": "1.7.2"}
    assert {"sklearn", "numpy"} <= set(found.modules)
    assert "sklearn.ensemble._forest.RandomForestClassifier" in found.globals


@pytest.mark.parametrize("packing", [0, "zlib", "gzip", "bz2", "xz", "lzma", "lz4"])
def test_joblib_with_its_raw_arrays_packed_or_not(tmp_path: Path, packing: Any) -> None:
    # The encoder holds an array of objects: a pickle inside the pickle. It is last, so all arrays were passed rightly.
    encoder = OneHotEncoder().fit(np.array([["a", "b"], ["c", "d"]], dtype=object))
    joblib.dump((forest(), encoder), tmp_path / "m", compress=(packing, 3) if packing else 0)
    found = facts((tmp_path / "m").read_bytes())
    assert (found.kind, found.packed, found.note) == ("joblib", packing or "", "")
    assert found.versions == {"scikit-learn": "1.7.2"}
    assert "sklearn.preprocessing._encoders.OneHotEncoder" in found.globals


def test_the_example_fits_its_environment() -> None:
    environment = EXAMPLE.with_name("myenv.yml").read_text()
    assert model_file.check("model.pkl", facts(EXAMPLE.read_bytes()), "myenv.yml", environment) == []


def test_nothing_in_a_pickle_runs(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for protocol in range(6):
        data = pickle.dumps([Runs(os.mkdir, str(made)), Runs(eval, "1"), Runs(os.system, "true")], protocol)
        found = facts(data)
        assert not made.exists()
        problems = model_file.check("m.pkl", found)
        assert {one.rule for one in problems} == {"pickle-runs-code"}
        assert len(problems) == 3
        assert all(one.severity == "error" and "runs" in one.message for one in problems)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress, lz4.frame.compress])
def test_code_is_seen_in_packed_files_too(pack: Any) -> None:
    assert [one.rule for one in model_file.check("m", facts(pack(pickle.dumps(Runs(os.system, "true")))))] == [
        "pickle-runs-code"
    ]


def test_ordinary_pickles_are_no_alarm() -> None:
    import collections
    import datetime
    import functools
    import operator

    things = [collections.OrderedDict(a=1), datetime.datetime.now(tz=datetime.timezone.utc), operator.itemgetter(1)]
    things += [functools.partial(int, base=2), {1, 2}, frozenset({3}), b"x" * 1000, 1 << 200, 1.5, Path("a"), range(3)]
    for protocol in range(6):
        assert model_file.check("m.pkl", facts(pickle.dumps(things, protocol))) == []


def test_a_class_of_the_training_script_is_told() -> None:
    data = pickle.dumps(forest(), 4).replace(
        b"\x8c\x10sklearn.pipeline\x94\x8c\x08Pipeline", b"\x8c\x08__main__\x94\x8c\x08Pipeline"
    )
    (problem,) = model_file.check("m.pkl", facts(data))
    assert (problem.rule, problem.severity) == ("pickle-main", "error")
    assert "Pipeline" in problem.message


@pytest.mark.parametrize(
    ("line", "rule", "severity", "fixed"),
    [
        ("scikit-learn==1.6.1  # as trained", "model-version", "error", "scikit-learn==1.7.2  # as trained"),
        ("scikit-learn==1.7.1  # as trained", "model-version", "warning", "scikit-learn==1.7.2  # as trained"),
        ("scikit-learn>=1.5", "model-version", "warning", "scikit-learn==1.7.2"),
        (
            "\"scikit-learn>=1.5; sys_platform == 'linux'\"  # ours",
            "model-version",
            "warning",
            "\"scikit-learn==1.7.2; sys_platform == 'linux'\"  # ours",
        ),
        (
            "scikit-learn[x]; python_version > '3'",
            "model-version",
            "warning",
            "scikit-learn[x]==1.7.2; python_version > '3'",
        ),
    ],
)
def test_a_pin_that_does_not_fit_has_its_fix(line: str, rule: str, severity: str, fixed: str) -> None:
    text = ENVIRONMENT.replace("scikit-learn==1.7.2  # as trained", line)
    (problem,) = model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", text)
    assert (problem.rule, problem.severity, problem.line) == (rule, severity, 7)
    assert problem.fix is not None
    assert (problem.fix.file, problem.fix.line, problem.fix.text) == ("myenv.yml", 7, f"      - {fixed}")
    mended = text.splitlines()
    mended[problem.fix.line - 1 : problem.fix.line] = problem.fix.text.splitlines()
    assert model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", "\n".join(mended) + "\n") == []


@pytest.mark.parametrize(
    "line", ["scikit-learn==1.7.2", "scikit-learn~=1.7.2", "scikit_learn===1.7.2", "scikit-learn==1.7.*"]
)
def test_a_pin_that_fits_is_no_alarm(line: str) -> None:
    text = ENVIRONMENT.replace("scikit-learn==1.7.2  # as trained", line)
    assert model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", text) == []


def test_a_conda_pin_is_judged_and_mended_too() -> None:
    text = "dependencies:\n  - python=3.11\n  - scikit-learn=1.5\n  - pip\n  - pip:\n      - azureml-defaults==1.61\n"
    (problem,) = model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", text)
    assert problem.fix is not None
    assert (problem.line, problem.fix.text) == (3, "  - scikit-learn=1.7.2")
    assert model_file.check("m.pkl", facts(pickle.dumps(forest())), "e", text.replace("learn=1.5", "learn=1.7.2")) == []


def test_a_package_that_is_missing_is_added_by_the_fix() -> None:
    text = ENVIRONMENT.replace("      - scikit-learn==1.7.2  # as trained\n", "")
    (problem,) = model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", text)
    assert problem.rule == "model-package"
    assert problem.fix is not None
    assert problem.fix.text == "      - numpy==2.2.6\n      - scikit-learn==1.7.2"


@pytest.mark.parametrize(
    ("pin", "severity"), [("==1.24.3", "error"), ("==1.26.4", "warning"), ("<1.26", "error"), ("==2.2.6", ""), ("", "")]
)
def test_numpy_of_two_generations(pin: str, severity: str) -> None:
    text = ENVIRONMENT.replace("numpy==2.2.6", f"numpy{pin}")
    found = model_file.check("m.pkl", facts(pickle.dumps(forest())), "myenv.yml", text)
    assert [one.severity for one in found] == ([severity] if severity else [])


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def block(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: bytes, sizes: list[int]) -> bytes:
    dimensions = b"".join(block(1, b"\x08" + varint(size) if size else block(2, b"N")) for size in sizes)
    return block(1, name) + block(2, block(1, b"\x08\x01" + block(2, dimensions)))


def onnx(opset: int) -> bytes:
    weights = block(5, block(9, b"\x00" * 100_000))
    graph = weights + block(11, tensor(b"X", [0, 4])) + block(12, tensor(b"Y", [1]))
    return b"\x08\x09" + block(2, b"pytorch") + block(3, b"2.5.1") + block(7, graph) + block(8, b"\x10" + varint(opset))


def test_onnx_tells_opset_inputs_and_outputs() -> None:
    found = facts(onnx(21))
    assert (found.kind, found.opset, found.inputs, found.outputs) == ("onnx", 21, ("X float[?,4]",), ("Y float[1]",))
    assert found.versions == {"torch": "2.5.1"}
    text = ENVIRONMENT.replace("scikit-learn==1.7.2  # as trained", "onnxruntime==1.16.3")
    (problem,) = model_file.check("m.onnx", found, "myenv.yml", text)
    assert (problem.rule, problem.line, problem.severity) == ("model-opset", 7, "error")
    assert model_file.check("m.onnx", found, "e", text.replace("1.16.3", "1.20.1")) == []
    (missing,) = model_file.check("m.onnx", found, "myenv.yml", ENVIRONMENT)
    assert missing.rule == "model-package"


def test_archives_of_torch_and_keras() -> None:
    def archive(**files: bytes) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as packed:
            for name, data in files.items():
                packed.writestr(name.replace("__", "/").replace("_", "."), data)
        return target.getvalue()

    torch = facts(archive(archive__data_pkl=pickle.dumps(Runs(os.system, "true"))))
    assert torch.kind == "torch"
    assert "pickle-runs-code" in {one.rule for one in model_file.check("m.pt", torch)}
    keras = facts(archive(metadata_json=json.dumps({"keras_version": "3.6.0"}).encode(), config_json=b"{}"))
    assert (keras.kind, keras.versions) == ("keras", {"keras": "3.6.0"})


def test_xgboost_and_lightgbm_by_their_own_formats() -> None:
    said = facts(b'{"learner":{"x":"' + b"y" * 9000 + b'"},"version":[2,1,3]}')
    assert (said.kind, said.versions) == ("xgboost", {"xgboost": "2.1.3"})
    assert facts(b"tree\nversion=v4\n").kind == "lightgbm"


def test_what_lz4_packed_needs_lz4_on_the_device_too() -> None:
    packed = facts(lz4.frame.compress(pickle.dumps(forest())))
    (problem,) = model_file.check("m.joblib", packed, "myenv.yml", ENVIRONMENT)
    assert (problem.rule, problem.message) == ("model-package", "the model needs lz4, which the environment has not")
    assert problem.fix is not None
    assert problem.fix.text.endswith("\n      - lz4")
    assert model_file.check("m.joblib", packed, "myenv.yml", ENVIRONMENT + "      - lz4==4.4.5\n") == []


def test_without_lz4_it_is_said_that_it_was_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    found = facts(lz4.frame.compress(pickle.dumps(forest())))
    (told,) = model_file.check("m.joblib", found)
    assert (told.rule, told.severity) == ("model-partly-read", "warning")
    assert "pip install lz4 lets edgetui look inside" in told.message


def test_what_lz4_packed_and_is_damaged_is_taken() -> None:
    whole = lz4.frame.compress(WHOLE)
    for place in range(4, len(whole), 97):
        assert facts(whole[:place]).packed == "lz4"
        assert facts(whole[:place] + b"\xff\xff" + whole[place + 2 :]).packed == "lz4"


@pytest.mark.parametrize("pack", [partial(zlib.compress, level=9), lz4.frame.compress])
def test_a_bomb_costs_no_memory_and_says_so(pack: Any) -> None:
    bomb = pack(pickle.dumps(b"\0" * (64 << 20)))
    tracemalloc.start()
    found = model_file.read(io.BytesIO(bomb), len(bomb), limit=16 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert found.note
    assert [one.rule for one in model_file.check("m", found)] in (["model-partly-read"], [])


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_taken(data: bytes) -> None:
    for head in (b"", b"\x80\x04", b"\x08\x09", b"PK\x03\x04", b"(", b"\x80\x02cos\nsystem\n"):
        found = facts(head + data)
        assert found.size == len(head + data)


WHOLE = pickle.dumps(forest(), 4)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8), st.booleans())
@example(place=WHOLE.index(b"\x8c"), data=b"\x8d" + b"\xff" * 8, cut=False)  # a text of 2**63 bytes and more
def test_a_damaged_pickle_is_taken(place: int, data: bytes, cut: bool) -> None:
    damaged = WHOLE[:place] + data + (b"" if cut else WHOLE[place + len(data) :])
    assert isinstance(facts(damaged), Facts)


class Bomb:
    """Whoever makes one of these has run the pickle."""

    made = 0

    def __reduce__(self) -> tuple[Any, Any]:
        return explode, ()


def explode() -> None:
    Bomb.made += 1


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner), max_leaves=8),
    st.integers(0, 5),
)
def test_no_pickle_of_any_shape_runs(value: Any, protocol: int) -> None:
    found = facts(pickle.dumps([value, Bomb(), {"k": (value, Bomb())}], protocol))
    assert Bomb.made == 0
    assert found.calls[-1].endswith(".explode")

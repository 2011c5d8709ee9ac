"""Model files of our own making, with what is to be found in them: for each rule one that triggers it and a near miss.

`environment` is the pip part's lines that the model is judged with; none of these files is ever loaded.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import functools
import gzip
import importlib
import io
import logging
import pathlib
import pickle
import re
import zipfile
import zlib
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

ONES = np.ones((4, 2))
FITTED = make_pipeline(StandardScaler(), LinearRegression()).fit(ONES, ONES[:, 0])
HERE = (f"scikit-learn=={sklearn.__version__}", f"numpy=={np.__version__}", "onnxruntime==1.22.0")


class Calls:
    """A pickle of this calls a function by its name when it is loaded."""

    def __init__(self, name: str, *arguments: Any) -> None:
        module, _, function = name.rpartition(":")
        target = importlib.import_module(module)
        for part in function.split("."):
            target = getattr(target, part)
        self.call = target, arguments

    def __reduce__(self) -> tuple[Any, Any]:
        return self.call


@dataclass(frozen=True)
class ModelCase:
    """One model file: `expected` are the rules of what is to be found; `naming` words that one of the messages has."""

    name: str
    file: str
    data: bytes
    expected: tuple[str, ...] = ()
    naming: str = ""
    environment: tuple[str, ...] = HERE
    severity: str = ""
    near: str = field(default="", kw_only=True)  # the rule that it just misses


def named(module: str, name: str, *, called: bool = True) -> bytes:
    """A pickle that names (and calls) what need not be there."""
    return f"c{module}\n{name}\n".encode() + (b"(tR." if called else b".")


def dumped(value: Any, compress: Any = 0) -> bytes:
    """A joblib file."""
    out = io.BytesIO()
    joblib.dump(value, out, compress=compress)
    return out.getvalue()


def zipped(**files: bytes) -> bytes:
    """An archive of PyTorch or Keras; `__` in a name is a slash and `_` a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _block(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def onnx(opset: int, form: int = 8) -> bytes:
    """The smallest ONNX file with an opset and a version of the format."""
    return b"\x08" + _varint(form) + _block(7, b"") + _block(8, b"\x10" + _varint(opset))


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
ANSWER = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code></Error>'
TOO_OLD_SKLEARN = ("scikit-learn==1.0.2", *HERE[1:])


def _no_models() -> Iterator[ModelCase]:
    for file in ("model.pkl", "model.onnx", "model.joblib", "weights"):
        yield ModelCase(f"a pointer of Git LFS as {file}", file, LFS, ("model-pointer",), "Git LFS", severity="error")
        yield ModelCase(f"a web page as {file}", file, PAGE, ("model-page",), "web page", severity="error")
        yield ModelCase(f"a store's answer as {file}", file, ANSWER, ("model-page",), "store", severity="error")
    said = b'{"error": {"code": "NotFound"}}'
    yield ModelCase("a server's answer", "model.pkl", said, ("model-page",), "JSON", severity="error")
    yield ModelCase(
        "near: words that speak of LFS", "model.txt", b"\nversion https://git-lfs.github.org/", near="model-pointer"
    )
    yield ModelCase("near: a model in JSON", "model.json", b'{"weights": [1, 2]}', near="model-page")
    yield ModelCase("near: a model in XML", "model.pmml", b'<?xml version="1.0"?><PMML/>', near="model-page")
    yield ModelCase("near: a page of the model's own", "model/card.html", PAGE, near="model-page")
    yield ModelCase("zeros", "model.pkl", b"\0" * 4096, ("model-unknown",), severity="warning")
    noise = bytes((7 * n * n + 13 * n + 0xE3) % 251 for n in range(2000))
    yield ModelCase("noise", "model.joblib", noise, ("model-unknown",), severity="warning")
    yield ModelCase("a stop with nothing", "model.pkl", b".....", ("model-unknown",), severity="warning")
    yield ModelCase("near: noise by another name", "model.dat", noise, near="model-unknown")
    yield ModelCase("near: a pickle of a number", "model.pkl", pickle.dumps(7), near="model-unknown")
    yield ModelCase("near: an empty file is told of elsewhere", "model.pkl", b"", near="model-unknown")


def _damaged() -> Iterator[ModelCase]:
    whole = pickle.dumps(FITTED, 4)
    yield ModelCase("a pickle that ends early", "m.pkl", whole[:-40], ("model-cut",), "damaged", severity="error")
    packed = dumped(FITTED, ("gzip", 3))
    yield ModelCase("a packed file that ends early", "m.joblib", packed[:-60], ("model-cut",), severity="error")
    yield ModelCase(
        "an archive that ends early", "m.pt", zipped(a__data_pkl=whole)[:-30], ("model-cut",), severity="error"
    )
    yield ModelCase("arrays that end early", "m.joblib", dumped([np.ones(999)])[:-99], ("model-cut",), severity="error")
    yield ModelCase("near: bytes behind the pickle", "m.pkl", whole + b"\0\1\2 padding", near="model-cut")
    old = (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
        + pickle.dumps(1001, 2)
        + pickle.dumps(collections.OrderedDict(a=1), 2)
    )
    torch = ("torch==2.5.1",)
    yield ModelCase("near: PyTorch's older format", "m.pt", old + b"\1\0\0\0c", (), "", torch, near="model-cut")
    yield ModelCase("near: whole and packed", "m.joblib", packed, near="model-cut")
    bomb = zlib.compress(pickle.dumps([b"\0" * 4096] * 4) + b"x" * 64)
    yield ModelCase("near: unpacks to little", "m.pkl", bomb, near="model-partly-read")
    odd = dumped(FITTED).replace(b"NumpyArrayWrapper", b"NumpyArrayWrapper", 1).replace(b"f8", b"q?", 1)
    yield ModelCase("an array of an odd type", "m.joblib", odd, ("model-partly-read",), severity="warning")


def _fitting() -> Iterator[ModelCase]:
    data = pickle.dumps(FITTED)
    yield ModelCase("a package that is missing", "m.pkl", data, ("model-package",), "scikit-learn", HERE[1:2], "error")
    yield ModelCase("near: brought along", "m.pkl", pickle.dumps(ONES), (), "", HERE[:1], near="model-package")
    yield ModelCase("another version", "m.pkl", data, ("model-version",), "1.0.2", TOO_OLD_SKLEARN, "error")
    patched = (f"scikit-learn~={sklearn.__version__}", *HERE[1:])
    yield ModelCase("near: bug fixes only", "m.pkl", data, (), "", patched, near="model-version")
    old = ("numpy==1.23.5", HERE[0])
    yield ModelCase("an older numpy", "m.pkl", data, ("model-numpy",), "numpy 2", old, "error")
    yield ModelCase("near: numpy 2", "m.pkl", data, (), "", ("numpy>=2,<3", HERE[0]), near="model-numpy")
    runtime = ("onnxruntime==1.16.3",)
    yield ModelCase("an opset too new", "m.onnx", onnx(21), ("model-opset",), "opset 21", runtime, "error")
    yield ModelCase("near: an opset that it knows", "m.onnx", onnx(19), (), "", runtime, near="model-opset")
    yield ModelCase("a format too new", "m.onnx", onnx(17, 12), ("model-opset",), "IR version 12", runtime, "error")
    yield ModelCase("near: a format that it knows", "m.onnx", onnx(17, 9), (), "", runtime, near="model-opset")
    behind = ("onnxruntime==1.22.0",)
    yield ModelCase("an opset of tomorrow", "m.onnx", onnx(99), ("model-opset",), "opset 99", behind, "error")
    yield ModelCase("a format of tomorrow", "m.onnx", onnx(17, 99), ("model-opset",), "IR version 99", behind, "error")
    bounded = ("onnxruntime>=1.16,<1.18",)
    yield ModelCase("bounds below the opset", "m.onnx", onnx(21), ("model-opset",), "1.18 or newer", bounded, "error")
    later = ("onnxruntime>=1.22",)
    yield ModelCase("what the next may know", "m.onnx", onnx(99), ("model-opset",), "opset 99", later, "warning")
    tomorrow = ("onnxruntime==1.40.0",)
    yield ModelCase("near: a runtime of tomorrow", "m.onnx", onnx(99), (), "", tomorrow, near="model-opset")
    yield ModelCase("near: what is known of today", "m.onnx", onnx(22, 10), (), "", behind, near="model-opset")


RUNNING = {
    "os:system": "system",
    "builtins:eval": "builtins.eval",
    "subprocess:Popen": "subprocess.Popen",
    "multiprocessing.util:spawnv_passfds": "multiprocessing.util.spawnv_passfds",
    "doctest:debug_script": "doctest.debug_script",
    "shelve:open": "shelve.open",
    "logging.config:listen": "logging.config.listen",
    "joblib:load": "joblib.numpy_pickle.load",
    "tempfile:mkdtemp": "tempfile.mkdtemp",
    "unittest:main": "unittest.main",
}
UNHEARD_OF = {
    "sqlite3:connect": "sqlite3.connect",
    "pathlib:Path.unlink": "pathlib.Path.unlink",
    "numpy:fromfile": "numpy.fromfile",
    "functools:reduce": "functools.reduce",
    "sklearn.datasets:fetch_openml": "sklearn.datasets",
}


def _running() -> Iterator[ModelCase]:
    for called, words in RUNNING.items():
        for protocol in (0, 2, 4, 5):
            data = pickle.dumps([FITTED, Calls(called, "x")], protocol)
            yield ModelCase(
                f"{called}, protocol {protocol}", "m.pkl", data, ("pickle-runs-code",), words, severity="error"
            )
    evil = pickle.dumps(Calls("os:system", "true"))
    for name, data in {
        "packed by gzip": gzip.compress(evil),
        "in joblib": dumped([ONES, Calls("os:system", "true")]),
        "behind another pickle": pickle.dumps(FITTED) + evil,
        "behind another pickle, and broken off": pickle.dumps(FITTED) + evil[:-1],
        "in an archive": zipped(a__data_pkl=pickle.dumps(1), b__extra_pkl=evil),
        "of Python 2": named("__builtin__", "execfile"),
        "gone in Python 3.12": named("distutils.file_util", "write_file"),
    }.items():
        runtime = (*HERE, "torch==2.5.1")
        yield ModelCase(f"code {name}", "m.pt", data, ("pickle-runs-code",), "", runtime, "error")
    yield ModelCase(
        "near: a class by the name of a danger", "m.pkl", named("sklearn.os", "System"), near="pickle-runs-code"
    )


def _calling() -> Iterator[ModelCase]:
    for called, words in UNHEARD_OF.items():
        for protocol in (2, 4, 5):
            data = pickle.dumps([FITTED, Calls(called, "x")], protocol)
            yield ModelCase(
                f"{called}, protocol {protocol}", "m.pkl", data, ("pickle-calls",), words, severity="warning"
            )
    wrapped = pickle.dumps(Wrapped())
    yield ModelCase("a call in a wrapper", "m.pkl", wrapped, ("pickle-calls",), "numpy.fromfile", severity="warning")
    kept = pickle.dumps([FunctionTransformer(np.log1p), np.fromfile])
    yield ModelCase("near: a function that is kept, not called", "m.pkl", kept, near="pickle-calls")
    own = named("mypackage.core", "Thing")
    yield ModelCase("a person's own class", "m.pkl", own, ("pickle-module",), "mypackage", severity="warning")
    yield ModelCase(
        "near: a package of the environment", "m.pkl", own, (), "", ("mypackage==1.0",), near="pickle-module"
    )
    main = named("__main__", "Thing")
    yield ModelCase("a class of the training script", "m.pkl", main, ("pickle-main",), "Thing", severity="error")
    yield ModelCase("near: a module called main", "m.pkl", named("sklearn.__main__", "Thing"), near="pickle-main")
    cloud = named("cloudpickle.cloudpickle", "_make_function")
    there = ("cloudpickle==3.1.1",)
    yield ModelCase("a function in the pickle", "m.pkl", cloud, ("pickle-code",), "one Python", there, "warning")
    yield ModelCase(
        "near: a package that begins so", "m.pkl", named("dillo", "Thing"), (), "", ("dillo==1",), near="pickle-code"
    )


class Wrapped:
    """A pickle of this wraps a function and calls the wrapper."""

    def __reduce__(self) -> tuple[Any, Any]:
        return functools.partial(np.fromfile, "x"), ()


class Box(collections.OrderedDict[str, int]):
    """A class of a module that the environment names as `tests`."""


HONEST: dict[str, Callable[[], Any]] = {
    "pipeline": lambda: FITTED,
    "arrays": lambda: [ONES, np.array(["a", None], dtype=object), np.float64(1), np.bool_(True), np.array(["x"], "U1")],
    "records": lambda: [np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.ma.array([1, 2], mask=[0, 1])],
    "random": lambda: [np.random.RandomState(1), np.random.default_rng(1)],
    "times": lambda: [
        datetime.datetime.now(tz=datetime.timezone.utc),
        datetime.timedelta(1),
        datetime.date(2026, 1, 1),
    ],
    "zones": lambda: [zoneinfo.ZoneInfo("UTC"), np.datetime64("2026-01-01")],
    "numbers": lambda: [decimal.Decimal("1.5"), 1 << 200, 1 + 2j, slice(1, 2), range(3), bytearray(b"x")],
    "containers": lambda: [collections.OrderedDict(a=1), collections.defaultdict(list), collections.Counter("ab"), {1}],
    "wrappers": lambda: [functools.partial(np.clip, a_min=0), functools.partial(int, base=2), re.compile("a+"), len],
    "others": lambda: [
        pathlib.PurePosixPath("a"),
        logging.getLogger("x"),
        ValueError("x"),
        frozenset({1}),
        collections.deque(),
    ],
}


# What pickles of packages call that are not installed here, as seen in files that they wrote.
OTHERS = """
    pandas.DataFrame pandas.Series pandas.Index pandas.Int64Dtype pandas.core.frame.DataFrame pandas._libs.internals._unpickle_block
    pandas.core.indexes.base._new_Index pandas.core.indexes.datetimes._new_DatetimeIndex pandas.core.internals.blocks.new_block
    pandas._libs.arrays.__pyx_unpickle_NDArrayBacked pandas._libs.tslibs.timestamps._unpickle_timestamp
    pandas._libs.tslibs.timedeltas._timedelta_unpickle pandas._libs.tslibs.nattype.__nat_unpickle
    xgboost.core.Booster xgboost.sklearn.XGBClassifier lightgbm.basic.Booster lightgbm.sklearn.LGBMClassifier _catboost._CatBoost
    torch._utils._rebuild_tensor_v2 torch._utils._rebuild_parameter torch.FloatStorage torch.nn.modules.linear.Linear torch.Size
    statsmodels.tsa.statespace._kalman_filter.dKalmanFilter sklearn.neighbors._kd_tree.newObj pytz._UTC
""".split()  # noqa: SIM905 -- a list of names is read more easily as a text


def cases() -> list[ModelCase]:
    """All of them."""
    honest = [
        ModelCase(f"near: {name}, protocol {protocol}", "m.pkl", pickle.dumps(make(), protocol), near="pickle-calls")
        for name, make in HONEST.items()
        for protocol in range(6)
    ]
    packed = [
        ModelCase(f"near: {name} by joblib, {packing}", "m.joblib", dumped(make(), packing), near="pickle-calls")
        for name, make in HONEST.items()
        for packing in (0, "zlib", "gzip", "bz2", "xz", "lzma")
    ]
    called = b"".join(named(*name.rsplit(".", 1))[:-1] + b"0" for name in OTHERS) + b"N."
    packages = ("pandas==2.3", "xgboost==3.0", "lightgbm==4.6", "torch==2.5.1", "statsmodels==0.14", *HERE)
    others = ModelCase("near: pickles of other packages", "m.pkl", called, (), "", packages, near="pickle-calls")
    return [*_no_models(), *_damaged(), *_fitting(), *_running(), *_calling(), *honest, *packed, others]

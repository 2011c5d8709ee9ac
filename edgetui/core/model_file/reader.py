"""Which kind of model file this is, and what it says of itself."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from lzma import LZMAError
from typing import BinaryIO, Literal

import msgspec

from edgetui.core.model_file import onnx, pickles
from edgetui.core.model_file.streams import Bytes, TooMuchError, unpacked
from edgetui.core.models import Record

Kind = Literal["pickle", "joblib", "torch", "onnx", "keras", "hdf5", "xgboost", "lightgbm", "unknown"]
LIMIT = (
    256 * 2**20
)  # unpacked bytes that are gone through; arrays of an unpacked file are jumped over and count nothing


class Facts(Record, frozen=True):
    """What a model file says of itself.

    Attributes:
        kind: What it is.
        size: Bytes on disk.
        packed: How it is compressed, or "".
        globals: `module.name` of every class and function that a pickle names, in order.
        calls: Those of them that it calls while it is loaded.
        versions: Package -> version that the file states.
        opset: ONNX's own opset version, 0 where it is no ONNX file.
        inputs: What the model takes, as `name float[?,4]`.
        outputs: What it gives.
        note: Why it was not read whole, or "".
    """

    kind: Kind
    size: int
    packed: str = ""
    globals: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    opset: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    note: str = ""

    @property
    def modules(self) -> tuple[str, ...]:
        """The top-level packages that it needs, each once, in order."""
        return tuple(dict.fromkeys(one.partition(".")[0] for one in self.globals))


def read(file: BinaryIO, size: int, limit: int = LIMIT) -> Facts:
    """Read a model file that can be sought; executes nothing, keeps little, never raises but OSError."""
    head = file.read(64)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _zip(file, size, limit)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Facts("hdf5", size)
    if head.startswith(b"tree\n"):
        return Facts("lightgbm", size)
    if head.lstrip().startswith(b'{"') or head.startswith(b"{L\x00"):
        return _xgboost(file, size)
    if head[:1] == b"\x08" and (found := _onnx(file, size, limit)):
        return found
    stream, packed = unpacked(file, head, limit)
    if stream is None:
        return Facts(
            "unknown", size, packed, note=f"it is packed by {packed}: pip install {packed} lets edgetui look inside"
        )
    return _pickle(stream, size, packed)


def _onnx(file: BinaryIO, size: int, limit: int) -> Facts | None:
    try:
        graph = onnx.read(Bytes(file, max(limit, size), skipping=file), size)
    except (onnx.NoOnnxError, EOFError, TooMuchError):
        file.seek(0)
        return None
    known = {"scikit-learn": "skl2onnx", "pytorch": "torch"}
    versions = {known.get(graph.producer, graph.producer): graph.producer_version} if graph.producer_version else {}
    opset = graph.opsets.get("", graph.opsets.get("ai.onnx", 0))
    return Facts("onnx", size, versions=versions, opset=opset, inputs=tuple(graph.inputs), outputs=tuple(graph.outputs))


def _pickle(stream: Bytes, size: int, packed: str, kind: Kind = "pickle") -> Facts:
    seen, note = pickles.Seen(), ""
    try:
        pickles.follow(stream, seen)
    except pickles.NoPickleError as wrong:
        if not seen.globals:
            return Facts("unknown", size, packed)
        note = f"its pickle breaks off: {wrong}"
    except TooMuchError as wrong:
        note = str(wrong)
    except (EOFError, zlib.error, LZMAError, OSError, ValueError, RuntimeError) as wrong:  # the last is lz4's
        note = f"it ends too early{f': {wrong}' if str(wrong) else ''}"
    if kind == "pickle" and seen.arrays:
        kind = "joblib"
    if not seen.opcodes or (note and not seen.protocol and not seen.globals):
        return Facts("unknown", size, packed, note=note)
    names = [f"{module}.{name}" for module, name in seen.globals]
    calls = [f"{module}.{name}" for module, name in seen.globals if (module, name) in seen.called]
    return Facts(kind, size, packed, tuple(names), tuple(calls), seen.versions, note=note)


def _zip(file: BinaryIO, size: int, limit: int) -> Facts:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            inner = next((name for name in names if name.endswith("data.pkl")), "")
            if inner:
                with archive.open(inner) as opened:
                    return _pickle(Bytes(opened, limit), size, "zip", "torch")
            if "metadata.json" in names and "config.json" in names:
                with archive.open("metadata.json") as opened:
                    said = json.loads(opened.read(1 << 16))
                version = str(said.get("keras_version", "")) if isinstance(said, dict) else ""
                return Facts("keras", size, versions={"keras": version} if version else {})
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        zlib.error,
    ) as wrong:
        return Facts("unknown", size, note=f"its archive cannot be read: {wrong}")
    return Facts("unknown", size)


def _xgboost(file: BinaryIO, size: int) -> Facts:
    """XGBoost writes its version at one of the two ends of its JSON or UBJSON."""
    start = file.read(1 << 12)
    file.seek(max(0, size - (1 << 12)), io.SEEK_SET)
    ends = start + file.read(1 << 12)
    if b"learner" not in ends:
        return Facts("unknown", size)
    found = re.search(rb'"version"\s*:\s*\[(\d+),\s*(\d+),\s*(\d+)\]', ends)
    versions = {"xgboost": b".".join(found.groups()).decode()} if found else {}
    return Facts("xgboost", size, versions=versions)

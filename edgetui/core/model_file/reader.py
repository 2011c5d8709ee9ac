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

from edgetui.core.model_file import impostors, onnx, pickles
from edgetui.core.model_file.streams import Bytes, TooMuchError, unpacked
from edgetui.core.models import Record

Kind = Literal[
    "pickle",
    "joblib",
    "torch",
    "onnx",
    "keras",
    "hdf5",
    "xgboost",
    "lightgbm",
    "unknown",
    "empty",
    "lfs",
    "html",
    "xml",
    "answer",
    "json",
]
LIMIT = 256 * 2**20  # unpacked bytes gone through; arrays of an unpacked file are jumped over and count nothing
_IN_A_ROW = 32  # pickles in one file: the older format of PyTorch has four
_MEMBERS = 16  # pickles in one archive
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


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
        format: The version of ONNX's file format (its IR), 0 where it is no ONNX file.
        inputs: What the model takes, as `name float[?,4]`.
        outputs: What it gives.
        note: Why it was not read whole, or "".
        broken: Whether that is because the file is damaged: nothing could load it.
        looked: Bytes that were gone through.
    """

    kind: Kind
    size: int
    packed: str = ""
    globals: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    opset: int = 0
    format: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    note: str = ""
    broken: bool = False
    looked: int = 0

    @property
    def modules(self) -> tuple[str, ...]:
        """The top-level packages that it needs, each once, in order."""
        return tuple(dict.fromkeys(one.partition(".")[0] for one in self.globals))


def read(file: BinaryIO, size: int, limit: int = LIMIT) -> Facts:
    """Read a model file that can be sought; executes nothing, keeps little, never raises but OSError."""
    head = file.read(impostors.HEAD)
    file.seek(0)
    what = impostors.impostor(head)
    if head.startswith(b"PK\x03\x04"):
        return _zip(file, size, limit)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Facts("hdf5", size)
    if head.startswith(b"tree\n"):
        return Facts("lightgbm", size)
    if what == "json" or head.startswith(b"{L\x00"):
        return _xgboost(file, size, "json" if what == "json" else "unknown")
    if what is not None:
        return Facts(what, size)
    if head[:1] == b"\x08" and (found := _onnx(file, size, limit)):
        return found
    stream, packed = unpacked(file, head, limit)
    if stream is None:
        return Facts(
            "unknown", size, packed, note=f"it is packed by {packed}: pip install {packed} lets edgetui look inside"
        )
    return _pickle(stream, size, packed, "torch" if head.startswith(_OLD_TORCH) else "pickle")


def _onnx(file: BinaryIO, size: int, limit: int) -> Facts | None:
    try:
        graph = onnx.read(Bytes(file, max(limit, size), skipping=file), size)
    except (onnx.NoOnnxError, EOFError, TooMuchError):
        file.seek(0)
        return None
    known = {"scikit-learn": "skl2onnx", "pytorch": "torch"}
    versions = {known.get(graph.producer, graph.producer): graph.producer_version} if graph.producer_version else {}
    opset = graph.opsets.get("", graph.opsets.get("ai.onnx", 0))
    inputs, outputs = tuple(graph.inputs), tuple(graph.outputs)
    return Facts("onnx", size, versions=versions, opset=opset, format=graph.ir_version, inputs=inputs, outputs=outputs)


def _pickle(stream: Bytes, size: int, packed: str, kind: Kind = "pickle") -> Facts:
    seen, note, broken = pickles.Seen(), "", False
    try:
        pickles.follow(stream, seen)
        _follow_others(stream, seen)
    except pickles.NoPickleError as wrong:
        if not seen.globals:
            return Facts("unknown", size, packed, looked=stream.looked)
        note = f"its pickle breaks off: {wrong}"
    except TooMuchError as wrong:
        note = str(wrong)
    except (EOFError, zlib.error, LZMAError, OSError, ValueError, RuntimeError) as wrong:  # the last is lz4's
        note, broken = f"it ends too early{f': {wrong}' if str(wrong) else ''}", True
    if kind == "pickle" and seen.arrays:
        kind = "joblib"
    if not seen.opcodes or (note and not seen.protocol and not seen.globals):
        # Whatever a packing program wrote is known to be cut; a few bytes may only look like a pickle.
        return Facts(
            "unknown",
            size,
            packed,
            note=note if packed or not broken else "",
            broken=broken and bool(packed),
            looked=stream.looked,
        )
    called = set(seen.globals) if seen.indirect else seen.called
    names = tuple(f"{module}.{name}" for module, name in seen.globals)
    calls = tuple(f"{module}.{name}" for module, name in seen.globals if (module, name) in called)
    return Facts(kind, size, packed, names, calls, seen.versions, note=note, broken=broken, looked=stream.looked)


def _follow_others(stream: Bytes, seen: pickles.Seen) -> None:
    """Follow the pickles behind the first one: whoever loads the file may load them too. What is no pickle counts nothing.

    One that breaks off has done by then what stands before.
    """
    for _ in range(_IN_A_ROW):
        other = pickles.Seen(opcodes=seen.opcodes)
        try:
            pickles.follow(stream, other)
        except (pickles.NoPickleError, EOFError):
            if other.protocol:
                seen.add(other)
            return
        seen.add(other)


def _zip(file: BinaryIO, size: int, limit: int) -> Facts:
    note, broken = "", False
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            inner = [name for name in names if name.endswith(".pkl")][:_MEMBERS]
            if inner:
                return _members(archive, inner, size, limit)
            if "metadata.json" in names and "config.json" in names:
                with archive.open("metadata.json") as opened:
                    said = json.loads(opened.read(1 << 16))
                version = str(said.get("keras_version", "")) if isinstance(said, dict) else ""
                return Facts("keras", size, versions={"keras": version} if version else {})
    except (zipfile.BadZipFile, EOFError, zlib.error) as wrong:
        note, broken = f"its archive cannot be read: {wrong}", True
    except (OSError, ValueError, KeyError, NotImplementedError, RuntimeError) as wrong:
        note = f"its archive cannot be read: {wrong}"
    return Facts("unknown", size, note=note, broken=broken)


def _members(archive: zipfile.ZipFile, names: list[str], size: int, limit: int) -> Facts:
    """What the pickles of one archive say together."""
    found: list[Facts] = []
    for name in names:
        with archive.open(name) as opened:
            found.append(_pickle(Bytes(opened, max(0, limit - sum(one.looked for one in found))), size, "zip", "torch"))
    return Facts(
        "torch",
        size,
        "zip",
        tuple(dict.fromkeys(name for one in found for name in one.globals)),
        tuple(dict.fromkeys(name for one in found for name in one.calls)),
        {package: version for one in found for package, version in one.versions.items()},
        note=next((one.note for one in found if one.note), ""),
        broken=any(one.broken for one in found),
        looked=sum(one.looked for one in found),
    )


def _xgboost(file: BinaryIO, size: int, otherwise: Kind) -> Facts:
    """XGBoost writes its version at one of the two ends of its JSON or UBJSON."""
    start = file.read(1 << 12)
    file.seek(max(0, size - (1 << 12)), io.SEEK_SET)
    ends = start + file.read(1 << 12)
    if b"learner" not in ends:
        return Facts(otherwise, size)
    found = re.search(rb'"version"\s*:\s*\[(\d+),\s*(\d+),\s*(\d+)\]', ends)
    versions = {"xgboost": b".".join(found.groups()).decode()} if found else {}
    return Facts("xgboost", size, versions=versions)

"""The few fields of an ONNX file that matter here, read from its protobuf bytes; weights are skipped.

https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: ModelProto ir_version=1, producer_name=2, producer_version=3,
graph=7, opset_import=8; GraphProto input=11, output=12; ValueInfoProto name=1, type=2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from edgetui.core.model_file.streams import Bytes

_FIELDS = 2_000_000
_TEXT = 4096
_ELEMENTS = {
    1: "float",
    2: "uint8",
    3: "int8",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "double",
}


@dataclass
class Graph:
    """What an ONNX file says of itself: `opsets` by domain ("" is ONNX's own), inputs and outputs as `name float[?,4]`."""

    ir_version: int = 0
    producer: str = ""
    producer_version: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class NoOnnxError(Exception):
    """The bytes are no ONNX model."""


def read(stream: Bytes, size: int) -> Graph:
    """Read an ONNX model of `size` bytes.

    Raises:
        NoOnnxError, EOFError, TooMuchError: it is none, or cannot be read whole.
    """
    graph = Graph()
    for number, wire, value in _fields(stream, size, {2, 3, 8}, {7}):
        if number == 1 and wire == 0:
            graph.ir_version = int(value) if isinstance(value, int) else 0
        elif number in {2, 3} and isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
            graph.producer, graph.producer_version = (
                (text, graph.producer_version) if number == 2 else (graph.producer, text)
            )
        elif number == 8 and isinstance(value, bytes):
            found = dict(_small(value))
            domain = found.get(1, b"")
            version = found.get(2, 0)
            if isinstance(domain, bytes) and isinstance(version, int):
                graph.opsets[domain.decode("utf-8", "replace")] = version
        elif number == 7 and isinstance(value, int):
            _graph(stream, value, graph)
    if not graph.ir_version or not graph.opsets:
        raise NoOnnxError("no ONNX model")
    return graph


def _graph(stream: Bytes, size: int, graph: Graph) -> None:
    for number, _, value in _fields(stream, size, {11, 12}, set()):
        if number in {11, 12} and isinstance(value, bytes):
            (graph.inputs if number == 11 else graph.outputs).append(_described(value))


def _described(value: bytes) -> str:
    """`name float[?,4]` of a ValueInfoProto."""
    found = dict(_small(value))
    name = found.get(1, b"")
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else ""
    kind = found.get(2)
    tensor = dict(_small(kind)).get(1) if isinstance(kind, bytes) else None
    if not isinstance(tensor, bytes):
        return text
    parts = dict(_small(tensor))
    shape = parts.get(2, b"")
    sizes = []
    for number, one in _small(shape if isinstance(shape, bytes) else b""):
        if number == 1 and isinstance(one, bytes):
            size = dict(_small(one)).get(1)
            sizes.append(str(size) if isinstance(size, int) else "?")
    element = parts.get(1)
    return f"{text} {_ELEMENTS.get(element, 'tensor') if isinstance(element, int) else 'tensor'}[{','.join(sizes)}]"


def _fields(stream: Bytes, size: int, kept: set[int], entered: set[int]) -> Iterator[tuple[int, int, int | bytes]]:
    """The fields of a message of `size` bytes: kept ones as bytes, entered ones as their size (the caller reads them)."""
    end = stream.position + size
    count = 0
    while stream.position < end:
        count += 1
        if count > _FIELDS:
            raise NoOnnxError("too many fields")
        key = _varint(stream)
        number, wire = key >> 3, key & 7
        if number == 0 or wire not in {0, 1, 2, 5}:
            raise NoOnnxError("no field of a message")
        if wire == 0:
            yield number, wire, _varint(stream)
        elif wire != 2:
            stream.skip(8 if wire == 1 else 4)
        else:
            length = _varint(stream)
            if length > end - stream.position:
                raise NoOnnxError("a field is longer than its message")
            if number in entered:
                yield number, wire, length
            elif number in kept and length <= _TEXT:
                yield number, wire, stream.take(length)
            else:
                stream.skip(length)


def _varint(stream: Bytes) -> int:
    found = 0
    for shift in range(0, 70, 7):
        byte = stream.take(1)[0]
        found |= (byte & 127) << shift
        if byte < 128:
            return found
    raise NoOnnxError("a number has no end")


def _small(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a short message; ends where it makes no sense."""
    stream = Bytes(BytesIO(data), len(data) + 1)
    numbers = set(range(1, 64))
    try:
        for number, _, value in _fields(stream, len(data), numbers, set()):
            yield number, value
    except (NoOnnxError, EOFError):
        return

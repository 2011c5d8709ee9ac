"""What stands where a model should: a pointer of Git LFS, a server's page or error message, nothing that is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

from edgetui.core.model_file.rules import problem
from edgetui.core.models import Problem

Impostor = Literal["empty", "lfs", "html", "xml", "answer", "json"]  # an answer: a store's error message
HEAD = 512  # bytes that tell

_MARKS: tuple[tuple[Impostor, tuple[bytes, ...]], ...] = (
    ("lfs", (b"version https://git-lfs.github.com/", b"version https://hawser.github.com/")),
    ("html", (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<title")),
    ("xml", (b"<?xml", b"<error", b"<!doctype", b"<!--")),
    ("json", (b'{"', b"{'", b'[{"', b"{}", b"[]")),
)
_AGAIN = "download it again, and look at the first lines of what came"
# Names of files that never hold text; whatever these are, they must be known here too.
_BINARY = frozenset({".pkl", ".pickle", ".joblib", ".onnx", ".pt", ".pth", ".h5", ".hdf5", ".keras"})
_NO_TEXT = _BINARY | {".bin", ".npy", ".npz", ".safetensors", ".zip", ".gz", ".pb", ".tflite", ".ubj", ".cbm"}


def impostor(head: bytes) -> Impostor | None:
    """What a file's beginning says that it is, where that is no model; JSON may be one."""
    if not head:
        return "empty"
    text = b"".join(head.removeprefix(b"\xef\xbb\xbf").split()) if head[:1] in b"{[" else head
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kind = next((kind for kind, marks in _MARKS if text.startswith(marks)), None)
    return "answer" if kind == "xml" and b"<error" in text else kind


def problems(model: str, kind: str, note: str) -> Iterator[Problem]:
    """Say that a file is no model, by what it is and how it is called. An empty one is told of where files are."""
    suffix = PurePosixPath(model).suffix.lower()
    if kind == "lfs":
        message = "this is a pointer of Git LFS, not the model itself"
        yield problem(model, 0, "error", "model-pointer", message, "run `git lfs pull`, which fetches the file")
    elif kind == "html" and suffix not in {".html", ".htm"}:
        message = "this is a web page, not a model: its address asked for a sign-in, or answered with an error"
        yield problem(model, 0, "error", "model-page", message, _AGAIN)
    elif kind == "answer":
        yield problem(model, 0, "error", "model-page", "this is the error message of a store, not a model", _AGAIN)
    elif kind in {"xml", "json"} and suffix in _NO_TEXT:
        message = f"this is {kind.upper()}, such as a server's error message, not a model"
        yield problem(model, 0, "error", "model-page", message, _AGAIN)
    elif kind == "unknown" and suffix in _BINARY and not note:
        message = f"nothing that is known here begins like this {suffix} file"
        yield problem(model, 0, "warning", "model-unknown", message, "make sure that it is what your training wrote")

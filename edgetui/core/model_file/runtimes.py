"""Which ONNX Runtime knows a model's opset and version of the file format (ONNX calls it IR)."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

# The oldest ONNX Runtime for each: measured from 1.19 on, before by onnxruntime.ai/docs/reference/compatibility.html.
NEWEST = "1.32"
_OF_OPSET = {
    15: "1.10",
    16: "1.11",
    17: "1.12",
    18: "1.14",
    19: "1.15",
    20: "1.17",
    21: "1.18",
    22: "1.21",
    23: "1.23",
    24: "1.24",
    25: "1.24",
    26: "1.25",
    27: "1.32",
    28: "1.32",
}
_OF_FORMAT = {9: "1.15", 10: "1.18", 11: "1.23", 12: "1.24", 13: "1.24", 14: "1.32"}
_RELEASES = tuple(Version(f"1.{minor}.{fix}") for minor in range(60) for fix in range(4))


def oldest(opset: int, form: int) -> str | None:
    """The oldest ONNX Runtime for a model (`1.18`); "" for any, None where `NEWEST` does not know it yet."""
    needed = [table.get(wanted, "") for table, wanted in ((_OF_OPSET, opset), (_OF_FORMAT, form))]
    if opset > max(_OF_OPSET) or form > max(_OF_FORMAT):
        return None
    return max(filter(None, needed), key=Version, default="")


def reaches(wanted: SpecifierSet, version: str) -> bool:
    """Whether bounds let a release come that is `version` or newer."""
    exact = next((one.version for one in wanted if one.operator in {"==", "==="} and "*" not in one.version), "")
    return any(
        one >= Version(version) and wanted.contains(one) for one in (*_RELEASES, *([Version(exact)] if exact else ()))
    )

"""The tables of `models`, `devices` and `images`."""

from __future__ import annotations

import pytest

from edgetui.command_line import lists
from edgetui.core.models import Device, ImageDetails, ModelVersion

ROWS = {
    "models": ModelVersion("pump", 3, "odd readings", {"site": "lab"}, {}, created="2026-01-02T03:04:05"),
    "devices": Device("line1", connected=True, platform="linux/amd64", modules=("pump",), tags={"site": "lab"}),
    "images": ImageDetails("acr.example/pump:1", "sha256:1", "", 1_000),
}


@pytest.mark.parametrize("command", ROWS)
def test_each_column_has_its_words(command: str) -> None:
    row = lists._row(ROWS[command])
    assert len(row) == len(lists._HEADS[command])
    assert all(row)

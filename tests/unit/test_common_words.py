"""How texts are cut to the room that there is."""

from __future__ import annotations

import os

from edgetui.ui.words.common import around, cut, tail


def test_a_path_is_cut_at_its_beginning_where_a_name_begins() -> None:
    path = os.path.join("/home", "somebody", "plans", "pump-2", "plan.toml")  # noqa: PTH118 - no path that exists
    assert tail(path, 80) == path
    assert tail(path, 22) == os.path.join("…", "pump-2", "plan.toml")  # noqa: PTH118
    assert tail("a-name-without-any-folder", 10) == "…ny-folder"


def test_wide_letters_take_the_room_that_they_take() -> None:
    assert cut("ポンプの異常", 8) == "ポンプ…"
    assert cut("pump", 4) == "pump"
    assert cut("pumps", 4) == "pum…"


def test_what_is_looked_for_is_in_what_is_left() -> None:
    assert around("site=lab", "lab", 20) == "site=lab"
    assert "owner" in around("reports only site=eindhoven line=line1 owner=maintenance", "owner", 20)
    assert len(around("reports only site=eindhoven line=line1 owner=maintenance", "owner", 20)) <= 20

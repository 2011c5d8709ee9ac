"""Folders of a running process: nobody takes them while it lives, the next one removes them when it is gone."""

from __future__ import annotations

import os
import time
from pathlib import Path

from edgetui.adapters.files.own_folder import claim, claimed, sweep


def old(folder: Path) -> Path:
    """The folder, as if nothing had been done in it for an hour."""
    (folder / "kept").write_text("kept", encoding="utf-8")
    os.utime(folder, (time.time() - 3600,) * 2)
    return folder


def test_a_folder_is_there_for_the_time_of_its_block(tmp_path: Path) -> None:
    with claimed(tmp_path / "below", "trial") as folder:
        assert folder.name.startswith("trial-")
        assert folder.stat().st_mode & 0o777 == 0o700
        old(folder)
    assert list((tmp_path / "below").iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_lives_is_not(tmp_path: Path) -> None:
    alive, lock = claim(tmp_path, "alive")
    gone, its_lock = claim(tmp_path, "gone")
    os.close(its_lock)  # as the system does when a process is killed
    old(alive)
    old(gone)
    young, young_lock = claim(tmp_path, "young")
    os.close(young_lock)
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, young])
    os.close(lock)

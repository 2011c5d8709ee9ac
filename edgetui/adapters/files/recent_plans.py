"""Which plans were saved last, kept in edgetui's state folder."""

from __future__ import annotations

import json
from pathlib import Path

from edgetui.adapters.files.local_files import read_bytes, write_atomically
from edgetui.core.models import RecentPlan

_KEEP = 20  # plans


class RecentPlans:
    """The list behind 'open another plan': paths and names, the one saved last in front."""

    def __init__(self, state: Path) -> None:
        self._file = state / "recent-plans.json"

    def note(self, path: Path, name: str) -> None:
        """Put a plan in front. The file is written only where that changes something: a save happens at every answer.

        Raises:
            OSError: the list cannot be written.
        """
        known = self._read()
        entry = (str(path), name)
        if known[:1] != [entry]:
            rest = [one for one in known if one[0] != entry[0]]
            # Python's own json keeps names that are no UTF-8.
            write_atomically(self._file, json.dumps([entry, *rest][:_KEEP], indent=1).encode(), 0o600)

    def all(self) -> list[RecentPlan]:
        """The plans, the one saved last first; those whose file is gone, or is out of reach, say so."""
        return [RecentPlan(path, name, _changed(path)) for path, name in self._read()]

    def _read(self) -> list[tuple[str, str]]:
        try:
            found = json.loads(read_bytes(self._file))
            return [(str(path), str(name)) for path, name in found]
        except (OSError, ValueError, TypeError):
            return []  # none yet, or not ours any more: the next save begins anew


def _changed(path: str) -> float:
    try:
        file = Path(path)
        return file.stat().st_mtime if file.is_file() else 0.0
    except (OSError, ValueError):
        return 0.0

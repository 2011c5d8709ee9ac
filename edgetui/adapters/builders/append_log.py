"""Follows a log that grows in an append blob, by ranges: whole lines, each once, and where to go on after a new start."""

from __future__ import annotations

import re
from dataclasses import dataclass

import requests

from edgetui.adapters.builders.build_log import Lines
from edgetui.adapters.errors import as_edge_error
from edgetui.adapters.web import Web

_CHUNK = 4 * 2**20  # bytes asked for at once
_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")
_NOTHING_NEW = 416


@dataclass(frozen=True)
class Piece:
    """What one look brought: whole lines; `more` that there is more already, `complete` that nothing will come."""

    lines: tuple[str, ...] = ()
    more: bool = False
    complete: bool = False
    there: bool = True  # whether the blob exists


class AppendLog:
    """One log. `offset` is the first byte that no line was made of yet; a new one that starts there loses and doubles nothing."""

    def __init__(self, web: Web, url: str, offset: int = 0) -> None:
        self.url = url
        self.offset = offset
        self._web = web
        self._lines = Lines()
        self._read = offset  # bytes read; those behind `offset` are half a line

    def look(self) -> Piece:
        """Read what is new.

        Raises:
            EdgeError: the storage refused, or is not reachable.
        """
        doing = "read the build's log"
        try:
            # `x-ms-range`, since proxies may know better about `Range`.
            response = self._web.send(
                "GET", self.url, headers={"x-ms-range": f"bytes={self._read}-{self._read + _CHUNK - 1}"}
            )
            if response.status_code == 404:
                return Piece(there=False)
            if response.status_code == _NOTHING_NEW:
                return self._nothing_new()
            response.raise_for_status()
        except requests.RequestException as problem:
            raise as_edge_error(problem, doing) from problem
        data = response.content
        if response.status_code == 200:  # the range was not understood: the whole log came
            data = data[self._read :]
        total = _TOTAL.search(response.headers.get("Content-Range", ""))
        self._read += len(data)
        more = total is not None and self._read < int(total[1])
        complete = _complete(response) and not more
        lines = tuple(self._lines.feed(data, last=complete))
        end = data.rfind(b"\n")
        if complete:
            self.offset = self._read
        elif end >= 0:
            self.offset = self._read - (len(data) - end - 1)
        return Piece(lines, more, complete)

    def last(self) -> tuple[str, ...]:
        """The half line that is left when nothing more will come."""
        self.offset = self._read
        return tuple(self._lines.feed(b"", last=True))

    def _nothing_new(self) -> Piece:
        response = self._web.send("HEAD", self.url)
        response.raise_for_status()
        length = int(response.headers.get("Content-Length") or 0)
        if length > self._read:  # it grew between the two questions
            return Piece(more=True)
        complete = _complete(response)
        return Piece(self.last() if complete else (), complete=complete)


def _complete(response: requests.Response) -> bool:
    """Whether the log has its end: then the blob's metadata says how the run ended. Headers' names have any case."""
    return bool(response.headers.get("x-ms-meta-Complete"))

"""Bytes of a model file, unpacked as they are read, with bounds on all that is kept or gone through."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import BinaryIO, Protocol

CHUNK = 1 << 16


class TooMuchError(Exception):
    """A bound was reached; what was read until then counts."""


class Source(Protocol):
    """Anything with `read(n)`."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...


class _Zlib:
    """A raw zlib stream; never unpacks more than is asked for."""

    def __init__(self, file: Source) -> None:
        self._file, self._unpack, self._rest = file, zlib.decompressobj(), b""

    def read(self, size: int, /) -> bytes:
        while not self._unpack.eof:
            data = self._rest or self._file.read(CHUNK)
            if not data:
                return b""
            out = self._unpack.decompress(data, size)
            self._rest = self._unpack.unconsumed_tail
            if out:
                return out
        return b""


class Bytes:
    """Reads exactly what is asked for, forwards only. EOFError at the end, TooMuchError past `limit` unpacked bytes."""

    def __init__(self, source: Source, limit: int, *, skipping: BinaryIO | None = None) -> None:
        self._source, self._limit, self._left, self._buffer, self._at = source, limit, limit, b"", 0
        self._skipping = skipping  # the same file where nothing is packed: arrays can be jumped over
        self.position = 0

    @property
    def looked(self) -> int:
        """Unpacked bytes that were gone through."""
        return self._limit - self._left

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if len(self._buffer) - self._at < size:
            self._fill(size)
        found = self._buffer[self._at : self._at + size]
        self._at += size
        self.position += size
        return found

    def line(self, most: int = 4096) -> bytes:
        """Up to and without the next line end; what is beyond `most` bytes is not kept."""
        found = bytearray()
        while True:
            if self._at == len(self._buffer):
                self._fill(1)
            end = self._buffer.find(b"\n", self._at)
            stop = len(self._buffer) if end < 0 else end
            found += self._buffer[self._at : min(stop, self._at + most - len(found))]
            self.position += stop - self._at + (end >= 0)
            self._at = stop + (end >= 0)
            if end >= 0:
                return bytes(found)

    def skip(self, size: int) -> None:
        """Go past `size` bytes without keeping them."""
        here = min(size, len(self._buffer) - self._at)
        self._at += here
        self.position += here
        size -= here
        if self._skipping is not None and size:
            try:
                self._skipping.seek(size, 1)
            except OverflowError:  # a length that no file has: the pickle is damaged
                raise EOFError from None
            self.position += size
            return
        while size > 0:
            self.take(min(size, CHUNK))
            size -= CHUNK

    def _fill(self, size: int) -> None:
        parts = [self._buffer[self._at :]]
        have = len(parts[0])
        while have < size:
            data = self._source.read(CHUNK)
            if not data:
                raise EOFError
            self._left -= len(data)
            if self._left < 0:
                raise TooMuchError("it unpacks to more than is looked at")
            parts.append(data)
            have += len(data)
        self._buffer, self._at = b"".join(parts), 0


def _lz4(file: BinaryIO, limit: int) -> Bytes | None:
    """None where the package is not installed: it comes with the extra `lz4`."""
    try:
        from lz4.frame import LZ4FrameFile
    except ImportError:
        return None
    return Bytes(LZ4FrameFile(file, mode="rb"), limit)


def unpacked(file: BinaryIO, head: bytes, limit: int) -> tuple[Bytes | None, str]:
    """The stream inside, and how it is packed ("" where it is not); None where this Python cannot unpack it."""
    if head[:1] == b"\x78" and len(head) > 1 and (head[0] * 256 + head[1]) % 31 == 0:
        return Bytes(_Zlib(file), limit), "zlib"
    if head.startswith(b"\x1f\x8b"):
        return Bytes(gzip.GzipFile(fileobj=file, mode="rb"), limit), "gzip"
    if head.startswith(b"BZ"):
        return Bytes(bz2.BZ2File(file), limit), "bz2"
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return Bytes(lzma.LZMAFile(file), limit), "lzma" if head[0] == 0x5D else "xz"
    if head.startswith(b"\x04\x22\x4d\x18"):
        return _lz4(file, limit), "lz4"
    return Bytes(file, limit, skipping=file), ""

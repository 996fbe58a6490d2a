"""The lines of a text file that comes in chunks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from typing import IO

from netflix_assets.errors import LoadError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20
_LONGEST_HEADER = 1 << 16
_SHOWN = 40
_NEAR = 1 << 12
_LINE_END = re.compile(b"\n")


def without_bom(line: bytes) -> bytes:
    """Return a first line without its byte order mark, also where programs have put one before another's."""
    while line.startswith(BOM):
        line = line.removeprefix(BOM)
    return line


def first_line_of(body: Iterator[bytes]) -> tuple[bytes, bytes]:
    """The first line without its LF (or as much of it as a header may have), and the rest of what was read."""
    head = b""
    for chunk in body:
        head += chunk
        if b"\n" in chunk or len(head) > _LONGEST_HEADER:
            break
    first_line, _, rest = head.partition(b"\n")
    return first_line, rest


def whole_lines(key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that end with a line end; one is added to the last line if it has none.

    Raises:
        LoadError: There is a line so long that this cannot be CSV.
    """
    rest = b""
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            if len(rest) + chunk.find(b"\n") > LONGEST_LINE:
                raise line_too_long(key, rest + chunk[:_SHOWN])
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > LONGEST_LINE:
            raise line_too_long(key, rest)
    if rest:
        yield rest + b"\n"


def line_too_long(key: str, line: bytes) -> LoadError:
    """The refusal of an object with a line that no CSV has."""
    return LoadError(
        f"{key}: a line is longer than {LONGEST_LINE} bytes ({line[:_SHOWN]!r}...), so this is not CSV; "
        "upload the real file"
    )


class LimitedLines(io.RawIOBase):
    """A file that passes its bytes on as they are, and refuses a line that is too long without waiting for its end."""

    def __init__(self, key: str, content: IO[bytes]) -> None:
        """Read from a file.

        Args:
            key: What it is called in the refusal.
            content: Its bytes.
        """
        self._key = key
        self._content = content
        self._start = b""
        self._length = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what is next; 0 at the end.

        Raises:
            LoadError: There is a line so long that this cannot be CSV.
        """
        view = memoryview(buffer)
        size = int(self._content.readinto(view))  # type: ignore[attr-defined]
        found = _LINE_END.search(view[:size])
        first = found.start() if found else size
        if self._length < _SHOWN:
            self._start += bytes(view[: min(first, _SHOWN)])
        if self._length + first > LONGEST_LINE:
            raise line_too_long(self._key, self._start)
        if found is None:
            self._length += size
            return size
        # The end of the last line that ends here is near the end of the buffer, unless what follows is long.
        tail = bytes(view[max(0, size - _NEAR) : size]).rpartition(b"\n")
        if not tail[1]:
            tail = bytes(view[:size]).rpartition(b"\n")
        self._start, self._length = tail[2][:_SHOWN], len(tail[2])
        return size

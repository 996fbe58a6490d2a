"""Which lines of somebody's own files the rows of an object were read from, kept beside the object."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

_NUMBERS = "I"


def _numbers(values: Iterable[int] = ()) -> array[int]:
    return array(_NUMBERS, values)


@dataclass
class StreamLines:
    """The files that a stream of lines is read from, noted while it is read; each line of the stream is one of theirs.

    Attributes:
        files: What they are called.
        at: Lines of the stream, from 1, at which it goes on with another line than the next one of the same file.
        file: The file of each of these lines, as an index.
        line: Its line there.
    """

    files: list[str] = field(default_factory=list)
    at: array[int] = field(default_factory=_numbers)
    file: array[int] = field(default_factory=_numbers)
    line: array[int] = field(default_factory=_numbers)

    def go_on(self, at: int, file: str, line: int) -> None:
        """Note that from a line of the stream on, lines come from this line of a file on."""
        if not self.files or self.files[-1] != file:
            self.files.append(file)
        elif self.line[-1] + at - self.at[-1] == line:
            return
        self.at.append(at)
        self.file.append(len(self.files) - 1)
        self.line.append(line)

    def place(self, number: int) -> tuple[str, int]:
        """Return the file of a line of the stream, and its line there."""
        found = max(bisect_right(self.at, number) - 1, 0)
        return self.files[self.file[found]], max(self.line[found] + number - self.at[found], 1)


@dataclass(frozen=True)
class SourceLines:
    """The lines of an object, in the files that it was made of.

    Attributes:
        stream: Those files.
        runs: Pairs of a line of the stream and of how many from there on are the next rows of the object; none if the
            object is the stream itself.
    """

    stream: StreamLines
    runs: array[int] = field(default_factory=_numbers)

    def __post_init__(self) -> None:
        """Count the rows before each run."""
        object.__setattr__(self, "_ends", _numbers(accumulate(self.runs[1::2])))

    def place(self, number: int) -> tuple[str, int]:
        """Return the file of a line of the object, and its line there; the header is line 1 in both."""
        ends: array[int] = getattr(self, "_ends")  # noqa: B009 (set in __post_init__)
        row = number - 2
        if not self.runs or not 0 <= row < ends[-1]:
            return self.stream.place(number)
        run = bisect_right(ends, row)
        return self.stream.place(self.runs[2 * run] + row - (ends[run - 1] if run else 0))

    def as_bytes(self, etag: str) -> bytes:
        """Return this as an object, for the version of the object that has this ETag."""
        parts = (self.stream.at, self.stream.file, self.stream.line, self.runs)
        head = {
            "etag": etag,
            "files": self.stream.files,
            "byteorder": sys.byteorder,
            "numbers": [len(part) for part in parts],
        }
        packed = zlib.compressobj(1)
        pieces = [packed.compress(json.dumps(head).encode() + b"\n")]
        pieces += [packed.compress(memoryview(part).cast("B")) if part else b"" for part in parts]
        return b"".join((*pieces, packed.flush()))

    @classmethod
    def from_bytes(cls, body: bytes, etag: str) -> SourceLines | None:
        """Return what `as_bytes` wrote; None if it is of another version of the object, or nothing that it wrote."""
        try:
            head, _, rest = zlib.decompress(body).partition(b"\n")
            told = json.loads(head)
            if told["etag"] != etag:
                return None
            parts = []
            for count in told["numbers"]:
                part = _numbers()
                part.frombytes(rest[: count * part.itemsize])
                rest = rest[count * part.itemsize :]
                if told["byteorder"] != sys.byteorder:
                    part.byteswap()
                parts.append(part)
            at, file, line, runs = parts
            return cls(StreamLines([str(name) for name in told["files"]], at, file, line), runs)
        # Somebody wrote something else there: then it is not known where the rows are from.
        except (zlib.error, ValueError, KeyError, TypeError):
            return None

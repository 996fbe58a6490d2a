"""One CSV object on its way to disk: decompressed, byte-order mark and carriage returns removed, counted.

All of it works on megabyte chunks with C-speed byte operations, since 900 MB of ratings pass through.
What these cannot settle (odd quotes, broken UTF-8, blank lines in the middle) is only noted; `quarantine`
then reads that object line by line.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netflix_assets.catalog import RawFile
from netflix_assets.errors import LoadError
from netflix_assets.loading.header import check_header

_GZIP = 31
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LandedObject:
    """A CSV object on local disk, header line included, lines ended by LF.

    Attributes:
        path: The file.
        lines: Lines after the header; blank lines at the end are gone, others are counted.
        suspicious: Why it must be read line by line, or None.
    """

    path: Path
    lines: int
    suspicious: str | None


def decompressed(key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip for a `.gz` key; other chunks pass through.

    Raises:
        LoadError: The gzip stream is damaged or cut off.
    """
    if not key.endswith(".gz"):
        yield from chunks
        return
    stream = zlib.decompressobj(_GZIP)
    started = False
    for chunk in chunks:
        while chunk:
            if stream.eof:
                stream = zlib.decompressobj(_GZIP)
            try:
                data = stream.decompress(chunk)
            except zlib.error as error:
                raise LoadError(f"{key}: the gzip data is damaged ({error}); upload the file again") from error
            started = True
            if data:
                yield data
            chunk = stream.unused_data
    if started and not stream.eof:
        raise LoadError(f"{key}: the gzip data is cut off before its end; upload the file again")


def land(file: RawFile, key: str, chunks: Iterable[bytes], path: Path) -> LandedObject:
    """Write an object to disk, checking its header and looking for what needs a closer look.

    Raises:
        LoadError: The object is not this file (see `check_header`), or its gzip data is damaged.
    """
    head = b""
    body = iter(decompressed(key, chunks))
    for chunk in body:
        head += chunk
        if b"\n" in head:
            break
    first_line, _, rest = head.partition(b"\n")
    check_header(file, key, first_line)

    newlines = 0
    suspicious = None
    held_back = b"\n"
    decoder = codecs.getincrementaldecoder("utf-8")()
    any_quote = False
    with path.open("wb") as out:
        out.write(first_line.removeprefix(_BOM).rstrip(b"\r"))
        for raw in _chain(rest, body):
            chunk = held_back + raw
            if b"\r" in chunk:
                if chunk.endswith(b"\r"):
                    chunk, held_back = chunk[:-1].replace(b"\r\n", b"\n"), b"\r"
                else:
                    chunk, held_back = chunk.replace(b"\r\n", b"\n"), b""
                if b"\r" in chunk:
                    suspicious = "a carriage return inside a line"
            else:
                held_back = b""
            content = chunk.rstrip(b"\n")
            held_back = chunk[len(content) :] + held_back
            if b"\n\n" in content:
                suspicious = "a blank line"
            if b"\0" in content:
                suspicious = "a NUL byte"
            if not content.isascii() or decoder.getstate()[0]:
                try:
                    decoder.decode(content)
                except UnicodeDecodeError:
                    suspicious = "invalid UTF-8"
                    decoder.reset()
            any_quote = any_quote or b'"' in content
            newlines += content.count(b"\n")
            out.write(content)
        if held_back.strip(b"\n"):
            suspicious = "a carriage return inside a line"
        if decoder.getstate()[0]:
            suspicious = "invalid UTF-8"
        out.write(b"\n")
    if any_quote and not file.has_text:
        suspicious = suspicious or "quotes in a file of numbers"
    return LandedObject(path, newlines, suspicious)


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest

"""Undoing gzip as `gunzip` does, a megabyte at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from netflix_assets.errors import LoadError

_GZIP = 31
_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20


def decompressed(key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip for a `.gz` key, a megabyte at a time; other chunks pass through.

    Raises:
        LoadError: The gzip stream is damaged or cut off.
    """
    if not key.endswith(".gz"):
        yield from chunks
        return
    stream = zlib.decompressobj(_GZIP)
    started = False
    for chunk in chunks:
        more = False
        while chunk or more:
            if stream.eof:
                # Between members gunzip takes zeros for padding.
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    break
                stream = zlib.decompressobj(_GZIP)
            try:
                data = stream.decompress(chunk, _PIECE)
            except zlib.error as error:
                if not started and chunk[:2] != _MAGIC[: len(chunk)]:
                    raise LoadError(
                        f"{key}: the name ends in .gz, but the content is not gzip; upload it without .gz in its name, "
                        "or compressed"
                    ) from error
                raise LoadError(f"{key}: the gzip data is damaged ({error}); upload the file again") from error
            started = True
            if data:
                yield data
            more = len(data) == _PIECE and not stream.eof
            chunk = stream.unused_data if stream.eof else stream.unconsumed_tail
    if started and not stream.eof:
        raise LoadError(f"{key}: the gzip data is cut off before its end; upload the file again")

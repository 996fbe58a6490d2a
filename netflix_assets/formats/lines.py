"""The lines of a text file that comes in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netflix_assets.errors import LoadError

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 20
_LONGEST_HEADER = 1 << 16


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
        f"{key}: a line is longer than {LONGEST_LINE} bytes ({line[:40]!r}...), so this is not CSV; "
        "upload the real file"
    )

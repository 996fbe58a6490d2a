"""Files of a source that are written in a dialect, as one stream of the catalogue's CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from netflix_assets.catalog import RawFile
from netflix_assets.formats.dialects import Extras
from netflix_assets.formats.lines import whole_lines, without_bom
from netflix_assets.formats.source_lines import StreamLines
from netflix_assets.landing.recognition import Part
from netflix_assets.landing.sources import Source, reading, text_of


def converted(
    file: RawFile,
    parts: Sequence[Part],
    extras: Extras,
    source: Source,
    lines: StreamLines,
    count: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Read the parts of a raw file one after the other, as CSV with the catalogue's header.

    Args:
        file: What they become.
        parts: In their order; each in a dialect.
        extras: Small files that their converters read.
        source: Where they are.
        lines: Noted in it is which lines of the parts those of the CSV are.
        count: Told how many bytes were read since.
    """
    yield ",".join(file.header).encode() + b"\n"
    at = 2
    for part in parts:
        assert part.shape is not None
        name = source.told(part.source)
        for number, rows in part.shape.convert(_pieces(part, part.shape.first_row, source, count), extras):
            lines.go_on(at, name, number)
            at += rows.count(b"\n")
            yield rows


def _pieces(
    part: Part, first_row: int, source: Source, count: Callable[[int], None] | None
) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a file from its first row on, ended by LF, with the number of the first of each piece."""
    number = 1
    with reading(part.source, source) as content:
        read = 0
        for piece in whole_lines(source.label(part.source), text_of(part.source, content, source)):
            if count is not None:
                count(content.tell() - read)
                read = content.tell()
            if b"\r" in piece:
                piece = piece.replace(b"\r\n", b"\n")
            if number == 1:
                piece = without_bom(piece)
            lines = piece.count(b"\n")
            while number < first_row and piece:
                piece = piece.partition(b"\n")[2]
                number, lines = number + 1, lines - 1
            if piece:
                yield number, piece
            number += lines

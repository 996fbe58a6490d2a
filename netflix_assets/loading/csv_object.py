"""One CSV object on its way to disk: decompressed, byte-order mark and carriage returns removed, counted.

All of it works on megabytes of whole lines with C-speed byte operations, since 900 MB of ratings pass
through. What these cannot settle (odd quotes, broken UTF-8, blank lines in the middle), and what a scan
would read otherwise than `quarantine` does, is only noted; `quarantine` then reads that object line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from netflix_assets.catalog import RawFile
from netflix_assets.formats.compression import decompressed
from netflix_assets.formats.header import check_header
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.lines import first_line_of, whole_lines, without_bom
from netflix_assets.formats.rules import WHOLE_NUMBERS

_DIGITS = b"0123456789"

# DuckDB takes these for numbers.
_ODD_NUMBER = re.compile(rb"[0-9]_[0-9]|\+-")
# DuckDB drops spaces before an opening quote and after a closing one, and quoted text after these.
_SPACED_QUOTE = re.compile(rb'" +(?:[",\n]|\Z)|[,\n] +"')


@dataclass(frozen=True)
class LandedObject:
    """A CSV object on local disk, header line included, lines ended by LF.

    Attributes:
        path: The file.
        lines: Lines after the header; blank lines at the end are gone, others are counted.
        suspicious: Why it must be read line by line, or None.
        layout: Where its columns stand.
    """

    path: Path
    lines: int
    suspicious: str | None
    layout: Layout


def land(
    file: RawFile,
    key: str,
    chunks: Iterable[bytes],
    path: Path,
    *,
    may_be_empty: bool = False,
    by_name: bool = False,
) -> LandedObject:
    """Write an object to disk, checking its header and looking for what needs a closer look.

    Args:
        file: What it should be.
        key: The object, for error texts and for its ending.
        chunks: Its bytes.
        path: Where to write it.
        may_be_empty: An object without a byte is no rows.
        by_name: Its columns are found by their names; see `check_header`.

    Raises:
        LoadError: The object is not this file (see `check_header`), or its gzip data is damaged.
    """
    body = iter(decompressed(key, chunks))
    first_line, rest = first_line_of(body)
    if may_be_empty and not first_line and not rest:
        first_line = ",".join(file.header).encode()
    layout = check_header(file, key, first_line, by_name=by_name)

    plain_row = _plain_row(file) if layout.is_plain else None
    lines = 0
    suspicious = None if layout.is_plain else "columns in other places"
    line_ends = 1  # Not yet written: those after the header, or after the last line that was not blank.
    with path.open("wb") as out:
        out.write(without_bom(first_line).rstrip(b"\r"))
        for piece in whole_lines(key, chain((rest,), body)):
            plain_rows = _count_plain_rows(plain_row, piece) if plain_row and line_ends == 1 else 0
            if plain_rows:
                lines += plain_rows
                out.write(b"\n")
                out.write(memoryview(piece)[:-1])
                continue
            if b"\r" in piece:
                piece = piece.replace(b"\r\n", b"\n")
            content = piece.rstrip(b"\n")
            if content:
                suspicious = suspicious or _suspicion(file, content, after_blank=line_ends > 1)
                lines += line_ends + content.count(b"\n")
                out.write(b"\n" * line_ends)
                out.write(content)
                line_ends = 0
            line_ends += len(piece) - len(content)
        out.write(b"\n")
    return LandedObject(path, lines, suspicious, layout)


def _plain_row(file: RawFile) -> bytes | None:
    """What a row of numbers looks like without its digits; None if the file holds text."""
    if file.has_text:
        return None
    return b",".join(b"" if column.type in WHOLE_NUMBERS else b"." for column in file.columns) + b"\n"


def _count_plain_rows(plain_row: bytes, lines: bytes) -> int:
    """How many rows these lines are if all of them look like that, else 0: the cheapest check of all."""
    skeleton = lines.translate(None, _DIGITS)
    rows = len(skeleton) // len(plain_row)
    return rows if skeleton == plain_row * rows else 0


def _suspicion(file: RawFile, content: bytes, *, after_blank: bool) -> str | None:
    """Why these lines must be read one by one, or None; `content` has no line end after its last line."""
    if after_blank or content.startswith(b"\n") or b"\n\n" in content:
        return "a blank line"
    if b"\r" in content:
        return "a carriage return inside a line"
    if b"\0" in content:
        return "a NUL byte"
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return "invalid UTF-8"
    quotes = b'"' in content
    if quotes and not file.has_text:
        return "quotes in a file of numbers"
    if not file.has_text and _has_exponent_in_whole_number(file, content):
        return "an exponent in a whole number"
    if quotes and (b' "' in content or b'" ' in content) and _SPACED_QUOTE.search(content):
        return "a space beside a quote"
    if (b"_" in content or b"+-" in content) and _ODD_NUMBER.search(content):
        return "perhaps an odd number"
    return _trailing_empty_field(file, content, quotes=quotes)


def _has_exponent_in_whole_number(file: RawFile, content: bytes) -> bool:
    """Whether a letter e stands in a column of whole numbers, where a scan of numbers no longer sees it."""
    columns = [column.type in WHOLE_NUMBERS for column in file.columns]
    for letter in (b"e", b"E"):
        at = content.find(letter)
        while at >= 0:
            position = content.count(b",", content.rfind(b"\n", 0, at) + 1, at)
            if position >= len(columns) or columns[position]:
                return True
            at = content.find(letter, at + 1)
    return False


def _trailing_empty_field(file: RawFile, content: bytes, *, quotes: bool) -> str | None:
    """DuckDB drops empty fields beyond the last column, so a row with too many of them would load."""
    if file.columns[-1].required:
        found = b",\n" in content or content.endswith(b",")
        found = found or (quotes and (b',""\n' in content or content.endswith(b',""')))
    else:
        # An empty last field is no fault here: only the number of commas tells.
        found = quotes or content.count(b",") != (content.count(b"\n") + 1) * (len(file.columns) - 1)
    return "perhaps an empty field too many" if found else None

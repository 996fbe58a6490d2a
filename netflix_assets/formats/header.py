"""Is this the file that the catalogue says it is? Decided from its first line, in the same words by every way in.

A renamed or swapped column would load silently by position, so nothing is loaded from a file whose header is not
exactly the catalogue's, unless its columns are found by their names.
"""

from __future__ import annotations

import csv
import re

from netflix_assets.catalog import RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.layout import Layout, plain_layout
from netflix_assets.formats.lines import without_bom
from netflix_assets.formats.text import legible

_SHOWN = 80
# Of columns that the catalogue does not know; more are no drift, and would make long statements.
_MOST_UNKNOWN = 50
_AGAIN = "upload the real file"
_CSV = "save it as CSV (UTF-8) and upload it again"

# What other formats begin with, what they are, and what to do.
_CONTENTS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "the content is gzip", "name the object .csv.gz or upload it uncompressed"),
    (b"version https://git-lfs", "this is a Git-LFS pointer, not the data", f"run `git lfs pull` and {_AGAIN}"),
    (b"<<<<<<< ", "this is a merge conflict", f"resolve it and {_AGAIN}"),
    (b"PK\x03\x04", "this is a zip archive or an Excel workbook (.xlsx)", f"unpack it, or {_CSV}"),
    (b"\xd0\xcf\x11\xe0", "this is an Excel workbook (.xls)", _CSV),
    (b"PAR1", "this is a Parquet file", _CSV),
    (b"ORC", "this is an ORC file", _CSV),
    (b"Obj\x01", "this is an Avro file", _CSV),
    (b"SQLite format 3", "this is an SQLite database", _CSV),
    (b"%PDF", "this is a PDF", _CSV),
    (b"BZh", "the content is compressed by bzip2", "unpack it, or compress it by gzip and name it .csv.gz"),
    (b"\xfd7zXZ", "the content is compressed by xz", "unpack it, or compress it by gzip and name it .csv.gz"),
    (b"\x28\xb5\x2f\xfd", "the content is compressed by zstd", "unpack it, or compress it by gzip and name it .csv.gz"),
    (b"7z\xbc\xaf", "this is a 7-Zip archive", "unpack it"),
    (b"Rar!", "this is a RAR archive", "unpack it"),
)
_DELIMITERS = ((";", "semicolon"), ("\t", "tab"), ("|", "bar"), ("::", "double colon"))
_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|error)\b", re.IGNORECASE)


def check_header(file: RawFile, key: str, first_line: bytes, *, by_name: bool = False) -> Layout:
    """Accept the header line of a file and say where its columns stand, or in one sentence what is wrong with it.

    Args:
        file: What the object should hold.
        key: The object, for the message.
        first_line: The first line, decompressed, with or without its line end and byte-order mark.
        by_name: Columns are found by their names, in any order and among others.

    Raises:
        LoadError: The line is not the header of the file, or a required column is not in it.
    """
    layout = _layout_by_name(file, first_line) if by_name else None
    if layout is not None:
        return layout
    fault = _header_fault(file, first_line, by_name=by_name)
    if fault is not None:
        raise LoadError(f"{key}, line 1: {fault}")
    return plain_layout(file)


def _header_fault(file: RawFile, first_line: bytes, *, by_name: bool) -> str | None:
    """Say what is wrong with the header line of a file and what to do; None if nothing is."""
    expected = list(file.header)
    wanted = ",".join(expected)
    if not without_bom(first_line).strip():
        return f"the file is empty; upload it again with the header {wanted}"
    other = _other_content(first_line)
    if other is not None:
        return other
    text = _text_of(first_line)
    found = _names(text)
    if found == expected:
        return None
    return f"{_difference(expected, found, text)}; the header must {'name' if by_name else 'be'} {wanted}"


def _layout_by_name(file: RawFile, first_line: bytes) -> Layout | None:
    """Where the columns stand by their names; None if a required one is missing, or what is meant is not certain."""
    if _other_content(first_line) is not None:
        return None
    # A column without a name gets that of its place.
    found = [name or f"column {place}" for place, name in enumerate(_names(_text_of(first_line)), start=1)]
    unknown = [(name, position) for position, name in enumerate(found) if name not in file.header]
    missing = [column for column in file.columns if column.name not in found]
    misspelt = {_same(column.name) for column in missing} & {_same(name) for name, _ in unknown}
    if any(column.required for column in missing) or misspelt or len(set(found)) < len(found):
        return None
    if len(unknown) > _MOST_UNKNOWN:
        return None
    return Layout(tuple(found.index(name) if name in found else None for name in file.header), tuple(unknown))


def _text_of(first_line: bytes) -> str:
    return without_bom(first_line).rstrip(b"\r\n").decode("utf-8", errors="replace")


def _other_content(line: bytes) -> str | None:
    """What this is if it is no text of our kind, and what to do."""
    for start, what, remedy in _CONTENTS:
        if line.startswith(start):
            return f"{what}; {remedy}"
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in line:
        return "this is not UTF-8 text (UTF-16, perhaps); save it as UTF-8 and upload it again"
    if _PAGE.match(line):
        return f"this is a web page or an answer of a server (HTML or XML), not the data; {_AGAIN}"
    if line.lstrip().startswith((b"{", b"[")):
        return f"this is JSON; {_CSV}"
    return None


def _names(text: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([text]), [])]
    except csv.Error:  # A carriage return inside the line, or a field without end.
        return [text]


def _same(name: str) -> str:
    """A name without what people change in it: `userId`, `user_id` and `User ID` are one."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def _difference(expected: list[str], found: list[str], text: str) -> str:
    alike = [_same(name) for name in expected]
    if "\r" in text and [_same(name) for name in _names(text.split("\r")[0])] == alike:
        return "its lines end with a carriage return alone; save it with line feeds"
    reads = f"(the line reads '{legible(text[:_SHOWN])}')"
    for delimiter, name in _DELIMITERS:
        parts = [_same(part) for part in text.split(delimiter)]
        if parts == alike:
            return f"the columns are separated by a {name}, not a comma"
        # Every file starts with an identifier, so a number in its place is a row.
        if len(parts) == len(alike) and parts[0].isdigit() and len(found) != len(expected):
            return f"the header is missing, and the columns are separated by a {name}, not a comma {reads}"
    if found[0].isdigit():
        return f"the header is missing {reads}"
    return _names_that_differ(expected, found) or f"this is not the file's header {reads}"


def _names_that_differ(expected: list[str], found: list[str]) -> str | None:
    unnamed = _unnamed(found)
    if unnamed is not None:
        return unnamed
    if sorted(found) == sorted(expected):
        return f"the columns are in another order ({','.join(found)})"
    by_sense = {_same(name): name for name in found}
    renamed = [(by_sense[_same(name)], name) for name in expected if name not in found and _same(name) in by_sense]
    missing = [name for name in expected if name not in found and _same(name) not in by_sense]
    extra = [name for name in found if name not in expected and name not in dict(renamed)]
    if 2 * len(missing) > len(expected):
        return None
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        return f"a column is there twice ({_cut(twice)})"
    if len(missing) == len(extra) and len(found) == len(expected):
        renamed = [(old, new) for new, old in zip(expected, found, strict=True) if new != old]
        missing, extra = [], []
    said = []
    if renamed:
        pairs = ", ".join(f"{old} in place of {new}" for old, new in renamed)
        said.append(f"a column has another name ({_cut(pairs)})")
    if missing:
        said.append(f"a column is missing ({_cut(', '.join(missing))})")
    if extra:
        said.append(f"there is a column too many ({_cut(', '.join(extra))})")
    return " and ".join(said) or None


def _unnamed(found: list[str]) -> str | None:
    """What to say of a column without a name; pandas writes one, and reads it as `Unnamed: 0`."""
    for position, name in enumerate(found, start=1):
        if name and not name.startswith("Unnamed: "):
            continue
        if position == 1:
            return "the first column has no name (an index of pandas, perhaps: write the file with index=False)"
        if position == len(found):
            return "the last column has no name (there is a comma at the end of the line)"
        return f"column {position} has no name"
    return None


def _cut(text: str) -> str:
    return legible(text[:200])

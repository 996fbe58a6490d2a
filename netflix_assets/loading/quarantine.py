"""Reads an object line by line and sets aside the rows that cannot be loaded, each with its reason.

Only for objects that the fast path could not load as they are: exact, and slow (a few seconds a million
rows).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from netflix_assets.catalog import EXTRA_COLUMN, RawFile
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.rows import CONFLICT, BadRow, ReadRow, Reject, RowReader, key_of, repeat_reason, shown
from netflix_assets.formats.values import Value
from netflix_assets.landing.origins import Origin

_FIRST_REJECTS = 100


Key = tuple[Value, ...]

EXAMPLE = "{example}"
"""Stands in a sentence about repeated rows until one of them was looked for."""

REJECT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("month", "VARCHAR"),
    ("object_key", "VARCHAR"),
    ("line_number", "BIGINT"),
    ("column_name", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("raw_text", "VARCHAR"),
)
"""Columns of the file of rejects; no month and no column are empty text."""


@dataclass(frozen=True)
class Separated:
    """What `separate` found.

    Attributes:
        rows_read: Rows in the object.
        rows_rejected: Those that are bad.
        first: The first of these; the file of rejects has all.
        conflict: The first that is a marker of a merge conflict.
    """

    rows_read: int
    rows_rejected: int
    first: list[Reject]
    conflict: Reject | None


def _rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """Line number and bytes of every line that is a row: after the header, not blank."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            line = line.rstrip(b"\n")
            if number > 1 and line.strip():
                yield number, line


def separate(
    file: RawFile,
    object_key: str,
    month: str | None,
    path: Path,
    good: Path,
    rejected: Path,
    *,
    latest: int,
    layout: Layout | None = None,
    origin: Origin | None = None,
    repeated: Collection[Key] = (),
    seen: dict[Key, ReadRow] | None = None,
) -> Separated:
    """Copy the good rows of an object to one file and describe the others in a second.

    Args:
        file: What the object holds.
        object_key: The object, for the rejects.
        month: The month that its rows must be of, or None.
        path: The object on disk, header line included.
        good: Where its good rows go, header line included, in the order of the catalogue's columns; `EXTRA_COLUMN`
            comes last if it has columns that the catalogue does not know.
        rejected: Where the others go, as CSV of `REJECT_COLUMNS` with every text quoted, without a header.
        latest: The first second that is no plausible time.
        layout: Where its columns stand, if not as the catalogue has them.
        origin: The files that the object was made of; rejects then name these and their lines.
        repeated: Keys known to occur more than once in this month; all but the first row are rejected.
        seen: The first rows with keys of `repeated` in earlier objects of the month; added to.
    """
    reader = RowReader(file, month, latest, layout)
    seen = {} if seen is None else seen
    repeated = set(repeated)
    read = bad = 0
    first: list[Reject] = []
    conflict: Reject | None = None
    with _create(good) as good_rows, _create(rejected) as bad_rows:
        writer = csv.writer(good_rows, lineterminator="\n")
        reject_writer = csv.writer(bad_rows, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow((*file.header, EXTRA_COLUMN) if layout and layout.unknown else file.header)
        for number, line in _rows(path):
            read += 1
            try:
                values = reader.read(line)
                if repeated and (key := key_of(file, values)) in repeated:
                    row = ReadRow(*_place(origin, object_key, number), values)
                    if (before := seen.setdefault(key, row)) is not row:
                        raise BadRow(None, repeat_reason(file, before, row))
            except BadRow as error:
                told_key, told_line = _place(origin, object_key, number)
                reject = Reject(told_key, told_line, error.column, error.reason, shown(line))
                reject_writer.writerow(
                    (month or "", told_key, told_line, error.column or "", error.reason, reject.text)
                )
                bad += 1
                if error.reason == CONFLICT:
                    conflict = conflict or reject
                if len(first) < _FIRST_REJECTS:
                    first.append(reject)
            else:
                writer.writerow(values)
    return Separated(read, bad, first, conflict)


def _place(origin: Origin | None, object_key: str, number: int) -> tuple[str, int]:
    return origin.place(number) if origin else (object_key, number)


@dataclass(frozen=True)
class Searched:
    """An object in which a key is looked for.

    Attributes:
        key: The object.
        path: Where it was landed.
        layout: Where its columns stand.
        origin: The files that it was made of, if that is known.
    """

    key: str
    path: Path
    layout: Layout
    origin: Origin | None


def first_repeat(
    file: RawFile, month: str | None, objects: Sequence[Searched], key: Key, *, latest: int
) -> Reject | None:
    """The second row with a key, described as a reject; None if there are not two.

    Args:
        file: What the objects hold.
        month: Their month, or None.
        objects: In their order.
        key: The key.
        latest: The first second that is no plausible time.
    """
    # However a whole number is spelt, its digits are in the line; so few lines need reading.
    digits = [str(value).encode() for value in key if isinstance(value, int)]
    first: ReadRow | None = None
    for one in objects:
        reader = RowReader(file, month, latest, one.layout)
        for number, line in _rows(one.path):
            if not all(part in line for part in digits):
                continue
            try:
                row = ReadRow(*_place(one.origin, one.key, number), reader.read(line))
            except BadRow:
                continue
            if key_of(file, row.values) != key:
                continue
            if first is not None:
                return Reject(row.object_key, row.line, None, repeat_reason(file, first, row), shown(line))
            first = row
    return None


def _create(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")

"""Reads an object line by line and sets aside the rows that cannot be loaded, each with its reason.

Only for objects that the fast path could not load as they are: exact, and slow (a few seconds a million
rows). The rule of MovieLens files is one line, one row; a quote that is not closed on its line spoils
that line, not those after it.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from netflix_assets.catalog import Column, ColumnType, RawFile
from netflix_assets.loading.warehouse import Reject, month_window

_TEXT_LIMIT = 500
_FIRST_REJECTS = 100
# Beyond 2^53 a DOUBLE, as which numbers are read, no longer holds every whole number.
WHOLE_NUMBER_LIMITS = {ColumnType.INTEGER: 2**31 - 1, ColumnType.BIGINT: 2**53 - 1}

# As long as the longest line; the csv module stops at 128 KiB otherwise.
csv.field_size_limit(1 << 20)

_SPACES = " \t\v\f"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)

REJECT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("month", "VARCHAR"),
    ("object_key", "VARCHAR"),
    ("line_number", "BIGINT"),
    ("column_name", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("raw_text", "VARCHAR"),
)
"""Columns of the file of rejects; no month and no column are empty text."""

Value = int | float | str | None
Key = tuple[Value, ...]


@dataclass(frozen=True)
class Separated:
    """What `separate` found.

    Attributes:
        rows_read: Rows in the object.
        rows_rejected: Those that are bad.
        first: The first of these; the file of rejects has all.
    """

    rows_read: int
    rows_rejected: int
    first: list[Reject]


class BadValue(ValueError):
    """A field that its column does not accept; the text says why."""


def parse(column: Column, text: str) -> Value:
    """The value of a field.

    Raises:
        BadValue: The text is not a value of this column.
    """
    if column.type is not ColumnType.TEXT:
        text = text.strip(_SPACES)
    if text == "":
        if column.required:
            raise BadValue("is empty")
        return None
    if column.type is ColumnType.TEXT:
        return text
    if not _NUMBER.fullmatch(text):
        raise BadValue(f"{text[:40]!r} is not a number")
    number = float(text)
    whole = column.type in WHOLE_NUMBER_LIMITS
    if abs(number) > WHOLE_NUMBER_LIMITS.get(column.type, sys.float_info.max):
        raise BadValue(f"{text[:40]!r} does not fit {column.type.value}")
    if whole and not number.is_integer():
        raise BadValue(f"{text[:40]!r} is not a whole number")
    if column.type is ColumnType.STARS and abs(number * 10 - round(number * 10)) > 1e-9:
        raise BadValue(f"{text[:40]!r} has more than one decimal")
    if column.minimum is not None and number < column.minimum:
        raise BadValue(f"{text[:40]!r} is below {column.minimum:g}")
    if column.maximum is not None and number > column.maximum:
        raise BadValue(f"{text[:40]!r} is above {column.maximum:g}")
    return int(number) if whole else number


def _fields(line: str) -> list[str]:
    if "\r" in line:
        raise BadValue("there is a carriage return inside the line")
    if "\0" in line:
        raise BadValue("there is a NUL byte in the line")
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        if "end of data" in str(error):
            raise BadValue("a quote is not closed") from None
        if "expected after" in str(error):
            raise BadValue("there is text after a closing quote") from None
        raise BadValue(f"this is not CSV ({error})") from None


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
    repeated: Collection[Key] = (),
    seen: set[Key] | None = None,
) -> Separated:
    """Copy the good rows of an object to one file and describe the others in a second.

    Args:
        file: What the object holds.
        object_key: The object, for the rejects.
        month: The month that its rows must be of, or None.
        path: The object on disk, header line included.
        good: Where its good rows go, header line included.
        rejected: Where the others go, as CSV of `REJECT_COLUMNS` with every text quoted, without a header.
        repeated: Keys known to occur more than once in this window; all but the first row are rejected.
        seen: Keys of `repeated` met in earlier objects of the window; added to.
    """
    window = month_window(month) if month else None
    key_at = [file.header.index(name) for name in file.key]
    seen = set() if seen is None else seen
    repeated = set(repeated)
    read = bad = 0
    first: list[Reject] = []
    with _create(good) as good_rows, _create(rejected) as bad_rows:
        writer = csv.writer(good_rows, lineterminator="\n")
        reject_writer = csv.writer(bad_rows, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(file.header)
        for number, line in _rows(path):
            read += 1
            column: str | None = None
            try:
                fields = _fields(_decoded(line))
                _check_count(fields, file.columns)
                values: list[Value] = []
                for spec, text in zip(file.columns, fields, strict=True):
                    column = spec.name
                    values.append(parse(spec, text))
                if window and file.month_column:
                    column = file.month_column
                    _check_month(values[file.header.index(column)], window, str(month))
                key = tuple(values[index] for index in key_at)
                column = None
                if key in repeated:
                    if key in seen:
                        raise BadValue(f"a row with the same {', '.join(file.key)} came before")
                    seen.add(key)
            except BadValue as error:
                text = line.decode("utf-8", errors="replace")[:_TEXT_LIMIT].replace("\0", "\N{REPLACEMENT CHARACTER}")
                reject_writer.writerow((month or "", object_key, number, column or "", str(error), text))
                bad += 1
                if len(first) < _FIRST_REJECTS:
                    first.append(Reject(object_key, number, column, str(error), text))
            else:
                writer.writerow(values)
    return Separated(read, bad, first)


def _create(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start + 1} of the line is not valid UTF-8") from None


def _check_count(fields: Sequence[str], columns: Sequence[Column]) -> None:
    if len(fields) != len(columns):
        raise BadValue(f"there are {len(fields)} fields, not {len(columns)}")


def _check_month(value: Value, window: tuple[int, int], month: str) -> None:
    if not isinstance(value, int) or not window[0] <= value < window[1]:
        raise BadValue(f"{value} is not a time in {month} (UTC)")

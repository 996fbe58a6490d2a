"""The verdict on a row: its values, or the column and the reason why it cannot be loaded.

The rule of MovieLens files is one line, one row; a quote that is not closed on its line spoils that line, not
those after it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from netflix_assets.catalog import EXTRA_COLUMN, RawFile
from netflix_assets.formats.layout import Layout, plain_layout
from netflix_assets.formats.months import time_window
from netflix_assets.formats.text import legible
from netflix_assets.formats.values import SHOWN, BadValue, Value, parse

TEXT_LIMIT = 500
CONFLICT = "this is a marker of a merge conflict"
"""Reason to reject a line, and with it the object: its rows are there in two states."""

# As long as the longest line; the csv module stops at 128 KiB otherwise.
csv.field_size_limit(1 << 20)


@dataclass(frozen=True)
class Reject:
    """One line of an object that was not loaded.

    Attributes:
        object_key: The object; or the whole export, or the file of an upload, of which it was made.
        line: Line number in that, decompressed; the header is line 1.
        column: The column at fault, or None when the line as a whole is.
        reason: Why, in words.
        text: The line, cut to 500 characters.
    """

    object_key: str
    line: int
    column: str | None
    reason: str
    text: str

    def __str__(self) -> str:
        """Object, line, column and reason in one phrase."""
        column = f", column {self.column}" if self.column else ""
        return f"{self.object_key}, line {self.line}{column}: {self.reason}"


class BadRow(ValueError):
    """A line that is no row of its file.

    Attributes:
        column: The column at fault, or None when the line as a whole is.
        reason: Why, in words.
    """

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


class RowReader:
    """Reads the rows of one object, or of one month of a file."""

    def __init__(self, file: RawFile, month: str | None, latest: int, layout: Layout | None = None) -> None:
        """Prepare for lines of a file.

        Args:
            file: What each line should be a row of.
            month: The month that its time must be of, or None.
            latest: The first second that is no plausible time, as `rules.end_of_tomorrow` gives it.
            layout: Where the columns stand, if not as the catalogue has them.
        """
        self._file = file
        self._layout = layout or plain_layout(file)
        self._month = month
        self._latest = latest
        self._window = time_window(month) if month else None
        self._time_at = file.header.index(file.month_column) if file.month_column else 0

    def read(self, line: bytes) -> list[Value]:
        """The values of a line without its line end, in the order of the catalogue's columns.

        Where there are columns that the catalogue does not know, what they hold comes last, as JSON.

        Raises:
            BadRow: The line is no row of the file and month.
        """
        column: str | None = None
        if line[:8] in (b"<<<<<<< ", b">>>>>>> ") or line == b"=======":
            raise BadRow(None, CONFLICT)
        try:
            fields = split_fields(line)
            if len(fields) != self._layout.width:
                raise BadValue(f"there are {len(fields)} fields, not {self._layout.width}")
            values: list[Value] = []
            for spec, text in zip(self._file.columns, self._layout.known_fields(fields), strict=True):
                column = spec.name
                values.append(parse(spec, text, self._latest))
            if self._window:
                column = self._file.month_column
                _check_month(values[self._time_at], self._window, str(self._month))
        except BadValue as error:
            raise BadRow(column, legible(str(error))) from None
        if self._layout.unknown:
            values.append(self._layout.extra(fields))
        return values


class ReadRow(NamedTuple):
    """A good row and where it stands."""

    object_key: str
    line: int
    values: list[Value]


def key_of(file: RawFile, values: Sequence[Value]) -> tuple[Value, ...]:
    """The values of the columns that identify a row."""
    return tuple(values[file.header.index(name)] for name in file.key)


def repeat_reason(file: RawFile, first: ReadRow, second: ReadRow) -> str:
    """Say of the second of two rows with one key where both stand, and how they differ."""
    lines = f"lines {first.line} and {second.line}"
    if first.object_key != second.object_key:
        lines = f"line {second.line} and on line {first.line} of {first.object_key}"
    # Of two objects, one may have columns that the other does not have.
    values = zip_longest((*file.header, EXTRA_COLUMN), first.values, second.values)
    differing = [name for name, a, b in values if a != b]
    if not differing:
        return f"the same row is on {lines}"
    shown_key = ", ".join(
        f"{name} '{value[:SHOWN]}'" if isinstance(value, str) else f"{name} {value}"
        for name, value in zip(file.key, key_of(file, first.values), strict=True)
    )
    return legible(f"{shown_key} is on {lines}, with other {', '.join(differing)}")


def split_fields(line: bytes) -> list[str]:
    """The fields of a line without its line end.

    Raises:
        BadValue: The line is not UTF-8, or no CSV.
    """
    return _fields(_decoded(line))


def shown(line: bytes) -> str:
    """A line as a reject shows it: cut to 500 characters, without NUL."""
    return line.decode("utf-8", errors="replace")[:TEXT_LIMIT].replace("\0", "\N{REPLACEMENT CHARACTER}")


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


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start + 1} of the line is not valid UTF-8") from None


def _check_month(value: Value, window: tuple[int, int], month: str) -> None:
    if not isinstance(value, int) or not window[0] <= value < window[1]:
        raise BadValue(f"{value} is not a time in {month} (UTC)")

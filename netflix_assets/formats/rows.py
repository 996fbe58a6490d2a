"""The verdict on a row: its values, or the column and the reason why it cannot be loaded.

The rule of MovieLens files is one line, one row; a quote that is not closed on its line spoils that line, not
those after it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from netflix_assets.catalog import Column, RawFile
from netflix_assets.formats.values import BadValue, Value, parse

_TEXT_LIMIT = 500

# As long as the longest line; the csv module stops at 128 KiB otherwise.
csv.field_size_limit(1 << 20)


@dataclass(frozen=True)
class Reject:
    """One line of an object that was not loaded.

    Attributes:
        object_key: The object.
        line: Line number in the (decompressed) object; the header is line 1.
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


def read_row(file: RawFile, line: bytes, month: str | None, window: tuple[int, int] | None) -> list[Value]:
    """The values of a line without its line end, in the order of the columns.

    Args:
        file: What the line should be a row of.
        line: Its bytes.
        month: The month that its time must be of, or None.
        window: Start and end of that month.

    Raises:
        BadRow: The line is no such row.
    """
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
    except BadValue as error:
        raise BadRow(column, str(error)) from None
    return values


def shown(line: bytes) -> str:
    """A line as a reject shows it: cut to 500 characters, without NUL."""
    return line.decode("utf-8", errors="replace")[:_TEXT_LIMIT].replace("\0", "\N{REPLACEMENT CHARACTER}")


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


def _check_count(fields: Sequence[str], columns: Sequence[Column]) -> None:
    if len(fields) != len(columns):
        raise BadValue(f"there are {len(fields)} fields, not {len(columns)}")


def _check_month(value: Value, window: tuple[int, int], month: str) -> None:
    if not isinstance(value, int) or not window[0] <= value < window[1]:
        raise BadValue(f"{value} is not a time in {month} (UTC)")

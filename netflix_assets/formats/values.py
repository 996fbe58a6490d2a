"""The value of a field, or the reason why it has none."""

from __future__ import annotations

import re
import sys

from netflix_assets.catalog import Column, ColumnType

# Beyond 2^53 a DOUBLE, as which numbers are read, no longer holds every whole number.
WHOLE_NUMBER_LIMITS = {ColumnType.INTEGER: 2**31 - 1, ColumnType.BIGINT: 2**53 - 1}

_SPACES = " \t\v\f"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)

Value = int | float | str | None


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

"""The value of a field, or the reason why it has none."""

from __future__ import annotations

import math

from netflix_assets.catalog import Column, ColumnType
from netflix_assets.formats.rules import WHOLE_NUMBERS, rules_of

SPACES = " \t\v\f"
"""What may stand around a number."""

SHOWN = 40

Value = int | float | str | None


class BadValue(ValueError):
    """A field that its column does not accept; the text says why."""


def parse(column: Column, text: str, latest: int) -> Value:
    """The value of a field.

    Args:
        column: Its column.
        text: The field, without the quotes around it.
        latest: The first second that is no plausible time, as `rules.end_of_tomorrow` gives it.

    Raises:
        BadValue: The text is not a value of this column.
    """
    is_text = column.type is ColumnType.TEXT
    if not is_text:
        text = text.strip(SPACES)
    if text == "":
        if column.required:
            raise BadValue("is empty")
        return None
    number = math.nan
    for rule in rules_of(column, latest):
        if not (is_text or rule.spelling) and math.isnan(number):
            number = float(text)
        if rule.is_broken(text, number):
            raise BadValue(f"'{text[:SHOWN]}' {rule.reason}" if rule.quotes else rule.reason)
    if is_text:
        return text
    # Of -0 it makes 0, as `rules.value_of` does.
    return int(number) if column.type in WHOLE_NUMBERS else number + 0

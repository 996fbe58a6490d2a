"""Values that are accepted or refused, each with its reason."""

from __future__ import annotations

import pytest

from netflix_assets.catalog import Column, ColumnType
from netflix_assets.formats.values import BadValue, parse

ID = Column("id", ColumnType.INTEGER, minimum=1)
OPTIONAL = Column("id", ColumnType.INTEGER, required=False)
STARS = Column("rating", ColumnType.STARS, minimum=0.5, maximum=5)
TIME = Column("timestamp", ColumnType.BIGINT)
SHARE = Column("share", ColumnType.DOUBLE)
TITLE = Column("title", ColumnType.TEXT)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (ID, "1", 1),
        (ID, "007", 7),
        (ID, "+5", 5),
        (ID, "6.0", 6),
        (ID, "1e2", 100),
        (ID, " 8\t", 8),
        (ID, "2147483647", 2**31 - 1),
        (OPTIONAL, "", None),
        (OPTIONAL, "  ", None),
        (OPTIONAL, "-2147483647", -(2**31) + 1),
        (TIME, str(2**53 - 1), 2**53 - 1),
        (STARS, "0.5", 0.5),
        (STARS, "5", 5.0),
        (STARS, "3.50", 3.5),
        (STARS, "3.7", 3.7),
        (SHARE, ".25", 0.25),
        (SHARE, "2.", 2.0),
        (SHARE, "5E-05", 0.00005),
        (TITLE, " x ", " x "),
        (TITLE, "0", "0"),
    ],
)
def test_a_value_is_read(column: Column, text: str, value: object) -> None:
    found = parse(column, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        (ID, "", "is empty"),
        (ID, " ", "is empty"),
        (TITLE, "", "is empty"),
        (ID, "x", "'x' is not a number"),
        (ID, "5.7", "'5.7' is not a whole number"),
        (ID, "1e-1", "'1e-1' is not a whole number"),
        (ID, "0", "'0' is below 1"),
        (ID, "2147483648", "'2147483648' does not fit INTEGER"),
        (OPTIONAL, "-2147483648", "'-2147483648' does not fit INTEGER"),
        (TIME, str(2**53), f"'{2**53}' does not fit BIGINT"),
        (SHARE, "9" * 400, f"'{'9' * 40}' does not fit DOUBLE"),
        (STARS, "9" * 400, f"'{'9' * 40}' does not fit DECIMAL(2,1)"),
        (STARS, "3.55", "'3.55' has more than one decimal"),
        (STARS, "0.4", "'0.4' is below 0.5"),
        (STARS, "5.1", "'5.1' is above 5"),
        *[
            (SHARE, text, f"{text!r} is not a number")
            for text in (
                "nan",
                "inf",
                "-Infinity",
                "1_0",
                "+-1",
                "0x1",
                "1e",
                "e1",
                ".",
                "1.2.3",
                "1 2",
                "٣",
                "1f",
                "½",
            )
        ],
    ],
)
def test_a_value_is_refused_with_its_reason(column: Column, text: str, reason: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse(column, text)
    assert str(caught.value) == reason

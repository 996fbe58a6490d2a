"""Values that are accepted or refused, each with its reason."""

from __future__ import annotations

import pytest

from netflix_assets.catalog import Column, ColumnType
from netflix_assets.formats.rules import rules_of
from netflix_assets.formats.values import BadValue, parse

ID = Column("id", ColumnType.INTEGER, minimum=1)
OPTIONAL = Column("id", ColumnType.INTEGER, required=False)
STARS = Column("rating", ColumnType.STARS, minimum=0.5, maximum=5, step=0.5)
TIME = Column("timestamp", ColumnType.BIGINT, is_time=True)
LATEST = 1_700_000_000
COUNT = Column("count", ColumnType.BIGINT)
SHARE = Column("share", ColumnType.DOUBLE)
TITLE = Column("title", ColumnType.TEXT, may_be_blank=False)
NOTE = Column("note", ColumnType.TEXT)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (ID, "1", 1),
        (ID, "007", 7),
        (ID, "+5", 5),
        (ID, "6.0", 6),
        (ID, " 8\t", 8),
        (ID, "2147483647", 2**31 - 1),
        (OPTIONAL, "", None),
        (OPTIONAL, "  ", None),
        (OPTIONAL, "-2147483647", -(2**31) + 1),
        (TIME, "0", 0),
        (TIME, str(LATEST - 1), LATEST - 1),
        (TIME, "1427846400.0", 1427846400),
        (COUNT, str(2**53 - 1), 2**53 - 1),
        (STARS, "0.5", 0.5),
        (STARS, "5", 5.0),
        (STARS, "3.50", 3.5),
        (STARS, "4e0", 4.0),
        (SHARE, ".25", 0.25),
        (SHARE, "2.", 2.0),
        (SHARE, "5E-05", 0.00005),
        (SHARE, "2.5e-193", 2.5e-193),
        (SHARE, "-0", 0.0),
        (SHARE, "-.0e5", 0.0),
        (OPTIONAL, "-0", 0),
        (TITLE, " x ", " x "),
        (TITLE, "0", "0"),
        (TITLE, "\N{ZERO WIDTH SPACE}x", "\N{ZERO WIDTH SPACE}x"),
        (NOTE, " ", " "),
    ],
)
def test_a_value_is_read(column: Column, text: str, value: object) -> None:
    found = parse(column, text, LATEST)
    # As text, in which -0 is not 0.
    assert (str(found), type(found)) == (str(value), type(value))


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        (ID, "", "is empty"),
        (ID, " ", "is empty"),
        (TITLE, "", "is empty"),
        (ID, "x", "'x' is not a number"),
        (ID, "5.7", "'5.7' is not a whole number"),
        (ID, "1e2", "'1e2' has an exponent, so digits may be lost"),
        (ID, "0", "'0' is below 1"),
        (ID, "2147483648", "'2147483648' does not fit INTEGER"),
        (OPTIONAL, "-2147483648", "'-2147483648' does not fit INTEGER"),
        (COUNT, str(2**53), f"'{2**53}' does not fit BIGINT"),
        (TIME, "-1", "'-1' is a time before 1970"),
        (TIME, str(LATEST), f"'{LATEST}' is a time after tomorrow"),
        (TIME, "9" * 400, f"'{'9' * 40}' is a time after tomorrow"),
        (TIME, "1455307200000", "'1455307200000' is a time in milliseconds, not seconds since 1970"),
        (TIME, "1455307200000000", "'1455307200000000' is a time in microseconds, not seconds since 1970"),
        (TIME, "1455307200000000000", "'1455307200000000000' is a time in nanoseconds, not seconds since 1970"),
        (TIME, "1.26076E+09", "'1.26076E+09' has an exponent, so digits may be lost"),
        (TIME, "1.5", "'1.5' is not a whole number"),
        *[
            (TIME, text, f"'{text}' is a date, not seconds since 1970")
            for text in ("2014-05-13 16:53:20", "2014-05-13", "13/05/2014", "2014-05-13T16:53:20Z", "13.5.2014")
        ],
        (TITLE, "   ", "is blank"),
        (TITLE, "\N{NO-BREAK SPACE}", "is blank"),
        (TITLE, "\N{EM SPACE}\t\N{ZERO WIDTH SPACE}\N{IDEOGRAPHIC SPACE}", "is blank"),
        (SHARE, "9" * 400, f"'{'9' * 40}' does not fit DOUBLE"),
        (STARS, "9" * 400, f"'{'9' * 40}' does not fit DECIMAL(2,1)"),
        (STARS, "3.55", "'3.55' is not a multiple of 0.5"),
        (STARS, "3.7", "'3.7' is not a multiple of 0.5"),
        (STARS, "0.4", "'0.4' is below 0.5"),
        (STARS, "5.1", "'5.1' is above 5"),
        *[
            (SHARE, text, f"'{text}' is not a number")
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
        parse(column, text, LATEST)
    assert str(caught.value) == reason


@pytest.mark.parametrize("seconds", [10**11, 10**14 - 1, 10**14, 10**17, 10**19])
def test_a_rule_that_only_explains_is_broken_by_nothing_that_the_others_let_through(seconds: int) -> None:
    rules = [rule for rule in rules_of(TIME, LATEST) if rule.is_broken(str(seconds), float(seconds))]
    assert any(rule.explains for rule in rules) and not all(rule.explains for rule in rules)

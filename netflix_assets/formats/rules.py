"""The rules of a column, derived from its entry in the catalogue: each has a reason, a test in Python and one in SQL.

All verdicts come from here: that of the line reader (`rows`), the condition of DuckDB's scan, and the faults that
Snowflake's SQL finds. A new kind of rule is written here and nowhere else.

What passes all rules of its columns passes every dbt test of severity error. What is odd and no reason to lose a
row is left to the models, which handle it and warn: a year such as 0000 in a title, empty genres, an `imdbId` that
is no number.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from netflix_assets.catalog import BLANKS, Column, ColumnType

NUMBER = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?"
"""What a number looks like, for Python and Snowflake alike."""
_DATE = "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?"
_EXPONENT = ".*[eE].*"

WHOLE_NUMBERS = (ColumnType.INTEGER, ColumnType.BIGINT)
# Beyond 2^53 a DOUBLE, as which numbers are read, no longer holds every whole number.
_LIMITS = {ColumnType.INTEGER: 2**31 - 1, ColumnType.BIGINT: 2**53 - 1}
_LARGEST = "1e300"

INVISIBLE = BLANKS + "".join(
    map(chr, (0xAD, 0x115F, 0x1160, 0x180E, *range(0x200B, 0x2010), *range(0x2060, 0x2065), 0x2800, 0x3164, 0xFEFF))
)
"""The characters that show nothing: Unicode's white space, and those that are blank without being called so."""

_DAY = 86_400
_UNITS = (("milliseconds", 10**11, 10**14), ("microseconds", 10**14, 10**17), ("nanoseconds", 10**17, 10**20))
"""In which a time of 1973 or later is so large; in seconds it would lie beyond the year 5000."""


@dataclass(frozen=True)
class Rule:
    """One reason to reject a field.

    Attributes:
        reason: What is said of the field.
        quotes: The field itself is shown before the reason.
        spelling: It is about how a number is spelt, which a typed scan no longer sees.
        explains: It only says better what a later rule refuses as well, so whoever asks for no reason leaves it out.
        is_broken: Whether a field breaks it, from its text and its number (NaN for a text).
        condition: The same as an SQL condition, from the expressions of text and number; it may be NULL only where
            an earlier rule is broken.
    """

    reason: str
    is_broken: Callable[[str, float], bool]
    condition: Callable[[str, str], str]
    quotes: bool = True
    spelling: bool = False
    explains: bool = False


def value_of(column: Column, number: str) -> str:
    """Return the SQL expression of a number as its column holds it: by IEEE 754, -0 and 0 add up to 0.

    Both warehouses compute by that standard, but which of the two zeros they show, hash or divide by is undocumented.

    Args:
        column: Its column.
        number: The expression of the number, a DOUBLE.
    """
    return f"cast({number}{' + 0' if column.type is ColumnType.DOUBLE else ''} as {column.type.value})"


def end_of_tomorrow() -> int:
    """The first second (since 1970, UTC) after tomorrow: no event is later, whatever the clock of its machine."""
    now = int(dt.datetime.now(dt.timezone.utc).timestamp())
    return now - now % _DAY + 2 * _DAY


@lru_cache(maxsize=1000)
def rules_of(column: Column, latest: int) -> tuple[Rule, ...]:
    """The rules of a field that is not empty, in the order in which they are asked.

    Args:
        column: Its column.
        latest: The first second that is no plausible time, as `end_of_tomorrow` gives it.
    """
    if column.type is ColumnType.TEXT:
        return () if column.may_be_blank else (_NOT_BLANK,)
    spelling = [_spelt(NUMBER, "is not a number", wanted=True)]
    if column.is_time:
        spelling.insert(0, _spelt(_DATE, "is a date, not seconds since 1970"))
    if column.type in WHOLE_NUMBERS:
        spelling.append(_spelt(_EXPONENT, "has an exponent, so digits may be lost"))
    size = _time_rules(latest) if column.is_time else [_fits(column.type)]
    return (*spelling, *size, *_range_rules(column))


def _range_rules(column: Column) -> list[Rule]:
    rules = []
    if column.type in WHOLE_NUMBERS:
        rules.append(_number("is not a whole number", lambda n: not n.is_integer(), "{n} <> floor({n})"))
    if column.minimum is not None:
        low = column.minimum
        rules.append(_number(f"is below {low:g}", lambda n: n < low, f"{{n}} < {low!r}"))
    if column.maximum is not None:
        high = column.maximum
        rules.append(_number(f"is above {high:g}", lambda n: n > high, f"{{n}} > {high!r}"))
    if column.step:
        step = column.step
        rules.append(
            _number(
                f"is not a multiple of {step:g}",
                lambda n: abs(n / step - math.floor(n / step + 0.5)) > 1e-9,
                f"abs({{n}} / {step!r} - floor({{n}} / {step!r} + 0.5)) > 1e-9",
            )
        )
    return rules


def _time_rules(latest: int) -> list[Rule]:
    rules = [_number("is a time before 1970", lambda n: n < 0, "{n} < 0")]
    for unit, start, end in _UNITS:
        reason = f"is a time in {unit}, not seconds since 1970"
        condition = f"{{n}} >= {start} and {{n}} < {end}"
        rules.append(_number(reason, _within(start, end), condition, explains=latest <= start))
    # NULL is a number too large to be one.
    rules.append(_number("is a time after tomorrow", lambda n: n >= latest, f"({{n}} is null or {{n}} >= {latest})"))
    return rules


def _within(start: int, end: int) -> Callable[[float], bool]:
    return lambda n: start <= n < end


def _fits(type_: ColumnType) -> Rule:
    limit = _LIMITS.get(type_)
    largest = float(limit or _LARGEST)
    # As a text: a literal beyond 38 digits need not be a number to Snowflake.
    shown = str(limit) if limit else f"cast('{_LARGEST}' as double)"
    return _number(
        f"does not fit {type_.value}", lambda n: abs(n) > largest, f"({{n}} is null or abs({{n}}) > {shown})"
    )


def _number(reason: str, is_broken: Callable[[float], bool], condition: str, *, explains: bool = False) -> Rule:
    return Rule(reason, lambda _, n: is_broken(n), lambda _, n: condition.format(n=n), explains=explains)


def _spelt(pattern: str, reason: str, *, wanted: bool = False) -> Rule:
    """A rule on the spelling of a number: it must, or must not, be matched by a pattern as a whole."""
    compiled = re.compile(pattern)
    negated = "not " if wanted else ""
    return Rule(
        reason,
        lambda text, _: bool(compiled.fullmatch(text)) is not wanted,
        lambda text, _: f"{negated}regexp_like({text}, '{pattern}')",
        spelling=True,
    )


def characters(text: str) -> str:
    """An SQL expression of a text by the numbers of its characters, so that none is hidden in a statement."""
    return " || ".join(f"chr({ord(character)})" for character in text)


_NOT_BLANK = Rule(
    "is blank",
    lambda text, _: not text.strip(INVISIBLE),
    # A text that begins with what shows need not be trimmed to be known: that takes DuckDB several times as long as the
    # rest of the scan.
    lambda text, _: (
        f"case when contains({characters(INVISIBLE)}, left({text}, 1)) "
        f"then trim({text}, {characters(INVISIBLE)}) = '' else false end"
    ),
    quotes=False,
)

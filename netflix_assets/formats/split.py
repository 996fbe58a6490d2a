"""A monthly file cut into months, at the speed of the disk: 900 MB of ratings pass through."""

from __future__ import annotations

import datetime as dt
import io
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO

from netflix_assets.catalog import FIRST_MONTH, RawFile
from netflix_assets.errors import UserError
from netflix_assets.formats.header import check_header
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.lines import BOM, LimitedLines
from netflix_assets.formats.rows import split_fields
from netflix_assets.formats.rules import end_of_tomorrow
from netflix_assets.formats.text import legible
from netflix_assets.formats.values import BadValue, parse

_CHUNK = 1 << 20
_DAY = 86_400
_BYTES_IN_MEMORY = 32 << 20
_MOST_LEADING_LINES = 100_000


def split_by_month(
    file: RawFile,
    content: IO[bytes],
    folder: Path,
    *,
    name: str,
    by_name: bool = False,
    progress: Callable[[], None] | None = None,
) -> dict[str, int]:
    """Cut a monthly file into `YYYY-MM.csv`, each with the header; lines keep their bytes and their order.

    A row is placed by the time that a load reads in it. One whose time it would refuse, or that lies before the
    first month of the catalogue or after the current one, goes with the row before it (at the start of the file: with
    the first row that has a month). So no row is lost, and the load of that month quarantines it. Blank lines are no
    rows and left out.

    Args:
        file: A monthly file of the catalogue.
        content: Its bytes, decompressed.
        folder: Where the months are written; must be empty.
        name: What the file is called in error texts.
        by_name: Its columns are found by their names; see `check_header`.
        progress: Called now and then.

    Returns:
        Rows by month, oldest month first.

    Raises:
        UserError: The first line is not the file's header, no row can be placed, or a line is longer than any of CSV.
    """
    waiting: dict[str, list[bytes]] = {month: [] for month in set(_month_of_day().values())}
    rows: dict[str, int] = {}

    def flush(header: bytes) -> None:
        for month, found in waiting.items():
            if found:
                with (folder / f"{month}.csv").open("ab") as target:
                    if month not in rows:
                        target.write(header)
                    target.writelines(found)
                rows[month] = rows.get(month, 0) + len(found)
                found.clear()
        if progress is not None:
            progress()

    keep_of_month = {month: found.append for month, found in waiting.items()}
    _place(file, content, keep_of_month, lambda blank: None, flush, name=name, by_name=by_name)
    return dict(sorted(rows.items()))


@dataclass
class SplitLines:
    """Where the rows of one month stand in the file that it was cut from.

    Attributes:
        numbers: Line of each row, in order; the header of the file is line 1.
        size: Bytes of the month, with its header.
    """

    numbers: array[int] = field(default_factory=lambda: array("I"))
    size: int = 0


def lines_by_month(file: RawFile, content: IO[bytes], months: Collection[str], *, name: str) -> dict[str, SplitLines]:
    """Say of months that `split_by_month` cuts which lines of the file their rows are.

    Args:
        file: A monthly file of the catalogue.
        content: Its bytes, decompressed.
        months: Those wanted.
        name: What the file is called in error texts.

    Returns:
        By month, without those of which the file has no row.

    Raises:
        UserError: As `split_by_month` does.
    """
    found = {month: SplitLines() for month in months}
    # Rows and blank lines come in the order of the file, each once.
    numbers = count(2)

    def keeper(lines: SplitLines) -> Callable[[bytes], object]:
        def keep(line: bytes) -> None:
            lines.numbers.append(next(numbers))
            lines.size += len(line)

        return keep

    pass_over = partial(next, numbers)
    keep_of_month = {
        month: keeper(found[month]) if month in found else pass_over for month in set(_month_of_day().values())
    }
    header = _place(file, content, keep_of_month, pass_over, lambda _: None, name=name, by_name=True)
    for lines in found.values():
        lines.size += len(header)
    return {month: lines for month, lines in found.items() if lines.numbers}


def _place(
    file: RawFile,
    content: IO[bytes],
    keep_of_month: Mapping[str, Callable[[bytes], object]],
    pass_over: Callable[[bytes], object],
    flush: Callable[[bytes], object],
    *,
    name: str,
    by_name: bool,
) -> bytes:
    """Give every line after the header, in its order, to its month or, if it is blank, to what passes over it.

    Args:
        file: A monthly file of the catalogue.
        content: Its bytes, decompressed.
        keep_of_month: What takes the rows of each month.
        pass_over: What takes the blank lines.
        flush: Called with the header after every few megabytes.
        name: What the file is called in error texts.
        by_name: Its columns are found by their names; see `check_header`.

    Returns:
        The header.

    Raises:
        UserError: The first line is not the file's header, no row can be placed, or a line is longer than any of CSV.
    """
    # Only a real buffer finds line ends fast; a zip member and a GzipFile look for them in Python.
    lines = io.BufferedReader(LimitedLines(name, content), _CHUNK)
    first_line = lines.readline()
    layout = check_header(file, name, first_line, by_name=by_name)
    header = first_line.removeprefix(BOM)
    keep_of_day = {day: keep_of_month[month] for day, month in _month_of_day().items()}
    clock = _Clock(file, layout)
    # A text that stands before the time may hold commas, so then each line is read as the clock does.
    position = sys.maxsize if layout.unknown else clock.position

    leading: list[bytes] = []
    keep: Callable[[bytes], object] | None = None
    for line in lines:
        leading.append(line)
        if not line.strip():
            continue
        keep = keep_of_day.get(clock.day(line))
        if keep is not None or len(leading) >= _MOST_LEADING_LINES:
            break
    rows = [line for line in leading if line.strip()]
    if keep is None and rows:
        raise UserError(
            f"{name}, {clock.fault(leading)}; none of the first {len(rows)} rows can be placed in a month, "
            f"by a {file.month_column} in seconds since 1970, from {FIRST_MONTH} until now"
        )
    if keep is None:
        return header
    for line in leading:
        (keep if line.strip() else pass_over)(line)
    flush(header)
    while batch := lines.readlines(_BYTES_IN_MEMORY):
        for line in batch:
            try:
                keep = keep_of_day[int(line.split(b",")[position]) // _DAY]
            except (ValueError, IndexError, KeyError):
                if not line.strip():
                    pass_over(line)
                    continue
                keep = keep_of_day.get(clock.day(line), keep)
            keep(line)
        flush(header)
    return header


class _Clock:
    """Reads the time of a row as a load does, so that each row is placed by the time by which it will be loaded."""

    def __init__(self, file: RawFile, layout: Layout) -> None:
        at = file.header.index(file.month_column or "")
        position = layout.positions[at]
        assert position is not None, "a month's column is required"
        self.position = position
        self._column = file.columns[at]
        self._latest = end_of_tomorrow()

    def time(self, line: bytes) -> int:
        """Seconds since 1970.

        Raises:
            BadValue: The row has no time.
        """
        fields = split_fields(line.rstrip(b"\r\n"))
        if len(fields) <= self.position:
            raise BadValue("is missing")
        time = parse(self._column, fields[self.position], self._latest)
        assert isinstance(time, int)
        return time

    def day(self, line: bytes) -> int:
        """Days since 1970; -1 if the row has no time."""
        try:
            return self.time(line) // _DAY
        except BadValue:
            return -1

    def fault(self, lines: Iterable[bytes]) -> str:
        """Say what is wrong with the first row of a file of which none can be placed."""
        for number, line in enumerate(lines, start=2):
            if not line.strip():
                continue
            try:
                time = self.time(line)
            except BadValue as error:
                return legible(f"line {number}: {self._column.name} {error}")
            return f"line {number}: {self._column.name} {time} is before {FIRST_MONTH}"
        return "there is no row"


def _month_of_day() -> dict[int, str]:
    """The month of each day since 1970 on which a rating can have been given."""
    epoch = dt.date(1970, 1, 1).toordinal()
    now = dt.datetime.now(dt.timezone.utc)
    first = dt.date.fromisoformat(f"{FIRST_MONTH}-01").toordinal()
    next_month = (now.replace(day=1) + dt.timedelta(days=31)).date().replace(day=1).toordinal()
    return {day - epoch: dt.date.fromordinal(day).isoformat()[:7] for day in range(first, next_month)}

"""A monthly file cut into months, at the speed of the disk: 900 MB of ratings pass through."""

from __future__ import annotations

import datetime as dt
import io
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO

from netflix_assets.catalog import FIRST_MONTH, RawFile
from netflix_assets.errors import UserError
from netflix_assets.formats.header import check_header
from netflix_assets.formats.layout import Layout
from netflix_assets.formats.lines import LimitedLines, without_bom
from netflix_assets.formats.months import time_window
from netflix_assets.formats.rows import split_fields
from netflix_assets.formats.rules import end_of_tomorrow
from netflix_assets.formats.text import legible
from netflix_assets.formats.values import BadValue, parse

_CHUNK = 1 << 20
_DAY = 86_400
_BYTES_IN_MEMORY = 32 << 20
_MOST_RUNS_IN_MEMORY = 1 << 15
_MOST_LEADING_LINES = 100_000


def split_by_month(
    file: RawFile,
    content: IO[bytes],
    folder: Path,
    *,
    name: str,
    by_name: bool = False,
    runs_folder: Path | None = None,
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
        runs_folder: Where is written which lines of the file the rows of each month are; see `runs_of`.
        progress: Called now and then.

    Returns:
        Rows by month, oldest month first.

    Raises:
        UserError: The first line is not the file's header, no row can be placed, or a line is longer than any of CSV.
    """
    waiting: dict[str, list[bytes]] = {month: [] for month in set(_month_of_day(file).values())}
    runs = {month: array("I") for month in waiting}
    rows: dict[str, int] = {}
    for batch in _placed(file, content, name=name, by_name=by_name):
        lines, first = batch.lines, batch.number
        for month, start, end in batch.runs():
            if end - start == 1:
                waiting[month].append(lines[start])
            else:
                waiting[month] += lines[start:end]
            if runs_folder is not None:
                pairs = runs[month]
                pairs.append(first + start)
                pairs.append(end - start)
        for month, found in waiting.items():
            if not found:
                continue
            with (folder / f"{month}.csv").open("ab") as target:
                if month not in rows:
                    target.write(batch.header)
                target.writelines(found)
            if runs_folder is not None and len(runs[month]) > _MOST_RUNS_IN_MEMORY:
                _append(runs[month], runs_folder / month)
            rows[month] = rows.get(month, 0) + len(found)
            found.clear()
        if progress is not None:
            progress()
    if runs_folder is not None:
        for month in rows:
            _append(runs[month], runs_folder / month)
    return dict(sorted(rows.items()))


def _append(numbers: array[int], path: Path) -> None:
    """Move numbers to the end of a file."""
    with path.open("ab") as target:
        numbers.tofile(target)
    del numbers[:]


def runs_of(runs_folder: Path, month: str) -> array[int]:
    """Read which lines of a file `split_by_month` made the rows of a month, as `SourceLines.runs`."""
    runs = array("I")
    runs.frombytes((runs_folder / month).read_bytes())
    return runs


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
    header = b""
    for batch in _placed(file, content, name=name, by_name=True):
        header = batch.header
        for month, start, end in batch.runs():
            if month in found:
                found[month].numbers.extend(range(batch.number + start, batch.number + end))
                found[month].size += sum(map(len, batch.lines[start:end]))
    for lines in found.values():
        lines.size += len(header)
    return {month: lines for month, lines in found.items() if lines.numbers}


@dataclass(frozen=True)
class _Placed:
    """Lines of a file, and the months that they go to.

    Attributes:
        header: Of the file.
        number: Line of the first of them in the file; the header is line 1.
        lines: The lines.
        months: The month of each run of lines; None of blank ones.
        starts: Where each run starts among the lines.
    """

    header: bytes
    number: int
    lines: list[bytes]
    months: list[str | None]
    starts: list[int]

    def runs(self) -> Iterator[tuple[str, int, int]]:
        """Month, start and end of each run of rows."""
        ends = (*self.starts[1:], len(self.lines))
        for month, start, end in zip(self.months, self.starts, ends, strict=True):
            if month is not None:
                yield month, start, end


def _placed(file: RawFile, content: IO[bytes], *, name: str, by_name: bool) -> Iterator[_Placed]:
    """Give every line after the header, in its order, a month, some megabytes at a time.

    Args:
        file: A monthly file of the catalogue.
        content: Its bytes, decompressed.
        name: What the file is called in error texts.
        by_name: Its columns are found by their names; see `check_header`.

    Raises:
        UserError: The first line is not the file's header, no row can be placed, or a line is longer than any of CSV.
    """
    # Only a real buffer finds line ends fast; a zip member and a GzipFile look for them in Python.
    lines = io.BufferedReader(LimitedLines(name, content), _CHUNK)
    first_line = lines.readline()
    layout = check_header(file, name, first_line, by_name=by_name)
    header = without_bom(first_line)
    month_of_day = _month_of_day(file)
    windows = {month: time_window(month) for month in set(month_of_day.values())}
    clock = _Clock(file, layout)
    # A text among the columns may hold commas, so then each line is read as the clock does.
    from_end = sys.maxsize if layout.unknown else layout.width - clock.position

    leading: list[bytes] = []
    month: str | None = None
    for line in lines:
        leading.append(line)
        if not line.strip():
            continue
        month = month_of_day.get(clock.day(line))
        if month is not None or len(leading) >= _MOST_LEADING_LINES:
            break
    rows = [line for line in leading if line.strip()]
    if month is None and rows:
        raise UserError(
            f"{name}, {clock.fault(leading)}; none of the first {len(rows)} rows can be placed in a month, "
            f"by a {file.month_column} in seconds since 1970, from {FIRST_MONTH} until now"
        )
    if month is None:
        return
    months = [month if line.strip() else None for line in leading]
    yield _Placed(header, 2, leading, months, list(range(len(leading))))
    number, current = 2 + len(leading), month
    while batch := lines.readlines(_BYTES_IN_MEMORY):
        months, starts = [], []
        running = ""
        # Most rows are of the month of the row before: its bounds, or none.
        since = until = 0
        for at, line in enumerate(batch):
            try:
                time = int(line.rsplit(b",", from_end)[-from_end])
                if since <= time < until:
                    continue
                current = month_of_day[time // _DAY]
            except (ValueError, IndexError, KeyError):
                if not line.strip():
                    months.append(None)
                    starts.append(at)
                    running, since, until = "", 0, 0
                    continue
                current = month_of_day.get(clock.day(line), current)
            if current is not running:
                months.append(current)
                starts.append(at)
                running = current
                since, until = windows[current]
        yield _Placed(header, number, batch, months, starts)
        number += len(batch)


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


def _month_of_day(file: RawFile) -> dict[int, str]:
    """The month (or partition of the file's grain) of each day since 1970 on which a rating can have been given."""
    now = dt.datetime.now(dt.timezone.utc)
    next_month = (now.replace(day=1) + dt.timedelta(days=31)).date().replace(day=1)
    return _days_until(next_month, len(file.partition_by.pattern))


@lru_cache(maxsize=4)
def _days_until(end: dt.date, length: int) -> dict[int, str]:
    """The beginning of the date of each day since 1970, from the first month on; of 11,000 days it takes 8 ms."""
    epoch = dt.date(1970, 1, 1).toordinal()
    first = dt.date.fromisoformat(f"{FIRST_MONTH}-01").toordinal()
    # Days of one month have one text, so that lines of it are known by identity.
    return {
        day - epoch: sys.intern(dt.date.fromordinal(day).isoformat()[:length]) for day in range(first, end.toordinal())
    }

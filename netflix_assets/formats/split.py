"""A monthly file cut into months, at the speed of the disk: 900 MB of ratings pass through."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from netflix_assets.catalog import FIRST_MONTH, RawFile
from netflix_assets.errors import UserError
from netflix_assets.formats.header import check_header
from netflix_assets.formats.lines import BOM
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
        progress: Called now and then.

    Returns:
        Rows by month, oldest month first.

    Raises:
        UserError: The first line is not the file's header, or no row can be placed.
    """
    # Only a real buffer finds line ends fast; a zip member and a GzipFile look for them in Python.
    lines = io.BufferedReader(content, _CHUNK)  # type: ignore[type-var]
    header = lines.readline().removeprefix(BOM)
    check_header(file, name, header)
    month_of_day = _month_of_day()
    held: dict[str, list[bytes]] = {month: [] for month in month_of_day.values()}
    keep_of_day = {day: held[month].append for day, month in month_of_day.items()}
    position = file.header.index(file.month_column or "")
    clock = _Clock(file)

    leading: list[bytes] = []
    keep: Callable[[bytes], None] | None = None
    for line in lines:
        if not line.strip():
            continue
        leading.append(line)
        keep = keep_of_day.get(clock.day(line))
        if keep is not None or len(leading) == _MOST_LEADING_LINES:
            break
    if keep is None and leading:
        raise UserError(
            f"{name}, {clock.fault(leading)}; none of the first {len(leading)} rows can be placed in a month, "
            f"by a {file.month_column} in seconds since 1970, from {FIRST_MONTH} until now"
        )
    if keep is None:
        return {}
    for line in leading:
        keep(line)

    rows: dict[str, int] = {}

    def flush() -> None:
        for month, found in held.items():
            if found:
                with (folder / f"{month}.csv").open("ab") as target:
                    if month not in rows:
                        target.write(header)
                    target.writelines(found)
                rows[month] = rows.get(month, 0) + len(found)
                found.clear()
        if progress is not None:
            progress()

    flush()
    while batch := lines.readlines(_BYTES_IN_MEMORY):
        for line in batch:
            try:
                keep = keep_of_day[int(line.split(b",")[position]) // _DAY]
            except (ValueError, IndexError, KeyError):
                if not line.strip():
                    continue
                keep = keep_of_day.get(clock.day(line), keep)
            keep(line)
        flush()
    return dict(sorted(rows.items()))


class _Clock:
    """Reads the time of a row as a load does, so that each row is placed by the time by which it will be loaded."""

    def __init__(self, file: RawFile) -> None:
        self._position = file.header.index(file.month_column or "")
        self._column = file.columns[self._position]
        self._latest = end_of_tomorrow()

    def time(self, line: bytes) -> int:
        """Seconds since 1970.

        Raises:
            BadValue: The row has no time.
        """
        fields = split_fields(line.rstrip(b"\r\n"))
        if len(fields) <= self._position:
            raise BadValue("is missing")
        time = parse(self._column, fields[self._position], self._latest)
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
    return {day - epoch: f"{dt.date.fromordinal(day):%Y-%m}" for day in range(first, next_month)}

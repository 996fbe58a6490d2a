"""A monthly file cut into months, at the speed of the disk: 900 MB of ratings pass through."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import IO

from netflix_assets.catalog import FIRST_MONTH, RawFile
from netflix_assets.errors import UserError
from netflix_assets.formats.lines import BOM

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

    A row whose time cannot be read, or lies before the first month of the catalogue or after the current one,
    goes with the row before it (at the start of the file: with the first row that has a month). So no row is
    lost, and the load of that month quarantines it.

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
    _check_header(file, header, name)
    month_of_day = _month_of_day()
    held: dict[str, list[bytes]] = {month: [] for month in month_of_day.values()}
    keep_of_day = {day: held[month].append for day, month in month_of_day.items()}
    position = file.header.index(file.month_column or "")

    leading: list[bytes] = []
    keep: Callable[[bytes], None] | None = None
    for line in lines:
        leading.append(line)
        keep = keep_of_day.get(_day(line, position))
        if keep is not None or len(leading) == _MOST_LEADING_LINES:
            break
    if keep is None and leading:
        raise UserError(
            f"{name}: no {file.month_column} is a time (in seconds) from {FIRST_MONTH} until now; is it damaged?"
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
                keep = keep_of_day.get(_day(line, position), keep)
            keep(line)
        flush()
    return dict(sorted(rows.items()))


def _day(line: bytes, position: int) -> int:
    """Days since 1970 of a row, also of one with quoted fields; -1 if its time cannot be read."""
    try:
        fields: list[str] = next(csv.reader([line.decode("utf-8", errors="replace")]), [])
        return int(fields[position]) // _DAY
    except (csv.Error, ValueError, IndexError):
        return -1


def _month_of_day() -> dict[int, str]:
    """The month of each day since 1970 on which a rating can have been given."""
    epoch = dt.date(1970, 1, 1).toordinal()
    now = dt.datetime.now(dt.timezone.utc)
    first = dt.date.fromisoformat(f"{FIRST_MONTH}-01").toordinal()
    next_month = (now.replace(day=1) + dt.timedelta(days=31)).date().replace(day=1).toordinal()
    return {day - epoch: f"{dt.date.fromordinal(day):%Y-%m}" for day in range(first, next_month)}


def _check_header(file: RawFile, line: bytes, name: str) -> None:
    text = line.decode("utf-8", errors="replace").strip()
    if [field.strip().strip('"') for field in text.split(",")] != list(file.header):
        wanted = ",".join(file.header)
        what = f"reads {text[:80]!r}" if text else "is empty"
        raise UserError(f"{name}, line 1 {what}; it must be the header {wanted}")

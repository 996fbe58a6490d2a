r"""The copy of MovieLens 20M at Kaggle: quoted headers, times as `YYYY-MM-DD hh:mm:ss` (UTC), `\"` inside quotes."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from netflix_assets.catalog import FIRST_MONTH, RAW_FILES, RawFile, raw_file
from netflix_assets.formats.dialects.shape import Dialect, Extras, Pieces, Shape, by_line

_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_EPOCH = dt.datetime(1970, 1, 1)


def seconds_since_1970(text: str) -> str:
    """The seconds of a time `YYYY-MM-DD hh:mm:ss` (UTC); any other text as it is."""
    if not _DATE.fullmatch(text):
        return text
    try:
        moment = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text
    return str(int((moment - _EPOCH).total_seconds()))


@cache
def days() -> dict[bytes, int]:
    """The seconds at which each day of ratings begins, by `YYYY-MM-DD`."""
    first = dt.date.fromisoformat(f"{FIRST_MONTH}-01")
    count = (dt.datetime.now(dt.timezone.utc).date() - first).days + 2
    epoch = dt.date(1970, 1, 1)
    all_days = (first + dt.timedelta(day) for day in range(count))
    return {day.isoformat().encode(): (day - epoch).days * 86_400 for day in all_days}


@cache
def _clock() -> dict[bytes, int]:
    """The seconds of each time of a day, by ` hh:mm:ss`."""
    return {b" %02d:%02d:%02d" % (s // 3600, s // 60 % 60, s % 60): s for s in range(86_400)}


def _ratings(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    day, clock = days(), _clock()
    slow = _rows(raw_file("ratings"))
    for number, piece in pieces:
        rows: list[bytes] = []
        for line in piece.split(b"\n")[:-1]:
            try:
                user, movie, stars, time = line.split(b",")
                time = time.strip(b'"\r')
                rows.append(b"%b,%b,%b,%d\n" % (user, movie, stars, day[time[:10]] + clock[time[10:]]))
            except (ValueError, KeyError):
                rows += [row for _, row in slow([(0, line + b"\n")], extras)]
        yield number, b"".join(rows)


def _rows(file: RawFile) -> Callable[[Pieces, Extras], Iterator[tuple[int, bytes]]]:
    """Convert lines of CSV; one that cannot be read stays as it is."""
    width = len(file.columns)
    time_at = file.header.index("timestamp") if "timestamp" in file.header else None

    def row_of(text: str) -> Sequence[str] | None:
        fields = fields_of(text.rstrip("\r"), width)
        if fields is not None and time_at is not None:
            fields[time_at] = seconds_since_1970(fields[time_at])
        return fields

    convert = by_line(row_of)
    return lambda pieces, extras: convert(pieces)


def fields_of(text: str, width: int) -> list[str] | None:
    r"""The fields of a line; `\"` is a quote where the line can be read so, else two characters."""
    for spelling in dict.fromkeys((text.replace('\\"', '""'), text)):
        try:
            fields: list[str] = next(csv.reader([spelling], strict=True), [])
        except csv.Error:
            continue
        if len(fields) == width:
            return fields
    return None


def _has_header(file: RawFile, lines: Sequence[str]) -> bool:
    return bool(lines) and fields_of(lines[0], len(file.columns)) == list(file.header)


def _dated(file: RawFile) -> Callable[[Sequence[str]], float]:
    """Recognise a file whose times are dates."""
    time_at = file.header.index("timestamp")

    def likeness(lines: Sequence[str]) -> float:
        if not _has_header(file, lines):
            return 0
        rows = [fields for line in lines[1:] if (fields := fields_of(line.rstrip("\r"), len(file.columns)))]
        return float(2 * sum(_DATE.fullmatch(fields[time_at].strip()) is not None for fields in rows) > len(rows))

    return likeness


def _quoted(file: RawFile) -> Callable[[Sequence[str]], float]:
    r"""Recognise a file whose header is in quotes, or that has a `\"`: MovieLens itself writes neither."""

    def likeness(lines: Sequence[str]) -> float:
        return _has_header(file, lines) and (lines[0].startswith('"') or any('\\"' in line for line in lines))

    return likeness


def _any(file: RawFile) -> Callable[[Sequence[str]], float]:
    """Recognise a file by its header alone, for names (`rating.csv`) that no other release has."""
    return lambda lines: _has_header(file, lines)


def _shapes() -> Iterator[Shape]:
    for file in RAW_FILES:
        singular = file.name.removesuffix("s").replace("_", "[_-]")
        plural = re.compile(rf"{singular}s?\.csv")
        if "timestamp" in file.header:
            convert = _ratings if file.name == "ratings" else _rows(file)
            yield Shape(file, plural, _dated(file), convert, only_named=True, first_row=2)
        if file.has_text:
            yield Shape(file, plural, _quoted(file), _rows(file), only_named=True, first_row=2)
        yield Shape(file, re.compile(rf"{singular}\.csv"), _any(file), _rows(file), only_named=True, first_row=2)


KAGGLE_20M = Dialect("Kaggle's copy of MovieLens 20M", tuple(_shapes()), releases=("ml-20m",))

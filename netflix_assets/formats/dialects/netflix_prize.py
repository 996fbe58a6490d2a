"""The Netflix Prize: ratings by movie and day, in four large files or one a movie, and titles in Latin-1.

Netflix Inc., "README" of the training data set. `combined_data_N.txt` is the spelling of its copies at Kaggle.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from netflix_assets.catalog import raw_file
from netflix_assets.formats.dialects.kaggle import days
from netflix_assets.formats.dialects.movielens import NO_GENRES
from netflix_assets.formats.dialects.shape import Dialect, Extras, NotKept, Pieces, Shape, by_line, like, named

_MOVIE_LINE = re.compile(rb"(?m)^(\d+):[ \t]*$\n?")
_EPOCH = dt.date(1970, 1, 1).toordinal()


def _ratings(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    """Put the movie of the last `N:` line into each row, and midnight UTC in place of its day."""
    seconds = {day: b"%d\n" % start for day, start in days().items()}
    movie = b""
    for number, piece in pieces:
        # What lies between the lines `N:`, and the N, in turn.
        blocks = _MOVIE_LINE.split(piece)
        for at, block in enumerate(blocks):
            if at % 2:
                movie = block
                number += 1
            elif block:
                yield number, _rows_of(movie, block, seconds)
                number += block.count(b"\n")


def _rows_of(movie: bytes, block: bytes, seconds: dict[bytes, bytes]) -> bytes:
    # The hundred million rows come past here.
    between = {b"%d" % stars: b",%b,%d.0," % (movie, stars) for stars in range(1, 6)}
    rows: list[bytes] = []
    for line in block.split(b"\n")[:-1]:
        try:
            user, stars, day = line.split(b",")
            rows.append(user + between[stars] + seconds[day])
        except (ValueError, KeyError):
            rows.append(_odd_row(movie, line))
    return b"".join(rows)


def _odd_row(movie: bytes, line: bytes) -> bytes:
    """A row that is not as all others are; what is no day stays, for the load to set aside."""
    if not line.strip():
        return b"\n"
    user, *others = line.split(b",")
    if others:
        others[-1] = _midnight(others[-1].strip())
    return b",".join((user, movie, *others)) + b"\n"


def _midnight(day: bytes) -> bytes:
    try:
        return b"%d" % ((dt.date.fromisoformat(day.decode("ascii")).toordinal() - _EPOCH) * 86_400)
    except ValueError:
        return day


def _movies(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    def row_of(text: str) -> Sequence[str] | None:
        # Titles hold commas, and are not quoted.
        movie, first, rest = text.rstrip("\r").partition(",")
        year, second, title = rest.partition(",")
        if not (first and second):
            return None
        return movie, title if year == "NULL" or not title.strip() else f"{title} ({year})", NO_GENRES

    return by_line(row_of)(pieces)


def _by_movie(lines: Sequence[str]) -> float:
    """The share of rows among lines that begin with a movie `N:`."""
    if not lines or not re.fullmatch(r"\d+:\s*", lines[0]):
        return 0
    return like(r"\d+,[1-5],\d{4}-\d\d-\d\d")([line for line in lines if not re.fullmatch(r"\d+:\s*", line)])


NETFLIX_PRIZE = Dialect(
    "Netflix Prize",
    (
        Shape(
            raw_file("ratings"),
            named(r"combined_data_\d+\.txt|mv_\d+\.txt"),
            _by_movie,
            _ratings,
            many=True,
            not_kept="ratings have a day and no time of day: they are put at midnight UTC",
        ),
        Shape(
            raw_file("movies"),
            named(r"movie_titles\.(csv|txt)"),
            like(r"\d+,(?:\d{4}|NULL),.+"),
            _movies,
            # Two numbers and a text are in many files.
            only_named=True,
            not_kept=f"there are no genres: each movie has {NO_GENRES}",
        ),
    ),
    (
        NotKept(named(r"probe\.txt"), "rows of the ratings again, for testing"),
        NotKept(named(r"qualifying\.txt"), "questions without ratings"),
        NotKept(named(r"rmse\.pl"), "a script"),
    ),
    releases=("netflix-prize",),
)

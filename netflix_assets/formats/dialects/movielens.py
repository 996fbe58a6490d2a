"""The older MovieLens releases: 100K (tabs and bars, Latin-1), 1M and 10M (double colons).

GroupLens, "README" of ml-100k, ml-1m and ml-10m.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netflix_assets.catalog import raw_file
from netflix_assets.formats.dialects.shape import (
    Dialect,
    Extras,
    NotKept,
    Pieces,
    Shape,
    as_csv,
    by_line,
    like,
    named,
    text_of,
)

NO_GENRES = "(no genres listed)"
"""What MovieLens writes for a movie without genres."""

_GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_GENRE_FILE = "u.genre"


def _genres(extras: Extras) -> Sequence[str]:
    """The genres of `u.genre`, in the order of their flags; those of the release where it is not there."""
    lines = [text_of(line).strip() for line in extras.get(_GENRE_FILE, b"").split(b"\n")]
    pairs = [line.rpartition("|") for line in lines if line]
    numbered = sorted((int(number), name) for name, _, number in pairs if number.isdigit())
    return [name for _, name in numbered] or _GENRES_100K


def _movies_100k(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    genres = _genres(extras)

    def row_of(text: str) -> Sequence[str] | None:
        # Three dates and addresses lie between the title, which may hold a bar, and the flags.
        fields = text.rstrip("\r").split("|")
        flags = fields[-len(genres) :]
        if len(fields) < len(genres) + 5 or not set(flags) <= {"0", "1"}:
            return None
        title = "|".join(fields[1 : -len(genres) - 3])
        own = [genre for genre, flag in zip(genres, flags, strict=True) if flag == "1"]
        return fields[0], title, "|".join(own) or NO_GENRES

    return by_line(row_of)(pieces)


def _movies_dat(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    def row_of(text: str) -> Sequence[str] | None:
        movie, first, rest = text.rstrip("\r").partition("::")
        title, second, genres = rest.rpartition("::")
        return (movie, title, genres) if first and second else None

    return by_line(row_of)(pieces)


def _tags_dat(pieces: Pieces, extras: Extras) -> Iterator[tuple[int, bytes]]:
    def row_of(text: str) -> Sequence[str] | None:
        user, _, rest = text.rstrip("\r").partition("::")
        movie, second, rest = rest.partition("::")
        tag, third, time = rest.rpartition("::")
        return (user, movie, tag, time) if second and third else None

    return by_line(row_of)(pieces)


MOVIELENS_100K = Dialect(
    "MovieLens 100K",
    (
        Shape(raw_file("ratings"), named(r"u\.data"), like(r"\d+\t\d+\t[1-5]\t\d{8,10}\r?"), as_csv(b"\t")),
        Shape(
            raw_file("movies"),
            named(r"u\.item"),
            like(r"\d+\|.*\|[^|]*\|[^|]*\|[^|]*(?:\|[01]){10,40}\r?"),
            _movies_100k,
            not_kept="the release dates and the IMDb address of a movie",
        ),
    ),
    (
        NotKept(named(r"u\.user"), "users (age, gender, occupation, zip code): there is no table for them"),
        NotKept(named(r"u\.occupation|u\.info"), "a list that nothing reads"),
        NotKept(named(r"u[a-z1-5]\.(base|test)"), "rows of u.data again, for training and testing"),
        NotKept(named(r"mku\.sh|allbut\.pl"), "a script"),
    ),
    extras=frozenset({_GENRE_FILE}),
    releases=("ml-100k",),
)

MOVIELENS_DAT = Dialect(
    "MovieLens 1M or 10M",
    (
        Shape(
            raw_file("ratings"),
            named(r"ratings\.dat"),
            like(r"\d+::\d+::\d(?:\.\d)?::\d{8,10}\r?"),
            as_csv(b"::"),
        ),
        Shape(raw_file("tags"), named(r"tags\.dat"), like(r"\d+::\d+::.*::\d{8,10}\r?"), _tags_dat),
        Shape(raw_file("movies"), named(r"movies\.dat"), like(r"\d+::.*\S.*::\D[^:]*\r?"), _movies_dat),
    ),
    (
        NotKept(named(r"users\.dat"), "users (gender, age, occupation, zip code): there is no table for them"),
        NotKept(named(r"r[a-z1-5]\.(train|test)"), "rows of ratings.dat again, for training and testing"),
        NotKept(named(r"allbut\.pl|split_ratings\.sh"), "a script"),
    ),
    releases=("ml-1m", "ml-10m"),
)

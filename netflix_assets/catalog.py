"""The raw files: which object keys belong to which, their columns, and the raw table each feeds.

Adding a file is one entry in `RAW_FILES` (and, in dbt, one source and its models). Nothing else in the
package names a file. This module imports nothing of ours and talks to nothing.

The formats are those of the MovieLens releases (GroupLens, "README" of each release): comma-separated
with one header line, double quotes around fields that hold a comma, UTF-8, times in seconds since
1970-01-01 UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

PREFIX = "raw/"
FIRST_MONTH = "1995-01"
UPLOAD_RECORD = f"{PREFIX}_upload.json"
"""Object that names what was uploaded, and when; no data."""

SOURCE_LINES = f"{PREFIX}_lines/"
"""Objects that say of others which lines of somebody's own files their rows are; no data."""

RAW_SCHEMA = "raw"
EXTRA_COLUMN = "_extra"
"""Column of every raw table for what columns hold that the catalogue does not know, as one JSON text."""
_SPLIT_NAME = "from-whole-export.csv"

BLANKS = "".join(map(chr, (*range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680))) + "".join(
    map(chr, (*range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)
"""The characters that are blank at the ends of a text: Unicode's white space, as `str.strip` takes it off.

DuckDB and Snowflake trim others of their own accord, so both are given these (in dbt: macro `blanks`)."""
# What file systems, archivers and Spark leave beside data: hidden files, folders of their own, markers, checksums.
_SYSTEM_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "_temporary"})
_SYSTEM_NAME = re.compile(
    r"thumbs\.db|ehthumbs\.db|desktop\.ini|icon\r|~\$.*|.*\.crc|.*_\$folder\$"
    r"|_success|_metadata|_common_metadata|_upload\.json|_(?:started|committed)_\d+|_spark_metadata",
    re.IGNORECASE,
)


class Grain(Enum):
    """What a file is partitioned by; the value is the word in its object keys (`month=2015-03`, `day=2015-03-01`)."""

    MONTH = "month"
    DAY = "day"

    @property
    def pattern(self) -> str:
        """How a key of a partition is written."""
        return "YYYY-MM" if self is Grain.MONTH else "YYYY-MM-DD"

    @property
    def first(self) -> str:
        """The first partition."""
        return FIRST_MONTH if self is Grain.MONTH else f"{FIRST_MONTH}-01"

    def is_key(self, text: str) -> bool:
        """Whether a text is the key of a partition, from the first one on."""
        return len(text) == len(self.pattern) and text >= self.first and _is_date(f"{text}-01"[: len("YYYY-MM-DD")])


# Cached, because it is asked of every object of a listing.
@lru_cache(maxsize=100_000)
def _is_date(text: str) -> bool:
    """Whether a text is a day `YYYY-MM-DD`."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


class ColumnType(Enum):
    """Types of raw columns; the value is the SQL type in DuckDB and Snowflake alike."""

    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    TEXT = "VARCHAR"
    STARS = "DECIMAL(2,1)"
    DOUBLE = "DOUBLE"


class HeaderDrift(Enum):
    """What becomes of a file whose columns are not the catalogue's in their order."""

    REFUSE = "refuse"
    """It is refused, with what differs."""

    BY_NAME = "by_name"
    """Known columns are found by their names, unknown ones are kept in `EXTRA_COLUMN`; refused is only a file in which
    a required one is missing."""


@dataclass(frozen=True)
class Column:
    """One column of a raw file.

    Attributes:
        name: As the header spells it.
        type: Type in the raw table.
        required: An empty field is a reason to reject the row.
        minimum: Smallest number accepted, inclusive.
        maximum: Largest number accepted, inclusive.
        step: Numbers are whole multiples of it; DECIMAL(2,1) cannot do without, since it would round in silence.
        is_time: Seconds since 1970-01-01 UTC; accepted until the end of tomorrow.
        may_be_blank: A text that shows nothing is accepted.
    """

    name: str
    type: ColumnType
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    is_time: bool = False
    may_be_blank: bool = True

    def __post_init__(self) -> None:
        """Hold the entry to what its type needs.

        Raises:
            ValueError: A DECIMAL(2,1) column has no step.
        """
        if self.type is ColumnType.STARS and not self.step:
            raise ValueError(f"column {self.name} of type {self.type.value} needs a step")


@dataclass(frozen=True)
class RawFile:
    """One kind of raw file.

    Attributes:
        name: Base name of the object without its ending; a hyphen is accepted for each underscore.
        description: What one row says.
        columns: In the order of the file.
        key: Columns that identify a row; a second row with the same key is rejected.
        month_column: Column (seconds since 1970) that places a row in a month; such a file arrives as
            one folder of objects a month and is a monthly partitioned asset.
        partition_by: What such a file is partitioned by, where a month grows too large: then by day. What is said of
            months elsewhere is then true of days. All such files have the same, because one run loads them all.
        expected_every: How long it may take until a new object comes; then people are told.
        header_drift: What becomes of a file with other columns, unless NETFLIX_HEADER_DRIFT says otherwise.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    month_column: str | None = None
    partition_by: Grain = Grain.MONTH
    expected_every: dt.timedelta = dt.timedelta(days=35)
    header_drift: HeaderDrift = HeaderDrift.REFUSE

    @property
    def table(self) -> str:
        """Name of the raw table, in schema `raw`."""
        return f"raw_{self.name}"

    @property
    def source_key(self) -> list[str]:
        """Asset key of the file in S3."""
        return ["s3", self.name]

    @property
    def table_key(self) -> list[str]:
        """Asset key of the raw table."""
        return [RAW_SCHEMA, self.table]

    @property
    def header(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_text(self) -> bool:
        """Whether a field may need quotes; numeric files never do."""
        return any(column.type is ColumnType.TEXT for column in self.columns)

    def object_key(self, month: str | None = None, *, ending: str = ".csv") -> str:
        """The key under which an upload puts this file (or one month of it)."""
        if month is None:
            return f"{PREFIX}{self.name}{ending}"
        return f"{self.folder(month)}{self.name}{ending}"

    def folder(self, month: str) -> str:
        """What the keys of a month's objects begin with."""
        return f"{PREFIX}{self.name}/{self.partition_by.value}={month}/"

    def split_object_key(self, month: str) -> str:
        """The key under which one month of a whole export is put."""
        return f"{self.folder(month)}{_SPLIT_NAME}"

    @staticmethod
    def is_split_object(key: str) -> bool:
        """Whether a key of a month is one that `split_object_key` gives."""
        return key.endswith(f"/{_SPLIT_NAME}")


@dataclass(frozen=True)
class Place:
    """What an object key stands for."""

    file: RawFile
    month: str | None


_ID = ColumnType.INTEGER

WITH_A_RELEASE = dt.timedelta(days=400)
"""MovieLens makes a release about once a year."""

RAW_FILES: tuple[RawFile, ...] = (
    RawFile(
        "movies",
        "One movie: its title, with the year of release in brackets, and its genres, separated by |.",
        (
            Column("movieId", _ID, minimum=1),
            Column("title", ColumnType.TEXT, may_be_blank=False),
            Column("genres", ColumnType.TEXT),
        ),
        key=("movieId",),
    ),
    RawFile(
        "ratings",
        "One rating event: a user gave a movie 0.5 to 5 stars at a time.",
        (
            Column("userId", _ID, minimum=1),
            Column("movieId", _ID, minimum=1),
            Column("rating", ColumnType.STARS, minimum=0.5, maximum=5, step=0.5),
            Column("timestamp", ColumnType.BIGINT, is_time=True),
        ),
        key=("userId", "movieId", "timestamp"),
        month_column="timestamp",
    ),
    RawFile(
        "tags",
        "One free-text tag that a user put on a movie at a time.",
        (
            Column("userId", _ID, minimum=1),
            Column("movieId", _ID, minimum=1),
            Column("tag", ColumnType.TEXT, may_be_blank=False),
            Column("timestamp", ColumnType.BIGINT, is_time=True),
        ),
        key=("userId", "movieId", "tag", "timestamp"),
    ),
    RawFile(
        "links",
        "The identifiers of one movie at IMDb and TMDB.",
        (
            Column("movieId", _ID, minimum=1),
            Column("imdbId", ColumnType.TEXT),
            Column("tmdbId", _ID, required=False, minimum=1),
        ),
        key=("movieId",),
        expected_every=WITH_A_RELEASE,
    ),
    RawFile(
        "genome_scores",
        "How strongly one movie shows one tag of the tag genome, from 0 to 1.",
        (
            Column("movieId", _ID, minimum=1),
            Column("tagId", _ID, minimum=1),
            Column("relevance", ColumnType.DOUBLE, minimum=0, maximum=1),
        ),
        key=("movieId", "tagId"),
        expected_every=WITH_A_RELEASE,
    ),
    RawFile(
        "genome_tags",
        "The text of one tag of the tag genome.",
        (Column("tagId", _ID, minimum=1), Column("tag", ColumnType.TEXT, may_be_blank=False)),
        key=("tagId",),
        expected_every=WITH_A_RELEASE,
    ),
)


def read_by_name(files: Sequence[RawFile] = RAW_FILES) -> frozenset[str]:
    """The names of the files whose columns are found by their names."""
    return frozenset(file.name for file in files if file.header_drift is HeaderDrift.BY_NAME)


def raw_file(name: str) -> RawFile:
    """The file with this name; a KeyError names the known ones."""
    by_name = {file.name: file for file in RAW_FILES}
    if name not in by_name:
        raise KeyError(f"no raw file {name!r}; known: {', '.join(by_name)}")
    return by_name[name]


def file_named(file_name: str, files: Sequence[RawFile] = RAW_FILES) -> RawFile | None:
    """The raw file that `movies.csv`, `genome-scores.csv.gz` ... holds, or None."""
    if "/" in file_name:
        return None
    for file in files:
        if re.fullmatch(re.escape(file.name).replace("_", "[_-]") + r"\.csv(\.gz)?", file_name):
            return file
    return None


def source_lines_key(key: str) -> str:
    """The key of the object that says which lines the rows of this one are."""
    return SOURCE_LINES + key.removeprefix(PREFIX)


def is_system_file(path: str) -> bool:
    """Whether a path (of a source, or an object key) is a file of some system, and never data.

    Hidden files and folders, `__MACOSX/`, `._*`, `.DS_Store`, `Thumbs.db`, Spark's `_SUCCESS` and `.crc`, folder
    markers (keys that end with a slash), and our own `UPLOAD_RECORD` and `SOURCE_LINES`.
    """
    parts = path.split("/")
    if not parts[-1] or path.startswith(SOURCE_LINES) or _SYSTEM_NAME.fullmatch(parts[-1]):
        return True
    # A loop, because this is asked of every object of a listing.
    for part in parts:  # noqa: SIM110
        if part.lower() in _SYSTEM_FOLDERS or (part.startswith(".") and part.strip(".") != ""):
            return True
    return False


def place_of(key: str, files: Sequence[RawFile] = RAW_FILES) -> Place | None:
    """What an object key under `raw/` stands for; None for an object that no entry knows.

    A monthly file's own name at the top (`raw/ratings.csv`) is its whole export: a place without a month. What
    `is_system_file` knows is never data, whatever its name ends in.
    """
    if not key.startswith(PREFIX) or is_system_file(key):
        return None
    rest = key[len(PREFIX) :]
    whole = file_named(rest, files)
    if whole is not None:
        return Place(whole, None)
    for file in files:
        if file.month_column is None or not rest.startswith(f"{file.name}/"):
            continue
        folder, _, name = rest[len(file.name) + 1 :].partition("/")
        word, _, month = folder.partition("=")
        is_folder = word == file.partition_by.value and file.partition_by.is_key(month)
        if is_folder and "/" not in name and name.endswith((".csv", ".csv.gz")):
            return Place(file, month)
    return None

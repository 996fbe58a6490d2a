"""The listing of the bucket as it was last read, kept in a file beside the sensor's cursor.

So a listing may take several ticks, an event may renew a part of it, and memory does not grow with the bucket. It holds
nothing that the bucket does not: where the file is lost or damaged, the next whole listing makes it again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netflix_assets import catalog
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import BucketError
from netflix_assets.landing.bucket import ObjectVersion

_FORMAT = 1
_NAMED = 5
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)
_MODULUS = 1 << 256
_TABLES = ("one", "other")

_SCHEMA = (
    "create table if not exists state (format integer, bucket text, complete text, listed_at real, began_at real, "
    "position text, is_new integer)",
    "create table if not exists sums (name text primary key, fingerprint text, objects integer, unknown integer)",
    *(
        f"create table if not exists {name} (key text primary key, etag text, size integer, modified integer, "
        "unknown integer) without rowid"
        for name in _TABLES
    ),
    *(f"create index if not exists {name}_unknown on {name} (key) where unknown" for name in _TABLES),
    "create table if not exists hinted (prefix text primary key, by_listing integer default 0) without rowid",
    "create table if not exists handles (handle text primary key) without rowid",
)


@dataclass(frozen=True)
class BucketFingerprint:
    """A listing of `raw/`, reduced to what a tick needs to know.

    Attributes:
        fingerprint: Changes whenever any object is put, replaced or deleted, also with the same bytes.
        objects: How many there are.
        unknown: How many of them match no entry of the catalogue.
        unknown_keys: The first of these.
    """

    fingerprint: str
    objects: int
    unknown: int
    unknown_keys: tuple[str, ...]

    @property
    def note(self) -> str:
        """What to say of objects that nothing loads; empty if there are none."""
        if not self.unknown:
            return ""
        more = f" and {self.unknown - len(self.unknown_keys):,} more" if self.unknown > len(self.unknown_keys) else ""
        return f"; nothing loads {', '.join(self.unknown_keys)}{more}: no raw file has such a key"


class KeptListing:
    """The file, open. Nothing of it is kept but by `commit`."""

    def __init__(self, database: sqlite3.Connection, bucket: str, files: Sequence[RawFile] = RAW_FILES) -> None:
        """Read the state; begins anew where the file is of another bucket or another format.

        Args:
            database: The file, in a transaction.
            bucket: What tells the bucket from others.
            files: The catalogue.
        """
        self._database = database
        self._files = files
        self._run(_SCHEMA[0])
        if self._run("select format, bucket from state").fetchone() != (_FORMAT, bucket):
            for (table,) in self._run("select name from sqlite_master where type = 'table'").fetchall():
                self._run(f"drop table {table}")
            for statement in _SCHEMA:
                self._run(statement)
            self._run("insert into state values (?, ?, ?, null, null, null, 0)", _FORMAT, bucket, _TABLES[0])
            for table in _TABLES:
                self._run("insert into sums values (?, '0', 0, 0)", table)

    def commit(self) -> None:
        """Keep what was changed."""
        self._run("commit")
        self._run("begin immediate")

    # What is known.

    @property
    def listed_at(self) -> float | None:
        """When the newest complete listing began, in seconds since 1970; None before there is one."""
        found: float | None = self._state("listed_at")
        return found

    @property
    def is_new(self) -> bool:
        """Whether the newest complete listing was not looked at yet."""
        return bool(self._state("is_new"))

    def looked_at(self) -> None:
        """Note that the newest complete listing was looked at."""
        self._run("update state set is_new = 0")

    def fingerprint(self) -> BucketFingerprint:
        """Describe the newest complete listing with what events have renewed of it."""
        fingerprint, objects, unknown = self._sums(self._complete)
        rows = self._run(f"select key from {self._complete} where unknown order by key limit {_NAMED}")
        return BucketFingerprint(f"{fingerprint:064x}", objects, unknown, tuple(key for (key,) in rows))

    def versions(self) -> Iterator[ObjectVersion]:
        """Yield the objects of the newest complete listing in the order of their keys."""
        for key, etag, size, modified in self._run(f"select key, etag, size, modified from {self._complete}"):
            yield ObjectVersion(key, etag, size, _EPOCH + modified * _MICROSECOND)

    # A whole listing, in one or several ticks.

    @property
    def is_listing(self) -> bool:
        """Whether a whole listing has begun and is not complete."""
        return self._state("began_at") is not None

    @property
    def position(self) -> str:
        """The last key that the listing has come to."""
        return str(self._state("position") or "")

    @property
    def objects_so_far(self) -> int:
        """How many objects the listing has come to."""
        return self._sums(self._coming)[1]

    def begin(self, now: float) -> None:
        """Begin a whole listing; what was hinted at until now is left to it."""
        self._clear(self._coming)
        self._run("update state set began_at = ?, position = ''", now)
        self._run("update hinted set by_listing = 1")

    def add(self, versions: Sequence[ObjectVersion]) -> None:
        """Add the next objects, in the order of their keys."""
        if versions:
            self._insert(self._coming, versions)
            self._run("update state set position = ?", versions[-1].key)

    def complete(self) -> None:
        """Make what was listed the newest complete listing."""
        former, coming = self._complete, self._coming
        self._clear(former)
        self._run(
            "update state set complete = ?, listed_at = began_at, began_at = null, position = null, is_new = 1", coming
        )
        self._run("delete from hinted where by_listing")

    # What events hint at.

    def hint(self, prefixes: Iterable[str], handles: Iterable[str]) -> None:
        """Remember prefixes to list, and the messages that named them."""
        self._database.executemany(
            "insert into hinted (prefix) values (?) on conflict do update set by_listing = 0",
            [(prefix,) for prefix in prefixes],
        )
        self._database.executemany("insert or ignore into handles values (?)", [(handle,) for handle in handles])

    def hinted(self) -> list[str]:
        """Return the prefixes that are still to be listed, but for those that the whole listing covers."""
        rows = self._run("select prefix from hinted where not by_listing order by prefix")
        return [prefix for (prefix,) in rows]

    def renew(self, prefix: str, versions: Sequence[ObjectVersion]) -> None:
        """Put the objects under a prefix in the place of those that were there when it was last listed."""
        if self.listed_at is not None:
            self._replace(self._complete, prefix, versions)
        if self.is_listing:
            # Behind its position the listing itself comes to them.
            self._replace(self._coming, prefix, [version for version in versions if version.key <= self.position])
        self._run("delete from hinted where prefix = ?", prefix)

    def covered_handles(self, observed: str | None) -> list[str]:
        """Return the messages that a stored cursor covers: all, once all they hint at is in what it has observed."""
        waiting = self._run("select 1 from hinted limit 1").fetchone()
        if waiting or self.listed_at is None or observed != self.fingerprint().fingerprint:
            return []
        return [handle for (handle,) in self._run("select handle from handles order by handle")]

    def forget(self, handles: Collection[str]) -> None:
        """Forget messages that were deleted."""
        self._database.executemany("delete from handles where handle = ?", [(handle,) for handle in handles])

    @property
    def _complete(self) -> str:
        """The table with the newest complete listing."""
        return str(self._state("complete"))

    @property
    def _coming(self) -> str:
        """The table that a whole listing fills."""
        return next(name for name in _TABLES if name != self._complete)

    def _run(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        return self._database.execute(sql, parameters)

    def _state(self, column: str) -> Any:
        return self._run(f"select {column} from state").fetchone()[0]

    def _sums(self, table: str) -> tuple[int, int, int]:
        fingerprint, objects, unknown = self._run(
            "select fingerprint, objects, unknown from sums where name = ?", table
        ).fetchone()
        return int(fingerprint, 16), objects, unknown

    def _change(self, table: str, fingerprint: int, objects: int, unknown: int) -> None:
        before = self._sums(table)
        now = (f"{(before[0] + fingerprint) % _MODULUS:x}", before[1] + objects, before[2] + unknown)
        self._run("update sums set fingerprint = ?, objects = ?, unknown = ? where name = ?", *now, table)

    def _insert(self, table: str, versions: Sequence[ObjectVersion]) -> None:
        rows = [
            (
                *(version.key, version.etag, version.size, (version.last_modified - _EPOCH) // _MICROSECOND),
                catalog.place_of(version.key, self._files) is None,
            )
            for version in versions
        ]
        self._database.executemany(f"insert into {table} values (?, ?, ?, ?, ?)", rows)
        self._change(table, sum(map(_hashed, rows)), len(rows), sum(row[-1] for row in rows))

    def _replace(self, table: str, prefix: str, versions: Sequence[ObjectVersion]) -> None:
        under = (prefix, f"{prefix}\U0010ffff")
        rows = self._run(f"select * from {table} where key >= ? and key < ?", *under).fetchall()
        self._run(f"delete from {table} where key >= ? and key < ?", *under)
        self._change(table, -sum(map(_hashed, rows)), -len(rows), -sum(row[-1] for row in rows))
        self._insert(table, versions)

    def _clear(self, table: str) -> None:
        self._run(f"delete from {table}")
        self._run("update sums set fingerprint = '0', objects = 0, unknown = 0 where name = ?", table)


def _hashed(row: Sequence[object]) -> int:
    """One object's share of a fingerprint, which is the sum of them, so that a part can be taken out again."""
    text = "\t".join(map(str, row[:4]))
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


@contextmanager
def opened(path: Path, bucket: str) -> Iterator[KeptListing]:
    """Open the file; one that is damaged is begun anew.

    Args:
        path: The file; made if missing.
        bucket: What tells the bucket from others.

    Raises:
        BucketError: It can be neither read nor written.
    """
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror) from error
        try:
            database = _connect(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            path.unlink()
            database = _connect(path)
        with closing(database):
            yield KeptListing(database, bucket)
    except sqlite3.Error as error:
        raise BucketError(
            f"the listing of the bucket cannot be kept in {path} ({error}); make room and let this user write there, "
            "or remove the file: it is made again"
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    # Losing it costs a listing.
    database.execute("pragma synchronous = off")
    database.execute("pragma journal_mode = memory")
    database.execute("pragma schema_version").fetchone()
    database.execute("begin immediate")
    return database

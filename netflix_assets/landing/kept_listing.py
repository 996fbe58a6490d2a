"""The listing of the bucket as it was last read, kept in a file beside the sensor's cursor.

So a listing may take several ticks, an event may renew a part of it, and memory does not grow with the bucket. It holds
nothing that the bucket does not: where the file is lost or damaged, the next whole listing makes it again.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from netflix_assets import catalog
from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import BucketError
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.landing.overview import NAMED, Overview, Summary, summary_of

_FORMAT = 2
_NAMED = 5
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MICROSECOND = dt.timedelta(microseconds=1)
_TABLES = ("one", "other")


class Kind(IntEnum):
    """What an object is to the catalogue; whatever is not 0 is few, and is found by an index."""

    OF_A_FILE = 0
    UNKNOWN = 1
    WHOLE_EXPORT = 2
    CUT = 3


Share = tuple[str, str, Kind]
"""A file, a month of it (or nothing), and what its objects are: what is added up for itself."""

_UNKNOWN: Share = ("", "", Kind.UNKNOWN)

_SCHEMA = (
    "create table if not exists state (format integer, bucket text, complete text, listed_at real, began_at real, "
    "position text, is_new integer)",
    "create table if not exists sums (name text, file text, month text, kind integer, data text, arrival text, "
    "objects integer, size integer, newest integer, primary key (name, file, month, kind)) without rowid",
    *(
        f"create table if not exists {name} (key text primary key, etag text, size integer, modified integer, "
        "kind integer) without rowid"
        for name in _TABLES
    ),
    *(f"create index if not exists {name}_kind on {name} (kind, key) where kind > 0" for name in _TABLES),
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
        shares = self._shares(self._complete)
        total = sum(shares.values(), Summary())
        unknown = shares.get(_UNKNOWN, Summary()).objects
        return BucketFingerprint(total.fingerprint, total.objects, unknown, self._unknown_keys(_NAMED))

    def overview(self) -> Overview:
        """Sort the same into the catalogue, from what is added up: no object that did not change is looked at."""
        shares = self._shares(self._complete)
        files: dict[str, dict[str | None, Summary]] = {}
        for (name, month, kind), found in shares.items():
            own = kind is Kind.OF_A_FILE
            if own or (kind is Kind.CUT and (name, month, Kind.OF_A_FILE) not in shares):
                files.setdefault(name, {})[month or None] = found
        exports: dict[str, list[ObjectVersion]] = {}
        for version in self._of_kind(Kind.WHOLE_EXPORT):
            place = catalog.place_of(version.key, self._files)
            assert place is not None
            exports.setdefault(place.file.name, []).append(version)
        return Overview(
            files=files,
            whole_exports={name: tuple(found) for name, found in exports.items()},
            cut=frozenset(name for name, _, kind in shares if kind is Kind.CUT),
            unknown=shares.get(_UNKNOWN, Summary()).objects,
            unknown_keys=self._unknown_keys(NAMED),
            superseded_keys=tuple(
                version.key
                for version in self._of_kind(Kind.CUT)
                if (*self._share_of(version.key)[:2], Kind.OF_A_FILE) in shares
            ),
        )

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
        return sum(found.objects for found in self._shares(self._coming).values())

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

    def _shares(self, table: str) -> dict[Share, Summary]:
        """What is added up, without the shares that hold no object."""
        rows = self._run(
            "select file, month, kind, data, arrival, objects, size, newest from sums where name = ? "
            "and objects > 0 order by file, month, kind",
            table,
        )
        return {(file, month, Kind(kind)): _summary_of(row) for file, month, kind, *row in rows}

    def _share(self, table: str, share: Share) -> Summary:
        row = self._run(
            "select data, arrival, objects, size, newest from sums where name = ? and file = ? and month = ? "
            "and kind = ?",
            table,
            *share,
        ).fetchone()
        return Summary() if row is None else _summary_of(row)

    def _change(self, table: str, share: Share, found: Summary) -> None:
        newest = None if found.newest is None else _moment(found.newest)
        row = (f"{found.data:x}", f"{found.arrival:x}", found.objects, found.size_bytes, newest)
        self._run("insert or replace into sums values (?, ?, ?, ?, ?, ?, ?, ?, ?)", table, *share, *row)

    def _share_of(self, key: str) -> Share:
        place = catalog.place_of(key, self._files)
        if place is None:
            return _UNKNOWN
        if place.month is None:
            return (place.file.name, "", Kind.OF_A_FILE if place.file.month_column is None else Kind.WHOLE_EXPORT)
        return (place.file.name, place.month, Kind.CUT if place.file.is_split_object(key) else Kind.OF_A_FILE)

    def _by_share(self, versions: Iterable[ObjectVersion]) -> dict[Share, list[ObjectVersion]]:
        found: dict[Share, list[ObjectVersion]] = {}
        for version in versions:
            found.setdefault(self._share_of(version.key), []).append(version)
        return found

    def _unknown_keys(self, limit: int) -> tuple[str, ...]:
        return tuple(version.key for version in self._of_kind(Kind.UNKNOWN, limit))

    def _of_kind(self, kind: Kind, limit: int = -1) -> list[ObjectVersion]:
        return self._select(self._complete, "kind = ? and kind > 0 order by key limit ?", kind, limit)

    def _select(self, table: str, where: str, *parameters: object) -> list[ObjectVersion]:
        rows = self._run(f"select key, etag, size, modified from {table} where {where}", *parameters)
        return [ObjectVersion(key, etag, size, _time(modified)) for key, etag, size, modified in rows]

    def _insert(self, table: str, versions: Sequence[ObjectVersion]) -> None:
        for share, found in self._by_share(versions).items():
            rows = [(one.key, one.etag, one.size, _moment(one.last_modified), share[2]) for one in found]
            self._database.executemany(f"insert into {table} values (?, ?, ?, ?, ?)", rows)
            self._change(table, share, self._share(table, share) + summary_of(found))

    def _replace(self, table: str, prefix: str, versions: Sequence[ObjectVersion]) -> None:
        under = (prefix, f"{prefix}\U0010ffff")
        gone = self._by_share(self._select(table, "key >= ? and key < ?", *under))
        self._run(f"delete from {table} where key >= ? and key < ?", *under)
        for share, found in gone.items():
            self._change(table, share, self._without(table, share, summary_of(found)))
        self._insert(table, versions)

    def _without(self, table: str, share: Share, gone: Summary) -> Summary:
        """What remains of a share whose objects were partly deleted."""
        held = self._share(table, share)
        objects = held.objects - gone.objects
        newest = held.newest
        if objects == 0:
            newest = None
        elif newest == gone.newest and share[2] is Kind.OF_A_FILE:
            newest = max(one.last_modified for one in self._rest(table, share))
        return replace(held - gone, newest=newest)

    def _rest(self, table: str, share: Share) -> Iterator[ObjectVersion]:
        """The objects of a share that are there, among those whose keys begin like its keys."""
        name, month, _ = share
        file = next(one for one in self._files if one.name == name)
        start = file.folder(month) if month else f"{catalog.PREFIX}{name.partition('_')[0]}"
        for version in self._select(table, "key >= ? and key < ?", start, f"{start}\U0010ffff"):
            if self._share_of(version.key) == share:
                yield version

    def _clear(self, table: str) -> None:
        self._run(f"delete from {table}")
        self._run("delete from sums where name = ?", table)


def _summary_of(row: Sequence[Any]) -> Summary:
    data, arrival, objects, size, newest = row
    return Summary(int(data, 16), int(arrival, 16), objects, size, None if newest is None else _time(newest))


def _moment(time: dt.datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _time(moment: int) -> dt.datetime:
    return _EPOCH + moment * _MICROSECOND


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

"""A warehouse under test together with the bucket that it loads from."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from netflix_assets.catalog import RAW_FILES, RawFile, raw_file
from netflix_assets.errors import UserError
from netflix_assets.formats.months import time_window
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.overview import overview_of
from netflix_assets.loading.warehouse import LoadReport, ObjectsByPartition, Warehouse, out_of_date
from netflix_assets.settings import RejectLimit

MONTH = "2020-01"
NEXT_MONTH = "2020-02"
START = time_window(MONTH)[0]

RATINGS = raw_file("ratings")
MOVIES = raw_file("movies")
TAGS = raw_file("tags")
LINKS = raw_file("links")
GENOME_SCORES = raw_file("genome_scores")
GENOME_TAGS = raw_file("genome_tags")

Row = tuple[Any, ...]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def csv(file: RawFile, *lines: str) -> bytes:
    """A well-formed object: the file's header and these lines."""
    return ("\n".join((",".join(file.header), *lines)) + "\n").encode()


def ratings(count: int, *, first_user: int = 1, month: str = MONTH) -> list[str]:
    """Good lines of ratings of one month, no two alike."""
    start = time_window(month)[0]
    return [f"{first_user + i},{i % 7 + 1},{i % 10 / 2 + 0.5},{start + i}" for i in range(count)]


@dataclass
class Loading:
    """Puts objects into the bucket, loads them, and looks at what the warehouse then holds.

    Attributes:
        bucket: A fresh bucket.
        warehouse: The warehouse under test.
        with_limit: The same warehouse with another limit of rows that may be bad.
        queries: Runs queries on the warehouse and returns all rows of each.
        point_stage: Has the warehouse read objects from another bucket, where it reads them itself.
    """

    bucket: LandingBucket
    warehouse: Warehouse
    with_limit: Callable[[RejectLimit], Warehouse]
    queries: Callable[[Sequence[str]], list[list[Row]]]
    point_stage: Callable[[str], None] = lambda _: None

    def read_from(self, bucket: LandingBucket) -> None:
        """From here on, load from another bucket."""
        self.bucket = bucket
        self.point_stage(bucket.name)

    def allow(self, fraction: float, rows: int = 0) -> None:
        """From here on, this share of rows may be bad, and so many in any case."""
        self.warehouse = self.with_limit(RejectLimit(fraction, rows))

    def put(self, file: RawFile, body: bytes, month: str | None = None, *, ending: str = ".csv") -> str:
        """Write one object where an upload would; returns its key."""
        key = file.object_key(month, ending=ending)
        self.bucket.put(key, io.BytesIO(body))
        return key

    def observed(self, file: RawFile) -> dict[str | None, tuple[ObjectVersion, ...]]:
        """The objects of a file as the bucket lists them now."""
        return dict(self.bucket.contents().files.get(file.name, {}))

    def is_stale(self, file: RawFile) -> dict[str | None, bool]:
        """Whether each month (or the file) is out of date."""
        return out_of_date(file, overview_of(self.bucket.contents()).versions(file), self.warehouse.load_states(file))

    def replace(self, file: RawFile, objects: ObjectsByPartition) -> LoadReport:
        """Load these objects and check that the books balance."""
        report = self.warehouse.replace(file, objects, self.bucket, run_id="run-1")
        assert report.rows_read == report.rows_loaded + report.rows_rejected
        return report

    def load(self, file: RawFile) -> LoadReport:
        """Load everything that the bucket holds of a file."""
        return self.replace(file, self.observed(file))

    def load_body(self, file: RawFile, body: bytes, *, ending: str = ".csv") -> LoadReport:
        """Put one object and load it."""
        self.put(file, body, MONTH if file.month_column else None, ending=ending)
        return self.load(file)

    def query(self, sql: str) -> list[Row]:
        """All rows of a query on the warehouse."""
        return self.queries([sql])[0]

    def rows(self, file: RawFile) -> list[Row]:
        """The rows of a raw table, sorted, numbers as floats and without the load id."""
        columns = ", ".join(f'"{name}"' for name in file.header)
        found = self.query(f"select {columns} from raw.{file.table}")
        return sorted(plain(row) for row in found)

    def history(self, file: RawFile) -> list[Row]:
        """load id, month, object key, rows loaded, rows rejected, first error of every load, oldest first."""
        return self.query(
            "select load_id, month, object_key, rows_loaded, rows_rejected, first_error from raw.load_history "
            f"where table_name = '{file.table}' order by load_id, month, object_key"
        )

    def rejects(self, file: RawFile) -> list[Row]:
        """line, column, reason and raw text of the rejected rows, by object and line."""
        found = self.warehouse.rejects(file, limit=1_000_000)
        return [(reject.line, reject.column, reject.reason, reject.text) for reject in found]

    def state(self) -> dict[str, list[Row]]:
        """Everything under the raw schema."""
        tables = ["load_history", "rejected_rows", *(file.table for file in RAW_FILES)]
        found = self.queries([f"select * from raw.{table}" for table in tables])
        return {table: sorted(rows, key=repr) for table, rows in zip(tables, found, strict=True)}

    def refused(self, load: Callable[[], object], error: type[UserError]) -> str:
        """Run a load that must fail with this error and change nothing; returns its sentence."""
        before = self.state()
        with pytest.raises(error) as caught:
            load()
        assert self.state() == before
        sentence = str(caught.value)
        assert "\n" not in sentence
        return sentence


def plain(row: Iterable[Any]) -> Row:
    """A row whose numbers are floats and whose missing values sort."""
    return tuple("" if value is None else value if isinstance(value, str) else float(value) for value in row)

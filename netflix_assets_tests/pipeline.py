"""The whole pipeline for tests: its own home and bucket, the real S3 server, Dagster, dbt and DuckDB."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg

from netflix_assets.automation.instance import dagster_instance
from netflix_assets.automation.materialize import Materialized, materialize, next_plan
from netflix_assets.automation.run_plan import RunPlan
from netflix_assets.automation.status import Status, read_status
from netflix_assets.catalog import RAW_FILES, UPLOAD_RECORD
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from, warehouse_from

MOVIES = """\
movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Children
2,"Amélie, or ""The Fabulous Destiny"" (2001)",Comedy|Romance
3,Babylon 5,Sci-Fi
4,Heat (1995),(no genres listed)
"""
LINKS = """\
movieId,imdbId,tmdbId
1,0114709,862
2,0211915,194
3,0105946,
4,0113277,949
"""
TAGS = '''\
userId,movieId,tag,timestamp
1,1,pixar,1425168100
2,2,"très beau, ""chic""",1425168200
'''
RATINGS: Mapping[str, tuple[str, ...]] = {
    "1996-03": ("1,1,4.0,825638400", "1,4,3.5,825638401"),
    "2015-03": ("1,2,5.0,1425168000", "2,1,4.5,1425168001", "2,2,3.0,1425168002"),
    "2015-05": ("3,1,0.5,1430438400",),
}


def ratings_csv(lines: Iterable[str]) -> str:
    """A ratings object."""
    return "\n".join(["userId,movieId,rating,timestamp", *lines]) + "\n"


SMALL: Mapping[str, str] = {
    "raw/movies.csv": MOVIES,
    "raw/links.csv": LINKS,
    "raw/tags.csv": TAGS,
    **{f"raw/ratings/month={month}/ratings.csv": ratings_csv(lines) for month, lines in RATINGS.items()},
}
LEFT_OUT = tuple(file.object_key() for file in RAW_FILES if not file.month_column and file.object_key() not in SMALL)
"""Object keys of the raw files that it lacks."""


@dataclass
class Pipeline:
    """One home and one bucket, and what a user does with them."""

    settings: Settings
    objects: dict[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> LandingBucket:
        return _bucket(self.settings)

    @property
    def warehouse(self) -> Warehouse:
        return warehouse_from(self.settings)

    def put(self, key: str, text: str) -> None:
        self.bucket.put(key, io.BytesIO(text.encode()))
        self.objects[key] = text

    def delete(self, key: str) -> None:
        self.bucket.delete(key)
        del self.objects[key]

    def plan(self) -> RunPlan:
        """What `netflix-assets materialize` would run first."""
        with dagster_instance(self.settings) as instance:
            return next_plan(build_defs(self.settings), instance, self.bucket, self.warehouse, asked_at=time.time())

    def materialize(self, *, accept: Collection[str] = ()) -> Materialized:
        """What `netflix-assets materialize` does."""
        defs = build_defs(self.settings)
        with dagster_instance(self.settings) as instance, redirect_stdout(io.StringIO()):
            return materialize(defs, instance, self.bucket, self.warehouse, accept=accept)

    def status(self) -> Status:
        with dagster_instance(self.settings) as instance:
            return read_status(build_defs(self.settings), instance, self.bucket, self.warehouse)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.query(sql)

    def one(self, sql: str) -> Any:
        return self.query(sql)[0][0]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that people read, in a fixed order; times of runs left out."""
        with duckdb_from(self.settings).connection(read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_schema in "
                "('dim', 'fact', 'mart', 'staging') and table_name != 'src_load_history' order by all"
            ).fetchall()
            return {
                f"{schema}.{table}": connection.execute(
                    f"select columns(lambda c: c not in ('load_id', '_load_id')) from {schema}.{table} order by all"
                ).fetchall()
                for schema, table in tables
            }

    def events(self, run_id: str) -> list[dg.DagsterEvent]:
        with dagster_instance(self.settings) as instance:
            return [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]

    def copy(self, home: Path) -> Pipeline:
        """The same state in another home and bucket."""
        shutil.copytree(self.settings.home, home)
        other = Pipeline(replace(self.settings, home=home, bucket=f"test-{uuid.uuid4().hex}"))
        other.bucket.ensure_exists()
        for key, text in self.objects.items():
            other.put(key, text)
        return other

    def become(self, other: Pipeline) -> None:
        """Take over the state of another one, in this home and bucket; what is the same already is left.

        Definitions are of a home, so these need not be made again.
        """
        _make_equal(self.settings.home, other.settings.home)
        etags = {version.key: version.etag for version in self.bucket.versions()}
        for key in {*etags, *self.bucket.source_lines(), UPLOAD_RECORD} - other.objects.keys():
            self.bucket.delete(key)
        for key, text in other.objects.items():
            if etags.get(key) != hashlib.md5(text.encode(), usedforsecurity=False).hexdigest():
                self.put(key, text)
        self.objects = dict(other.objects)


@lru_cache(maxsize=8)
def _bucket(settings: Settings) -> LandingBucket:
    """A client takes longer to make than most of what is asked of it."""
    return LandingBucket(settings)


def _make_equal(folder: Path, other: Path) -> None:
    """Make a folder hold the files of another one, told from each other by size and time."""
    wanted, there = _files(other), _files(folder)
    for name in there.keys() - wanted.keys():
        (folder / name).unlink()
    for name, looks in wanted.items():
        if there.get(name) != looks:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(other / name, folder / name)


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    found = {path.relative_to(folder): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {name: (status.st_size, status.st_mtime_ns) for name, status in found.items()}

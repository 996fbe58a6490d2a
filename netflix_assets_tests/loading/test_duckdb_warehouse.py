"""What only a database in a file can suffer: other processes, other files in its place, and sudden death."""

from __future__ import annotations

import datetime as dt
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pytest

from netflix_assets.errors import WarehouseError
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.loading import duckdb_sql as sql
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets_tests.loading.conftest import duckdb_loading
from netflix_assets_tests.loading.harness import MONTH, MOVIES, RATINGS, START, Loading, csv, ratings
from netflix_assets_tests.loading.load_in_a_process import await_line, kill

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
FILM = csv(MOVIES, "1,Heat (1995),Action")


@pytest.fixture
def loading(on_duckdb: Loading) -> Loading:
    return on_duckdb


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        await_line(holder, "held")
        try:
            yield holder
        finally:
            holder.kill()


def process(python: Path, settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    """A load in another process, of the same bucket into the same warehouse."""
    environment = os.environ | {
        "NETFLIX_HOME": str(settings.home),
        "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        "NETFLIX_S3_BUCKET": settings.bucket,
    }
    return subprocess.Popen(
        [str(python), "-m", "netflix_assets_tests.loading.load_in_a_process", *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def downloads(settings: Settings) -> list[Path]:
    return list((settings.home / "tmp").glob("load-*"))


# Other processes.


def test_a_file_in_use_is_waited_for_and_then_named_with_its_user(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", lock_wait_seconds=0.5)
    with held_by_another_process(warehouse.path) as holder:
        started = time.monotonic()
        with pytest.raises(WarehouseError) as caught:
            warehouse.ensure_raw_tables([MOVIES])
        assert time.monotonic() - started >= 0.5
    assert str(caught.value) == (
        f"the warehouse {warehouse.path} is still in use by another process after 0.5 s (process {holder.pid}); "
        "let that finish or close it, then try again"
    )


def test_a_file_released_in_time_is_loaded(loading: Loading, s3: Settings) -> None:
    with held_by_another_process(s3.warehouse_path) as holder:
        timer = threading.Timer(0.7, holder.kill)
        timer.start()
        assert loading.load_body(MOVIES, FILM).rows_loaded == 1
        timer.join()


def test_a_file_that_this_process_has_open_otherwise_is_waited_for(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", lock_wait_seconds=0.3)
    with closing(duckdb.connect(str(warehouse.path))), pytest.raises(WarehouseError, match=r"still in use .* 0\.3 s"):
        warehouse.ensure_raw_tables([MOVIES])
    warehouse.ensure_raw_tables([MOVIES])


def test_two_processes_that_load_at_once_both_succeed(loading: Loading, s3: Settings, python: Path) -> None:
    loading.put(MOVIES, FILM)
    loading.put(RATINGS, csv(RATINGS, *ratings(1000)), MONTH)
    for running in [process(python, s3, file.name) for file in (MOVIES, RATINGS)]:
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 0, errors
    assert len(loading.rows(MOVIES)) == 1
    assert len(loading.rows(RATINGS)) == 1000
    assert sorted(row[0] for row in loading.query("select load_id from raw.load_history")) == [1, 2]


# Other things in its place.


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, bucket: LandingBucket) -> None:
    (tmp_path / "file").write_text("")
    warehouse = DuckDBWarehouse(tmp_path / "file" / "w.duckdb")
    for use in (
        lambda: warehouse.ensure_raw_tables([MOVIES]),
        lambda: warehouse.replace(MOVIES, {None: ()}, bucket, run_id="r"),
    ):
        with pytest.raises(WarehouseError, match="make it writable or set NETFLIX_HOME to a folder that is") as caught:
            use()
        assert str(tmp_path / "file") in str(caught.value)


def sqlite_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table movies (title text)")
        connection.commit()


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_text("movieId,title\n" * 500), lambda path: path.write_bytes(b""), sqlite_database],
    ids=["text", "empty", "SQLite"],
)
def test_a_file_that_is_no_duckdb_database_is_named_and_left_alone(tmp_path: Path, make: object) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    assert callable(make)
    make(warehouse.path)
    before = warehouse.path.read_bytes()
    with pytest.raises(WarehouseError) as caught:
        warehouse.ensure_raw_tables([MOVIES])
    assert str(caught.value) == (
        f"the warehouse {warehouse.path} is not a DuckDB database; move the file away and load again"
    )
    assert warehouse.path.read_bytes() == before


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    warehouse.ensure_raw_tables([MOVIES])
    warehouse.path.write_bytes(warehouse.path.read_bytes()[:5000])
    with pytest.raises(
        WarehouseError, match=r"cannot be opened .* if the file is damaged, put back a copy of it, or else move it away"
    ):
        warehouse.ensure_raw_tables([MOVIES])


def test_a_database_of_a_later_duckdb_is_sound_and_its_version_named(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    warehouse.ensure_raw_tables([MOVIES])
    content = bytearray(warehouse.path.read_bytes())
    # The storage version and the name of the release, in the file's header.
    content[12:20] = (999).to_bytes(8, "little")
    content[52:84] = b"v9.4.0".ljust(32, b"\0")
    warehouse.path.write_bytes(content)
    with pytest.raises(WarehouseError) as caught:
        warehouse.ensure_raw_tables([MOVIES])
    assert "was written by DuckDB 9.4.0, and this is DuckDB" in str(caught.value)
    assert "the file is sound" in str(caught.value)
    assert "move" not in str(caught.value)
    assert warehouse.path.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"w\.duckdb cannot be opened by DuckDB \S+ \(.*\)"):
        (tmp_path / "w.duckdb").mkdir()
        DuckDBWarehouse(tmp_path / "w.duckdb").ensure_raw_tables([MOVIES])


@pytest.mark.parametrize("name", ["it's here", "[a]*", "rating=4.5", "userId=7", "locks and blocks", "ümläut 天"])
def test_the_name_of_the_folder_makes_no_difference(tmp_path: Path, bucket: LandingBucket, name: str) -> None:
    loading = duckdb_loading(tmp_path / name, bucket)
    loading.allow(0.5)
    loading.load_body(RATINGS, csv(RATINGS, f"1,2,3.0,{START}", "bad"))
    assert loading.rows(RATINGS) == [(1.0, 2.0, 3.0, float(START))]
    assert [row[3] for row in loading.rejects(RATINGS)] == ["bad"]


def test_a_folder_that_duckdb_cannot_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="because of the question mark; set NETFLIX_HOME"):
        DuckDBWarehouse(tmp_path / "why?" / "w.duckdb").ensure_raw_tables([MOVIES])


def test_looking_into_a_warehouse_that_is_not_there_makes_none(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "none" / "w.duckdb")
    assert (warehouse.load_states(MOVIES), warehouse.rejects(MOVIES, limit=1), warehouse.row_counts()) == ({}, [], {})
    assert (warehouse.row_count(MOVIES), warehouse.holdings([MOVIES]).relations) == (0, set())
    assert list(tmp_path.iterdir()) == []


# Sudden death.


def test_a_load_killed_anywhere_leaves_the_rows_before_it_and_the_next_one_works(
    loading: Loading, s3: Settings, python: Path
) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(300)))
    before = loading.state()
    lines = ratings(20_000)
    loading.put(RATINGS, csv(RATINGS, *lines), MONTH)
    # In the order of a load: each gets further than the one that was killed before it.
    for place in ("land", "_insert", "_delete", "_write_books"):
        with process(python, s3, "ratings", place) as running:
            await_line(running, "reached")
            kill(running)
        assert loading.state() == before, place
    assert loading.load(RATINGS).rows_loaded == 20_000
    assert len(loading.rows(RATINGS)) == 20_000


def test_loads_killed_at_random_times_leave_one_of_the_two_states_and_no_growing_heap(
    loading: Loading, s3: Settings, python: Path
) -> None:
    old, new = ratings(30_000), ratings(60_000)
    loading.load_body(RATINGS, csv(RATINGS, *old))
    loading.put(RATINGS, csv(RATINGS, *new), MONTH)
    chance = random.Random(3)
    sizes = []
    for _ in range(4):
        with process(python, s3, "ratings") as running:
            time.sleep(chance.uniform(0.2, 0.9))
            kill(running)
        assert loading.warehouse.row_count(RATINGS) == loading.history(RATINGS)[-1][3]
        assert loading.warehouse.row_count(RATINGS) in (len(old), len(new))
        sizes.append(s3.warehouse_path.stat().st_size)
    assert loading.load(RATINGS).rows_loaded == len(new)
    assert downloads(s3) == []
    assert max(sizes) < 20_000_000


def test_downloads_of_a_load_that_is_alive_are_not_removed(loading: Loading, s3: Settings, python: Path) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(10)), MONTH)
    with process(python, s3, "ratings", "land") as running:
        await_line(running, "reached")
        (alive,) = downloads(s3)
        loading.load(RATINGS)
        assert downloads(s3) == [alive]
        kill(running)
    loading.load(RATINGS)
    assert downloads(s3) == []


def test_a_load_leaves_no_download_behind(loading: Loading, s3: Settings) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(10)))
    assert downloads(s3) == []


# The statements.


def test_names_in_statements_are_quoted() -> None:
    statement = sql.insert_rows(MOVIES, [Path("/tmp/it's/a.csv")], 3, 4)
    assert "'/tmp/it''s/a.csv'" in statement
    assert any('"movieId"' in one for one in sql.create_raw_tables([MOVIES]))


def test_what_is_asked_in_one_reading_opens_the_file_once_and_sees_the_next_load_after_it(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = loading.warehouse
    opened: list[bool] = []
    opening = DuckDBWarehouse._open

    def open_noting(self: DuckDBWarehouse, read_only: bool) -> duckdb.DuckDBPyConnection:
        opened.append(read_only)
        return opening(self, read_only)

    monkeypatch.setattr(DuckDBWarehouse, "_open", open_noting)
    with warehouse.reading():
        asked = (warehouse.load_states(MOVIES), warehouse.row_count(MOVIES), warehouse.rejects(MOVIES, limit=1))
    assert (asked, opened) == (({}, 0, []), [True])
    loading.load_body(MOVIES, FILM)
    assert warehouse.row_count(MOVIES) == 1


def test_a_query_before_the_first_load_says_what_to_run_and_makes_no_file(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    with pytest.raises(WarehouseError, match=r"no warehouse .*run `netflix-assets materialize` first"):
        warehouse.query("select 1")
    assert not warehouse.path.exists()


def test_a_query_of_a_missing_table_names_it(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb")
    warehouse.ensure_raw_tables([MOVIES])
    with pytest.raises(WarehouseError, match=r"movie_scores.*run `netflix-assets materialize` first"):
        warehouse.query("select * from mart.movie_scores")


class Canned(LandingBucket):
    """Serves one body under any key: local S3 keeps objects as files and takes no key with `../` in it."""

    body = b""

    def download(self, version: ObjectVersion) -> Iterator[bytes]:
        yield self.body


def test_a_key_that_climbs_out_of_its_folder_is_only_a_name(
    loading: Loading, settings: Settings, tmp_path: Path
) -> None:
    before = {path for path in tmp_path.rglob("*") if path.name.endswith(".csv")}
    bucket = Canned(settings)
    bucket.body = csv(RATINGS, *ratings(1))
    loading.bucket = bucket
    key = f"raw/ratings/month={MONTH}/../../../../x.csv"
    version = ObjectVersion(key, "etag", len(bucket.body), dt.datetime.now(dt.timezone.utc))
    assert loading.replace(RATINGS, {MONTH: (version,)}).rows_loaded == 1
    assert loading.history(RATINGS)[0][2] == key
    assert {path for path in tmp_path.rglob("*") if path.name.endswith(".csv")} == before

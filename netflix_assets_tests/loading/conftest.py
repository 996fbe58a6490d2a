"""The warehouses that run the load contract's tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_connection import close_sessions
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.settings import RejectLimit, Settings
from netflix_assets_tests.loading.harness import Loading, Row

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

STRICT = RejectLimit(rows=0)
"""Of the few rows of a test, one is too many."""


@cache
def _empty_tables() -> bytes:
    """A DuckDB file with empty raw tables."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        DuckDBWarehouse(path).ensure_raw_tables(RAW_FILES)
        return path.read_bytes()


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """A database that files are attached to, which takes 1 ms where opening one takes 20."""
    reader = duckdb.connect(config={"threads": 1})
    reader.execute("set TimeZone = 'UTC'")
    return reader


def duckdb_loading(folder: Path, bucket: LandingBucket) -> Loading:
    """A fresh DuckDB file in a folder, and a bucket."""
    path = folder / "home" / "warehouse.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_empty_tables())

    def with_limit(limit: RejectLimit) -> DuckDBWarehouse:
        return DuckDBWarehouse(path, limit=limit, lock_wait_seconds=20)

    def queries(statements: Sequence[str]) -> list[list[Row]]:
        reader = _reader()
        escaped = str(path).replace("'", "''")
        reader.execute(f"attach '{escaped}' as warehouse (read_only)")
        try:
            reader.execute("use warehouse")
            return [reader.execute(statement).fetchall() for statement in statements]
        finally:
            reader.execute("use memory")
            reader.execute("detach warehouse")

    return Loading(bucket, with_limit(STRICT), with_limit, queries)


@pytest.fixture
def on_duckdb(tmp_path: Path, bucket: LandingBucket) -> Loading:
    """A fresh DuckDB file and a fresh bucket."""
    return duckdb_loading(tmp_path, bucket)


@pytest.fixture(scope="session")
def raw_database(request: pytest.FixtureRequest, s3_server: Settings) -> Iterator[Settings]:
    """A database of the emulated account with empty raw tables, for one load test after the other."""
    account: Account = request.getfixturevalue("snowflake_account")
    with account.database(s3_server, f"TEST_{uuid.uuid4().hex.upper()}") as settings:
        assert settings.snowflake is not None
        SnowflakeWarehouse(settings.snowflake).ensure_raw_tables(RAW_FILES)
        yield settings


@pytest.fixture
def emptied_snowflake(snowflake_account: Account, raw_database: Settings, s3: Settings) -> Iterator[Settings]:
    """Settings of this test alone that lead to empty raw tables of the emulated account, and to its own bucket."""
    assert raw_database.snowflake is not None
    database = raw_database.snowflake.database
    snowflake_account.emulator.create_stage(f"{database}.RAW.LANDING", f"s3://{s3.bucket}/")
    snowflake_account.emulator.forget()
    yield snowflake_account.settings(s3, database)
    snowflake_account.emulator.empty(database)


@pytest.fixture
def snowflake(snowflake_account: Account, emptied_snowflake: Settings) -> Iterator[Settings]:
    """The same for a process that has not signed in yet; no session outlives the test."""
    close_sessions()
    yield emptied_snowflake
    snowflake_account.emulator.end_sessions()


@pytest.fixture
def on_snowflake(snowflake_account: Account, emptied_snowflake: Settings, bucket: LandingBucket) -> Loading:
    """Empty raw tables of the emulated Snowflake account and a fresh bucket."""
    account = emptied_snowflake.snowflake
    assert account is not None

    def with_limit(limit: RejectLimit) -> SnowflakeWarehouse:
        return SnowflakeWarehouse(account, limit=limit, connect_seconds=10)

    def queries(statements: Sequence[str]) -> list[list[Row]]:
        return snowflake_account.emulator.rows(account.database, statements)

    def point_stage(bucket: str) -> None:
        snowflake_account.emulator.create_stage(f"{account.database}.RAW.LANDING", f"s3://{bucket}/")

    return Loading(bucket, with_limit(STRICT), with_limit, queries, point_stage)


@pytest.fixture(params=["duckdb", "snowflake"])
def loading(request: pytest.FixtureRequest) -> Loading:
    """A fresh warehouse of each kind and a fresh bucket."""
    loading: Loading = request.getfixturevalue(f"on_{request.param}")
    return loading

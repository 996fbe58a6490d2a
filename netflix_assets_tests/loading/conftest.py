"""The warehouses that run the load contract's tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.settings import Settings
from netflix_assets_tests.loading.harness import Loading, Row


@pytest.fixture
def on_duckdb(tmp_path: Path, bucket: LandingBucket) -> Loading:
    """A fresh DuckDB file and a fresh bucket."""
    path = tmp_path / "home" / "warehouse.duckdb"

    def with_fraction(fraction: float) -> DuckDBWarehouse:
        return DuckDBWarehouse(path, max_rejected_fraction=fraction, lock_wait_seconds=20)

    warehouse = with_fraction(0.01)
    warehouse.ensure_raw_tables(RAW_FILES)

    def queries(statements: Sequence[str]) -> list[list[Row]]:
        with warehouse.connection(read_only=True) as connection:
            return [connection.execute(statement).fetchall() for statement in statements]

    return Loading(bucket, warehouse, with_fraction, queries)


@pytest.fixture
def snowflake(request: pytest.FixtureRequest, s3: Settings) -> Iterator[Settings]:
    """Settings of this test alone that lead to an empty database of the emulated account."""
    account = request.getfixturevalue("snowflake_account")
    with account.database(s3, f"TEST_{uuid.uuid4().hex.upper()}") as settings:
        yield settings


@pytest.fixture
def on_snowflake(request: pytest.FixtureRequest, snowflake: Settings, bucket: LandingBucket) -> Loading:
    """A fresh database of the emulated Snowflake account and a fresh bucket."""
    account = request.getfixturevalue("snowflake_account")
    assert snowflake.snowflake is not None
    database = snowflake.snowflake.database

    def with_fraction(fraction: float) -> SnowflakeWarehouse:
        return SnowflakeWarehouse(snowflake.snowflake, max_rejected_fraction=fraction, connect_seconds=10)

    warehouse = with_fraction(0.01)
    warehouse.ensure_raw_tables(RAW_FILES)
    return Loading(bucket, warehouse, with_fraction, lambda statements: account.emulator.rows(database, statements))


@pytest.fixture(params=["duckdb", "snowflake"])
def loading(request: pytest.FixtureRequest) -> Loading:
    """A fresh warehouse of each kind and a fresh bucket."""
    loading: Loading = request.getfixturevalue(f"on_{request.param}")
    return loading

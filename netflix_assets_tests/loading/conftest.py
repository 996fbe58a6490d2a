"""The warehouses that run the load contract's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets_tests.loading.harness import Loading, Row


def on_duckdb(folder: Path, bucket: LandingBucket) -> Loading:
    path = folder / "home" / "warehouse.duckdb"

    def with_fraction(fraction: float) -> DuckDBWarehouse:
        return DuckDBWarehouse(path, max_rejected_fraction=fraction, lock_wait_seconds=20)

    warehouse = with_fraction(0.01)
    warehouse.ensure_raw_tables(RAW_FILES)

    def queries(statements: Sequence[str]) -> list[list[Row]]:
        with warehouse.connection(read_only=True) as connection:
            return [connection.execute(statement).fetchall() for statement in statements]

    return Loading(bucket, warehouse, with_fraction, queries)


WAREHOUSES: dict[str, Callable[[Path, LandingBucket], Loading]] = {"duckdb": on_duckdb}


@pytest.fixture(params=sorted(WAREHOUSES))
def loading(request: pytest.FixtureRequest, tmp_path: Path, bucket: LandingBucket) -> Loading:
    """A fresh warehouse and a fresh bucket."""
    return WAREHOUSES[request.param](tmp_path, bucket)

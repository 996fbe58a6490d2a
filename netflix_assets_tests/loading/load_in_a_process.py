"""Loads a raw file in a process of its own, for tests that kill it or run several at once.

Usage: python -m netflix_assets_tests.loading.load_in_a_process FILE [FUNCTION]. With a function of
`duckdb_warehouse` it says so when the load gets there, and waits to be killed.
"""

from __future__ import annotations

import sys
import time

from netflix_assets.catalog import raw_file
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading import duckdb_warehouse
from netflix_assets.settings import Settings


def wait_to_be_killed(*_: object, **__: object) -> None:
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    time.sleep(60)


def main() -> None:
    file = raw_file(sys.argv[1])
    if len(sys.argv) > 2:
        assert hasattr(duckdb_warehouse, sys.argv[2])
        setattr(duckdb_warehouse, sys.argv[2], wait_to_be_killed)
    settings = Settings.from_environment()
    bucket = LandingBucket(settings)
    warehouse = duckdb_warehouse.DuckDBWarehouse(settings.warehouse_path)
    warehouse.replace(file, bucket.contents().files[file.name], bucket, run_id="process")


if __name__ == "__main__":
    main()

"""Loads a raw file in a process of its own, for tests that kill it or run several at once.

Usage: python -m netflix_assets_tests.loading.load_in_a_process FILE [FUNCTION]. With a function of what
loads into the target's warehouse it says so when the load gets there, and waits to be killed.
"""

from __future__ import annotations

import subprocess
import sys
import time

from netflix_assets.catalog import raw_file
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading import snowflake_sql
from netflix_assets.loading.duckdb_load import Load
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.settings import Settings, Target

HOLDERS: dict[Target, object] = {Target.LOCAL: Load, Target.SNOWFLAKE: snowflake_sql}


def wait_to_be_killed(*_: object, **__: object) -> None:
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    time.sleep(60)


def await_line(process: subprocess.Popen[str], line: str) -> None:
    """Wait until a process says something."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a load, and wait until what it wrote to is closed: it may be a fork of another process than this one."""
    assert process.stdout is not None
    process.kill()
    process.stdout.read()


def main() -> None:
    file = raw_file(sys.argv[1])
    settings = Settings.from_environment()
    if len(sys.argv) > 2:
        holder = HOLDERS[settings.target]
        assert hasattr(holder, sys.argv[2])
        setattr(holder, sys.argv[2], wait_to_be_killed)
    bucket = LandingBucket(settings)
    # Not the one of the definitions: those would have dbt parsed first.
    warehouse: Warehouse = DuckDBWarehouse(settings.warehouse_path)
    if settings.snowflake is not None:
        warehouse = SnowflakeWarehouse(settings.snowflake)
    warehouse.replace(file, bucket.contents().files[file.name], bucket, run_id="process")


if __name__ == "__main__":
    main()

"""Load and build the same data on DuckDB and on the emulated Snowflake, and count what goes over the wire.

    python -m benchmarks.snowflake --scale 0.01

The ratio shows what our statements cost beside DuckDB's own path, not Snowflake's speed: the emulator runs them
in DuckDB, in one process, from SQL that it translates first. The counts are what Snowflake would receive as well.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from netflix_assets.catalog import RAW_FILES, RawFile, raw_file
from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.loading.warehouse import ObjectsByPartition
from netflix_assets.sample_data import generate
from netflix_assets.settings import Settings
from netflix_assets.targets import warehouse_from
from netflix_assets.transform.project import PROJECT_DIR, dbt_environment, dbt_executable
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.emulator.account import Account, running_account

RATINGS = raw_file("ratings")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.01, help="1 is 32 million ratings")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with local_s3.running(isolated_settings(folder / "duckdb")) as duckdb:
            bucket = LandingBucket(duckdb)
            bucket.ensure_exists()
            generate(folder / "csv", scale=arguments.scale, seed=1)
            upload(str(folder / "csv"), bucket, scratch=folder / "tmp")
            result = {"scale": arguments.scale, "months": len(bucket.contents().months(RATINGS))}
            with running_account(duckdb, folder) as account, account.database(duckdb, "BENCH") as settings:
                snowflake = replace(settings, home=folder / "snowflake")
                for target, own in (("duckdb", duckdb), ("snowflake", snowflake)):
                    result[f"{target}_load_s"] = timed(lambda own=own: load_everything(own))
                    result[f"{target}_build_s"] = timed(lambda own=own: build(own))
                result |= counts(account, snowflake, bucket)
    for step in ("load", "build"):
        result[f"{step}_ratio"] = round(result[f"snowflake_{step}_s"] / result[f"duckdb_{step}_s"], 2)
    table = Table("what", "measured", box=None)
    for name, value in result.items():
        table.add_row(name, str(value))
    Console().print(table)
    print(json.dumps(result))


def load_everything(settings: Settings) -> None:
    """Every raw file, each in one load."""
    contents = LandingBucket(settings).contents()
    for file in RAW_FILES:
        load(settings, file, contents.files.get(file.name, {None: ()}))


def load(settings: Settings, file: RawFile, parts: ObjectsByPartition) -> None:
    """One load."""
    warehouse_from(settings).replace(file, parts, LandingBucket(settings), run_id="bench")


def build(settings: Settings) -> None:
    """Everything that dbt builds, without its tests."""
    command = [dbt_executable(), "--quiet", "build", "--exclude-resource-type", "test", "unit_test"]
    with dbt_environment(settings):
        subprocess.run(
            [*command, "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)],
            env={**os.environ, "DBT_LOG_PATH": str(settings.home / "logs")},
            check=True,
        )


def counts(account: Account, settings: Settings, bucket: LandingBucket) -> dict[str, Any]:
    """Statements and requests of a load of all months, of one month, and of a dbt build with one month changed."""
    found: dict[str, Any] = {}
    months = bucket.contents().files[RATINGS.name]
    newest = max(month for month in months if month)
    for name, parts in (("all_months", months), ("one_month", {newest: months[newest]})):
        account.emulator.forget()
        load(settings, RATINGS, parts)
        found[f"load_{name}_statements"] = len(account.emulator.statements)
        found[f"load_{name}_requests"] = len(account.emulator.requests)
    account.emulator.forget()
    build(settings)
    found["build_statements"] = len(account.emulator.statements)
    return found


def timed(work: Callable[[], None]) -> float:
    """Wall time in seconds."""
    started = time.monotonic()
    work()
    return round(time.monotonic() - started, 2)


if __name__ == "__main__":
    main()

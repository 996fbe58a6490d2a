"""What Snowflake and S3 would bill for a first load, a month, a corrected file and nothing new.

    python -m benchmarks.cost

Statements and requests are counted: those that the emulated account and the bucket received while `netflix-assets
materialize` ran on sample data. Seconds and dollars are on paper, see `bills.py`; no account was asked. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from rich.console import Console
from rich.table import Table

from benchmarks.bills import Bill, beside, bill
from netflix_assets.catalog import raw_file
from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.sample_data import generate
from netflix_assets_tests.conftest import isolated_settings
from netflix_assets_tests.emulator.account import running_account
from netflix_assets_tests.pipeline import Pipeline

RATINGS = raw_file("ratings")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.0005, help="of the sample data; 1 is 32 million ratings")
    parser.add_argument("--log", type=Path, help="file for the statements: work, user, tag and SQL, one a line as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bills = measure(Path(name), arguments.scale, arguments.log)
    show(bills)
    print(json.dumps({**{work: one.figures() for work, one in bills.items()}, "snowpipe": beside()}))


def measure(folder: Path, scale: float, log: Path | None) -> dict[str, Bill]:
    """Do each piece of work against an emulated account, and reckon up what came of it."""
    found = {}
    with local_s3.running(isolated_settings(folder / "duckdb")) as local:
        bucket = LandingBucket(local)
        bucket.ensure_exists()
        generate(folder / "csv", scale=scale, seed=1)
        upload(str(folder / "csv"), bucket, scratch=folder / "tmp")
        newest = RATINGS.object_key(bucket.contents().months(RATINGS)[-1])
        bodies = {key: _body(bucket, key) for key in (newest, "raw/movies.csv")}
        bucket.delete(newest)
        with running_account(local, folder) as account, account.database(local, "BENCH") as settings:
            pipeline = Pipeline(replace(settings, home=folder / "snowflake"))
            corrected = bodies["raw/movies.csv"].replace(" (", "  (", 1)
            works: dict[str, Callable[[], None]] = {
                "first load": lambda: None,
                "one month": lambda: pipeline.put(newest, bodies[newest]),
                "one corrected file": lambda: pipeline.put("raw/movies.csv", corrected),
                "nothing new": lambda: None,
            }
            for work, change in works.items():
                change()
                account.emulator.forget()
                with counted() as requests:
                    outcome = pipeline.materialize()
                assert outcome.success, outcome.errors
                statements = account.emulator.statements
                found[work] = bill(statements, requests)
                print(f"{work}: {len(statements)} statements", flush=True)
                if log is not None:
                    with log.open("a") as lines:
                        lines.writelines(f"{json.dumps([work, one.user, one.tag, one.sql])}\n" for one in statements)
    return found


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the requests of every S3 client of this process."""
    found, call = Counter[str](), BaseClient._make_api_call

    def counting(self: BaseClient, operation: str, parameters: Any) -> Any:
        if self.meta.service_model.service_name == "s3":
            found[operation] += 1
        return call(self, operation, parameters)

    BaseClient._make_api_call = counting
    try:
        yield found
    finally:
        BaseClient._make_api_call = call


def _body(bucket: LandingBucket, key: str) -> str:
    (version,) = (version for version in bucket.versions(key) if version.key == key)
    return b"".join(bucket.download(version)).decode()


def show(bills: Mapping[str, Bill]) -> None:
    """Print the figures side by side, and the statements of a month that read a big table whole."""
    table = Table("what", *bills, box=None)
    figures = {work: one.figures() for work, one in bills.items()}
    for name in next(iter(figures.values())):
        values = [one[name] for one in figures.values()]
        texts = [
            ", ".join(f"{key} {n}" for key, n in value.items()) if isinstance(value, dict) else str(value)
            for value in values
        ]
        table.add_row(name, *texts)
    Console(width=200).print(table)
    whole = Table("a month reads whole", "in a", "for", box=None)
    for one in bills["one month"].whole:
        whole.add_row(", ".join(one.tables), one.kind, one.asset)
    Console(width=200).print(whole)


if __name__ == "__main__":
    main()

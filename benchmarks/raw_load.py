"""The ratings of a release from S3 into a DuckDB table: ours, by hand, and with dlt, in turns.

    python -m benchmarks.raw_load --scale 0.1 --pairs 3

Ours counts and checks every row, keeps the bad ones, and replaces the months in one transaction with its books. By hand
is the least there is: download, and one statement that reads the files. dlt reads the same objects with its
`filesystem` source and infers the types; `make bench-raw-load` gives it an environment of its own. Each is a process,
whose processor time is counted; that of the S3 server is not. The last line is JSON: medians, and under `spread` the
lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Cost, measured

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = "{'userId': 'INTEGER', 'movieId': 'INTEGER', 'rating': 'DECIMAL(2,1)', 'timestamp': 'BIGINT'}"
DOWNLOADS = 4


def ours(database: Path) -> None:
    """Load every month, as the asset does."""
    from netflix_assets.catalog import raw_file
    from netflix_assets.landing.bucket import LandingBucket
    from netflix_assets.settings import Settings
    from netflix_assets.targets import duckdb_from

    settings = replace(Settings.from_environment(), home=database.parent)
    file, bucket = raw_file("ratings"), LandingBucket(settings)
    duckdb_from(settings).replace(file, bucket.contents().files[file.name], bucket, run_id="bench")


def by_hand(database: Path) -> None:
    """Download every object, and read them all into a table."""
    import boto3
    import duckdb

    bucket = os.environ["NETFLIX_S3_BUCKET"]
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["NETFLIX_S3_ENDPOINT"],
        aws_access_key_id=os.environ["NETFLIX_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["NETFLIX_S3_SECRET_KEY"],
        region_name="us-east-1",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="raw/ratings/")
    keys = [found["Key"] for page in pages for found in page["Contents"]]
    with tempfile.TemporaryDirectory(dir=database.parent) as folder, duckdb.connect(str(database)) as connection:

        def fetch(number: int) -> None:
            client.download_file(bucket, keys[number], f"{folder}/{number}.csv")

        with ThreadPoolExecutor(DOWNLOADS) as pool:
            list(pool.map(fetch, range(len(keys))))
        connection.execute(
            f"create table ratings as from read_csv('{folder}/*.csv', header = true, columns = {COLUMNS})"
        )


def compare(scale: float, pairs: int, dlt: Path | None) -> dict[str, list[Cost]]:
    """Put the ratings of a scale into a local bucket, and load them in turns with each way."""
    from netflix_assets import sample_data
    from netflix_assets.landing import local_s3
    from netflix_assets.landing.bucket import LandingBucket
    from netflix_assets.landing.upload import upload
    from netflix_assets.settings import Settings

    commands = {name: [sys.executable, "-m", "benchmarks.raw_load", "--only", name] for name in ("by_hand", "ours")}
    if dlt is not None:
        commands["dlt"] = [str(dlt), str(ROOT / "benchmarks" / "dlt_load.py")]
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = Settings.from_environment({"NETFLIX_HOME": str(folder / "home")})
        with local_s3.running(given) as settings:
            bucket = LandingBucket(settings)
            bucket.ensure_exists()
            sample_data.generate(folder / "csv", scale=scale, seed=1)
            upload(str(folder / "csv" / "ratings.csv"), bucket, scratch=folder / "tmp")
            environment = {
                **os.environ,
                "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
                "NETFLIX_S3_BUCKET": settings.bucket,
                "NETFLIX_S3_ACCESS_KEY": settings.s3_access_key,
                "NETFLIX_S3_SECRET_KEY": settings.s3_secret_key,
                "RUNTIME__DLTHUB_TELEMETRY": "false",
            }
            for _ in range(pairs):
                for way, command in commands.items():
                    made = folder / way
                    made.mkdir()
                    cost = measured([*command, str(made / "made.duckdb")], env=environment, log=folder / "output.log")
                    found[way].append(cost)
                    shutil.rmtree(made)
    return found


def main() -> None:
    """Measure and print, or be one of those that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", type=Path, help="what --only loads into")
    parser.add_argument("--only", choices=("ours", "by_hand"))
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 32 million ratings")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--dlt", type=Path, help="the Python that has dlt; it is left out without one")
    given = parser.parse_args()
    if given.only:
        {"ours": ours, "by_hand": by_hand}[given.only](given.database)
        return
    figures: dict[str, list[float]] = {}
    found = compare(given.scale, given.pairs, given.dlt)
    for way, costs in found.items():
        figures[f"{way}_cpu_s"] = [cost.cpu_s for cost in costs]
        figures[f"{way}_wall_s"] = [cost.wall_s for cost in costs]
        figures[f"{way}_peak_mb"] = [cost.peak_mb for cost in costs]
        if way != "by_hand":
            hand = found["by_hand"]
            figures[f"{way}_cpu_ratio"] = [one.cpu_s / other.cpu_s for one, other in zip(costs, hand, strict=True)]
    line = {name: round(statistics.median(values), 2) for name, values in figures.items()}
    spread = {name: [round(min(values), 2), round(max(values), 2)] for name, values in figures.items()}
    print(json.dumps({"scale": given.scale, "pairs": given.pairs, **line, "spread": spread}))


if __name__ == "__main__":
    main()

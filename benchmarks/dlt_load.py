"""The ratings in a bucket into DuckDB with dlt, in the environment of `benchmarks/dlt.lock`; see `raw_load`.

    python benchmarks/dlt_load.py DATABASE

Where the bucket is comes from the variables that `raw_load` sets.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dlt  # type: ignore[import-not-found]
from dlt.sources.filesystem import filesystem, read_csv_duckdb  # type: ignore[import-not-found]


def main() -> None:
    """Run the pipeline."""
    database = Path(sys.argv[1])
    dlt.secrets["sources.filesystem.credentials"] = {
        "aws_access_key_id": os.environ["NETFLIX_S3_ACCESS_KEY"],
        "aws_secret_access_key": os.environ["NETFLIX_S3_SECRET_KEY"],
        "endpoint_url": os.environ["NETFLIX_S3_ENDPOINT"],
    }
    address = f"s3://{os.environ['NETFLIX_S3_BUCKET']}/raw/ratings"
    objects = filesystem(bucket_url=address, file_glob="**/*.csv")
    rows = (objects | read_csv_duckdb(chunk_size=100_000, use_pyarrow=True, header=True)).with_name("ratings")
    pipeline = dlt.pipeline(
        "ratings", pipelines_dir=str(database.parent / "dlt"), destination=dlt.destinations.duckdb(str(database))
    )
    pipeline.run(rows, write_disposition="replace")


if __name__ == "__main__":
    main()

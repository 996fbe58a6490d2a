"""A genuine release built by dbt on the emulated Snowflake, every table equal to DuckDB's, row for row."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netflix_assets.landing.bucket import LandingBucket
from netflix_assets_tests.pipeline import Pipeline, ratings_csv
from netflix_assets_tests.snowflake_pipeline import in_both, load_and_build

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account


def test_every_table_equals_duckdb_after_the_first_build_and_after_changed_removed_and_late_objects(
    snowflake_account: Account, built_movielens: Pipeline, tmp_path: Path
) -> None:
    duckdb = replace(built_movielens.settings, home=tmp_path / "duckdb")
    shutil.copytree(built_movielens.settings.home, duckdb.home)
    bucket = LandingBucket(duckdb)
    emulator = snowflake_account.emulator
    with snowflake_account.database(duckdb, "MOVIELENS") as settings:
        snowflake = replace(settings, home=tmp_path / "snowflake")
        load_and_build(snowflake)
        tables = in_both(snowflake_account, duckdb, snowflake)
        assert tables["fact.fact_ratings"][0].total() == 100_836
        for table, (ours, theirs) in tables.items():
            assert theirs == ours, table

        # The bucket is another test's as well: what changes is put back.
        before = {key: read(bucket, key) for key in (CHANGED, REMOVED, *RENAMED)}
        try:
            bucket.put(CHANGED, io.BytesIO(ratings_csv(["1,1,0.5,825638400", "9999,32,4.5,828230399"]).encode()))
            for key, (old, new) in RENAMED.items():
                assert old in before[key]
                bucket.put(key, io.BytesIO(before[key].replace(old, new)))
            bucket.delete(REMOVED)
            bucket.put(LATE, io.BytesIO(ratings_csv(["7,260,5.0,1538352001"]).encode()))
            emulator.forget()
            for target in (duckdb, snowflake):
                load_and_build(target)
        finally:
            for key, body in before.items():
                bucket.put(key, io.BytesIO(body))
            bucket.delete(LATE)
        tables = in_both(snowflake_account, duckdb, snowflake)
        assert {row[:2] for row in tables["fact.fact_ratings"][0]} >= {(9999, 32), (7, 260)}
        for table, (ours, theirs) in tables.items():
            assert theirs == ours, table
        fact = [statement.sql.lower() for statement in emulator.statements if '"fact/fact_ratings"' in statement.sql]
        assert any("delete from movielens.fact.fact_ratings" in sql for sql in fact)
        made = re.compile(r"create or replace\s+(transient\s+)?table movielens\.fact\.fact_ratings\b")
        assert not any(made.search(sql) for sql in fact)
        # It asks once what changed, and of each table once which columns it has.
        assert [sum(sql.startswith(start) for sql in fact) for start in ("with loaded", "describe table")] == [1, 2]


RENAMED = {
    "raw/movies.csv": (b"Toy Story (1995)", b"Toy Tale (1995)"),
    "raw/tags.csv": (b",pixar,", b",animated,"),
}
CHANGED = "raw/ratings/month=1996-03/ratings.csv"
REMOVED = "raw/ratings/month=2000-11/ratings.csv"
LATE = "raw/ratings/month=2018-10/late.csv"


def read(bucket: LandingBucket, key: str) -> bytes:
    version = next(version for version in bucket.versions() if version.key == key)
    return b"".join(bucket.download(version))

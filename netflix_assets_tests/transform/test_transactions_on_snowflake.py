"""Models on the emulated Snowflake: what becomes of an insertion that fails, and of columns that do not fit."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.snowflake_parameters import as_sql, session_parameters
from netflix_assets.settings import Settings
from netflix_assets_tests.pipeline import SMALL, ratings_csv
from netflix_assets_tests.snowflake_pipeline import dbt, load_raw_tables

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

ALTERED = "raw/ratings/month=2015-03/ratings.csv"
# Of the same session as the model that fails, and after it: these make views, and DDL commits.
AFTERWARDS = ("src_links", "src_movies")


@pytest.fixture(scope="module")
def built(
    snowflake_account: Account, s3_server: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The small data, with the fact of ratings built; then a month of it is loaded again with another rating."""
    local = replace(s3_server, home=tmp_path_factory.mktemp("transactions"), bucket="transactions")
    bucket = LandingBucket(local)
    bucket.ensure_exists()
    for key, text in SMALL.items():
        bucket.put(key, io.BytesIO(text.encode()))
    with snowflake_account.database(local, "MOVIELENS") as settings:
        load_raw_tables(settings)
        done = dbt(settings, "--quiet", "run", "--select", "+fact_ratings")
        assert done.returncode == 0, done.stdout
        bucket.put(ALTERED, io.BytesIO(ratings_csv(["1,2,1.0,1425168000"]).encode()))
        load_raw_tables(settings)
        yield settings


@pytest.mark.parametrize(
    "refusal",
    [(100038, "22018", "Numeric value 'x' is not recognized"), (604, "57014", "SQL execution canceled")],
    ids=["failed", "killed"],
)
def test_an_insertion_that_fails_leaves_the_months_as_they_were_whatever_runs_after_it(
    snowflake_account: Account, built: Settings, refusal: tuple[int, str, str]
) -> None:
    emulator = snowflake_account.emulator
    query = ["select user_id, movie_id, rating from fact.fact_ratings order by 1, 2, 3"]
    before = emulator.rows("MOVIELENS", query)
    emulator.forget()
    with emulator.refusing(r"insert into movielens\.fact\.fact_ratings", *refusal):
        done = dbt(built, "run", "--threads", "1", "--select", "fact_ratings", *AFTERWARDS)
    assert refusal[2] in done.stdout
    # For another run, whose number is in the comments of its statements, nothing is parsed again.
    assert "partial pars" not in done.stdout
    sent = [statement.sql.lower() for statement in emulator.statements]
    deletion = next(number for number, sql in enumerate(sent) if "delete from movielens.fact.fact_ratings" in sql)
    assert any("create or replace" in sql and "movielens.staging." in sql for sql in sent[deletion:])
    assert built.snowflake is not None
    wanted = as_sql(session_parameters(built.snowflake.statement_seconds))
    altered = [sql for sql in sent if sql.startswith("alter session")]
    assert len(altered) == 1
    assert altered[0].startswith(f"alter session set {wanted.lower()}\n/*")
    # Once, before all else that is sent in the session: after a node that came to its end there is nothing to undo.
    failed = next(number for number, sql in enumerate(sent) if "insert into movielens.fact.fact_ratings" in sql)
    assert [number for number, sql in enumerate(sent) if sql.startswith("rollback")] == [failed + 1]
    # The other models are built all the same.
    assert "PASS=2 WARN=0 ERROR=1" in done.stdout
    assert emulator.rows("MOVIELENS", query) == before


def test_a_query_whose_columns_are_not_its_contracts_is_refused_before_its_table_is_touched(
    snowflake_account: Account, built: Settings
) -> None:
    emulator = snowflake_account.emulator
    view = "create or replace view staging.src_genome_tags as select 1 as tag_id, 2 as tag_name"
    emulator.rows("MOVIELENS", [view])
    emulator.forget()
    done = dbt(built, "run", "--select", "dim_genome_tags")
    assert "This model has an enforced contract that failed" in done.stdout
    assert re.search(r"tag_name +[|] FIXED +[|] TEXT +[|] data type mismatch", done.stdout, re.IGNORECASE), done.stdout
    assert not any("dim_genome_tags (" in statement.sql for statement in emulator.statements)


def test_a_column_that_an_older_table_lacks_is_added_and_filled(snowflake_account: Account, built: Settings) -> None:
    emulator = snowflake_account.emulator
    query = ["select rating_month, rating_count, load_id is null from mart.ratings_by_month order by 1"]
    models = ("fact_user_rating_days", "ratings_by_month")
    done = dbt(built, "--quiet", "run", "--select", *models)
    assert done.returncode == 0, done.stdout
    before = emulator.rows("MOVIELENS", query)
    emulator.rows("MOVIELENS", ["alter table mart.ratings_by_month drop column load_id"])
    done = dbt(built, "--quiet", "run", "--select", "ratings_by_month")
    assert done.returncode == 0, done.stdout
    assert emulator.rows("MOVIELENS", query) == before

"""The whole job on the emulated Snowflake: bucket, loads, dbt, checks; and every table equal to DuckDB's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from netflix_assets.automation.materialize import Materialized
from netflix_assets.loading.snowflake_connection import close_sessions
from netflix_assets_tests.automation.daemon import daemon
from netflix_assets_tests.emulator.patches import Statement
from netflix_assets_tests.pipeline import MOVIES, Pipeline, ratings_csv
from netflix_assets_tests.snowflake_pipeline import in_both

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account


@dataclass
class Job:
    """The small data in both warehouses, out of one bucket."""

    account: Account
    duckdb: Pipeline
    snowflake: Pipeline
    first: Materialized
    statements: list[Statement]
    sign_ins: list[str]


@pytest.fixture(scope="module")
def job(snowflake_account: Account, built_small: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    home = tmp_path_factory.mktemp("job")
    duckdb = built_small.copy(home / "duckdb")
    with snowflake_account.database(duckdb.settings, "MOVIELENS") as settings:
        snowflake = Pipeline(replace(settings, home=home / "snowflake"), objects=duckdb.objects)
        snowflake_account.emulator.forget()
        close_sessions()
        first = snowflake.materialize()
        emulator = snowflake_account.emulator
        yield Job(snowflake_account, duckdb, snowflake, first, emulator.statements, list(emulator.sign_ins))


def run_id(outcome: Materialized) -> str:
    assert outcome.success, outcome.errors
    assert outcome.run_id is not None
    return outcome.run_id


def test_the_job_succeeds_with_every_check_passed(job: Job) -> None:
    events = job.snowflake.events(run_id(job.first))
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert len(checks) > 100
    assert [check.check_name for check in checks if not check.passed] == []
    assert {"raw_ratings", "fact_ratings", "movie_scores", "snap_tags", "seed_movie_release_dates"} <= {
        event.asset_key.path[-1] for event in events if event.is_step_materialization and event.asset_key
    }


def test_every_table_equals_duckdb_row_for_row(job: Job) -> None:
    run_id(job.first)
    tables = in_both(job.account, job.duckdb.settings, job.snowflake.settings)
    assert len(tables) > 25
    for table, (duckdb, snowflake) in tables.items():
        assert snowflake == duckdb, table


def test_a_load_tells_dagster_its_query_ids_and_pages(job: Job) -> None:
    loaded = next(
        event.step_materialization_data.materialization.metadata
        for event in job.snowflake.events(run_id(job.first))
        if event.is_step_materialization and event.asset_key == dg.AssetKey(["raw", "raw_movies"])
    )
    assert {"copy query id", "parse query id", "insert query id", "rows loaded", "bytes"} <= set(loaded)
    number = loaded["insert query id"].value
    home = "https://app.snowflake.com/myorg/emulated/#"
    assert loaded["insert query page"].value == f"{home}/compute/history/queries/{number}/detail"
    assert loaded["table page"].value == f"{home}/data/databases/MOVIELENS/schemas/RAW/table/RAW_MOVIES"


def purpose(statement: Statement) -> dict[str, str | None]:
    """What a statement is for: in a comment at its end, else in the session's tag."""
    said = re.search(r"/[*] ([{].*[}]) [*]/;?$", statement.sql)
    found: dict[str, str | None] = json.loads(said[1] if said else statement.tag)
    return found


def test_every_statement_says_for_which_asset_and_run_it_is(job: Job) -> None:
    runs: dict[str | None, set[str | None]] = {}
    for statement in job.statements:
        if not statement.sql.lower().startswith("alter session"):
            said = purpose(statement)
            assert set(said) - {"node_id"} == {"asset", "partition", "run_id"}, statement
            runs.setdefault(said["asset"], set()).add(said["run_id"])
    number = run_id(job.first)
    assert runs["raw/raw_ratings"] >= {number}
    for asset in ("dbt", "fact/fact_ratings", "mart/movie_scores", "staging/src_ratings", "snapshots/snap_tags"):
        assert runs[asset] == {number}
    assert {statement.user for statement in job.statements} == {"MOVIELENS_LOADER", "MOVIELENS_TRANSFORMER"}
    assert any("1996-03...2015-05" in statement.tag for statement in job.statements)


def test_a_test_is_one_statement_a_table_two_and_a_view_of_the_reporter_three(job: Job) -> None:
    """A month's bill is made of these: a session is set up once, and what a table is for is said as it is made."""
    run_id(job.first)
    sent = [
        (str(purpose(statement).get("node_id")), statement.sql)
        for statement in job.statements
        if not statement.sql.startswith("alter session")
    ]
    numbers = Counter(node for node, _ in sent)
    tests = {
        node: number
        for node, number in numbers.items()
        if node.startswith("test.") and not any(one == node and sql.startswith("with months") for one, sql in sent)
    }
    assert len(tests) > 50
    assert set(tests.values()) == {1}
    assert [numbers[f"model.netflix.{name}"] for name in ("dim_users", "movie_scores", "movie_ratings")] == [2, 2, 3]
    (made,) = (sql for node, sql in sent if node.endswith(".dim_users") and "create or replace" in sql)
    assert "user_id integer comment $$The user.$$" in made
    assert "comment = $$One user a row: everyone who rated or tagged.$$" in made
    # As many as dbt has threads.
    assert sum(statement.sql.startswith("alter session set timezone") for statement in job.statements) <= 4


def test_dagster_knows_rows_and_columns_of_what_dbt_made(job: Job) -> None:
    described: dict[str, Any] = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in job.snowflake.events(run_id(job.first))
        if event.is_step_materialization and event.asset_key
    }
    for asset in ("fact/fact_ratings", "mart/movie_scores", "snapshots/snap_tags", "seeds/seed_movie_release_dates"):
        rows = job.duckdb.one(f"select count(*) from {asset.replace('/', '.')}")
        assert described[asset]["dagster/row_count"].value == rows
    columns = described["reporting/user_activity"]["dagster/column_schema"].value.columns
    assert [column.name.lower() for column in columns][:2] == ["user_id", "activity"]
    for asset, of in (
        ("dim/dim_users", {("src_ratings", "user_id"), ("src_tags", "user_id")}),
        ("staging/src_ratings", {("raw_ratings", "userid")}),
    ):
        lineage = described[asset]["dagster/column_lineage"].value.deps_by_column
        assert {(dep.asset_key.path[-1], dep.column_name) for dep in lineage["user_id"]} == of


def test_loads_and_checks_of_a_run_sign_in_once_and_so_do_its_plan_and_its_report(job: Job) -> None:
    run_id(job.first)
    assert sorted(job.sign_ins) == ["MOVIELENS_LOADER", "MOVIELENS_TRANSFORMER"]
    # Each of the warehouses wakes once: what the plan asks first is a SHOW, which wakes none.
    in_turn = [user for user, _ in groupby(statement.user for statement in job.statements)]
    assert in_turn == ["MOVIELENS_TRANSFORMER", "MOVIELENS_LOADER", "MOVIELENS_TRANSFORMER"]


def test_changed_removed_and_late_months_are_what_the_next_run_loads_and_builds(job: Job) -> None:
    run_id(job.first)
    assert job.snowflake.status().failed is False
    assert not job.snowflake.plan().assets
    with daemon(job.snowflake) as daemons:
        march = ratings_csv(["1,2,1.0,1425168000", "9,3,5.0,1425168009"])
        job.duckdb.put("raw/ratings/month=2015-03/ratings.csv", march)
        job.duckdb.delete("raw/ratings/month=2015-05/ratings.csv")
        job.duckdb.put("raw/ratings/month=1997-01/late.csv", ratings_csv(["7,2,2.5,852076800"]))
        job.duckdb.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
        look = daemons.look()
    assert look.months == {"1997-01", "2015-03", "2015-05"}
    assert {"raw_ratings", "raw_movies", "fact_ratings"} <= look.assets

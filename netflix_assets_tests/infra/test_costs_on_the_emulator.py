"""The check of costs with Snowflake's client against the emulator, which knows no privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from netflix_assets.infra.cost_check import cost_definitions
from netflix_assets.infra.costs import AssetCost, costs_by_asset, read_costs
from netflix_assets.infra.names import Names
from netflix_assets.infra.service import sign_in
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.settings import Duty, Settings, SnowflakeSettings

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

RATINGS, MOVIES = '{"asset": "fact/fact_ratings"}', '{"asset": "raw/raw_movies", "run_id": "r"}'


def evaluate(settings: SnowflakeSettings) -> dg.AssetCheckEvaluation:
    (evaluation,) = (
        cost_definitions(settings).resolve_job_def("costs").execute_in_process().get_asset_check_evaluations()
    )
    return evaluation


def test_costs_are_added_up_by_asset_once_the_view_is_there(snowflake_account: Account, settings: Settings) -> None:
    emulator = snowflake_account.emulator
    emulator.create_database("COSTLY")
    own = snowflake_account.settings(settings, "COSTLY").snowflake
    assert own is not None
    before = evaluate(own)
    assert not before.passed
    assert str(before.description).startswith("no privilege: role MOVIELENS_TRANSFORMER may not read COSTLY_ADMIN.")
    emulator.create_database("COSTLY_ADMIN")
    with sign_in(own, own.users[Duty.TRANSFORMER], QueryTag("test")) as opened:
        for sql in (
            "create schema COSTLY_ADMIN.OPERATIONS",
            "create table COSTLY_ADMIN.OPERATIONS.QUERY_COSTS (query_tag varchar, started_at timestamp_ltz, "
            "seconds double, bytes_scanned bigint, credits double)",
            "insert into COSTLY_ADMIN.OPERATIONS.QUERY_COSTS select * from values "
            f"('{RATINGS}', current_timestamp(), 2, 100, 0.5), ('{RATINGS}', current_timestamp(), 1, 50, 0.25), "
            f"('{MOVIES}', current_timestamp(), 1, 10, 0.125), ('no json', current_timestamp(), 1, 10, 9), "
            f"('{MOVIES}', dateadd(day, -31, current_timestamp()), 1, 10, 9)",
        ):
            opened.run(sql)
        costs = read_costs(opened.run(costs_by_asset(Names("COSTLY"))).records())
    assert costs == [
        AssetCost("fact/fact_ratings", queries=2, seconds=3.0, credits=0.75, bytes_scanned=150),
        AssetCost("raw/raw_movies", queries=1, seconds=1.0, credits=0.125, bytes_scanned=10),
    ]
    after = evaluate(own)
    assert after.passed
    assert after.metadata["credits"].value == 0.875
    for name in ("COSTLY", "COSTLY_ADMIN"):
        emulator.drop_database(name)

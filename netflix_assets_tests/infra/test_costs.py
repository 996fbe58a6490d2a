"""The costs of assets: the query, what the check shows of its rows, and what it says without the privilege."""

from __future__ import annotations

import re
from decimal import Decimal

import dagster as dg
import pytest

from netflix_assets.infra.cost_check import CHECK, COSTS_KEY, cost_definitions
from netflix_assets.infra.costs import costs_by_asset
from netflix_assets.infra.names import Names
from netflix_assets.settings import PROJECT_ROOT, InfraSettings
from netflix_assets_tests.infra.fake_account import FakeSession
from netflix_assets_tests.infra.test_scripts import unparsable

NAMES = Names("MOVIELENS")
ROWS = [
    {
        "ASSET": "fact/fact_ratings",
        "QUERIES": 12,
        "SECONDS": Decimal("30.5"),
        "CREDITS": Decimal("0.0081"),
        "BYTES_SCANNED": 5_000_000_000,
    },
    {"ASSET": "raw/raw_movies", "QUERIES": 3, "SECONDS": None, "CREDITS": None, "BYTES_SCANNED": None},
]


def test_the_view_reads_what_dbt_says_of_a_statement_in_its_comment() -> None:
    view = (PROJECT_ROOT / "infra_sql" / "11_costs.sql").read_text()
    ((pattern,),) = [re.findall(r"regexp_substr\(history.query_text, '([^']+)'", view)]
    comment = '{"asset": "dim/dim_users", "partition": null, "run_id": "r", "node_id": "model.netflix.dim_users"}'
    for end in ("", ";"):
        assert re.findall(pattern, f"select '/* x */' from t\n/* {comment} */{end}") == [comment]
    assert re.findall(pattern, "select 1 /* a hint */") == []


def test_the_query_adds_up_by_the_asset_of_the_tag() -> None:
    assert costs_by_asset(NAMES, 7) == (
        "select try_parse_json(query_tag):asset::varchar as asset, count(*) as queries, sum(seconds) as seconds, "
        "sum(credits) as credits, sum(bytes_scanned) as bytes_scanned "
        "from MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS "
        "where started_at >= dateadd(day, -7, current_timestamp()) "
        "and try_parse_json(query_tag):asset::varchar is not null "
        "group by 1 order by credits desc, bytes_scanned desc, asset"
    )


def test_the_query_parses_in_snowflakes_dialect() -> None:
    assert unparsable(costs_by_asset(NAMES) + "\n") == []


def evaluate(settings: InfraSettings, session: FakeSession) -> dg.ExecuteInProcessResult:
    """Run the job of the check as its schedule does."""
    defs = cost_definitions(settings.snowflake, session.sign_in)
    return defs.resolve_job_def("costs").execute_in_process(raise_on_error=False)


def test_the_check_shows_each_asset_and_the_sums(infra_settings: InfraSettings) -> None:
    session = FakeSession(ROWS)
    (evaluation,) = evaluate(infra_settings, session).get_asset_check_evaluations()
    assert (evaluation.asset_key, evaluation.check_name, evaluation.passed) == (COSTS_KEY, CHECK, True)
    assert session.signed_in == [("MOVIELENS_TRANSFORMER", "MOVIELENS_TRANSFORMER", "operations/query_costs")]
    assert session.executed == [costs_by_asset(NAMES)]
    assert {name: evaluation.metadata[name].value for name in ("credits", "bytes scanned", "queries", "days")} == {
        "credits": 0.0081,
        "bytes scanned": 5_000_000_000,
        "queries": 15,
        "days": 30,
    }
    table = evaluation.metadata["assets"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data for record in table.records] == [
        {
            "asset": "fact/fact_ratings",
            "credits": 0.0081,
            "bytes scanned": 5_000_000_000,
            "queries": 12,
            "seconds": 30.5,
        },
        {"asset": "raw/raw_movies", "credits": 0.0, "bytes scanned": 0, "queries": 3, "seconds": 0.0},
    ]


@pytest.mark.parametrize("number", [2003, 2037, 2043, 3001])
def test_without_the_privilege_it_warns_and_says_what_to_do(infra_settings: InfraSettings, number: int) -> None:
    result = evaluate(infra_settings, FakeSession(refusal=number))
    (evaluation,) = result.get_asset_check_evaluations()
    assert result.success
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.description == (
        "no privilege: role MOVIELENS_TRANSFORMER may not read MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS, so that costs "
        "are not known; an administrator gives it with `netflix-assets infra apply` (infra_sql/11_costs.sql)"
    )


def test_any_other_refusal_fails_the_run(infra_settings: InfraSettings) -> None:
    result = evaluate(infra_settings, FakeSession(refusal=604))
    assert not result.success
    assert not result.get_asset_check_evaluations()


def test_it_runs_once_a_day(infra_settings: InfraSettings) -> None:
    (schedule,) = cost_definitions(infra_settings.snowflake).schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.cron_schedule, schedule.job_name) == ("0 6 * * *", "costs")

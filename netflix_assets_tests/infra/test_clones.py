"""Clones for pull requests: nothing but a clone is made or dropped, by the cloner, in two jobs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

import dagster as dg
import pytest

from netflix_assets.errors import InfraError
from netflix_assets.infra.branch_jobs import branch_jobs, rebuild_views
from netflix_assets.infra.clones import create_clone, drop_clone, names_database, rebuilt_view, views_of
from netflix_assets.infra.names import Names
from netflix_assets.infra.production import infra_definitions
from netflix_assets.loading.snowflake_connection import Answer, Session
from netflix_assets.settings import Duty, InfraSettings, Settings, SnowflakeSettings
from netflix_assets_tests.infra.fake_account import FakeSession
from netflix_assets_tests.infra.test_scripts import unparsable
from netflix_assets_tests.test_settings import SNOWFLAKE

CREATE = "create database if not exists MOVIELENS_PR_7 clone MOVIELENS data_retention_time_in_days = 0"
DROP = "drop database if exists MOVIELENS_PR_7"


@pytest.fixture
def snowflake_settings(infra_settings: InfraSettings) -> SnowflakeSettings:
    return infra_settings.snowflake


def test_a_clone_is_made_and_the_service_users_let_in(snowflake_settings: SnowflakeSettings) -> None:
    assert create_clone(snowflake_settings, 7) == [
        CREATE,
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_LOADER",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_TRANSFORMER",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_REPORTER",
    ]
    assert drop_clone(snowflake_settings, "MOVIELENS_PR_7") == DROP


def test_the_statements_parse_in_snowflakes_dialect(snowflake_settings: SnowflakeSettings) -> None:
    assert unparsable(";\n".join([*create_clone(snowflake_settings, 7), DROP]) + ";\n") == []


@pytest.mark.parametrize(
    "name",
    [
        "MOVIELENS",
        "MOVIELENS_DEV",
        "MOVIELENS_PR_",
        "MOVIELENS_PR_0",
        "MOVIELENS_PR_07",
        "MOVIELENS_PR_7; drop database MOVIELENS",
        "MOVIELENS_PR_7\n",
        "MOVIELENS_PR_7X",
        "OTHER_MOVIELENS_PR_7",
        "movielens_pr_7",
        "SNOWFLAKE",
        "",
    ],
)
def test_nothing_but_a_clone_is_dropped(snowflake_settings: SnowflakeSettings, name: str) -> None:
    with pytest.raises(InfraError, match="nothing else is dropped"):
        drop_clone(snowflake_settings, name)


@pytest.mark.parametrize("number", [0, -7, 1_000_000_000])
def test_what_is_no_pull_request_is_refused(snowflake_settings: SnowflakeSettings, number: int) -> None:
    with pytest.raises(InfraError, match="not the number of a pull request"):
        create_clone(snowflake_settings, number)


@pytest.mark.parametrize("database", ["MOVIELENS_PR_7", "MOVIELENS_DEV"])
def test_a_copy_is_not_cloned(snowflake_settings: SnowflakeSettings, database: str) -> None:
    with pytest.raises(InfraError, match=f"{database} is itself a twin or a clone"):
        create_clone(replace(snowflake_settings, database=database), 8)


def execute(
    name: str, snowflake_settings: SnowflakeSettings, number: object, session: FakeSession
) -> dg.ExecuteInProcessResult:
    (job,) = (job for job in branch_jobs(snowflake_settings, session.sign_in) if job.name == name)
    (op,) = (node.name for node in job.nodes)
    config = {"ops": {op: {"config": {"pull_request": number}}}}
    return job.execute_in_process(run_config=config, raise_on_error=False)


def test_the_jobs_run_the_statements_as_the_cloner(snowflake_settings: SnowflakeSettings) -> None:
    session = FakeSession()
    assert execute("create_branch_database", snowflake_settings, 7, session).success
    assert execute("drop_branch_database", snowflake_settings, 7, session).success
    assert session.executed == [*create_clone(snowflake_settings, 7), views_of("MOVIELENS_PR_7"), DROP]
    user, tag = snowflake_settings.users[Duty.TRANSFORMER].user, "branches/MOVIELENS_PR_7"
    roles = ("MOVIELENS_CLONER", "MOVIELENS_TRANSFORMER", "MOVIELENS_CLONER")
    assert session.signed_in == [(user, role, tag) for role in roles]
    assert Names("MOVIELENS").cloner_role == "MOVIELENS_CLONER"


def test_a_refused_clone_fails_the_run(snowflake_settings: SnowflakeSettings) -> None:
    session = FakeSession(refusal=3001)
    (failure,) = execute("create_branch_database", snowflake_settings, 7, session).filter_events(
        lambda event: event.is_step_failure
    )
    assert "does not let role MOVIELENS_CLONER do this" in str(failure.step_failure_data.error)
    assert session.executed == [CREATE]


def test_a_pull_request_that_cannot_be_one_never_signs_in(snowflake_settings: SnowflakeSettings) -> None:
    session = FakeSession()
    assert not execute("drop_branch_database", snowflake_settings, 0, session).success
    assert session.signed_in == []
    with pytest.raises(dg.DagsterInvalidConfigError):
        execute("drop_branch_database", snowflake_settings, "7; drop database MOVIELENS", session)


def test_the_jobs_are_there_in_production_on_snowflake_only() -> None:
    def jobs(**settings: str) -> set[str]:
        return {job.name for job in infra_definitions(Settings.from_environment(settings)).jobs or []}

    assert jobs(**SNOWFLAKE) == {"create_branch_database", "drop_branch_database", "costs"}
    assert jobs(**SNOWFLAKE, NETFLIX_SNOWFLAKE_DATABASE="MOVIELENS_DEV") == set()
    assert jobs(**SNOWFLAKE, NETFLIX_SNOWFLAKE_DATABASE="MOVIELENS_PR_7") == set()
    assert jobs() == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("select * from MOVIELENS.raw.t", True),
        ('select * from "MOVIELENS".raw.t', True),
        ("select * from movielens . raw.t", True),
        ("select * from MOVIELENS_PR_7.raw.t", False),
        ("select * from OTHER_MOVIELENS.raw.t", False),
        ("select movielens from raw.movielens", False),
    ],
)
def test_a_text_that_names_production_is_told_from_others(text: str, names: bool) -> None:
    assert names_database(text, "MOVIELENS") is names


def test_a_view_is_made_again_over_the_clone(snowflake_settings: SnowflakeSettings) -> None:
    text = "create or replace   view MOVIELENS.staging.v\n  (\n x ) as (select x from MOVIELENS.raw.t)"
    assert rebuilt_view("MOVIELENS_PR_7.STAGING.V", text, snowflake_settings, "MOVIELENS_PR_7") == (
        "create or replace view MOVIELENS_PR_7.STAGING.V\n  (\n x ) as (select x from MOVIELENS_PR_7.raw.t)"
    )


def test_a_view_whose_text_does_not_show_fails_the_run(snowflake_settings: SnowflakeSettings) -> None:
    session = FakeSession([{"table_schema": "STAGING", "table_name": "V", "view_definition": None}])
    (failure,) = execute("create_branch_database", snowflake_settings, 7, session).filter_events(
        lambda event: event.is_step_failure
    )
    assert "view MOVIELENS_PR_7.STAGING.V (of 1) reads MOVIELENS or does not show its text" in str(
        failure.step_failure_data.error
    )


class CloneViews:
    """A session in a clone that holds views and obeys what makes them again."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.others: list[str] = []

    def run(self, sql: str) -> Answer:
        if found := re.match(r"create or replace view MOVIELENS_PR_7\.REPORTING\.(\w+)", sql):
            self.texts[found[1]] = sql
        elif not sql.startswith("select"):
            self.others.append(sql)
        rows: list[tuple[str, ...]] = [("REPORTING", name, text) for name, text in self.texts.items()]
        return Answer(rows, ("table_schema", "table_name", "view_definition"), 0, "")


def test_views_that_read_production_are_made_again_and_the_reporter_let_in(
    snowflake_settings: SnowflakeSettings,
) -> None:
    fine = "create view MOVIELENS_PR_7.reporting.fine as (select 1 as x)"
    views = CloneViews(W="create or replace view MOVIELENS.reporting.w as (select x from MOVIELENS.mart.m)", FINE=fine)
    rebuild_views(snowflake_settings, "MOVIELENS_PR_7", cast("Session", views))
    assert views.texts == {
        "W": "create or replace view MOVIELENS_PR_7.REPORTING.W as (select x from MOVIELENS_PR_7.mart.m)",
        "FINE": fine,
    }
    assert views.others == ["grant select on all views in schema MOVIELENS_PR_7.reporting to role MOVIELENS_REPORTER"]

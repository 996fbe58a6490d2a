"""Clones for pull requests: nothing but a clone is made or dropped, by the cloner, in two jobs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import dagster as dg
import pytest

from netflix_assets.errors import InfraError, WarehouseError
from netflix_assets.infra.branch_jobs import branch_definitions, rebuild_views
from netflix_assets.infra.clones import (
    closed_clones,
    create_clone,
    drop_clone,
    names_database,
    rebuilt_view,
    show_clones,
    views_of,
)
from netflix_assets.infra.names import Names
from netflix_assets.infra.production import infra_definitions
from netflix_assets.loading.snowflake_connection import Answer, QueryTag, Session
from netflix_assets.settings import Duty, InfraSettings, ServiceUser, Settings, SnowflakeSettings
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
        "alter database MOVIELENS_PR_7 set default_ddl_collation = ''",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_LOADER",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_TRANSFORMER",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_REPORTER",
    ]
    assert drop_clone(snowflake_settings, "MOVIELENS_PR_7") == DROP


def test_the_statements_parse_in_snowflakes_dialect(snowflake_settings: SnowflakeSettings) -> None:
    assert (
        unparsable(";\n".join([*create_clone(snowflake_settings, 7), DROP, show_clones(snowflake_settings)]) + ";\n")
        == []
    )


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
    job = branch_definitions(snowflake_settings, session.sign_in).get_job_def(name)
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

    branches = {"create_branch_database", "drop_branch_database", "drop_closed_branch_databases"}
    assert jobs(**SNOWFLAKE) == {*branches, "costs"}
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


# Clones that nobody dropped.

NOW = dt.datetime.now(dt.timezone.utc)


def shown(name: str, days_old: float, owner: str = "MOVIELENS_CLONER") -> dict[str, Any]:
    return {"created_on": NOW - dt.timedelta(days=days_old), "name": name, "owner": owner}


DATABASES = [
    shown("MOVIELENS_PR_7", 13.9),
    shown("MOVIELENS_PR_8", 15),
    shown("MOVIELENS_PR_9", 400),
    shown("MOVIELENS_PR_10", 400, owner="SYSADMIN"),
    shown("MOVIELENSXPRX11", 400),
    shown("MOVIELENS_PR_OLD", 400),
]


@pytest.mark.parametrize(
    ("open_pull_requests", "closed"),
    [
        (None, ["MOVIELENS_PR_9", "MOVIELENS_PR_8"]),
        ([9], ["MOVIELENS_PR_8", "MOVIELENS_PR_7"]),
        ([7, 8, 9, 10, 99], []),
        ([], ["MOVIELENS_PR_9", "MOVIELENS_PR_8", "MOVIELENS_PR_7"]),
    ],
)
def test_clones_of_closed_pull_requests_are_told_by_a_list_or_else_by_their_age(
    snowflake_settings: SnowflakeSettings, open_pull_requests: list[int] | None, closed: list[str]
) -> None:
    days = snowflake_settings.clone_days
    found = closed_clones(snowflake_settings, DATABASES, NOW, open_pull_requests=open_pull_requests, days=days)
    assert found == closed


class Databases:
    """The databases of an account, of which one may refuse to be dropped."""

    def __init__(self, refuses: str = "") -> None:
        self.names = [row["name"] for row in DATABASES]
        self.roles: list[str] = []
        self._refuses = refuses

    @contextmanager
    def sign_in(self, settings: SnowflakeSettings, user: ServiceUser, tag: QueryTag) -> Iterator[Session]:
        self.roles.append(user.role)
        yield cast("Session", self)

    def run(self, sql: str) -> Answer:
        if sql == "show databases like 'MOVIELENS_PR_%'":
            rows = [tuple(row.values()) for row in DATABASES if row["name"] in self.names]
            return Answer(rows, tuple(DATABASES[0]), 0, "")
        name = sql.removeprefix("drop database if exists ")
        if name == self._refuses:
            raise WarehouseError(f"{name} is refused")
        self.names.remove(name)
        return Answer([], (), 0, "")


def drop_closed(settings: SnowflakeSettings, account: Databases, config: object) -> dg.ExecuteInProcessResult:
    job = branch_definitions(settings, account.sign_in).get_job_def("drop_closed_branch_databases")
    run_config = {"ops": {"drop_clones_of_closed": {"config": config}}}
    return job.execute_in_process(run_config=run_config, raise_on_error=False)


def test_the_job_drops_what_is_closed_as_the_cloner(snowflake_settings: SnowflakeSettings) -> None:
    account = Databases()
    assert drop_closed(snowflake_settings, account, {"open_pull_requests": [9]}).success
    assert account.names == ["MOVIELENS_PR_9", "MOVIELENS_PR_10", "MOVIELENSXPRX11", "MOVIELENS_PR_OLD"]
    assert account.roles == ["MOVIELENS_CLONER"]


def test_a_clone_that_cannot_be_dropped_fails_the_run_after_the_others_are(
    snowflake_settings: SnowflakeSettings,
) -> None:
    account = Databases(refuses="MOVIELENS_PR_9")
    (failure,) = drop_closed(snowflake_settings, account, {}).filter_events(lambda event: event.is_step_failure)
    assert "1 of 2 clones of closed pull requests could not be dropped, MOVIELENS_PR_9 first: MOVIELENS_PR_9 is" in str(
        failure.step_failure_data.error
    )
    assert "MOVIELENS_PR_9" in account.names
    assert "MOVIELENS_PR_8" not in account.names


def test_the_schedule_runs_every_day_in_production() -> None:
    settings = Settings.from_environment({**SNOWFLAKE, "NETFLIX_SNOWFLAKE_CLONE_DAYS": "3"})
    assert settings.snowflake is not None
    assert settings.snowflake.clone_days == 3
    schedules = {one.name: one for one in infra_definitions(settings).schedules or []}
    daily = schedules["drop_closed_branch_databases_daily"]
    assert isinstance(daily, dg.ScheduleDefinition)
    assert (daily.job_name, daily.cron_schedule) == ("drop_closed_branch_databases", "0 5 * * *")
    assert daily.default_status is dg.DefaultScheduleStatus.RUNNING

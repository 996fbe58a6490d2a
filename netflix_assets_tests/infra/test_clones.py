"""Clones for pull requests: nothing but a clone is made or dropped, by the cloner, in two jobs."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest

from netflix_assets.errors import InfraError
from netflix_assets.infra.branch_jobs import branch_jobs
from netflix_assets.infra.clones import create_clone, drop_clone
from netflix_assets.infra.names import Names
from netflix_assets.infra.production import infra_definitions
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
    assert session.executed == [*create_clone(snowflake_settings, 7), DROP]
    user = snowflake_settings.users[Duty.TRANSFORMER].user
    assert session.signed_in == [(user, "MOVIELENS_CLONER", "branches/MOVIELENS_PR_7")] * 2
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

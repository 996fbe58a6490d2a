"""`infra apply` on an account in memory: in order, as the right role, up to the first refusal, repeatable."""

import json
import textwrap
from copy import deepcopy
from dataclasses import replace

import pytest

from netflix_assets.errors import InfraError
from netflix_assets.infra.apply import apply
from netflix_assets.infra.aws import read_policy, trust_of
from netflix_assets.infra.connection import refuse_another_account
from netflix_assets.infra.inventory import Inventory, apply_statement
from netflix_assets.infra.names import Names
from netflix_assets.infra.scripts import Statement
from netflix_assets.settings import PROJECT_ROOT
from netflix_assets_tests.infra.fake_account import FakeAccount
from netflix_assets_tests.infra.role_powers import may_run

NAMES = Names("MOVIELENS")


def test_every_statement_is_shown_and_run_in_order(scripted: list[Statement], inventory: Inventory) -> None:
    account = FakeAccount()
    shown: list[Statement] = []
    apply(account, scripted, on_statement=shown.append)
    assert shown == scripted
    assert account.executed == [statement.sql for statement in scripted]
    assert account.inventory == inventory


def test_applying_again_changes_nothing(account: FakeAccount, scripted: list[Statement]) -> None:
    before = deepcopy(account.inventory)
    apply(account, scripted, on_statement=lambda statement: None)
    assert account.inventory == before


def test_applying_again_puts_drift_right(account: FakeAccount, scripted: list[Statement], inventory: Inventory) -> None:
    for sql in (
        "alter warehouse MOVIELENS_LOADING set auto_suspend = 3600",
        "alter network policy MOVIELENS_REPORTER_NETWORK set allowed_ip_list = ('0.0.0.0/0')",
        "alter resource monitor MOVIELENS_MONTHLY set credit_quota = 9999",
        "alter stage MOVIELENS.RAW.LANDING set url = 's3://elsewhere/'",
    ):
        account.change(sql)
    apply(account, scripted, on_statement=lambda statement: None)
    assert account.inventory == inventory


def test_each_statement_runs_as_a_role_that_may_run_it(scripted: list[Statement]) -> None:
    before = Inventory()
    for statement in scripted:
        assert may_run(before, statement), statement
        apply_statement(before, statement)


def test_accountadmin_runs_nothing_that_another_administrator_may(scripted: list[Statement]) -> None:
    before = Inventory()
    for statement in scripted:
        if statement.role == "ACCOUNTADMIN" and not statement.sql.startswith("use role"):
            others = [replace(statement, role=role) for role in ("SYSADMIN", "SECURITYADMIN", "USERADMIN")]
            assert not any(may_run(before, other) for other in others), statement
        apply_statement(before, statement)


def test_the_first_refusal_stops_it_and_says_where_and_what_next(scripted: list[Statement]) -> None:
    account = FakeAccount()
    shown: list[Statement] = []
    refused = next(statement for statement in scripted if statement.sql.startswith("create storage integration"))
    account.refuse = refused.sql
    with pytest.raises(InfraError) as caught:
        apply(account, scripted, on_statement=shown.append)
    assert str(caught.value) == (
        "05_landing.sql:5 was refused to role ACCOUNTADMIN: 003001: SQL access control error: "
        f"Insufficient privileges; {scripted.index(refused)} of {len(scripted)} statements have run; "
        "put that right and apply again, which leaves alone what is done"
    )
    assert shown[-1] == refused
    assert account.executed[-1] == refused.sql
    account.refuse = None
    apply(account, scripted, on_statement=shown.append)


@pytest.mark.parametrize("setting", ["acme-prod", "ACME-PROD", "acme-prod_", "xy12345", "XY12345.eu-west-1"])
def test_the_account_of_the_settings_is_recognised(setting: str) -> None:
    name = "PROD_" if setting.endswith("_") else "PROD"
    refuse_another_account(FakeAccount(name=name), setting)


@pytest.mark.parametrize("setting", ["acme-dev", "xy1234", "other-prod"])
def test_another_account_than_that_of_the_settings_is_refused(setting: str) -> None:
    with pytest.raises(InfraError, match=f"leads to account ACME-PROD, but NETFLIX_SNOWFLAKE_ACCOUNT is '{setting}'"):
        refuse_another_account(FakeAccount(), setting)


def test_the_trust_policy_names_snowflakes_user_and_this_integration_only(account: FakeAccount) -> None:
    (statement,) = trust_of(account, NAMES)["Statement"]
    assert account.executed[-2:] == ["use role sysadmin", "desc integration MOVIELENS_S3"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::999999999999:user/snow"}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "ACME_SFCRole=2_abc="}}


def test_the_iam_role_may_only_read_and_only_under_raw() -> None:
    allowed = read_policy("acme-movielens")["Statement"]
    actions = {
        action for each in allowed for action in ([each["Action"]] if "s3" in each["Action"][:2] else each["Action"])
    }
    assert actions == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"}
    assert {each["Resource"] for each in allowed} == {
        "arn:aws:s3:::acme-movielens",
        "arn:aws:s3:::acme-movielens/raw/*",
    }


def test_the_documentation_shows_the_policy_of_the_iam_role() -> None:
    shown = textwrap.indent(json.dumps(read_policy("acme-movielens"), indent=2), "   ")
    assert shown in (PROJECT_ROOT / "docs" / "snowflake.md").read_text()

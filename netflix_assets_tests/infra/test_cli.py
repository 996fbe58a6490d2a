"""`netflix-assets infra`: what people type, with an account in memory behind Snowflake's client."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import snowflake.connector
from click.testing import CliRunner, Result

from netflix_assets.cli import main
from netflix_assets.infra.scripts import SCRIPTS, Statement
from netflix_assets_tests.infra.fake_account import FakeAccount
from netflix_assets_tests.test_settings import INFRA

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command of `infra` with the settings given, and no others."""
    for name in ("NETFLIX_TARGET", "NETFLIX_S3_BUCKET"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str, **settings: str) -> Result:
        return CliRunner().invoke(main, ["infra", *arguments], env={**INFRA, **settings})

    return command


def reach(account: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lead every connection to the account; returns the names that are asked for."""
    asked: list[str] = []

    def connect(*, connection_name: str, session_parameters: dict[str, object]) -> FakeAccount:
        assert session_parameters["QUOTED_IDENTIFIERS_IGNORE_CASE"] is False
        asked.append(connection_name)
        return account

    monkeypatch.setattr(snowflake.connector, "connect", connect)
    return asked


def test_render_prints_every_script_with_names_filled_in(run: Run) -> None:
    result = run("render", NETFLIX_SNOWFLAKE_DATABASE="FILMS")
    assert result.exit_code == 0
    assert [line[3:] for line in result.output.splitlines() if line.endswith(".sql")] == [
        path.name for path in sorted(SCRIPTS.glob("*.sql"))
    ]
    assert "create schema if not exists FILMS.raw with managed access;" in result.output
    assert "MOVIELENS.raw" not in result.output


def test_render_writes_a_file_a_script(run: Run, tmp_path: Path) -> None:
    assert run("render", "--output", str(tmp_path / "out")).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(p.name for p in SCRIPTS.glob("*.sql"))
    assert run("render", "--output", "/dev/null/x").exit_code == 1


@pytest.mark.parametrize("command", [["render"], ["apply", "--connection", "x"], ["check", "--connection", "x"]])
def test_missing_settings_are_all_named_before_anything_connects(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Sequence[str]
) -> None:
    asked = reach(FakeAccount(), monkeypatch)
    result = run(*command, **dict.fromkeys(INFRA, ""))
    assert result.exit_code == 1
    assert all(name in result.output for name in INFRA if name != "NETFLIX_TARGET")
    assert asked == []


def test_apply_shows_each_statement_and_the_trust_policy(
    run: Run, monkeypatch: pytest.MonkeyPatch, scripted: list[Statement]
) -> None:
    account = FakeAccount()
    asked = reach(account, monkeypatch)
    result = run("apply", "--connection", "admin")
    assert result.exit_code == 0, result.output
    assert asked == ["admin"]
    shown, _, policy = result.output.partition("trust policy:\n")
    assert all(f"{s.where}  {' '.join(s.sql.split())}" in shown for s in scripted)
    assert json.loads(policy)["Statement"][0]["Action"] == "sts:AssumeRole"
    assert account.executed[-1] == "closed"


def test_apply_stops_with_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    account = FakeAccount()
    account.refuse = "use role accountadmin"
    reach(account, monkeypatch)
    result = run("apply", "--connection", "admin")
    assert result.exit_code == 1
    assert "03_resource_monitor.sql:2 was refused to role ACCOUNTADMIN" in result.output
    assert "Traceback" not in result.output
    assert account.executed[-2:] == ["use role accountadmin", "closed"]


def test_apply_touches_no_other_account(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    account = FakeAccount(name="SALES")
    reach(account, monkeypatch)
    result = run("apply", "--connection", "admin")
    assert result.exit_code == 1
    assert "the connection leads to account ACME-SALES" in result.output
    assert not account.inventory.things


def test_check_says_when_nothing_differs(run: Run, monkeypatch: pytest.MonkeyPatch, account: FakeAccount) -> None:
    reach(account, monkeypatch)
    result = run("check", "--connection", "admin")
    assert result.exit_code == 0, result.output
    assert "the account is as the scripts make it" in result.output


def test_check_lists_differences_and_fails(run: Run, monkeypatch: pytest.MonkeyPatch, account: FakeAccount) -> None:
    account.change("alter warehouse MOVIELENS_LOADING set auto_suspend = 600")
    account.change("grant role MOVIELENS_LOADER to user JANE")
    reach(account, monkeypatch)
    result = run("check", "--connection", "admin")
    assert result.exit_code == 1
    assert "warehouse MOVIELENS_LOADING has auto_suspend 600, not 60" in result.output
    assert "not in the scripts: grant role MOVIELENS_LOADER to user JANE" in result.output
    assert "2 differences" in result.output


def test_a_connection_that_snowflake_does_not_know_is_one_sentence(run: Run) -> None:
    result = run("check", "--connection", "no-such-section")
    assert result.exit_code == 1
    assert "connection 'no-such-section' of Snowflake's connections.toml cannot be opened" in result.output


def test_keys_prints_public_halves_of_the_duties_asked_for(run: Run, tmp_path: Path) -> None:
    where = {
        f"NETFLIX_SNOWFLAKE_{duty}_PRIVATE_KEY_PATH": str(tmp_path / duty)
        for duty in ("LOADER", "TRANSFORMER", "REPORTER")
    }
    result = run("keys", "loader", **where)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("alter user MOVIELENS_LOADER set rsa_public_key = 'MII")
    assert "PRIVATE" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["LOADER"]
    assert run("keys", "--show", "loader", **where).output == result.output
    assert "rsa_public_key_2" in run("keys", "--second", "reporter", **where).output
    again = run("keys", **where)
    assert again.exit_code == 1
    assert "are there already and never overwritten" in again.output

"""The rehearsal on the emulator: every probe runs, the report says what held, and nothing is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snowflake.connector
from click.testing import CliRunner

from netflix_assets.cli import main
from netflix_assets.infra import rehearsal
from netflix_assets.infra.probes import probes
from netflix_assets.infra.rehearsal import rehearse, report
from netflix_assets_tests.emulator.account import ACCOUNT

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account


@pytest.fixture
def trial(snowflake_account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The emulated account as connection `trial`."""
    connect = snowflake.connector.connect

    def connected(*, connection_name: str, session_parameters: dict[str, Any]) -> Any:
        assert connection_name == "trial"
        return connect(
            account=ACCOUNT,
            user="MOVIELENS_LOADER",
            private_key_file=str(snowflake_account.key_path),
            host="127.0.0.1",
            port=snowflake_account.emulator.port,
            protocol="http",
            session_parameters=session_parameters,
        )

    monkeypatch.setattr(snowflake.connector, "connect", connected)
    snowflake_account.emulator.forget()
    return snowflake_account


def test_every_probe_holds_on_the_emulator_and_nothing_is_left(trial: Account) -> None:
    findings = rehearse("trial", on_probe=lambda probe: None)
    assert {finding.probe.name: finding.fault for finding in findings if finding.fault} == {}
    assert len(findings) > 12
    written = report(findings)
    assert f"{len(findings)} of {len(findings)} probes held." in written
    assert "## lock_timeout: held" in written
    assert "refused as expected: 625 (57014)" in written
    assert not any(secret in written for secret in ("MOVIELENS_LOADER", ACCOUNT, str(trial.key_path)))
    last = [statement.sql.split()[:2] for statement in trial.emulator.statements][-2:]
    assert last == [["drop", "database"], ["drop", "warehouse"]]


def test_what_an_account_does_otherwise_is_named_and_the_others_run_all_the_same(
    trial: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = ("get_stage_location", "show_objects")
    monkeypatch.setattr(rehearsal, "probes", lambda database: [one for one in probes(database) if one.name in some])
    path = tmp_path / "report.md"
    with trial.emulator.refusing("^select get_stage_location", 2141, "42601", "Unknown function"):
        done = CliRunner().invoke(main, ["infra", "rehearse", "--connection", "trial", "--report", str(path)])
    assert done.exit_code == 1
    assert "get_stage_location did not hold: `select get_stage_location(" in done.output
    assert "## get_stage_location: did not hold" in path.read_text()
    assert "## show_objects: held" in path.read_text()


def test_a_role_that_may_not_make_a_database_is_told_so_and_leaves_no_warehouse(trial: Account) -> None:
    with (
        trial.emulator.refusing("^create transient database", 3001, "42501", "Insufficient privileges"),
        pytest.raises(Exception, match=r"the account refused `create transient database .*such as SYSADMIN"),
    ):
        rehearse("trial", on_probe=lambda probe: None)
    assert trial.emulator.statements[-1].sql.startswith("drop warehouse if exists NETFLIX_REHEARSAL_")

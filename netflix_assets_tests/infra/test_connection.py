"""Snowflake's real client against an emulator: signing in with a key pair, rows by name, refusals, costs.

The emulator knows no privileges, no CLONE and not Snowflake's own views: what these come to is not shown here.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from netflix_assets.errors import InfraError
from netflix_assets.infra.connection import Refused, execute, rows, service_connection
from netflix_assets.infra.cost_check import cost_definitions
from netflix_assets.infra.costs import AssetCost, costs_by_asset, read_costs
from netflix_assets.infra.keys import make_keys
from netflix_assets.infra.names import Names
from netflix_assets.settings import Duty, InfraSettings, SnowflakeSettings

pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the emulator fakesnow needs Python 3.11"),
    pytest.mark.xdist_group("fakesnow"),
]
TAG: dict[str, str | None] = {"asset": "operations/query_costs", "partition": None, "run_id": "r"}


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory, infra_settings: InfraSettings) -> Iterator[SnowflakeSettings]:
    """Settings that lead to an emulator, with a key for the transformer."""
    own = infra_settings.snowflake
    path = tmp_path_factory.mktemp("keys") / "transformer.p8"
    user = replace(own.users[Duty.TRANSFORMER], private_key_path=path, private_key_passphrase="open sesame")
    make_keys({Duty.TRANSFORMER: user})
    with _emulator() as port:
        yield replace(
            own,
            host="127.0.0.1",
            port=port,
            protocol="http",
            users={**own.users, Duty.TRANSFORMER: user},
        )


@contextmanager
def _emulator() -> Iterator[int]:
    """An emulator in a process of its own, since it keeps its databases in a global; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [str(Path(sys.executable).with_name("fakesnow")), "--server", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "the emulator did not start"
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def test_a_service_user_signs_in_with_its_key_and_reads_rows_by_name(emulated: SnowflakeSettings) -> None:
    user = emulated.users[Duty.TRANSFORMER]
    with service_connection(emulated, user, user.role, TAG) as connection:
        assert rows(connection, "select 1 as one, 'b' as two") == [{"ONE": 1, "TWO": "b"}]


def test_what_is_not_there_is_refused_with_snowflakes_number(emulated: SnowflakeSettings) -> None:
    user = emulated.users[Duty.TRANSFORMER]
    with service_connection(emulated, user, user.role, TAG) as connection, pytest.raises(Refused) as caught:
        rows(connection, "select * from MOVIELENS_ADMIN.OPERATIONS.NOTHING")
    assert (caught.value.number, caught.value.denied, caught.value.missing) == (2003, True, True)


def test_a_key_that_is_not_there_is_one_sentence(emulated: SnowflakeSettings, tmp_path: Path) -> None:
    user = replace(emulated.users[Duty.TRANSFORMER], private_key_path=tmp_path / "none.p8")
    with (
        pytest.raises(InfraError, match=r"none\.p8.*NETFLIX_SNOWFLAKE_TRANSFORMER_PRIVATE_KEY_PATH"),
        service_connection(emulated, user, user.role, TAG),
    ):
        pass


def test_a_wrong_passphrase_is_one_sentence_that_does_not_tell_it(emulated: SnowflakeSettings) -> None:
    user = replace(emulated.users[Duty.TRANSFORMER], private_key_passphrase="close sesame")
    with (
        pytest.raises(InfraError, match="cannot sign in") as caught,
        service_connection(emulated, user, user.role, TAG),
    ):
        pass
    assert "sesame" not in str(caught.value)


def test_costs_are_added_up_by_asset(emulated: SnowflakeSettings, infra_settings: InfraSettings) -> None:
    settings = replace(infra_settings, snowflake=emulated)
    user = emulated.users[Duty.TRANSFORMER]
    (before,) = (
        cost_definitions(settings.snowflake).resolve_job_def("costs").execute_in_process().get_asset_check_evaluations()
    )
    assert not before.passed
    assert "no privilege" in str(before.description)
    ratings, movies = '{"asset": "fact/fact_ratings"}', '{"asset": "raw/raw_movies", "run_id": "r"}'
    with service_connection(emulated, user, user.role, TAG) as connection:
        for sql in (
            "create database MOVIELENS_ADMIN",
            "create schema MOVIELENS_ADMIN.OPERATIONS",
            "create table MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS (query_tag varchar, started_at timestamp_ltz, "
            "seconds double, bytes_scanned bigint, credits double)",
            "insert into MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS select * from values "
            f"('{ratings}', current_timestamp(), 2, 100, 0.5), ('{ratings}', current_timestamp(), 1, 50, 0.25), "
            f"('{movies}', current_timestamp(), 1, 10, 0.125), ('no json', current_timestamp(), 1, 10, 9), "
            f"('{movies}', dateadd(day, -31, current_timestamp()), 1, 10, 9)",
        ):
            execute(connection, sql)
        costs = read_costs(rows(connection, costs_by_asset(Names("MOVIELENS"))))
    assert costs == [
        AssetCost("fact/fact_ratings", queries=2, seconds=3.0, credits=0.75, bytes_scanned=150),
        AssetCost("raw/raw_movies", queries=1, seconds=1.0, credits=0.125, bytes_scanned=10),
    ]

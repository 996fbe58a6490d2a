"""What only an account elsewhere can suffer: keys, privileges, locks, a stage, and clients that die."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import BucketError, LoadError, WarehouseError
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.loading import snowflake_errors, snowflake_parameters, snowflake_sql
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.loading.snowflake_parameters import SESSION_PARAMETERS
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.settings import PROJECT_ROOT, Duty, Settings, SnowflakeSettings
from netflix_assets_tests.loading.harness import MONTH, MOVIES, NEXT_MONTH, RATINGS, TAGS, Loading, csv, ratings
from netflix_assets_tests.loading.load_in_a_process import await_line, kill

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

FILM = csv(MOVIES, "1,Heat (1995),Action")
DENIED = (3001, "42501", "SQL access control error:\nInsufficient privileges")


@pytest.fixture
def loading(snowflake: Settings, on_snowflake: Loading) -> Loading:
    return on_snowflake


@pytest.fixture
def account(snowflake: Settings) -> SnowflakeSettings:
    assert snowflake.snowflake is not None
    return snowflake.snowflake


# Statements.


def sent(snowflake_account: Account, loading: Loading, months: Mapping[str, int]) -> list[str]:
    """The statements of a load of so many objects in each month."""
    for month, objects in months.items():
        for number in range(objects):
            body = csv(RATINGS, *ratings(2, first_user=10 * number + 1, month=month))
            loading.bucket.put(f"raw/ratings/month={month}/{number}.csv", io.BytesIO(body))
    snowflake_account.emulator.forget()
    loading.load(RATINGS)
    sent = [statement.sql for statement in snowflake_account.emulator.statements]
    # A session that was used before is given the tag of this load.
    return [sql for sql in sent if not sql.startswith("alter session")]


def test_a_load_takes_as_many_statements_however_many_months_and_objects(
    snowflake_account: Account, loading: Loading
) -> None:
    few = sent(snowflake_account, loading, {MONTH: 1})
    many = sent(snowflake_account, loading, {f"{year}-07": 3 for year in range(2000, 2010)})
    assert [sql.split()[:3] for sql in many] == [sql.split()[:3] for sql in few]
    assert len(few) == 16


def test_every_statement_of_a_load_carries_asset_partition_and_run(
    snowflake_account: Account, loading: Loading
) -> None:
    sent(snowflake_account, loading, {MONTH: 1, NEXT_MONTH: 1})
    assert {statement.tag for statement in snowflake_account.emulator.statements} == {
        json.dumps({"asset": "raw/raw_ratings", "partition": f"{MONTH}...{NEXT_MONTH}", "run_id": "run-1"})
    }
    assert {statement.user for statement in snowflake_account.emulator.statements} == {"MOVIELENS_LOADER"}


def test_a_stage_over_a_folder_of_the_bucket_loads_the_same_objects(
    snowflake_account: Account, account: SnowflakeSettings, loading: Loading
) -> None:
    snowflake_account.emulator.create_stage(f"{account.database}.RAW.LANDING", f"s3://{loading.bucket.name}/raw/")
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    assert loading.load(RATINGS).rows_loaded == 3
    assert loading.history(RATINGS)[0][2] == RATINGS.object_key(MONTH)


def test_a_stage_that_reads_another_bucket_is_named_with_both(
    snowflake_account: Account, account: SnowflakeSettings, loading: Loading
) -> None:
    loading.load_body(MOVIES, FILM)
    snowflake_account.emulator.create_stage(f"{account.database}.RAW.LANDING", "s3://elsewhere/")
    sentence = loading.refused(lambda: loading.load(MOVIES), WarehouseError)
    assert f"stage {account.database}.RAW.LANDING reads s3://elsewhere/, not the bucket" in sentence
    assert loading.bucket.name in sentence


def test_raw_tables_that_are_missing_are_made(account: SnowflakeSettings, loading: Loading) -> None:
    loading.warehouse.ensure_raw_tables([MOVIES])
    with SnowflakeWarehouse(account).session(Duty.LOADER, QueryTag("test")) as session:
        session.run("drop table raw.raw_movies")
        session.run("drop table raw.load_lock")
    assert loading.warehouse.row_count(MOVIES) == 0
    loading.load_body(MOVIES, FILM)
    assert loading.warehouse.row_count(MOVIES) == 1


# Books that would not balance.


def test_fewer_rows_inserted_than_counted_change_nothing(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    insert_rows = snowflake_sql.insert_rows
    monkeypatch.setattr(snowflake_sql, "insert_rows", lambda *given, **named: f"{insert_rows(*given, **named)} limit 2")
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    sentence = loading.refused(lambda: loading.load(RATINGS), LoadError)
    assert sentence.startswith("2 rows were inserted into raw_ratings where 3 were counted, so nothing was changed")


def test_an_object_that_copy_passed_over_is_missed(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_lines = snowflake_sql.copy_lines
    monkeypatch.setattr(snowflake_sql, "copy_lines", lambda stage, objects, **_: copy_lines(stage, objects[:1]))
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    loading.put(RATINGS, csv(RATINGS, *ratings(3, month=NEXT_MONTH)), NEXT_MONTH)
    sentence = loading.refused(lambda: loading.load(RATINGS), LoadError)
    assert sentence.startswith("Snowflake copied 1 of 2 objects as a whole, so nothing was changed")


# Objects that change while they are loaded.


class Restless(LandingBucket):
    """Has its object replaced just after its first bytes were looked at."""

    body = b""

    def first_bytes(self, version: ObjectVersion, limit: int) -> bytes:
        start = super().first_bytes(version, limit)
        self.put(version.key, io.BytesIO(self.body))
        return start


def test_an_object_replaced_between_the_look_at_its_header_and_the_copy_is_refused(
    snowflake: Settings, loading: Loading
) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(3)))
    restless = Restless(snowflake)
    restless.body = csv(RATINGS, *ratings(2))
    loading.bucket = restless
    sentence = loading.refused(lambda: loading.load(RATINGS), BucketError)
    assert f"{RATINGS.object_key(MONTH)} was replaced after it was observed" in sentence


class Vanishing(LandingBucket):
    """Has its object deleted just after its first bytes were looked at."""

    def first_bytes(self, version: ObjectVersion, limit: int) -> bytes:
        start = super().first_bytes(version, limit)
        self.delete(version.key)
        return start


def test_an_object_deleted_between_the_look_at_its_header_and_the_copy_is_refused(
    snowflake: Settings, loading: Loading
) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    loading.bucket = Vanishing(snowflake)
    sentence = loading.refused(lambda: loading.load(RATINGS), BucketError)
    assert "the object is gone" in sentence
    assert RATINGS.object_key(MONTH) in sentence


# Several loads, and loads that die.


def in_a_process(python: Path, account: Account, snowflake: Settings, *arguments: str) -> subprocess.Popen[str]:
    """A load in another process, of the same bucket into the same database."""
    assert snowflake.snowflake is not None
    environment = {
        **os.environ,
        **account.environment(snowflake.snowflake.database),
        "NETFLIX_HOME": str(snowflake.home),
        "NETFLIX_S3_ENDPOINT": snowflake.s3_endpoint,
        "NETFLIX_S3_BUCKET": snowflake.bucket,
        "NETFLIX_S3_ACCESS_KEY": snowflake.s3_access_key,
        "NETFLIX_S3_SECRET_KEY": snowflake.s3_secret_key,
    }
    command = [str(python), "-m", "netflix_assets_tests.loading.load_in_a_process", *arguments]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_load_killed_between_delete_and_commit_changes_nothing_and_leaves_no_table(
    python: Path, snowflake_account: Account, snowflake: Settings, loading: Loading
) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(3)))
    before = loading.state()
    loading.put(RATINGS, csv(RATINGS, *ratings(5)), MONTH)
    with in_a_process(python, snowflake_account, snowflake, "ratings", "insert_rows") as process:
        await_line(process, "reached")
        kill(process)
    assert snowflake_account.emulator.statements[-1].sql.startswith("delete from raw.rejected_rows")
    # Snowflake does this some time after the client is gone; until then the next load waits for the lock.
    snowflake_account.emulator.end_sessions()
    assert loading.state() == before
    left = {table for (table,) in loading.query(snowflake_sql.raw_tables_present())}
    assert left == {name.upper() for name in snowflake_sql.create_raw_tables(RAW_FILES)}
    assert loading.load(RATINGS).rows_loaded == 5
    assert [row[0] for row in loading.history(RATINGS)] == [1, 2]


def test_two_loads_of_one_month_at_once_come_one_after_the_other(loading: Loading) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(50)), MONTH)
    parts = loading.observed(RATINGS)
    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(loading.replace, RATINGS, parts) for _ in range(3)]
        reports = [load.result() for load in loads]
    assert sorted(report.load_id for report in reports) == [1, 2, 3]
    assert len(loading.rows(RATINGS)) == 50
    assert loading.warehouse.load_states(RATINGS)[MONTH].load_id == 3
    assert loading.query("select distinct _load_id from raw.raw_ratings") == [(3,)]


def test_loads_of_different_files_at_once_all_succeed_under_numbers_of_their_own(loading: Loading) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(200)), MONTH)
    loading.put(MOVIES, FILM)
    loading.put(TAGS, csv(TAGS, "1,1,fun,1"))
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(loading.load, (RATINGS, MOVIES, TAGS)))
    assert [report.rows_loaded for report in reports] == [200, 1, 1]
    assert sorted(report.load_id for report in reports) == [1, 2, 3]


@pytest.fixture
def locked(account: SnowflakeSettings, loading: Loading) -> Iterator[threading.Event]:
    """Another session holds the lock of loads, until the event is set."""
    release, held = threading.Event(), threading.Event()
    loading.load_body(MOVIES, FILM)

    def hold() -> None:
        with SnowflakeWarehouse(account).session(Duty.LOADER, QueryTag("test")) as session:
            session.run(snowflake_sql.BEGIN)
            session.run(snowflake_sql.TAKE_LOCK)
            held.set()
            release.wait(60)
            session.run(snowflake_sql.ROLLBACK)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    yield release
    release.set()
    holder.join()


def test_a_load_waits_for_another_one_to_commit(loading: Loading, locked: threading.Event) -> None:
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(loading.load, MOVIES)
        time.sleep(1)
        assert not load.done()
        locked.set()
        assert load.result(30).load_id == 2


@pytest.mark.usefixtures("locked")
def test_a_lock_that_is_never_released_ends_in_one_sentence(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake_errors, "LOCK_SECONDS", 1)
    monkeypatch.setattr(snowflake_parameters, "SESSION_PARAMETERS", {**SESSION_PARAMETERS, "LOCK_TIMEOUT": 1})
    sentence = loading.refused(lambda: loading.load(MOVIES), WarehouseError)
    assert "did not release its lock within 1 s" in sentence
    assert "SHOW LOCKS" in sentence


# Who may do what.


def test_a_privilege_missing_at_any_step_is_named_with_the_role_and_changes_nothing(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.allow(0.5)
    loading.load_body(MOVIES, FILM)
    loading.load_body(MOVIES, csv(MOVIES, "2,Up (2009),Family", "x,y,z", "3,Heat (1995),Action"))
    steps = {" ".join(statement.sql.split()[:3]) for statement in snowflake_account.emulator.statements}
    loading.put(MOVIES, csv(MOVIES, "4,Alien (1979),Horror", "x,y,z", "5,Aliens (1986),Horror"))
    before, tried = loading.state(), 0
    for step in sorted(steps):
        # A session may always set its own parameters, begin a transaction and end it.
        if step.startswith(("alter session", "begin", "create table")):
            continue
        pattern = "^" + r"\s+".join(map(re.escape, step.split()))
        with snowflake_account.emulator.refusing(pattern, *DENIED), pytest.raises(WarehouseError) as caught:
            loading.load(MOVIES)
        sentence = str(caught.value)
        said = "does not let role MOVIELENS_LOADER do this (003001 (42501): SQL access control error: Insuff"
        assert said in sentence, step
        assert "infra apply" in sentence
        assert "\n" not in sentence
        tried += 1
    assert loading.state() == before
    assert tried > 10
    assert loading.load(MOVIES).rows_loaded == 2


class Unread(LandingBucket):
    """Is not to be read beyond the first bytes of its objects."""

    def download(self, version: ObjectVersion) -> Iterator[bytes]:
        raise AssertionError(f"{version.key} was read")


def test_a_privilege_that_copy_lacks_is_told_without_reading_the_objects(
    snowflake_account: Account, snowflake: Settings, loading: Loading
) -> None:
    loading.put(MOVIES, FILM)
    loading.bucket = Unread(snowflake)
    with snowflake_account.emulator.refusing("^copy", *DENIED), pytest.raises(SnowflakeError, match="not let role"):
        loading.load(MOVIES)


def test_a_table_that_is_not_there_is_named(loading: Loading) -> None:
    with pytest.raises(
        WarehouseError, match=r"does not show to role MOVIELENS_TRANSFORMER, what a statement names \(.*NO"
    ):
        loading.warehouse.query("select * from mart.no_such_mart")


def test_a_warehouse_that_may_not_be_used_is_named(snowflake_account: Account, loading: Loading) -> None:
    no_warehouse = (606, "57P03", "No active warehouse selected in the current session.")
    words = "warehouse MOVIELENS_LOADING does not exist, role MOVIELENS_LOADER may not use it"
    with snowflake_account.emulator.refusing("^select", *no_warehouse), pytest.raises(SnowflakeError, match=words):
        loading.warehouse.row_count(MOVIES)


def with_key(account: SnowflakeSettings, path: Path, passphrase: str | None = None) -> SnowflakeWarehouse:
    """The account, signed in to with another key."""
    loader = replace(account.users[Duty.LOADER], private_key_path=path, private_key_passphrase=passphrase)
    return SnowflakeWarehouse(replace(account, users={**account.users, Duty.LOADER: loader}), connect_seconds=10)


def refusal(warehouse: SnowflakeWarehouse) -> str:
    with pytest.raises(WarehouseError) as caught:
        warehouse.load_states(MOVIES)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def pem(key: rsa.RSAPrivateKey, passphrase: str | None = None) -> bytes:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_wrong_key_is_named_with_its_user(account: SnowflakeSettings, tmp_path: Path) -> None:
    path = tmp_path / "other.p8"
    path.write_bytes(pem(rsa.generate_private_key(65537, 1024)))
    sentence = refusal(with_key(account, path))
    assert f"refused the key {path} of user MOVIELENS_LOADER: " in sentence
    assert "set RSA_PUBLIC_KEY of that user" in sentence


def test_a_key_with_a_passphrase_works_with_it_and_only_with_it(
    snowflake_account: Account, account: SnowflakeSettings, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(65537, 1024)
    path = tmp_path / "locked.p8"
    path.write_bytes(pem(key, "correct horse"))
    loader = replace(account.users[Duty.LOADER], user="ANOTHER_LOADER", private_key_path=path)
    snowflake_account.emulator.register(loader.user, key.public_key())

    def warehouse(passphrase: str | None) -> SnowflakeWarehouse:
        user = replace(loader, private_key_passphrase=passphrase)
        return SnowflakeWarehouse(replace(account, users={**account.users, Duty.LOADER: user}))

    assert warehouse("correct horse").load_states(MOVIES) == {}
    assert "has a passphrase, and none is set; set NETFLIX_SNOWFLAKE_LOADER_PRIVATE_KEY_PASSPHRASE" in refusal(
        warehouse(None)
    )
    sentence = refusal(warehouse("wrong battery"))
    assert "the passphrase is wrong or it is no PEM file" in sentence
    assert "battery" not in sentence


def test_a_passphrase_of_a_key_that_has_none_is_one_too_many(
    snowflake_account: Account, account: SnowflakeSettings
) -> None:
    sentence = refusal(with_key(account, snowflake_account.key_path, "unneeded"))
    assert "has no passphrase, but one is set; unset NETFLIX_SNOWFLAKE_LOADER_PRIVATE_KEY_PASSPHRASE" in sentence
    assert "unneeded" not in sentence


def test_a_key_that_is_missing_or_no_key_is_named(account: SnowflakeSettings, tmp_path: Path) -> None:
    assert "none.p8 of Snowflake user MOVIELENS_LOADER cannot be read (No such file" in refusal(
        with_key(account, tmp_path / "none.p8")
    )
    (tmp_path / "text.p8").write_text("ssh-rsa AAAA")
    assert "it is no PEM file of a private key" in refusal(with_key(account, tmp_path / "text.p8"))


def test_an_account_that_cannot_be_reached_is_given_up_in_time(account: SnowflakeSettings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    sentence = refusal(SnowflakeWarehouse(replace(account, port=port), connect_seconds=2))
    assert f"myorg-emulated at 127.0.0.1:{port} could not be reached within 2 s; check NETFLIX_SNOWFLAKE" in sentence
    assert time.monotonic() - started < 30

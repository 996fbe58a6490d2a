"""The emulator does what the README says of it: like Snowflake where the project relies on it, or a refusal."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.snowflake_connection import QueryTag, Session, close_sessions, session
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.loading.snowflake_sql import CREATE_LINES, Numbered, copy_lines
from netflix_assets.settings import Duty, Settings
from netflix_assets_tests.emulator.versions import UnfitEmulator, refuse_other_versions

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account


@pytest.fixture
def database(snowflake_account: Account, s3: Settings) -> Iterator[Settings]:
    with snowflake_account.database(s3, f"TEST_{uuid.uuid4().hex.upper()}") as settings:
        yield settings


@contextmanager
def signed_in(settings: Settings) -> Iterator[Session]:
    """A session that ends with the block."""
    assert settings.snowflake is not None
    user = settings.snowflake.users[Duty.LOADER]
    with session(settings.snowflake, user, QueryTag("test"), connect_seconds=10) as opened:
        yield opened
    close_sessions()


@pytest.fixture
def opened(database: Settings) -> Iterator[Session]:
    with signed_in(database) as opened:
        yield opened


def copied(opened: Session, bucket: LandingBucket, body: bytes, key: str = "raw/x.csv") -> list[tuple[Any, ...]]:
    """The lines of an object as COPY lands them."""
    bucket.put(key, io.BytesIO(body))
    (version,) = bucket.versions(key)
    opened.run(CREATE_LINES)
    (statement,) = copy_lines("raw.landing", [Numbered(0, None, version, key)])
    (result,) = opened.run(statement).records()
    assert (result["status"], result["rows_loaded"]) == ("LOADED", result["rows_parsed"])
    return opened.run("select object_key, line_number, line from load_lines order by line_number").rows


def test_copy_lands_every_line_as_it_is_with_key_and_number(opened: Session, bucket: LandingBucket) -> None:
    rows = copied(opened, bucket, b'\xef\xbb\xbfa,"b\r\n\n  x \\N\xe9,\nlast')
    assert rows == [
        ("raw/x.csv", 1, 'a,"b\r'),
        ("raw/x.csv", 2, ""),
        ("raw/x.csv", 3, "  x \\N\N{REPLACEMENT CHARACTER},"),
        ("raw/x.csv", 4, "last"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("skip_header = 0", "skip_header = 1"), "SKIP_HEADER = '1'"),
        (("field_delimiter = none", "field_delimiter = ','"), "FIELD_DELIMITER = ','"),
        (("trim_space = false ", ""), "needs these file format options said: TRIM_SPACE"),
        (("trim_space = false", "multi_line = false trim_space = false"), "MULTI_LINE"),
        (("abort_statement", "continue"), "only knows ON_ERROR"),
        (("force = true", "force = true purge = true"), "needs FILES, FILE_FORMAT"),
        (("$1", "$2"), "cannot select"),
        (("raw/x.csv", "raw/none.csv"), "was not found"),
    ],
)
def test_copy_refuses_what_it_does_not_emulate(
    opened: Session, bucket: LandingBucket, change: tuple[str, str], words: str
) -> None:
    bucket.put("raw/x.csv", io.BytesIO(b"a\n"))
    (version,) = bucket.versions()
    opened.run(CREATE_LINES)
    (statement,) = copy_lines("raw.landing", [Numbered(0, None, version, version.key)])
    assert change[0] in statement
    with pytest.raises(SnowflakeError, match=words):
        opened.run(statement.replace(*change))
    assert opened.run("select count(*) from load_lines").rows == [(0,)]


def test_temporary_tables_are_the_sessions_own_and_end_with_it(database: Settings) -> None:
    with signed_in(database) as one, signed_in(database) as other:
        one.run("create temporary table mine as select 1 as x")
        with pytest.raises(SnowflakeError):
            other.run("select * from mine")
    with signed_in(database) as later, pytest.raises(SnowflakeError):
        later.run("select * from mine")


def test_a_session_that_ends_rolls_back_and_ddl_commits(database: Settings) -> None:
    with signed_in(database) as opened:
        opened.run("create table raw.t (x integer)")
        opened.run("begin transaction")
        opened.run("insert into raw.t values (1)")
        opened.run("create table raw.u (x integer)")
        opened.run("begin transaction")
        opened.run("insert into raw.t values (2)")
    with signed_in(database) as opened:
        assert opened.run("select x from raw.t").rows == [(1,)]


def test_a_transaction_waits_for_the_lock_of_another(database: Settings) -> None:
    def count_up() -> None:
        with signed_in(database) as opened:
            opened.run("begin transaction")
            opened.run("update raw.n set x = x + 1")
            opened.run("commit")

    with signed_in(database) as opened:
        opened.run("create table raw.n as select 0::integer as x")
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(count_up) for _ in range(8)]:
                done.result()
        assert opened.run("select x from raw.n").rows == [(8,)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("null::timestamp_ntz", None),
        ("'2020-01-02 03:04:05.678'::timestamp_ntz", dt.datetime(2020, 1, 2, 3, 4, 5, 678000)),
        ("trim(' \tx\t ', ' ' || chr(9))", "x"),
        ("octet_length('é')", 2),
        ("date_trunc('month', '2020-05-06 07:08:09'::timestamp_ntz)::date", dt.date(2020, 5, 1)),
        ('regexp_substr(\'a,"b,""c"\', \'^([^,]*),("[^"]*(""[^"]*)*")$\', 1, 1, \'e\', 2)', '"b,""c"'),
        ("(select hash_agg(x) from values (1), (2) as t(x)) = (select hash_agg(x) from values (2), (1) as t(x))", True),
        ("'it''s a \\\\ back\\nslash'", "it's a \\ back\nslash"),
    ],
)
def test_an_expression_has_snowflakes_value(opened: Session, expression: str, value: object) -> None:
    assert opened.run(f"select {expression}").rows == [(value,)]


def test_information_schema_lists_tables_and_views(opened: Session) -> None:
    opened.run("create table raw.t (x integer)")
    opened.run("create view raw.v as select x from raw.t")
    rows = opened.run("select table_name, table_type from information_schema.tables order by 1").rows
    assert rows == [("T", "BASE TABLE"), ("V", "VIEW")]


def test_privileges_are_neither_given_nor_held(opened: Session) -> None:
    opened.run("create table raw.t (x integer)")
    opened.run("grant select on table raw.t to role movielens_reporter")
    answer = opened.run("show grants on table raw.t")
    assert answer.rows == []
    assert {"privilege", "grantee_name", "granted_to"} <= set(answer.columns)


def test_statements_are_recorded_with_tag_and_user(snowflake_account: Account, opened: Session) -> None:
    snowflake_account.emulator.forget()
    opened.run("select 1")
    opened.run("alter session set query_tag = 'it''s another'")
    opened.run("select 2")
    recorded = snowflake_account.emulator.statements
    assert [(statement.tag, statement.user) for statement in recorded] == [
        (str(QueryTag("test")), "MOVIELENS_LOADER"),
        (str(QueryTag("test")), "MOVIELENS_LOADER"),
        ("it's another", "MOVIELENS_LOADER"),
    ]
    assert opened.run("show parameters like 'query_tag' in session").records()[0]["value"] == "it's another"


def test_what_is_wrong_is_an_error_at_once_and_the_session_goes_on(opened: Session) -> None:
    for nonsense in ("select * from no_such_table", "make it so", "select 1 +", "select get_stage_location(@raw.none)"):
        with pytest.raises(SnowflakeError):
            opened.run(nonsense)
    assert opened.run("select 1").rows == [(1,)]


def test_a_user_that_nobody_registered_may_not_sign_in(database: Settings) -> None:
    assert database.snowflake is not None
    stranger = replace(database.snowflake.users[Duty.LOADER], user="STRANGER")
    users = {**database.snowflake.users, Duty.LOADER: stranger}
    with (
        pytest.raises(Exception, match="refused the key"),
        signed_in(replace(database, snowflake=replace(database.snowflake, users=users))),
    ):
        pass


@pytest.mark.usefixtures("snowflake_account")
def test_other_versions_than_the_patches_are_for_are_refused_by_name() -> None:
    refuse_other_versions()
    with pytest.raises(UnfitEmulator) as caught:
        refuse_other_versions({"fakesnow": "0.0.1", "no-such-package": "2"})
    assert "fakesnow is 0.12.1, not 0.0.1; no-such-package 2 is not installed; run `make setup`" in str(caught.value)

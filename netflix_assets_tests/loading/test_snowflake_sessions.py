"""Limits, parameters and refusals of sessions, whatever the load: what the account has set, and what it says."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from snowflake.connector.cursor import SnowflakeCursor

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import LoadError, WarehouseError
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.loading import snowflake_sql
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.loading.snowflake_parameters import LOCK_SECONDS, session_parameters
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.settings import Duty, Settings, SnowflakeSettings
from netflix_assets_tests.loading.harness import MONTH, MOVIES, NEXT_MONTH, RATINGS, Loading, csv, ratings

if TYPE_CHECKING:
    from netflix_assets_tests.emulator.account import Account

FILM = csv(MOVIES, "1,Heat (1995),Action")
CANCELLED = "57014"


@pytest.fixture
def loading(snowflake: Settings, on_snowflake: Loading) -> Loading:
    return on_snowflake


@pytest.fixture
def account(snowflake: Settings) -> SnowflakeSettings:
    assert snowflake.snowflake is not None
    return snowflake.snowflake


# Limits.


def test_the_client_outlasts_a_statement_and_a_statement_the_wait_for_a_lock(
    account: SnowflakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    execute = SnowflakeCursor.execute

    def noting(cursor: SnowflakeCursor, sql: str, **named: Any) -> Any:
        given.append(named["timeout"])
        return execute(cursor, sql, **named)

    monkeypatch.setattr(SnowflakeCursor, "execute", noting)
    longer = replace(account, statement_seconds=7200)
    with SnowflakeWarehouse(longer).session(Duty.LOADER, QueryTag("test")) as opened:
        client = opened._connection
        server = {row["key"]: row["value"] for row in opened.run("show parameters in session").records()}
    statement, queued = server["STATEMENT_TIMEOUT_IN_SECONDS"], server["STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"]
    assert int(statement) == 7200
    assert given[-1] > int(statement) + int(queued)
    assert int(statement) > int(server["LOCK_TIMEOUT"]) == LOCK_SECONDS
    # Snowflake ends a dead client's transaction when it has blocked another for five minutes.
    assert LOCK_SECONDS > 300
    assert client.socket_timeout == 60
    assert client.login_timeout == client.network_timeout == 60


def test_a_statement_of_twenty_minutes_lives(snowflake_account: Account, loading: Loading) -> None:
    with snowflake_account.emulator.taking("^(copy|create temporary|insert)", 1200):
        assert loading.load_body(MOVIES, FILM).rows_loaded == 1


def test_a_statement_beyond_its_limit_is_named_with_the_setting(
    snowflake_account: Account, account: SnowflakeSettings, loading: Loading
) -> None:
    loading.put(MOVIES, FILM)
    loading.warehouse = SnowflakeWarehouse(replace(account, statement_seconds=700))
    with snowflake_account.emulator.taking("^copy", 1200):
        sentence = loading.refused(lambda: loading.load(MOVIES), WarehouseError)
    assert "longer on Snowflake warehouse MOVIELENS_LOADING than it may" in sentence
    assert "raise NETFLIX_SNOWFLAKE_STATEMENT_SECONDS" in sentence


# Parameters.


def test_no_parameter_of_the_account_decides_how_a_load_ends(snowflake_account: Account, loading: Loading) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    loading.put(RATINGS, csv(RATINGS, *ratings(2, month=NEXT_MONTH), "1,1,9,1"), NEXT_MONTH)
    loading.allow(0.5)
    with (
        snowflake_account.emulator.account_parameters(
            LOCK_TIMEOUT="1",
            QUOTED_IDENTIFIERS_IGNORE_CASE="true",
            ROWS_PER_RESULTSET="1",
            STATEMENT_TIMEOUT_IN_SECONDS="30",
            TRANSACTION_ABORT_ON_ERROR="false",
        ),
        snowflake_account.emulator.taking("^copy", 60),
    ):
        report = loading.load(RATINGS)
        held = loading.warehouse.load_states(RATINGS)
    assert (report.rows_loaded, report.rows_rejected, len(held)) == (5, 1, 2)


def test_every_session_sets_every_parameter(account: SnowflakeSettings) -> None:
    for duty in (Duty.LOADER, Duty.TRANSFORMER):
        with SnowflakeWarehouse(account).session(duty, QueryTag("test")) as opened:
            shown = {row["key"]: row["value"] for row in opened.run("show parameters in session").records()}
        wanted = session_parameters(account.statement_seconds)
        assert {name: shown[name] for name in wanted} == {
            name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in wanted.items()
        }


# What a COPY may fail of.


class Unread(LandingBucket):
    """Is not to be read beyond the first bytes of its objects."""

    def download(self, version: ObjectVersion) -> Iterator[bytes]:
        raise AssertionError(f"{version.key} was read")


@pytest.mark.parametrize(
    ("number", "state", "text", "words"),
    [
        (604, CANCELLED, "SQL execution canceled", "somebody or something cancelled a statement"),
        (630, CANCELLED, "Statement reached its statement or warehouse timeout of 3600 second(s)", "longer on Snow"),
        (
            90073,
            "22000",
            "Warehouse 'W' cannot be resumed because resource monitor 'M' has exceeded its quota.",
            "used up the month's credits .* raise NETFLIX_SNOWFLAKE_MONTHLY_CREDITS",
        ),
        (606, "57P03", "No active warehouse selected in the current session.", "does not resume by itself"),
        (603, "XX000", "SQL execution internal error", "refused a statement"),
        (390111, "08001", "Session no longer exists. New login required to access the service.", "ended the session"),
        (1, CANCELLED, "Statement has been aborted: its lock was not released in time", "did not release its lock"),
    ],
)
def test_what_is_not_of_the_data_is_told_without_reading_the_objects_and_may_be_tried_again(
    snowflake_account: Account, snowflake: Settings, loading: Loading, number: int, state: str, text: str, words: str
) -> None:
    loading.put(MOVIES, FILM)
    loading.bucket = Unread(snowflake)
    with snowflake_account.emulator.refusing("^copy", number, state, text), pytest.raises(SnowflakeError, match=words):
        loading.load(MOVIES)
    assert loading.load(MOVIES).rows_loaded == 1


@pytest.mark.parametrize("number", [100038, 100078, 100144])
def test_what_is_of_the_data_is_looked_for_in_the_objects(
    snowflake_account: Account, snowflake: Settings, loading: Loading, number: int
) -> None:
    loading.put(MOVIES, FILM)
    loading.bucket = Unread(snowflake)
    with (
        snowflake_account.emulator.refusing("^copy", number, "22000", "String cannot be read"),
        pytest.raises(AssertionError, match="was read"),
    ):
        loading.load(MOVIES)


END_OF_RECORD = (100069, "22000", 'End of record reached while expected to parse column \'"LINES"["$1":1]\'')


def test_a_copy_that_takes_blank_lines_for_a_fault_is_made_without_them_and_says_so(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.put(MOVIES, FILM + b"\n\r\n" + b"2,Up (2009),Family\n")
    with snowflake_account.emulator.refusing("^copy.* skip_blank_lines = false", *END_OF_RECORD):
        report = loading.load(MOVIES)
    assert report.rows_loaded == 2
    (note,) = report.notes
    assert "End of record reached" in note
    assert "copied again without their blank lines; the numbers of lines behind such a line may be too small" in note
    assert loading.load(MOVIES).notes == []


def test_a_copy_that_is_refused_without_blank_lines_too_changes_nothing(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.put(MOVIES, FILM)

    def load() -> None:
        with snowflake_account.emulator.refusing("^copy", *END_OF_RECORD):
            loading.load(MOVIES)

    assert loading.refused(load, LoadError).endswith("; nothing was changed")
    copies = [one.sql for one in snowflake_account.emulator.statements if one.sql.startswith("copy")]
    assert ["skip_blank_lines = true" in sql for sql in copies][-2:] == [False, True]


def test_a_copy_of_no_file_is_refused(loading: Loading, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = "select 'Copy executed with 0 files processed.' as status"
    monkeypatch.setattr(snowflake_sql, "copy_lines", lambda *_, **__: [nothing])
    loading.put(MOVIES, FILM)
    sentence = loading.refused(lambda: loading.load(MOVIES), LoadError)
    assert sentence.startswith("Snowflake copied 0 of 1 objects as a whole, so nothing was changed")


def test_a_session_that_an_administrator_ends_in_mid_swap_changes_nothing(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.load_body(MOVIES, FILM)
    before = loading.state()
    loading.put(MOVIES, csv(MOVIES, "2,Up (2009),Family"))
    gone = (390111, "08001", "Session no longer exists. New login required to access the service.")
    with (
        snowflake_account.emulator.refusing("^(insert into raw.raw_|rollback)", *gone),
        pytest.raises(WarehouseError, match=r"ended the session of user MOVIELENS_LOADER .*; try again"),
    ):
        loading.load(MOVIES)
    assert loading.state() == before


# Who may not sign in.


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("394301", "JWT token is expired.", "the clock of this machine is wrong"),
        ("390144", "JWT token is invalid.", r"the key is another's or was replaced; .*keys --show loader"),
        ("390189", "Role 'MOVIELENS_LOADER' specified is not granted", r"set NETFLIX_SNOWFLAKE_LOADER_ROLE"),
        ("390422", "Incoming request with IP/Token 1.2.3.4 is not allowed", "add this machine's address"),
        ("390101", "User access disabled. Contact your local system administrator.", "is disabled or locked"),
        (
            "394507",
            "Multi-factor authentication is required for this account. Log in to Snowsight to enroll.",
            "set type = service",
        ),
        (
            "390202",
            "Authentication attempt rejected by the current authentication policy.",
            "a policy that allows KEYPAIR",
        ),
        ("390999", "Something else.", r"did not let user MOVIELENS_LOADER sign in with role .*Something else"),
    ],
)
def test_a_refused_sign_in_is_one_sentence(
    snowflake_account: Account, account: SnowflakeSettings, code: str, message: str, words: str
) -> None:
    warehouse = SnowflakeWarehouse(account, connect_seconds=5)
    with (
        snowflake_account.emulator.refusing_sign_in(code, message),
        pytest.raises(WarehouseError, match=words) as caught,
    ):
        warehouse.row_count(MOVIES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_of_another_region_or_form_of_name_is_one_sentence(
    snowflake_account: Account, account: SnowflakeSettings, status: int
) -> None:
    words = r"there is no Snowflake account myorg-emulated at its address .* or in the older form to locator.region"
    with (
        snowflake_account.emulator.refusing_sign_in("", "", status=status),
        pytest.raises(WarehouseError, match=words),
    ):
        SnowflakeWarehouse(account, connect_seconds=5).row_count(MOVIES)


# What is asked, and what it wakes.


def test_a_process_signs_in_once_however_much_it_loads_and_asks(snowflake_account: Account, loading: Loading) -> None:
    emulator, warehouse = snowflake_account.emulator, loading.warehouse
    for body in (FILM, csv(MOVIES, "2,Up (2009),Family")):
        emulator.forget()
        warehouse.load_states(MOVIES)
        loading.load_body(MOVIES, body)
        assert (warehouse.row_count(MOVIES), len(warehouse.load_states(MOVIES))) == (1, 1)
        assert {statement.sql: statement.tag for statement in emulator.statements}[snowflake_sql.COMMIT] == json.dumps(
            {"asset": "raw/raw_movies", "partition": None, "run_id": "run-1"}
        )
        assert json.loads(emulator.statements[-1].tag)["run_id"] is None
    assert emulator.sign_ins == []
    # A refusal of data leaves the session as good as new.
    loading.put(MOVIES, csv(MOVIES, "x,y,z"))
    loading.refused(lambda: loading.load(MOVIES), LoadError)
    assert warehouse.row_count(MOVIES) == 1
    assert emulator.sign_ins == []


def test_two_at_once_have_a_session_each_and_the_next_one_of_these(
    snowflake_account: Account, account: SnowflakeSettings
) -> None:
    warehouse, tag = SnowflakeWarehouse(account), QueryTag("test")
    with warehouse.session(Duty.LOADER, tag) as one, warehouse.session(Duty.LOADER, tag) as other:
        one.run("create temporary table mine as select 1 as x")
        with pytest.raises(SnowflakeError, match="does not hold"):
            other.run("select * from mine")
    with warehouse.session(Duty.LOADER, tag):
        assert len(snowflake_account.emulator.sign_ins) == 2


def test_a_session_that_snowflake_ended_while_nobody_used_it_is_opened_anew(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.load_body(MOVIES, FILM)
    snowflake_account.emulator.end_sessions()
    assert loading.load(MOVIES).rows_loaded == 1
    assert snowflake_account.emulator.sign_ins == ["MOVIELENS_LOADER"] * 2


class Relay:
    """A way to a port, until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        for end in (self._listening, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)


def test_an_account_that_went_out_of_reach_is_given_up_as_soon_by_a_process_that_has_a_session(
    account: SnowflakeSettings,
) -> None:
    """A statement may take hours, so that who waits for the answer to one would wait for as long."""
    relay = Relay(account.port)
    warehouse = SnowflakeWarehouse(replace(account, port=relay.port), connect_seconds=2)
    assert warehouse.row_count(MOVIES) == 0
    relay.cut()
    started = time.monotonic()
    with pytest.raises(WarehouseError, match="could not be reached within 2 s"):
        warehouse.row_count(MOVIES)
    assert time.monotonic() - started < 60


def test_a_block_that_ends_by_what_nobody_foresaw_leaves_no_transaction_to_the_next(
    snowflake_account: Account, account: SnowflakeSettings, loading: Loading
) -> None:
    loading.load_body(MOVIES, FILM)
    with (
        pytest.raises(ZeroDivisionError),
        SnowflakeWarehouse(account).session(Duty.LOADER, QueryTag("test")) as opened,
    ):
        opened.run(snowflake_sql.BEGIN)
        opened.run(snowflake_sql.TAKE_LOCK)
        opened.run(snowflake_sql.delete_partitions(MOVIES, loading.observed(MOVIES)))
        raise ZeroDivisionError
    assert loading.warehouse.row_count(MOVIES) == 1
    assert loading.load(MOVIES).rows_loaded == 1
    assert snowflake_account.emulator.sign_ins == ["MOVIELENS_LOADER"] * 2


def test_an_arrival_asks_once_by_what_wakes_no_warehouse_or_the_one_that_is_awake(
    snowflake_account: Account, loading: Loading
) -> None:
    loading.load_body(MOVIES, FILM)
    loading.load_body(RATINGS, csv(RATINGS, *ratings(3)))
    snowflake_account.emulator.forget()
    holdings = loading.warehouse.holdings(RAW_FILES)
    again = loading.warehouse.holdings(RAW_FILES)
    assert snowflake_account.emulator.sign_ins == ["MOVIELENS_TRANSFORMER"]
    shown, asked = (statement.sql for statement in snowflake_account.emulator.statements[:2])
    assert shown.startswith("show terse objects in database ")
    assert asked.startswith("select table_name, month, load_id")
    # The same text and role: Snowflake answers the second with the result of the first.
    tagged, *second = snowflake_account.emulator.statements[2:]
    assert tagged.sql.startswith("alter session set query_tag = ")
    assert second == snowflake_account.emulator.statements[:2]
    assert {statement.user for statement in snowflake_account.emulator.statements} == {"MOVIELENS_TRANSFORMER"}
    assert again == holdings
    assert [name for name, state in holdings.states.items() if state] == ["movies", "ratings"]
    assert {("raw", "raw_movies"), ("raw", "load_history")} <= set(holdings.relations)
    assert "information_schema" not in {schema for schema, _ in holdings.relations}


def test_a_load_that_waited_for_another_takes_the_number_after_it(account: SnowflakeSettings, loading: Loading) -> None:
    """By the letter of READ COMMITTED the waiting UPDATE may have added to what it saw before the other's commit."""
    loading.load_body(MOVIES, FILM)
    loading.load(MOVIES)
    with SnowflakeWarehouse(account).session(Duty.LOADER, QueryTag("test")) as opened:
        opened.run("update raw.load_lock set load_id = 1")
    assert loading.load(MOVIES).load_id == 3

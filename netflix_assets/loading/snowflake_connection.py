"""Sessions with Snowflake: who asks, what every statement is tagged with, and what went wrong, in one sentence.

A sign-in takes a second, a step asks several times, and a run has many steps. So who is done with a session leaves it
to the next of the same process and user; the process ends it. Knows nothing of loads.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from netflix_assets.errors import UserError
from netflix_assets.loading.snowflake_errors import refused_statement
from netflix_assets.loading.snowflake_parameters import as_sql, client_seconds, session_parameters
from netflix_assets.loading.snowflake_sign_in import sign_in
from netflix_assets.settings import ServiceUser, SnowflakeSettings


@dataclass(frozen=True)
class QueryTag:
    """What a statement is run for; Snowflake's query history keeps it, and cost is attributed by it.

    Attributes:
        asset: Asset key, its parts joined by /.
        partition: Partition key, or first and last key as `first...last`.
        run_id: The Dagster run.
    """

    asset: str
    partition: str | None = None
    run_id: str | None = None

    def __str__(self) -> str:
        """The tag as it is set: JSON."""
        return json.dumps({"asset": self.asset, "partition": self.partition, "run_id": self.run_id})


@dataclass(frozen=True)
class Answer:
    """What a statement came to.

    Attributes:
        rows: Rows in the order of the columns.
        columns: Names of these, in lower case.
        affected: Rows inserted, deleted or updated.
        query_id: Its number in Snowflake's query history.
    """

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]
    affected: int
    query_id: str

    def records(self) -> list[dict[str, Any]]:
        """Rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Session:
    """An open session, of one borrower at a time; every statement in it carries the same QUERY_TAG.

    Attributes:
        is_sound: No statement was refused but for what is not there, so that nobody need ask what was left of it.
    """

    def __init__(self, connection: Any, settings: SnowflakeSettings, user: ServiceUser) -> None:
        self._connection = connection
        self._settings = settings
        self._user = user
        self.is_sound = True

    def run(self, sql: str) -> Answer:
        """Run one statement.

        Raises:
            SnowflakeError: Snowflake refuses it; the text says why and what to do.
        """
        from snowflake.connector.errors import Error

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, timeout=client_seconds(self._settings.statement_seconds))
                rows = cursor.fetchall()
                columns = tuple(column.name.lower() for column in cursor.description)
                return Answer(rows, columns, cursor.rowcount or 0, cursor.sfqid or "")
        except Error as error:
            refused = refused_statement(error, self._settings, self._user)
            self.is_sound = self.is_sound and refused.is_missing_object
            raise refused from error


_Key = tuple[Hashable, ...]
_idle: dict[_Key, list[Any]] = defaultdict(list)
"""The connections that nobody uses, by all that they are made of; those of a process before a fork are not ours."""
_of_idle = threading.Lock()


@contextmanager
def session(
    settings: SnowflakeSettings, user: ServiceUser, tag: QueryTag, *, connect_seconds: int
) -> Iterator[Session]:
    """Lend a session for the block: one that an earlier block left, or a new one.

    It is left to the next block unless a statement was refused or something unforeseen happened, and so never within a
    transaction that was not rolled back. Temporary tables stay until it ends, or the next block replaces them.

    Args:
        settings: The account.
        user: Who signs in.
        tag: What the statements are for.
        connect_seconds: How long the client tries to reach the account, waiting longer each time, before this gives up.

    Raises:
        WarehouseError: The key cannot be read or is refused, or the account cannot be reached.
    """
    parameters = session_parameters(settings.statement_seconds)
    where = (settings.account, settings.host, settings.port, settings.protocol, settings.database)
    key = (os.getpid(), *where, user, *parameters.values())
    tagged = {"QUERY_TAG": str(tag)}
    connection = _left(key, as_sql(tagged), connect_seconds) or sign_in(
        settings, user, {**parameters, **tagged}, connect_seconds=connect_seconds
    )
    opened, is_to_be_left = Session(connection, settings, user), False
    try:
        yield opened
        is_to_be_left = opened.is_sound
    except UserError:
        is_to_be_left = opened.is_sound
        raise
    finally:
        if is_to_be_left:
            with _of_idle:
                _idle[key].append(connection)
        else:
            _close(connection)


def _left(key: _Key, tag: str, seconds: int) -> Any:
    """Return a connection that was left and still answers, tagged anew; None if there is none."""
    while connection := _taken(key):
        from snowflake.connector.errors import Error

        try:
            with connection.cursor() as cursor:
                # Snowflake may have ended it, or be out of reach by now: a session of a server may be hours old.
                cursor.execute(f"alter session set {tag}", timeout=seconds)
            return connection
        except Error:
            _close(connection)
    return None


def _taken(key: _Key) -> Any:
    with _of_idle:
        return _idle[key].pop() if _idle[key] else None


def close_sessions() -> None:
    """End the sessions that this process has left."""
    with _of_idle:
        ours = [key for key in _idle if key[0] == os.getpid()]
        connections = [connection for key in ours for connection in _idle.pop(key)]
    for connection in connections:
        _close(connection)


def _close(connection: Any) -> None:
    # Once: where the account cannot be reached, Snowflake ends the session itself.
    connection.close(retry=False)


atexit.register(close_sessions)

"""An administrator's connection to the account.

How an administrator signs in is no setting of ours: it is a connection of Snowflake's `connections.toml`, which
every tool of Snowflake reads (browser, key pair, token ...). Service users sign in by `snowflake_connection`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from netflix_assets.errors import InfraError
from netflix_assets.loading.snowflake_parameters import session_parameters
from netflix_assets.settings import SnowflakeSettings

if TYPE_CHECKING:
    from snowflake.connector.errors import Error

_DOES_NOT_EXIST = {2003, 2043}
_ACCOUNT = (
    "select current_organization_name() as organization, current_account_name() as name, current_account() as locator"
)


class Connection(Protocol):
    """What is used of a connection to Snowflake."""

    def cursor(self, cursor_class: Any = ...) -> Any:
        """A cursor; with `DictCursor` its rows are mappings."""
        ...


class Refused(InfraError):
    """Snowflake refused a statement.

    Attributes:
        missing: What it is about does not exist, or may not be seen.
    """

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@contextmanager
def admin_connection(name: str, snowflake_settings: SnowflakeSettings) -> Iterator[Connection]:
    """The connection of this name in `connections.toml`.

    Raises:
        InfraError: There is none, it cannot be opened, or it leads to another account than the settings name.
    """
    with open_connection(name, snowflake_settings.statement_seconds) as connection:
        refuse_another_account(connection, snowflake_settings.account)
        yield connection


@contextmanager
def open_connection(name: str, statement_seconds: int = 3600) -> Iterator[Connection]:
    """The connection of this name in `connections.toml`, wherever it leads, with the parameters of our sessions.

    An administrator's own must not decide what a statement makes, such as a quoted name's case.

    Raises:
        InfraError: There is none, or it cannot be opened.
    """
    connector = _connector()
    try:
        connection = connector.connect(connection_name=name, session_parameters=session_parameters(statement_seconds))
    except connector.Error as error:
        raise InfraError(
            f"connection {name!r} of Snowflake's connections.toml cannot be opened ({one_line(error)}); "
            "`--connection` takes the name of a section of that file"
        ) from error
    with closing(connection):
        yield connection


def _connector() -> ModuleType:
    """Snowflake's client, imported when first used: it takes a second, which showing the assets need not."""
    with warnings.catch_warnings():
        # It carries a copy of requests that warns of packages which it was not told of.
        warnings.filterwarnings("ignore", message="urllib3 .* doesn't match a supported version")
        import snowflake.connector
    return snowflake.connector


def refuse_another_account(connection: Connection, account: str) -> None:
    """Make sure that the connection leads to the account of the settings.

    Raises:
        InfraError: It leads to another.
    """
    (found,) = rows(connection, _ACCOUNT)
    name = f"{found['ORGANIZATION']}-{found['NAME']}"
    wanted = account.upper().replace("_", "-")
    if wanted not in (name.upper().replace("_", "-"), str(found["LOCATOR"]).upper()) and not wanted.startswith(
        f"{found['LOCATOR']}.".upper()
    ):
        raise InfraError(
            f"the connection leads to account {name}, but NETFLIX_SNOWFLAKE_ACCOUNT is {account!r}; "
            "name the connection of that account, or correct the setting"
        )


def execute(connection: Connection, sql: str) -> None:
    """Run a statement.

    Raises:
        Refused: Snowflake would not.
    """
    rows(connection, sql)


def rows(connection: Connection, sql: str) -> list[dict[str, Any]]:
    """Rows of a statement, by column name as Snowflake spells it.

    Raises:
        Refused: Snowflake would not run it.
    """
    connector = _connector()
    try:
        with closing(connection.cursor(connector.DictCursor)) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    except connector.Error as error:
        raise Refused(one_line(error), missing=error.errno in _DOES_NOT_EXIST) from error


def one_line(error: Error) -> str:
    """What Snowflake said, on one line."""
    return " ".join(str(error.msg or error).split())

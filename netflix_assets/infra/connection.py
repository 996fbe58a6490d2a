"""Connections for work around the pipeline: an administrator's, and a service user's in a role of its own.

How an administrator signs in is no setting of ours: it is a connection of Snowflake's `connections.toml`, which
every tool of Snowflake reads (browser, key pair, token ...). Loads and dbt have connections of their own.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from netflix_assets.errors import InfraError
from netflix_assets.settings import ServiceUser, SnowflakeSettings

if TYPE_CHECKING:
    from snowflake.connector.errors import Error

_DOES_NOT_EXIST = {2003, 2043}
_ACCESS_DENIED = {*_DOES_NOT_EXIST, 2037, 3001}
"""Snowflake does not tell what may not be seen from what does not exist; 2037 is this inside a view."""
_LOGIN_SECONDS = 60
_NETWORK_SECONDS = 300
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
        number: Snowflake's number of the error.
    """

    def __init__(self, message: str, number: int | None = None) -> None:
        super().__init__(message)
        self.number = number

    @property
    def missing(self) -> bool:
        """Whether what the statement is about does not exist, or may not be seen."""
        return self.number in _DOES_NOT_EXIST

    @property
    def denied(self) -> bool:
        """Whether the role lacks a privilege, as far as Snowflake tells."""
        return self.number in _ACCESS_DENIED


@contextmanager
def admin_connection(name: str, snowflake_settings: SnowflakeSettings) -> Iterator[Connection]:
    """The connection of this name in `connections.toml`.

    Raises:
        InfraError: There is none, it cannot be opened, or it leads to another account than the settings name.
    """
    connector = _connector()
    try:
        connection = connector.connect(connection_name=name)
    except connector.Error as error:
        raise InfraError(
            f"connection {name!r} of Snowflake's connections.toml cannot be opened ({one_line(error)}); "
            "`--connection` takes the name of a section of that file"
        ) from error
    with closing(connection):
        refuse_another_account(connection, snowflake_settings.account)
        yield connection


@contextmanager
def service_connection(
    settings: SnowflakeSettings, user: ServiceUser, role: str, tag: Mapping[str, str | None]
) -> Iterator[Connection]:
    """A service user signed in with its key pair, in a role that it has.

    Args:
        settings: The account.
        user: Who.
        role: The role; the user's own or another that it was granted.
        tag: What the statements are for: `asset`, `partition`, `run_id`; the query history keeps it.

    Raises:
        InfraError: The account cannot be reached, or lets the user not in.
    """
    connector = _connector()
    address = {"host": settings.host, "port": settings.port, "protocol": settings.protocol} if settings.host else {}
    try:
        connection = connector.connect(
            account=settings.account,
            user=user.user,
            private_key_file=str(user.private_key_path),
            private_key_file_pwd=user.private_key_passphrase,
            role=role,
            warehouse=user.warehouse,
            login_timeout=_LOGIN_SECONDS,
            network_timeout=_NETWORK_SECONDS,
            session_parameters={"QUERY_TAG": json.dumps(tag), "TIMEZONE": "UTC"},
            **address,
        )
    except (connector.Error, OSError, ValueError, TypeError) as error:
        said = one_line(error) if isinstance(error, connector.Error) else str(error)
        raise InfraError(
            f"user {user.user} cannot sign in to Snowflake account {settings.account} as {role} ({said}); check "
            f"NETFLIX_SNOWFLAKE_ACCOUNT and NETFLIX_SNOWFLAKE_{user.duty.name}_PRIVATE_KEY_PATH, and that the scripts "
            "have been applied"
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
        raise Refused(one_line(error), error.errno) from error


def one_line(error: Error) -> str:
    """What Snowflake said, on one line."""
    return " ".join(str(error.msg or error).split())

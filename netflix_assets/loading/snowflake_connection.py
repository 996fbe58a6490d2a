"""Sessions with Snowflake: who signs in, what every statement is tagged with, and what went wrong, in one sentence.

Through dagster-snowflake's `SnowflakeResource`, with a key pair. Knows nothing of loads.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from netflix_assets.errors import WarehouseError
from netflix_assets.settings import ServiceUser, SnowflakeSettings

_NETWORK_SECONDS = 300
_LOCK_SECONDS = 600
_UNREACHABLE = 250001
_KEY_REFUSED = {390144, 394300, 394304}
_ACCESS_DENIED = 3001
_MISSING = 2003
_NO_WAREHOUSE = 606
_LOCKED = 625


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


class SnowflakeError(WarehouseError):
    """Snowflake refused a statement.

    Attributes:
        number: Snowflake's number of the error.
    """

    def __init__(self, sentence: str, number: int | None) -> None:
        super().__init__(sentence)
        self.number = number

    @property
    def may_be_the_data(self) -> bool:
        """Whether the data that a statement reads may be at fault, as far as the number tells."""
        return self.number not in (_ACCESS_DENIED, _MISSING, _NO_WAREHOUSE, _LOCKED)

    @property
    def is_missing_object(self) -> bool:
        """Whether something that the statement names does not exist, or may not be seen."""
        return self.number == _MISSING


class Session:
    """An open session; every statement in it carries the same QUERY_TAG."""

    def __init__(self, connection: Any, account: str, user: ServiceUser) -> None:
        self._connection = connection
        self._account = account
        self._user = user

    def run(self, sql: str) -> Answer:
        """Run one statement.

        Raises:
            SnowflakeError: Snowflake refuses it; the text says why and what to do.
        """
        from snowflake.connector.errors import Error

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                rows = cursor.fetchall()
                columns = tuple(column.name.lower() for column in cursor.description)
                return Answer(rows, columns, cursor.rowcount or 0, cursor.sfqid or "")
        except Error as error:
            raise SnowflakeError(self._sentence(error), error.errno) from error

    def _sentence(self, error: Any) -> str:
        said = _said(error)
        if error.errno == _ACCESS_DENIED:
            return (
                f"Snowflake account {self._account} does not let role {self._user.role} do this ({said}); "
                "give it the privilege (`netflix-assets infra apply`)"
            )
        if error.errno == _MISSING:
            return (
                f"Snowflake account {self._account} does not hold, or does not show to role {self._user.role}, what a "
                f"statement names ({said}); create it or give the role the privilege (`netflix-assets infra apply`)"
            )
        if error.errno == _NO_WAREHOUSE:
            return (
                f"Snowflake warehouse {self._user.warehouse} does not exist or role {self._user.role} may not use it; "
                "create it or give the role USAGE on it (`netflix-assets infra apply`)"
            )
        if error.errno == _LOCKED:
            return (
                f"another transaction in Snowflake account {self._account} did not release its lock within "
                f"{_LOCK_SECONDS} s ({said}); let that load finish, or find it with SHOW LOCKS and end it, then load "
                "again"
            )
        return f"Snowflake account {self._account} refused a statement ({said})"


@contextmanager
def session(
    settings: SnowflakeSettings, user: ServiceUser, tag: QueryTag, *, connect_seconds: int
) -> Iterator[Session]:
    """Sign in, and out at the end of the block.

    Args:
        settings: The account.
        user: Who signs in.
        tag: What the statements are for.
        connect_seconds: How long the connector tries, waiting longer each time, before this gives up.

    Raises:
        WarehouseError: The key cannot be read or is refused, or the account cannot be reached.
    """
    with warnings.catch_warnings():
        # Of packages that these carry or use, which say nothing to who loads.
        warnings.filterwarnings("ignore", message="urllib3 .* doesn't match a supported version")
        warnings.filterwarnings("ignore", message="Using extra keyword arguments on `Field`")
        # Imported here: a second that a process which only shows the assets need not spend.
        from dagster_snowflake import SnowflakeResource
        from snowflake.connector.errors import Error

    _check_key(user)
    address = {"host": settings.host, "port": settings.port, "protocol": settings.protocol}
    resource = SnowflakeResource(
        account=settings.account,
        user=user.user,
        private_key_path=str(user.private_key_path),
        private_key_password=user.private_key_passphrase,
        role=user.role,
        warehouse=user.warehouse,
        database=settings.database,
        schema="RAW",
        autocommit=True,
        login_timeout=connect_seconds,
        network_timeout=_NETWORK_SECONDS,
        additional_snowflake_connection_args={
            **(address if settings.host else {}),
            "session_parameters": {
                "QUERY_TAG": str(tag),
                "TIMEZONE": "UTC",
                "LOCK_TIMEOUT": _LOCK_SECONDS,
                "ABORT_DETACHED_QUERY": True,
            },
        },
    )
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(resource.get_connection())
        except Error as error:
            raise WarehouseError(_connect_sentence(settings, user, error, connect_seconds)) from error
        # The resource closes the connection only if all went well.
        stack.callback(connection.close)
        yield Session(connection, settings.account, user)


def _check_key(user: ServiceUser) -> None:
    """Read the private key, for a sentence better than the connector's.

    Raises:
        WarehouseError: It cannot be read, or its passphrase is missing, wrong or one too many.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    setting = f"NETFLIX_SNOWFLAKE_{user.duty.name}_PRIVATE_KEY"
    path, passphrase = user.private_key_path, user.private_key_passphrase
    try:
        load_pem_private_key(
            path.read_bytes(),
            passphrase.encode() if passphrase else None,
            # The connector does that, and it takes 0.06 s.
            unsafe_skip_rsa_key_validation=True,
        )
    except OSError as error:
        raise WarehouseError(
            f"the private key {path} of Snowflake user {user.user} cannot be read ({error.strerror}); "
            f"make one with `netflix-assets infra keys` or set {setting}_PATH to its file"
        ) from error
    except TypeError as error:
        what = "has no passphrase, but one is set" if passphrase else "has a passphrase, and none is set"
        do = "unset" if passphrase else "set"
        raise WarehouseError(f"the private key {path} {what}; {do} {setting}_PASSPHRASE") from error
    except ValueError as error:
        why = "the passphrase is wrong or it is no PEM file" if passphrase else "it is no PEM file of a private key"
        raise WarehouseError(
            f"the private key {path} of Snowflake user {user.user} cannot be opened: {why}; "
            f"set {setting}_PATH and {setting}_PASSPHRASE to a key and its passphrase"
        ) from error


def _connect_sentence(settings: SnowflakeSettings, user: ServiceUser, error: Any, seconds: int) -> str:
    from snowflake.connector.errors import OperationalError

    if error.errno in _KEY_REFUSED:
        return (
            f"Snowflake account {settings.account} refused the key {user.private_key_path} of user {user.user}; set "
            "RSA_PUBLIC_KEY of that user to its public half (`netflix-assets infra keys` shows it)"
        )
    if isinstance(error, OperationalError) and error.errno == _UNREACHABLE:
        where = f" at {settings.host}:{settings.port}" if settings.host else ""
        return (
            f"Snowflake account {settings.account}{where} could not be reached within {seconds} s; "
            "check NETFLIX_SNOWFLAKE_ACCOUNT, NETFLIX_SNOWFLAKE_HOST and the network, then try again"
        )
    return (
        f"Snowflake account {settings.account} did not let user {user.user} sign in with role {user.role} "
        f"({_said(error)})"
    )


def _said(error: Any) -> str:
    """What Snowflake said, on one line."""
    return " ".join(str(error.raw_msg or error.msg or "no reason given").split())[:300]

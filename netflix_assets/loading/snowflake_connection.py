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
from netflix_assets.loading.snowflake_errors import refused_sign_in, refused_statement
from netflix_assets.loading.snowflake_parameters import client_seconds, session_parameters
from netflix_assets.settings import ServiceUser, SnowflakeSettings

_SOCKET_SECONDS = 60
"""Of one request: Snowflake answers within 45 s, if only that the statement is still at work."""


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
    """An open session; every statement in it carries the same QUERY_TAG."""

    def __init__(self, connection: Any, settings: SnowflakeSettings, user: ServiceUser) -> None:
        self._connection = connection
        self._settings = settings
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
            raise refused_statement(error, self._settings, self._user) from error


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
        # No network_timeout but one beyond Snowflake's own limits: the client cancels a statement that is still at
        # work then.
        network_timeout=client_seconds(settings.statement_seconds),
        additional_snowflake_connection_args={
            **(address if settings.host else {}),
            "socket_timeout": _SOCKET_SECONDS,
            "session_parameters": {**session_parameters(settings.statement_seconds), "QUERY_TAG": str(tag)},
        },
    )
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(resource.get_connection())
        except Error as error:
            raise WarehouseError(refused_sign_in(error, settings, user, connect_seconds)) from error
        # The resource closes the connection only if all went well.
        stack.callback(connection.close)
        yield Session(connection, settings, user)


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

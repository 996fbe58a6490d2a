"""Signing in to Snowflake, with a key pair, through dagster-snowflake's `SnowflakeResource`."""

from __future__ import annotations

import warnings
from typing import Any

from netflix_assets.errors import WarehouseError
from netflix_assets.loading.snowflake_errors import refused_sign_in
from netflix_assets.loading.snowflake_parameters import Value
from netflix_assets.settings import ServiceUser, SnowflakeSettings

_SOCKET_SECONDS = 60
"""Of one request: Snowflake answers within 45 s, if only that the statement is still at work."""


def sign_in(
    settings: SnowflakeSettings, user: ServiceUser, parameters: dict[str, Value], *, connect_seconds: int
) -> Any:
    """Return a new connection of Snowflake's client.

    Args:
        settings: The account.
        user: Who signs in.
        parameters: Those of the session.
        connect_seconds: How long the client tries, waiting longer each time, before this gives up.

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
        # Of what is no statement, such as cancelling one. The client would cancel a statement after it that is given no
        # time of its own.
        network_timeout=connect_seconds,
        additional_snowflake_connection_args={
            **(address if settings.host else {}),
            "socket_timeout": _SOCKET_SECONDS,
            "session_parameters": parameters,
        },
    )
    try:
        # The resource closes the connection only if all that is done with it goes well: whoever has it does.
        return resource.get_connection().__enter__()
    except Error as error:
        raise WarehouseError(refused_sign_in(error, settings, user, connect_seconds)) from error


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

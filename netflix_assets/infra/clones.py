"""The statements that make and drop the zero-copy clone of the database for a pull request."""

from __future__ import annotations

from netflix_assets.errors import InfraError
from netflix_assets.infra.names import Names
from netflix_assets.settings import SnowflakeSettings


def create_clone(settings: SnowflakeSettings, pull_request: int) -> list[str]:
    """Clone the database, and let the service users into the clone.

    A clone keeps the privileges on what is in it, but none on the database itself. One that is there already is
    left as it is.

    Raises:
        InfraError: There is no such pull request, or the database is a copy itself.
    """
    clone = Names.of(settings).clone(pull_request)
    return [
        f"create database if not exists {clone} clone {settings.database} data_retention_time_in_days = 0",
        *(f"grant usage on database {clone} to role {user.role}" for user in settings.users.values()),
    ]


def drop_clone(settings: SnowflakeSettings, name: str) -> str:
    """Drop a clone, if it is there.

    Raises:
        InfraError: The name is not that of a clone for a pull request.
    """
    if not Names.of(settings).is_clone_name(name):
        raise InfraError(
            f"{name} is not the clone of {settings.database} for a pull request, and nothing else is dropped; "
            f"clones are named like {settings.database}_PR_42"
        )
    return f"drop database if exists {name}"

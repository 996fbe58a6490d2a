"""The statements that make and drop the zero-copy clone of the database for a pull request."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from netflix_assets.errors import InfraError
from netflix_assets.infra.names import Names
from netflix_assets.settings import Duty, SnowflakeSettings

_HEAD = re.compile(r"^\s*create\s+(?:or\s+replace\s+)?(secure\s+)?view\s+(?:if\s+not\s+exists\s+)?[\w$.\"]+", re.I)


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
        # Whether a clone keeps that of its origin is not documented; without it the account's would hold.
        f"alter database {clone} set default_ddl_collation = ''",
        *(f"grant usage on database {clone} to role {user.role}" for user in settings.users.values()),
    ]


def views_of(clone: str) -> str:
    """The query for schema, name and text of every view of a clone; the text shows to the role that owns the view."""
    return (
        f"select table_schema, table_name, view_definition from {clone}.information_schema.views "
        "where table_schema <> 'INFORMATION_SCHEMA' order by table_schema, table_name"
    )


def names_database(text: str, database: str) -> bool:
    """Whether a view's text names something of a database."""
    return _names_of(database).search(text) is not None


def rebuilt_view(name: str, text: str, settings: SnowflakeSettings, clone: str) -> str:
    """The statement that makes a view again over the clone: a clone copies its text, which names the original.

    Args:
        name: The view, with clone and schema.
        text: Its CREATE VIEW, as Snowflake keeps it.
        settings: The account, with the production database.
        clone: The clone.
    """
    made = _names_of(settings.database).sub(f"{clone}.", text)
    return _HEAD.sub(lambda head: f"create or replace {head[1] or ''}view {name}", made, count=1)


def _names_of(database: str) -> re.Pattern[str]:
    return re.compile(rf'(?<![\w$."])"?{re.escape(database)}"?\s*\.', re.IGNORECASE)


def let_reporter_read(settings: SnowflakeSettings, clone: str) -> str:
    """The statement that lets the reporter read the views of the clone, which lost their grants when made again."""
    return f"grant select on all views in schema {clone}.reporting to role {settings.users[Duty.REPORTER].role}"


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


def show_clones(settings: SnowflakeSettings) -> str:
    """The statement that lists the databases named like clones; SHOW wakes no warehouse."""
    return f"show databases like '{settings.database}_PR_%'"


def closed_clones(
    settings: SnowflakeSettings,
    shown: Iterable[Mapping[str, Any]],
    now: dt.datetime,
    *,
    open_pull_requests: Collection[int] | None,
    days: int,
) -> list[str]:
    """Name the clones whose pull requests are closed.

    Args:
        settings: The account, with the production database.
        shown: The rows of `show_clones`.
        now: The time, with its zone.
        open_pull_requests: The numbers of those that are open; None if nobody told.
        days: How old a clone may become where nobody told.

    Returns:
        The clones of our own, oldest first; not databases that somebody else made under such a name.
    """
    names = Names.of(settings)
    still_open = {names.clone(number) for number in open_pull_requests or ()}
    found = sorted(
        (row["created_on"], str(row["name"]))
        for row in shown
        if names.is_clone_name(str(row["name"])) and row["owner"] == names.cloner_role
    )
    if open_pull_requests is not None:
        return [name for _, name in found if name not in still_open]
    return [name for made_at, name in found if now - made_at > dt.timedelta(days=days)]

"""How the jobs around the pipeline sign in: as a service user, for each statement tagged with what it is for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from netflix_assets.infra.names import Names
from netflix_assets.loading.snowflake_connection import QueryTag, Session, session
from netflix_assets.settings import Duty, ServiceUser, SnowflakeSettings

_CONNECT_SECONDS = 60

SignIn = Callable[[SnowflakeSettings, ServiceUser, QueryTag], AbstractContextManager[Session]]
"""See `sign_in`; tests have their own."""


def sign_in(settings: SnowflakeSettings, user: ServiceUser, tag: QueryTag) -> AbstractContextManager[Session]:
    """A session of the user.

    Raises:
        WarehouseError: The account cannot be reached, or does not let the user in.
    """
    return session(settings, user, tag, connect_seconds=_CONNECT_SECONDS)


def cloner(settings: SnowflakeSettings) -> ServiceUser:
    """The transformer's user, in the role that makes and drops clones."""
    return replace(settings.users[Duty.TRANSFORMER], role=Names.of(settings).cloner_role)

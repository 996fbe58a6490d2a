"""What differs from target to target: the warehouse, and how the bucket is reached.

Each choice is a mapping over all targets: a default would let a new target inherit another one's warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from netflix_assets.errors import SettingsError
from netflix_assets.landing.bucket import LandingBucket, ListingCheck
from netflix_assets.landing.local_s3 import checked, reach
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.settings import Settings, Target


def duckdb_from(settings: Settings, *, wait_seconds: int = 60, path: Path | None = None) -> DuckDBWarehouse:
    """The local warehouse, at another path if one is given."""
    return DuckDBWarehouse(
        path or settings.warehouse_path,
        limit=settings.reject_limit,
        max_shrink=settings.max_shrink,
        by_name=settings.by_name,
        lock_wait_seconds=wait_seconds,
    )


def snowflake_from(settings: Settings, *, wait_seconds: int = 60) -> SnowflakeWarehouse:
    """The Snowflake database."""
    if settings.snowflake is None:
        raise SettingsError("NETFLIX_TARGET is snowflake, but there are no settings of a Snowflake account")
    return SnowflakeWarehouse(
        settings.snowflake,
        limit=settings.reject_limit,
        max_shrink=settings.max_shrink,
        by_name=settings.by_name,
        connect_seconds=wait_seconds,
    )


WAREHOUSES: Mapping[Target, Callable[..., Warehouse]] = {
    Target.LOCAL: duckdb_from,
    Target.SNOWFLAKE: snowflake_from,
}
REACH: Mapping[Target, Callable[[Settings], Settings] | None] = {Target.LOCAL: reach, Target.SNOWFLAKE: None}
CHECKED: Mapping[Target, ListingCheck | None] = {Target.LOCAL: checked, Target.SNOWFLAKE: None}

# A sensor's look must be short: if the file of the local warehouse is in use it looks again a little later.
# Signing in to an account takes seconds.
SENSOR_WAIT_SECONDS: Mapping[Target, int] = {Target.LOCAL: 1, Target.SNOWFLAKE: 20}


def bucket_from(settings: Settings) -> LandingBucket:
    """The bucket; nothing is connected."""
    return LandingBucket(settings, reach=REACH[settings.target], checked=CHECKED[settings.target])


def warehouse_from(settings: Settings, *, wait_seconds: int = 60) -> Warehouse:
    """The warehouse of the target; nothing is opened.

    Args:
        settings: Where it is.
        wait_seconds: How long to wait for it where it is in use or out of reach.
    """
    return WAREHOUSES[settings.target](settings, wait_seconds=wait_seconds)

"""What Dagster serves besides in production on Snowflake: clones for pull requests, and what the assets cost."""

from __future__ import annotations

import dagster as dg

from netflix_assets.infra.branch_jobs import branch_definitions
from netflix_assets.infra.cost_check import cost_definitions
from netflix_assets.infra.names import Names
from netflix_assets.settings import Settings


def infra_definitions(settings: Settings) -> dg.Definitions:
    """Nothing on another target, and nothing where the database is a twin or a clone."""
    if settings.snowflake is None or Names.of(settings.snowflake).is_copy:
        return dg.Definitions()
    return dg.Definitions.merge(branch_definitions(settings.snowflake), cost_definitions(settings.snowflake))

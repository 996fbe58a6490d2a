"""The exposures of the dbt project, dashboards that people look at, as assets at the end of the lineage.

So one sees in Dagster which chart a broken column would hurt. Nothing here makes a dashboard: the report, which
is an exposure too, is made by `report_assets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

GROUP = "reporting"
REPORT_KEY = dg.AssetKey([GROUP, "report"])


def exposure_key(exposure: Mapping[str, Any]) -> dg.AssetKey:
    """The asset key of an exposure; that of the report is the report's own."""
    return dg.AssetKey([GROUP, exposure["name"]])


def parents(manifest: Mapping[str, Any], exposure: Mapping[str, Any]) -> list[dg.AssetKey]:
    """The models that an exposure shows, as dagster-dbt names them."""
    nodes = [manifest["nodes"][node] for node in exposure["depends_on"]["nodes"]]
    return [dg.AssetKey([node["config"]["schema"], node["name"]]) for node in nodes]


def exposure_assets(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The exposures that somebody else makes."""
    return [
        dg.AssetSpec(
            exposure_key(exposure),
            deps=parents(manifest, exposure),
            group_name=GROUP,
            owners=[exposure["owner"]["email"]],
            kinds={"looker", exposure["type"]},
            description=exposure["description"],
            metadata={
                "title": exposure["label"],
                "url": dg.MetadataValue.url(exposure["url"]),
                "maturity": exposure["maturity"],
            },
        )
        for exposure in manifest["exposures"].values()
        if exposure_key(exposure) != REPORT_KEY
    ]

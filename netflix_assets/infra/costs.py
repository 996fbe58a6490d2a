"""What each asset cost, added up from the costs of queries by the asset that their query tags name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netflix_assets.infra.names import Names

DAYS = 30


@dataclass(frozen=True)
class AssetCost:
    """What one asset cost.

    Attributes:
        asset: As in the query tags: an asset key, its parts joined by `/`.
        queries: Statements run for it.
        seconds: What they took.
        credits: Snowflake credits for computing them, without the time in which a warehouse waited.
        bytes_scanned: Bytes that they read.
    """

    asset: str
    queries: int
    seconds: float
    credits: float
    bytes_scanned: int


def costs_by_asset(names: Names, days: int = DAYS) -> str:
    """The query for the costs of each asset in the last days, the dearest first; up to 90 are kept."""
    return (
        "select try_parse_json(query_tag):asset::varchar as asset, count(*) as queries, sum(seconds) as seconds, "
        "sum(credits) as credits, sum(bytes_scanned) as bytes_scanned "
        f"from {names.costs_view} "
        f"where started_at >= dateadd(day, -{days}, current_timestamp()) "
        "and try_parse_json(query_tag):asset::varchar is not null "
        "group by 1 order by credits desc, bytes_scanned desc, asset"
    )


def read_costs(rows: Iterable[Mapping[str, Any]]) -> list[AssetCost]:
    """The rows of the query."""
    return [
        AssetCost(
            asset=str(row["asset"]),
            queries=int(row["queries"]),
            seconds=float(row["seconds"] or 0),
            credits=float(row["credits"] or 0),
            bytes_scanned=int(row["bytes_scanned"] or 0),
        )
        for row in rows
    ]

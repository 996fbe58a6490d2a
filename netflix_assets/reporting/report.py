"""Builds the report: read the marts, make the page, keep it. Knows nothing of Dagster."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.reporting.queries import ReportData, read_report_data
from netflix_assets.reporting.store import ReportStore


@dataclass(frozen=True)
class BuiltReport:
    """A report that was written.

    Attributes:
        data: What it shows.
        location: Where it is.
        size_bytes: Of the page.
    """

    data: ReportData
    location: str
    size_bytes: int


def build_report(
    warehouse: Warehouse,
    store: ReportStore,
    *,
    schema_prefix: str,
    made_from: str,
    keep_in: Path | None = None,
    built_at: dt.datetime | None = None,
) -> BuiltReport:
    """Build the report and keep it in place of the one before.

    Args:
        warehouse: Holds the marts.
        store: Keeps the page.
        schema_prefix: Put before the marts' schema in this environment.
        made_from: What the page says it was made from.
        keep_in: Folder that keeps what takes long to make and seldom changes.
        built_at: When, UTC; now if not given.

    Raises:
        WarehouseError: A mart cannot be read.
        ReportError: The marts do not agree, or the page cannot be written; the one before is still there.
    """
    # Imported here: charts take half a second to import, which those who only look at assets need not spend.
    from netflix_assets.reporting.page import render

    data = read_report_data(warehouse, schema_prefix)
    html = render(data, built_at=built_at or dt.datetime.now(dt.timezone.utc), made_from=made_from, keep_in=keep_in)
    store.write(html)
    return BuiltReport(data, store.location, len(html.encode()))

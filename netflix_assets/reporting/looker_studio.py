"""The dashboard for Looker Studio: what its charts show (`looker_studio.yml`), and links that create it.

A link follows Google's Linking API: it copies a template report and points the copy's data sources, by their
aliases, at the views of this environment. The ids in it are those of the template and of Snowflake's connector,
which are known only to who made or installed them, so they are settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from netflix_assets.errors import SettingsError
from netflix_assets.settings import Duty, Settings

SCHEMA = "reporting"
REPORT_NAME = "How people rate movies"
_SPECIFICATION = Path(__file__).with_name("looker_studio.yml")


@dataclass(frozen=True)
class Metric:
    """A number of a chart: an aggregation of a field, or a ratio of two sums.

    Attributes:
        name: As the chart shows it.
        aggregation: `sum` or `count`, or `ratio` of sums.
        field: Column that is aggregated; of a ratio, the numerator.
        over: Of a ratio, the column of the denominator.
    """

    name: str
    aggregation: str
    field: str
    over: str | None = None


@dataclass(frozen=True)
class Chart:
    """One chart of the dashboard; the fields are columns of its view.

    Attributes:
        name: The exposure that it is.
        title: Heading.
        type: Kind of chart.
        view: In schema `reporting`.
        dimension: Field along the axis.
        breakdown: Field that divides it further.
        metrics: What is measured.
        sort: Field or metric that it is sorted by, and `ascending` or `descending`.
        limit: Most rows shown.
        filters: Fields with a control on the page.
    """

    name: str
    title: str
    type: str
    view: str
    dimension: str
    breakdown: str | None
    metrics: tuple[Metric, ...]
    sort: tuple[str, str]
    limit: int
    filters: tuple[str, ...]

    def fields(self) -> Iterator[str]:
        """Every column of the view that the chart reads."""
        metric_names = {metric.name for metric in self.metrics}
        yield self.dimension
        yield from self.filters
        if self.breakdown:
            yield self.breakdown
        for metric in self.metrics:
            yield metric.field
            if metric.over:
                yield metric.over
        if self.sort[0] not in metric_names:
            yield self.sort[0]


def charts() -> list[Chart]:
    """The charts of `looker_studio.yml`."""
    return [_chart(entry) for entry in yaml.safe_load(_SPECIFICATION.read_text())["charts"]]


def _chart(entry: Mapping[str, Any]) -> Chart:
    return Chart(
        name=entry["name"],
        title=entry["title"],
        type=entry["type"],
        view=entry["view"],
        dimension=entry["dimension"],
        breakdown=entry.get("breakdown"),
        metrics=tuple(
            Metric(metric["name"], "ratio", metric["sum_of"], metric["over"])
            if "over" in metric
            else Metric(metric["name"], metric["aggregation"], metric["field"])
            for metric in entry["metrics"]
        ),
        sort=(entry["sort"]["by"], entry["sort"]["order"]),
        limit=entry["limit"],
        filters=tuple(entry["filters"]),
    )


def linking_url(settings: Settings) -> str:
    """A link that creates the dashboard over this environment's views, from the template report.

    Its data sources are found by their aliases, which are the names of the views. Fields are not refreshed, so
    that the template's formats and calculated fields stay.

    Raises:
        SettingsError: The target is not Snowflake, or an id is not set.
    """
    looker, snowflake = settings.looker_studio, settings.snowflake
    if snowflake is None:
        raise SettingsError("Looker Studio reads Snowflake; set NETFLIX_TARGET=snowflake (see docs/looker-studio.md)")
    missing = [
        name
        for name, value in (
            ("NETFLIX_LOOKER_REPORT_ID", looker.report_id),
            ("NETFLIX_LOOKER_CONNECTOR_ID", looker.connector_id),
            ("NETFLIX_LOOKER_PARAMETERS", looker.parameters),
        )
        if not value
    ]
    if missing:
        raise SettingsError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set (see docs/looker-studio.md)"
        )
    reporter = snowflake.users[Duty.REPORTER]
    schema = f"{settings.schema_prefix}{SCHEMA}".upper()
    shared = {
        "account": snowflake.host or f"{snowflake.account}.snowflakecomputing.com",
        "role": reporter.role,
        "warehouse": reporter.warehouse,
        "database": snowflake.database,
        "schema": schema,
    }
    values = {
        "c.reportId": looker.report_id,
        "c.mode": "edit",
        "r.reportName": REPORT_NAME,
        "ds.*.connector": "community",
        "ds.*.connectorId": looker.connector_id,
        "ds.*.refreshFields": "false",
        **{f"ds.*.{looker.parameters[name]}": value for name, value in shared.items()},
    }
    for chart in charts():
        values[f"ds.{chart.view}.datasourceName"] = chart.view
        # The connector refuses a query that ends with a semicolon.
        values[f"ds.{chart.view}.{looker.parameters['query']}"] = f"select * from {schema}.{chart.view.upper()}"
    return f"{looker.url}/reporting/create?{urlencode(values, quote_via=quote, safe='*')}"

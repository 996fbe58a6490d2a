"""The report as an asset below the marts, and the checks that hold the page against them."""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import dagster as dg

from netflix_assets.errors import BucketError, ReportError
from netflix_assets.landing import last_upload
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.warehouse import Warehouse
from netflix_assets.owners import OWNERS
from netflix_assets.pools import warehouse_pool
from netflix_assets.reporting.exposures import GROUP, REPORT_KEY, exposure_assets
from netflix_assets.reporting.queries import MARTS, Tiles, read_tiles
from netflix_assets.reporting.report import build_report
from netflix_assets.reporting.store import ReportStore
from netflix_assets.settings import Settings, Target
from netflix_assets.transform.project import prepared_project

MADE_FROM = {Target.LOCAL: "DuckDB", Target.SNOWFLAKE: "Snowflake"}


def report_asset(settings: Settings) -> dg.AssetsDefinition:
    """The asset that builds the page."""

    @dg.asset(
        key=REPORT_KEY,
        deps=[dg.AssetKey(["mart", mart]) for mart in MARTS],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"html", "altair"},
        pool=warehouse_pool(settings.target, "report"),
        code_version=_code_version(),
        description="How people rate movies: one HTML page over the marts that works without a network. "
        "`netflix-assets report open` shows it.",
    )
    def _report(
        context: dg.AssetExecutionContext,
        bucket: dg.ResourceParam[LandingBucket],
        warehouse: dg.ResourceParam[Warehouse],
        report_store: dg.ResourceParam[ReportStore],
    ) -> dg.MaterializeResult[None]:
        from netflix_assets.reporting.previews import as_markdown, previews

        started = time.monotonic()
        keep_in = settings.report_path.parent / "kept"
        built = build_report(
            warehouse,
            report_store,
            schema_prefix=settings.schema_prefix,
            made_from=f"{MADE_FROM[settings.target]}, run {context.run.run_id[:8]}{_uploads(bucket, context.log)}",
            keep_in=keep_in,
        )
        data = built.data
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(built.location),
                "bytes": dg.MetadataValue.int(built.size_bytes),
                "data as of": _time(data.as_of),
                "rows read": dg.MetadataValue.table(
                    [dg.TableRecord({"mart": name, "rows": rows}) for name, rows in data.mart_rows.items()],
                    schema=dg.TableSchema([dg.TableColumn("mart"), dg.TableColumn("rows", "int")]),
                ),
                "preview": dg.MetadataValue.md(as_markdown(previews(data, keep_in)) or "there are no ratings yet"),
                "seconds": dg.MetadataValue.float(round(time.monotonic() - started, 3)),
            }
        )

    return _report


def _uploads(bucket: LandingBucket, log: dg.DagsterLogManager) -> str:
    """Name what was uploaded last; the page is built without it where the bucket is out of reach."""
    try:
        uploads = last_upload.told(last_upload.read(bucket))
    except BucketError as error:
        log.warning(f"the page does not name the source of its data: {error}")
        return ""
    return f"; data: {uploads}" if uploads else ""


def _time(moment: dt.datetime | None) -> dg.MetadataValue:
    if moment is None:
        return dg.MetadataValue.text("no ratings")
    return dg.MetadataValue.timestamp(moment.replace(tzinfo=dt.timezone.utc))


def _code_version() -> str:
    """A digest of everything that makes the page but the data."""
    folder = Path(__file__).parent
    digest = hashlib.sha256(repr([version(name) for name in ("altair", "vl-convert-python")]).encode())
    for path in sorted([*folder.glob("*.py"), *folder.glob("page/*")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def report_checks(settings: Settings) -> dg.AssetChecksDefinition:
    """Reads the page back and compares it with the marts."""
    specs = [
        dg.AssetCheckSpec(
            "every_chart_is_present",
            asset=REPORT_KEY,
            description="The page has every chart and a place to draw it in; none is empty whose mart is not.",
        ),
        dg.AssetCheckSpec(
            "tiles_equal_the_marts",
            asset=REPORT_KEY,
            description="The numbers at the top are those that the marts give when asked again.",
        ),
        dg.AssetCheckSpec(
            "data_as_of_is_the_newest_rating",
            asset=REPORT_KEY,
            description="The page says that its data is as of the newest rating in the marts.",
        ),
    ]

    @dg.multi_asset_check(
        name="report_checks", specs=specs, pool=warehouse_pool(settings.target, "report"), can_subset=True
    )
    def _checks(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        report_store: dg.ResourceParam[ReportStore],
    ) -> Iterator[dg.AssetCheckResult]:
        tiles, as_of = read_tiles(warehouse, settings.schema_prefix)
        for result in compare(report_store, tiles, as_of):
            if dg.AssetCheckKey(REPORT_KEY, result.check_name or "") in context.selected_asset_check_keys:
                yield result

    return _checks


def compare(store: ReportStore, tiles: Tiles, as_of: dt.datetime | None) -> list[dg.AssetCheckResult]:
    """Hold the page against what the marts say now; a page that cannot be read fails every check."""
    from netflix_assets.reporting.cards import CHARTS
    from netflix_assets.reporting.page_facts import read_page

    names = ("every_chart_is_present", "tiles_equal_the_marts", "data_as_of_is_the_newest_rating")
    try:
        page = read_page(store.read())
    except ReportError as error:
        return [_result(name, False, {"problem": str(error)}) for name in names]
    expected = {
        "ratings": tiles.ratings,
        "movies": tiles.movies,
        "users": tiles.users,
        "mean": tiles.mean,
        "tags": tiles.tags,
    }
    missing = [chart for chart in CHARTS if chart not in page.charts or chart not in page.places]
    must_have_rows = {*(["activity", "months"] if tiles.ratings else []), *(["tags"] if tiles.tags else [])}
    empty = sorted(chart for chart in must_have_rows if page.charts.get(chart) == 0)
    differing = [name for name, number in expected.items() if not _same(page.tiles.get(name), number)]
    return [
        _result(
            names[0],
            not missing and not empty,
            {"charts": len(page.charts), "missing": ", ".join(missing) or "none", "empty": ", ".join(empty) or "none"},
        ),
        _result(
            names[1],
            not differing,
            {f"{name} in the page": str(number) for name, number in page.tiles.items()}
            | {f"{name} in the marts": str(number) for name, number in expected.items()},
        ),
        _result(names[2], page.as_of == as_of, {"in the page": str(page.as_of), "in the marts": str(as_of)}),
    ]


def _same(shown: float | None, expected: float | None) -> bool:
    if shown is None or expected is None:
        return shown is expected
    return abs(shown - expected) <= 1e-9 * max(1.0, abs(expected))


def _result(name: str, passed: bool, metadata: Mapping[str, str | int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(check_name=name, asset_key=REPORT_KEY, passed=passed, metadata=metadata)


def reporting_definitions(settings: Settings) -> dg.Definitions:
    """The report, its checks, and the dashboards that others make."""
    project, _ = prepared_project(settings)
    manifest = json.loads(project.manifest_path.read_bytes())
    return dg.Definitions(
        assets=[report_asset(settings), *exposure_assets(manifest)], asset_checks=[report_checks(settings)]
    )

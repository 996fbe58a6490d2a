"""The costs of the assets in Dagster: a check that shows them, once a day."""

from collections.abc import Sequence

import dagster as dg

from netflix_assets.infra.costs import DAYS, AssetCost, costs_by_asset, read_costs
from netflix_assets.infra.names import Names
from netflix_assets.infra.service import SignIn, sign_in
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.loading.snowflake_errors import SnowflakeError
from netflix_assets.owners import OWNERS
from netflix_assets.settings import Duty, SnowflakeSettings

GROUP = "operations"
COSTS_KEY = dg.AssetKey(["operations", "query_costs"])
CHECK = "costs_of_assets"
_DENIED = {2003, 2037, 2043, 3001}
"""Snowflake does not tell what may not be seen from what does not exist; 2037 is this inside a view."""


def cost_definitions(settings: SnowflakeSettings, sign_in: SignIn = sign_in) -> dg.Definitions:
    """The view of costs as an asset that is made outside, its check, and the schedule that runs it."""
    names = Names.of(settings)
    user = settings.users[Duty.TRANSFORMER]
    asset = dg.AssetSpec(
        COSTS_KEY,
        group_name=GROUP,
        kinds={"snowflake"},
        description="What each query of the last 90 days cost; `infra_sql/11_costs.sql` makes it. Snowflake "
        "tells credits up to eight hours late.",
        metadata={"dagster/table_name": names.costs_view},
    )

    @dg.asset_check(
        asset=COSTS_KEY,
        name=CHECK,
        description=f"Credits and bytes scanned of each asset in the last {DAYS} days, by the tags of its queries. "
        "Warns where they may not be read.",
    )
    def costs_of_assets(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        tag = QueryTag("/".join(COSTS_KEY.path), run_id=context.run.run_id)
        with sign_in(settings, user, tag) as opened:
            try:
                return costs_known(read_costs(opened.run(costs_by_asset(names)).records()))
            except SnowflakeError as error:
                if error.number in _DENIED:
                    return no_privilege(user.role, names, error)
                raise

    job = dg.define_asset_job("costs", selection=dg.AssetSelection.checks(costs_of_assets), owners=OWNERS)
    daily = dg.ScheduleDefinition(
        name="costs_daily",
        job=job,
        cron_schedule="0 6 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(assets=[asset], asset_checks=[costs_of_assets], jobs=[job], schedules=[daily])


def costs_known(costs: Sequence[AssetCost]) -> dg.AssetCheckResult:
    """The costs as a table, and their sums, which Dagster plots over time."""
    return dg.AssetCheckResult(
        passed=True,
        metadata={
            "credits": dg.MetadataValue.float(round(sum(cost.credits for cost in costs), 6)),
            "bytes scanned": dg.MetadataValue.int(sum(cost.bytes_scanned for cost in costs)),
            "queries": dg.MetadataValue.int(sum(cost.queries for cost in costs)),
            "days": dg.MetadataValue.int(DAYS),
            "assets": dg.MetadataValue.table(
                records=[
                    dg.TableRecord(
                        {
                            "asset": cost.asset,
                            "credits": round(cost.credits, 6),
                            "bytes scanned": cost.bytes_scanned,
                            "queries": cost.queries,
                            "seconds": round(cost.seconds, 3),
                        }
                    )
                    for cost in costs
                ],
                schema=dg.TableSchema(
                    [
                        dg.TableColumn("asset"),
                        dg.TableColumn("credits", "float"),
                        dg.TableColumn("bytes scanned", "int"),
                        dg.TableColumn("queries", "int"),
                        dg.TableColumn("seconds", "float"),
                    ]
                ),
            ),
        },
    )


def no_privilege(role: str, names: Names, error: SnowflakeError) -> dg.AssetCheckResult:
    """A warning that says who may not read what, and what to do."""
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"no privilege: role {role} may not read {names.costs_view}, so that costs are not known; an "
        "administrator gives it with `netflix-assets infra apply` (infra_sql/11_costs.sql)",
        metadata={"Snowflake said": str(error)},
    )

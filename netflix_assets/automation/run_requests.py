"""A plan as what Dagster runs: tags, run config, and the sensor's run request.

Dagster on the concept: https://docs.dagster.io/guides/automate/sensors
"""

from __future__ import annotations

import dagster as dg

from netflix_assets.automation.run_plan import LOAD_TAG, PLAN_TAG, SPLIT_TAG, RunPlan
from netflix_assets.catalog import RAW_FILES

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def run_request(plan: RunPlan) -> dg.RunRequest:
    """Return the request of a plan that is not empty; its key lets Dagster start it once."""
    return dg.RunRequest(
        run_key=plan.key,
        asset_selection=sorted(plan.assets),
        asset_check_keys=sorted(plan.checks),
        run_config=run_config(plan),
        tags=run_tags(plan),
    )


def run_tags(plan: RunPlan) -> dict[str, str]:
    """Return the tags of a plan's run: its key, those of its loads, and the months, in one run like a backfill."""
    of_file = LOAD_TAG if plan.split is None else SPLIT_TAG
    months = {RANGE_START_TAG: plan.months[0], RANGE_END_TAG: plan.months[1]} if plan.months else {}
    return {PLAN_TAG: plan.key, **{f"{of_file}{name}": key for name, key in plan.load_keys.items()}, **months}


def run_config(plan: RunPlan) -> dict[str, object]:
    """Return the config of each load: only what changed; to tables with months, those beside the range as well.

    Where everything is built, changed or not, dbt tests every month.
    """
    by_month = {dg.AssetKey(file.table_key) for file in RAW_FILES if file.month_column is not None}
    ops: dict[str, object] = {}
    for table in plan.tables:
        config: dict[str, object] = {"only_changed": not plan.force}
        if table in by_month:
            config["other_months"] = sorted(plan.other_months)
        if table in plan.accept_shrink:
            config["accept_shrink"] = True
        ops[table.to_python_identifier()] = {"config": config}
    if plan.force and plan.models:
        ops["dbt_build"] = {"config": {"every_month": True}}
    return {"ops": ops}

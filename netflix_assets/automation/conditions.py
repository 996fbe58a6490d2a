"""When dbt's assets, snapshots and the report run without an arrival, as conditions on the assets.

Who starts what, so that nothing is started twice:

- The sensor `arrivals` starts what a change in the bucket asks for: the loads and everything below them, in one
  run. Conditions cannot do that in one run, because Dagster gives partitioned loads and unpartitioned models
  runs of their own (measured: 71 s from put to mart instead of 29 s, 115 s for two months that are not
  neighbours); and a condition is reset by the end of a run that began before the object came, which would lose it.
- The conditions here start the rest: a table that a person loaded, a model whose code changed, a model that is new.
  What was updated by a run that was to build this asset itself does not count, so that such a run is never followed
  by a second one, whether it succeeded or not.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from netflix_assets.automation.sensors import default_status
from netflix_assets.catalog import RAW_FILES
from netflix_assets.settings import Settings

SECONDS_BETWEEN_EVALUATIONS = 30
# Dagster's types do not let a condition on assets only be joined with one on assets and checks.
_CONDITION: Any = dg.AutomationCondition
_A_TABLE = dg.AssetKey(next(file for file in RAW_FILES if not file.month_column).table_key)
_BY_MONTH = dg.AssetSelection.assets(*(dg.AssetKey(file.table_key) for file in RAW_FILES if file.month_column))


def rebuild_what_people_change() -> dg.AutomationCondition[dg.AssetKey]:
    """For everything below the raw tables: a parent was loaded or built by itself, the code changed, or it is new.

    Months that were never loaded do not count as missing parents: of most months there never were objects.

    Dagster's `since_last_handled` would forget a table that was loaded by hand after this asset was built, if both
    came between the same two evaluations. So what handles a change is not taken for it when the change is as new;
    at worst something is built once too often.
    """
    condition = _CONDITION
    covered = condition.newly_updated() & condition.executed_with_root_target()
    # Of the months of a table Dagster knows the run of the last one only, so that one speaks for all.
    by_month = condition.any_deps_match(condition.newly_updated()).allow(_BY_MONTH)
    by_month &= ~condition.any_deps_match(covered).allow(_BY_MONTH)
    by_table = (condition.newly_updated() & ~covered) | condition.will_be_requested()
    parent_changed = by_month | condition.any_deps_match(by_table).ignore(_BY_MONTH)
    some_parent = condition.any_deps_match(~condition.missing() | condition.will_be_requested())
    is_new = condition.newly_missing() & some_parent
    handled = condition.newly_requested() | condition.newly_updated() | condition.initial_evaluation()
    rebuild: dg.AutomationCondition[dg.AssetKey] = (
        (parent_changed | condition.code_version_changed() | is_new).since(handled & ~parent_changed)
        & ~condition.in_progress()
        & ~condition.any_deps_in_progress()
        & condition.all_deps_blocking_checks_passed()
    ).with_label("rebuild_what_people_change")
    return rebuild


def reseed_when_edited() -> dg.AutomationCondition[dg.AssetKey]:
    """For seeds, which have no parents: the file changed, or is new in a warehouse that is in use.

    An empty warehouse is filled by the first arrival, seeds included.
    """
    condition = _CONDITION
    in_use = condition.asset_matches(_A_TABLE, ~condition.missing())
    reseed: dg.AutomationCondition[dg.AssetKey] = (
        (condition.code_version_changed() | (condition.newly_missing() & in_use)).since_last_handled()
        & ~condition.in_progress()
    ).with_label("reseed_when_edited")
    return reseed


def with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the same spec with the condition of its group."""
    condition = reseed_when_edited() if spec.group_name == "seeds" else rebuild_what_people_change()
    return spec.replace_attributes(automation_condition=condition)


def automation_sensor(settings: Settings) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions."""
    return dg.AutomationConditionSensorDefinition(
        name="conditions",
        target=dg.AssetSelection.all(),
        minimum_interval_seconds=SECONDS_BETWEEN_EVALUATIONS,
        default_status=default_status(settings),
        description="Rebuilds what is below a table that was loaded by hand, and what has new code.",
    )

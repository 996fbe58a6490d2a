"""The pools of steps that open the warehouse, and all that keeps two writers off the one DuckDB file.

DuckDB lets one process write, and while it does nobody else may even read. Each guard has its own reason:

1. The pool `warehouse` (here), which every step that opens the file is in: steps of all runs take turns.
2. Its limit of one: `default_limit` in dagster.yaml, and the slot that `automation.instance` makes, because on a
   fresh home the default is not yet in force for the first runs.
3. The in-process executor (`definitions.EXECUTORS`): the steps of one run take turns in one process, which costs a
   tenth of a process each.
4. `max_concurrent_runs: 2` in dagster.yaml: runs that could only wait for the pool wait in the queue instead.
5. `automation.runs.run_in_progress`: neither the sensor nor the command line plans while a run may be writing, so
   that a plan is never made from what is about to change.
6. The turns of commands on one home (`turns`): many that are started at once do not all look before one of them runs.
7. The wait for the file's lock (`loading.duckdb_warehouse`): clients that Dagster knows nothing of.

Dagster on the concept: https://docs.dagster.io/guides/operate/managing-concurrency
"""

from netflix_assets.settings import Target

WAREHOUSE_POOL = "warehouse"


def warehouse_pool(target: Target, part: str) -> str:
    """Return the pool of a step that works on one part of the warehouse: a raw table, or what dbt builds.

    Snowflake takes any number of writers, but two loads of one table would only wait for each other.
    """
    pools = {Target.LOCAL: WAREHOUSE_POOL, Target.SNOWFLAKE: f"{WAREHOUSE_POOL}/{part}"}
    return pools[target]

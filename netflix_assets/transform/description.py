"""How many rows and which columns the tables have that dbt made, asked in two statements whatever their number.

dagster-dbt asks for the rows of each table and for the columns of each table and of all that it is made of, in one
statement each: for a month on Snowflake 37.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from netflix_assets.private_apis import answer_for_columns

if TYPE_CHECKING:
    from dagster_dbt import DbtCliInvocation


def describe(invocation: DbtCliInvocation, made: Sequence[str], run_id: str) -> dict[str, dict[str, Any]]:
    """Ask for rows and columns; from then on dagster-dbt has the columns from what was answered.

    Args:
        invocation: A dbt command that has ended.
        made: Unique ids of what it made.
        run_id: The Dagster run, for the history of queries.

    Returns:
        Metadata of each table: its rows. Views are not counted, since that may take long.
    """
    from dbt_common.exceptions import DbtBaseException

    adapter = invocation.adapter
    if adapter is None or not made:
        return {}
    manifest = invocation.manifest
    nodes = [manifest["nodes"][unique_id] for unique_id in made]
    tables = {node["unique_id"]: node["relation_name"] for node in nodes if node["config"]["materialized"] != "view"}
    concerned = {*made, *(parent for unique_id in made for parent in manifest["parent_map"][unique_id])}
    schemas = {(manifest["nodes"].get(one) or manifest["sources"][one])["schema"].lower() for one in concerned}
    sources = {manifest["sources"][one]["identifier"].lower() for one in concerned if one in manifest["sources"]}
    is_snowflake = adapter.type() == "snowflake"
    database = adapter.config.credentials.database
    comment = json.dumps({"asset": "dbt", "partition": None, "run_id": run_id})
    # The comment of dbt_project.yml is that of nodes in a process of dbt.
    adapter.connections.query_header = None

    def ask(sql: str) -> Iterable[Sequence[Any]]:
        answer: Iterable[Sequence[Any]] = adapter.execute(f"{sql}\n/* {comment} */", fetch=True)[1]
        return answer

    try:
        with adapter.connection_named("description"):
            counts = ask(count_rows(tables)) if tables else []
            found = ask(select_columns(database, schemas, database if is_snowflake else "system"))
    except DbtBaseException as error:
        # What dbt made is made, and why it failed where it did is told next.
        dg.get_dagster_logger().warning(f"How many rows and which columns dbt made cannot be told: {error}")
        return {}
    columns = defaultdict(list)
    for schema, table, name, *type_ in found:
        if is_snowflake and table.lower() in sources and name != name.upper():
            # For dagster-dbt, which finds no such column in the query of a model otherwise.
            name = f'"{name}"'
        column = (
            adapter.Column.from_description(name, snowflake_type(*type_))
            if is_snowflake
            else adapter.Column(name, type_[0])
        )
        columns[(schema.lower(), table.lower())].append(column)
    answer_for_columns(adapter, columns)
    return {
        str(unique_id): {"dagster/row_count": int(count), "dagster/storage_kind": adapter.type()}
        for unique_id, count in counts
    }


def count_rows(tables: Mapping[str, str]) -> str:
    """The query for the rows of tables: names of relations by unique id."""
    return "\nunion all\n".join(
        f"select '{unique_id}' as node, count(*) as row_count from {name}" for unique_id, name in tables.items()
    )


def select_columns(database: str, schemas: Collection[str], catalog: str) -> str:
    """The query for the columns of all that is in schemas of a database, which `catalog` has the information on."""
    names = ", ".join(f"'{schema}'" for schema in sorted(schemas))
    return (
        "select table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, "
        f"numeric_scale from {catalog}.information_schema.columns "
        f"where lower(table_catalog) = '{database.lower()}' and lower(table_schema) in ({names}) "
        "order by table_schema, table_name, ordinal_position"
    )


def snowflake_type(name: str, length: int | None, precision: int | None, scale: int | None) -> str:
    """A type of `information_schema` as DESCRIBE TABLE has it, which dbt-snowflake reads."""
    if name == "TEXT":
        return f"VARCHAR({length})" if length else "VARCHAR"
    return f"NUMBER({precision},{scale})" if name == "NUMBER" and precision else name

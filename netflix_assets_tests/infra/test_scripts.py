"""The scripts: every name is filled in, every statement is Snowflake's SQL, the raw tables are the catalogue's."""

import re
from dataclasses import replace

import pytest
from sqlfluff.core import FluffConfig, Linter

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import InfraError
from netflix_assets.infra.inventory import Inventory, columns_of, wanted
from netflix_assets.infra.scripts import SCRIPTS, Script, Statement, fill_in, render, statements, values
from netflix_assets.loading.snowflake_parameters import client_seconds, session_parameters
from netflix_assets.loading.warehouse import LOAD_HISTORY_COLUMNS, REJECTED_ROWS_COLUMNS
from netflix_assets.settings import InfraSettings


def unparsable(sql: str) -> list[str]:
    """What sqlfluff's Snowflake dialect makes nothing of."""
    parsed = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw"})).parse_string(sql)
    assert parsed.tree is not None
    return [segment.raw for segment in parsed.tree.recursive_crawl("unparsable")] + [
        str(violation) for violation in parsed.violations
    ]


def test_every_statement_parses_in_snowflakes_dialect(infra_settings: InfraSettings) -> None:
    for script in render(infra_settings):
        assert unparsable(script.text) == [], script.name


def test_what_is_no_sql_is_found_unparsable() -> None:
    assert unparsable("use role sysadmin;\ngrant usage to on role x;\n")


def test_every_placeholder_is_filled_and_every_value_is_used(infra_settings: InfraSettings) -> None:
    used = {name for path in SCRIPTS.glob("*.sql") for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    assert used == set(values(infra_settings))
    assert not any("$" in script.text for script in render(infra_settings))


def test_a_placeholder_that_nothing_fills_is_refused(infra_settings: InfraSettings) -> None:
    filled = values(infra_settings)
    del filled["stage"]
    with pytest.raises(KeyError, match="stage"):
        fill_in(filled)


def test_the_scripts_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name.partition("_")[0]) for path in sorted(SCRIPTS.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_statements_keep_semicolons_and_dashes_that_are_in_quotes() -> None:
    script = Script("x.sql", "-- one; two\nuse role r;\n\ncreate x 'a;--b' \"c;d\"; -- three\nselect 1 - 2\n")
    assert statements([script]) == [
        Statement("x.sql", 2, "R", "use role r"),
        Statement("x.sql", 4, "R", "create x 'a;--b' \"c;d\""),
        Statement("x.sql", 5, "R", "select 1 - 2"),
    ]


def test_a_statement_that_could_not_be_checked_is_refused(scripted: list[Statement]) -> None:
    with pytest.raises(InfraError, match=r"x\.sql:3 .* drop table t"):
        wanted([*scripted, Statement("x.sql", 3, "SYSADMIN", "drop table t")])


def test_the_raw_tables_have_the_columns_of_the_catalogue(inventory: Inventory) -> None:
    expected = {
        file.table: {
            **{column.name: column.type.value for column in file.columns},
            "_EXTRA": "VARCHAR",
            "_LOAD_ID": "INTEGER",
        }
        for file in RAW_FILES
    }
    expected["load_history"] = {name.upper(): type_ for name, type_ in LOAD_HISTORY_COLUMNS}
    expected["rejected_rows"] = {name.upper(): type_ for name, type_ in REJECTED_ROWS_COLUMNS}
    assert {name: table.properties for name, table in inventory.of("TABLE").items()} == {
        f"MOVIELENS.RAW.{table.upper()}": columns_of(", ".join(f'"{name}" {type_}' for name, type_ in columns.items()))
        for table, columns in expected.items()
    }


def test_the_limits_of_the_warehouses_follow_the_setting(infra_settings: InfraSettings) -> None:
    longer = replace(infra_settings, snowflake=replace(infra_settings.snowflake, statement_seconds=7200))
    made = wanted(statements(render(longer)))
    for name in ("MOVIELENS_LOADING", "MOVIELENS_TRANSFORMING"):
        limits = made.of("WAREHOUSE")[name].properties
        assert int(limits["STATEMENT_TIMEOUT_IN_SECONDS"]) == 7200
        assert client_seconds(7200) > 7200 + int(limits["STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"])


def test_every_service_user_has_the_parameters_of_our_sessions(inventory: Inventory) -> None:
    for user in inventory.of("USER").values():
        assert {name.upper() for name in session_parameters(3600)} <= set(user.properties)

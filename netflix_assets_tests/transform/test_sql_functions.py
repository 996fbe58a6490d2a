"""Every SQL function that models and loads use: what Snowflake documents of it, and that DuckDB does the same.

A function that is not in the table fails; so does one whose DuckDB no longer answers as written. What Snowflake does
is read in its documentation (page `sql-reference/functions/NAME`), not run: the emulator is a DuckDB itself.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from netflix_assets.settings import PROJECT_ROOT
from netflix_assets.transform.project import PROJECT_DIR


@dataclass(frozen=True)
class Function:
    """One SQL function.

    Attributes:
        snowflake: What Snowflake's documentation says where the two could differ; empty if it has no such function.
        examples: Expressions and what DuckDB makes of them, as text: the same as Snowflake documents.
        only: The warehouse that alone is given it, behind a dispatched macro or in its own loads.
    """

    snowflake: str
    examples: tuple[tuple[str, str | None], ...] = ()
    only: str | None = None


_DUCKDB, _SNOWFLAKE = "duckdb", "snowflake"

FUNCTIONS = {
    # Numbers.
    "abs": Function("The value without its sign.", (("abs(-1)", "1"),)),
    "avg": Function("Of a DECIMAL it is a DECIMAL, cut off: never used, see macro `mean`.", only="nothing"),
    "floor": Function("The next smaller whole number.", (("floor(7.4)", "7"), ("floor(-0.5::double)", "-1.0"))),
    "greatest": Function(
        "NULL if any argument is; DuckDB skips NULLs, so never given one.", (("greatest(1, 2)", "2"),)
    ),
    "least": Function("As greatest.", (("least(1, 2)", "1"),)),
    "sum": Function("NULL over no rows; of a DECIMAL as exact.", (("sum(0.1::decimal(2, 1))", "0.1"),)),
    "min": Function("NULL over no rows; of text by UTF-8 bytes unless a collation is set.", (("min('a')", "a"),)),
    "max": Function("As min.", (("max('a')", "a"),)),
    "count": Function("Of an expression: the rows in which it is not NULL.", (("count(null)", "0"),)),
    # Conditions and casts.
    "coalesce": Function("The first argument that is not NULL.", (("coalesce(null, 1)", "1"),)),
    "nullif": Function("NULL where both are equal.", (("nullif('', '')", None), ("nullif(1, 0)", "1"))),
    "cast": Function(
        "A number to text as digits alone; text to DATE by DATE_INPUT_FORMAT, which AUTO reads as YYYY-MM-DD. DOUBLE "
        "is of IEEE 754 (data-types-numeric), so that -0 + 0 is 0; what else becomes of -0 is not said: loads add 0.",
        (
            ("cast(1995 as varchar)", "1995"),
            ("cast('1995-01-01' as date)", "1995-01-01"),
            ("cast(cast('-0' as double) + 0 as double)", "0.0"),
        ),
    ),
    "decimal": Function("A type: NUMBER.", (("1::decimal(18, 1)", "1.0"),)),
    # Text.
    "trim": Function(
        "Takes only ' ' off unless given characters; always given them. DuckDB's takes off some of Unicode's blanks.",
        (("trim('\u00a0 x\t', '\u00a0\t ')", "x"), ("trim('xyx', 'x')", "y")),
    ),
    "ltrim": Function("As trim, of the start.", (("ltrim('00120', '0')", "120"), ("ltrim('000', '0')", ""))),
    "lpad": Function(
        "Cuts off what is longer than the length: used of shorter ones alone.", (("lpad('12', 4, '0')", "0012"),)
    ),
    "left": Function("Characters, not bytes.", (("left('äb', 1)", "ä"), ("left('ab', 9)", "ab"))),
    "right": Function("Characters, not bytes.", (("right('aä', 1)", "ä"),)),
    "length": Function("Code points, not bytes.", (("length('ä\U0001f3ac')", "2"),)),
    "replace": Function("Every occurrence.", (("replace('a|b|c', '|', '')", "abc"),)),
    "translate": Function(
        "Character by character.",
        (("translate('ÄBC', 'ABC', 'abc')", "Äbc"), ("translate('\u3000', '\u3000', ' ')", " ")),
    ),
    "lower": Function(
        "Of other letters than A to Z it is each warehouse's own: never used, see macro `lower_letters`.",
        only="nothing",
    ),
    "extract": Function(
        "`extract(year from date)`: a whole number.", (("extract(year from date '1995-12-31')", "1995"),)
    ),
    "date_trunc": Function(
        "Keeps the type: a TIMESTAMP of a TIMESTAMP.",
        (("date_trunc('month', timestamp '1995-12-31 23:59:59')", "1995-12-01 00:00:00"),),
    ),
    "rank": Function("From 1; ties share the smallest place.", ()),
    "row_number": Function("From 1; ties in any order unless the order decides.", ()),
    # Behind a dispatched macro.
    "regexp_extract": Function(
        "",
        (("regexp_extract('A (1995)', '[(]([0-9]{4})[)]$', 1)", "1995"), ("regexp_extract('A', '(B)', 1)", "")),
        _DUCKDB,
    ),
    "regexp_substr": Function("POSIX ERE without (?:); 'e' gives a group; NULL without a match.", only=_SNOWFLAKE),
    "regexp_replace": Function(
        "Replaces every match unless told otherwise; DuckDB the first one unless given 'g'.",
        (("regexp_replace('a||b  |c', ' ?[|][ |]*', '|', 'g')", "a|b |c"),),
    ),
    "string_split": Function("", (("string_split('a|b', '|')", "[a, b]"), ("string_split('', '|')", "['']")), _DUCKDB),
    "unnest": Function("", only=_DUCKDB),
    "split": Function("An array of VARIANT; of '' one empty text.", only=_SNOWFLAKE),
    "flatten": Function("A row an element, the element in VALUE.", only=_SNOWFLAKE),
    "make_timestamp": Function("", (("make_timestamp(1435708799::bigint * 1000000)", "2015-06-30 23:59:59"),), _DUCKDB),
    "to_timestamp": Function(
        "Of a number: seconds, in the type of TIMESTAMP_TYPE_MAPPING: not given to it.", only="other"
    ),
    "to_timestamp_ntz": Function(
        "Of a number: seconds since 1970, without a zone; of text it guesses.", only=_SNOWFLAKE
    ),
    "hash": Function("Another number in each warehouse: compared within one alone.", only=_DUCKDB),
    "hash_agg": Function("Over rows in any order; repeated rows count.", only=_SNOWFLAKE),
    "approx_count_distinct": Function("", only=_DUCKDB),
    "bitstring_agg": Function("", only=_DUCKDB),
    "bit_count": Function("", (("bit_count('10110'::bit)", "3"),), _DUCKDB),
    # Of the loads alone.
    "read_csv": Function("", only=_DUCKDB),
    "current_database": Function("", only=_DUCKDB),
    "error": Function("", only=_DUCKDB),
    "md5": Function("", (("('0x' || md5('a')[17:])::ubigint", "3585878926028121697"),), only=_DUCKDB),
    "md5_number_lower64": Function(
        "The lower 64 bits of the MD5 of the UTF-8 text, without a sign: on DuckDB the last 16 digits of md5.",
        only=_SNOWFLAKE,
    ),
    "chr": Function("The character of a code point.", (("chr(13)", "\r"),)),
    "get_stage_location": Function("The URL of a stage, to any role with USAGE on it.", only=_SNOWFLAKE),
    "octet_length": Function("Bytes of the UTF-8 text.", only=_SNOWFLAKE),
    "charindex": Function("From 1; 0 if it is not there.", only=_SNOWFLAKE),
    "contains": Function("Whether the second text is in the first.", (("contains('a|b', '|')", "true"),)),
    "split_part": Function("From 1; '' beyond the last part.", (("split_part('a,b', ',', 3)", ""),)),
    "substr": Function("From 1.", (("substr('abc', 2)", "bc"),)),
    "max_by": Function("The value of the row with the largest other.", (("max_by('a', 1)", "a"),)),
    "count_if": Function("Rows for which it is true.", (("count_if(true)", "1"),)),
    "repeat": Function("The text so many times.", (("repeat('ab', 2)", "abab"),)),
    "regexp_like": Function("Matches the whole text.", only=_SNOWFLAKE),
    "try_to_double": Function(
        "NULL where the text is no number; reads NaN and inf, which are filtered before.", only=_SNOWFLAKE
    ),
}

_DBT = {
    *("adapter", "append", "config", "date", "do", "dispatch", "env_var", "extend", "get", "indent", "is_incremental"),
    *("items", "join", "map", "pop", "range", "ref", "return", "run_query", "source", "tojson", "values", "var"),
    *("get_columns_in_relation", "get_quoted_csv", "load_relation", "snowflake_dml_explicit_transaction", "timedelta"),
    *("alter_relation_comment", "clear", "format_columns", "from_object", "get_assert_columns_equivalent"),
    *("get_column_comment_sql", "get_column_schema_from_query", "get_columns_in_query", "get_empty_schema_sql"),
    *("get_persist_docs_column_list", "get_select_subquery", "keys", "load_result", "persist_column_docs"),
    *("persist_relation_docs", "raise_contract_error", "render_raw_columns_constraints"),
    *("render_raw_model_constraints", "setdefault", "store_result", "update", "zip"),
}
_KEYWORDS = {"as", "end", "filter", "from", "in", "month", "number", "or", "over", "rows", "values"}
_CALL = re.compile(r"\b([a-z][a-z_0-9]+)\(")
_LOADS = ("snowflake_sql.py", "duckdb_sql.py", "duckdb_warehouse.py", "snowflake_warehouse.py")


def used_in_dbt() -> set[str]:
    """The functions in the SQL and the YAML of the dbt project, its own macros and tests and dbt's left out."""
    texts = [
        path.read_text()
        for path in PROJECT_DIR.rglob("*")
        if path.suffix in (".sql", ".yml") and not {"target", "logs"} & set(path.relative_to(PROJECT_DIR).parts)
    ]
    own = {name for text in texts for name in re.findall(r"{% (?:macro|test) (\w+)", text)}
    called = {name for text in texts for name in _CALL.findall(_without_comments(text))}
    return called - own - _DBT - _KEYWORDS


def _without_comments(text: str) -> str:
    text = re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"^\s*(--|#).*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^\s*description: .*$", "", text, flags=re.MULTILINE)


def used_in_loads() -> set[str]:
    """The functions in the SQL texts of the modules that load."""
    loading = PROJECT_ROOT / "netflix_assets" / "loading"
    return {
        name
        for path in (loading / name for name in _LOADS)
        if path.exists()
        for text in _sql_of(path)
        for name in _CALL.findall(text)
    } - _KEYWORDS


def _sql_of(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [text for text in texts if isinstance(text, str) and text not in docstrings]


def test_every_function_of_models_and_loads_is_in_the_table_and_every_entry_is_used() -> None:
    used = used_in_dbt() | used_in_loads()
    assert used - set(FUNCTIONS) == set(), "say what both warehouses do with it, then use it"
    never = {name for name, function in FUNCTIONS.items() if function.only == "nothing"}
    assert used & never == set(), "use the macro that the table names"
    assert set(FUNCTIONS) - used - never == set(), "no longer used"


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.examples])
def test_duckdb_does_what_the_table_says(name: str) -> None:
    for expression, expected in FUNCTIONS[name].examples:
        answer = duckdb.execute(f"select cast(({expression}) as varchar)").fetchall()
        assert answer == [(expected,)], expression


def test_functions_of_one_warehouse_are_called_in_dispatched_macros_alone() -> None:
    for path in PROJECT_DIR.rglob("*.sql"):
        relative = path.relative_to(PROJECT_DIR)
        if relative.parts[0] in ("target", "logs"):
            continue
        shared = re.sub(r"{% macro (default|duckdb|snowflake)__.*?endmacro %}", "", path.read_text(), flags=re.DOTALL)
        calls = set(_CALL.findall(_without_comments(shared)))
        alone = {name for name, function in FUNCTIONS.items() if function.only or name == "regexp_replace"}
        assert calls & alone == set(), relative

"""What fakesnow does otherwise than Snowflake, put right as far as dbt-snowflake and this project's loads need it.

Each patch names the difference. They replace functions inside fakesnow, hence `versions.py`.
"""

from __future__ import annotations

import importlib
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import duckdb
import fakesnow.arrow
import fakesnow.cursor
import fakesnow.dialect
import fakesnow.info_schema
import fakesnow.transforms
import pyarrow as pa
from fakesnow.copy_into import stage_url_from_var
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms.stage import parts_from_var
from snowflake.connector.errors import DatabaseError, ProgrammingError
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from netflix_assets_tests.emulator import databases
from netflix_assets_tests.emulator.copy_into import (
    RESULT_COLUMNS,
    CopyLines,
    ReadObject,
    copied,
    result_row,
    stage_of_location,
)
from netflix_assets_tests.emulator.parameters import Parameters
from netflix_assets_tests.emulator.versions import UnfitEmulator, refuse_other_versions

_LOCK_POLL_SECONDS = 0.05
# No privilege is emulated, so that none is held; dbt asks before it grants.
_NO_GRANTS = (
    "select '' as \"created_on\", '' as \"privilege\", '' as \"granted_on\", '' as \"name\", "
    "'' as \"granted_to\", '' as \"grantee_name\", 'false' as \"grant_option\", '' as \"granted_by\" where false"
)
_DDL = (exp.Create, exp.Drop, exp.Alter, exp.Comment, exp.TruncateTable)
_DML = (exp.Create, exp.Query, exp.Insert, exp.Update, exp.Delete)
# Accounts, not databases: the emulator has nothing that these could change.
_IGNORED = (
    r"\s*(create|alter|drop)\s+(or\s+replace\s+)?"
    r"(role|database\s+role|warehouse|resource\s+monitor|user|storage\s+integration|network\s+(policy|rule)|"
    r"authentication\s+policy)\b",
    r"\s*(grant|revoke)\b",
    r"\s*use\s+(role|warehouse|secondary\s+roles)\b",
    r"\s*comment\s+(if\s+exists\s+)?on\s+column\b",
    r"\s*alter\s+(table|view)\s+\S+\s+alter\s+.*\bcomment\s+\$\$",
)


@dataclass
class SessionState:
    """What the emulator knows of a session beyond fakesnow.

    Attributes:
        parameters: Its parameters, QUERY_TAG among them.
        user: Who signed in; empty for the emulator's own sessions, whose statements are not recorded.
        in_transaction: Between BEGIN and COMMIT or ROLLBACK.
        is_aborted: A statement of that transaction failed, and TRANSACTION_ABORT_ON_ERROR is on.
        untouched: No statement has run in that transaction.
        sql: The statement at work.
    """

    parameters: Parameters
    user: str = ""
    in_transaction: bool = False
    is_aborted: bool = False
    untouched: bool = False
    sql: str = ""


@dataclass(frozen=True)
class Statement:
    """A statement that a client sent, with the QUERY_TAG and the user of its session."""

    sql: str
    tag: str
    user: str


@dataclass
class Surroundings:
    """What the patched functions share with the server.

    Attributes:
        read: Reads objects of the buckets that stages point at.
        statements: Every statement received, oldest first.
        refusals: Statements to answer with an error: a pattern, and (number, SQL state, text).
        durations: Seconds that statements which match a pattern are said to take.
        account_parameters: Parameters of the account, which hold where a session sets none.
    """

    read: ReadObject
    statements: list[Statement] = field(default_factory=list)
    refusals: list[tuple[re.Pattern[str], tuple[int, str, str]]] = field(default_factory=list)
    durations: list[tuple[re.Pattern[str], float]] = field(default_factory=list)
    account_parameters: dict[str, str] = field(default_factory=dict)


_surroundings: Surroundings | None = None
_execute = FakeSnowflakeCursor.execute
_explode = FakeSnowflakeCursor._transform_explode
_transform = FakeSnowflakeCursor._transform
_execute_transformed = FakeSnowflakeCursor._execute
_describe = FakeSnowflakeCursor._describe_last_sql
_generate = DuckDB.generate
_timestamp_to_struct = fakesnow.arrow.timestamp_to_sf_struct
_insert_table_comment = fakesnow.info_schema.insert_table_comment_sql
_per_db_creation_sql = fakesnow.info_schema.per_db_creation_sql


def state_of(connection: Any) -> SessionState:
    """The state of a session, made when first asked for."""
    if not hasattr(connection, "_emulator_state"):
        connection._emulator_state = SessionState(Parameters(_here().account_parameters))
    state: SessionState = connection._emulator_state
    return state


def apply(surroundings: Surroundings) -> None:
    """Patch fakesnow in this process.

    Raises:
        UnfitEmulator: fakesnow or sqlglot is not the version that the patches are for.
    """
    refuse_other_versions()
    global _surroundings
    _surroundings = surroundings
    for holder, name, function in _PATCHES:
        if not hasattr(holder, name):
            raise UnfitEmulator(f"fakesnow has no {name} to patch")
        setattr(holder, name, function)


def _here() -> Surroundings:
    assert _surroundings is not None, "apply() comes first"
    return _surroundings


def _execute_from_client(cursor: Any, command: str, *args: Any, **kwargs: Any) -> Any:
    """Record the statement; answer what fakesnow does not know; end in an error that a client understands.

    An unknown error would become HTTP 500, which clients retry for minutes.
    """
    connection = cursor._conn
    state = state_of(connection)
    state.sql = command
    if state.user:
        _here().statements.append(Statement(command, state.parameters["QUERY_TAG"], state.user))
    bare = _without_comments(command)
    if state.is_aborted and not re.match(r"(commit|rollback)\b", bare, re.I):
        raise ProgrammingError(
            msg="The transaction was aborted by an error; end it with ROLLBACK.", errno=90232, sqlstate="25000"
        )
    try:
        _refuse_as_told(state, command)
    except ProgrammingError:
        # Snowflake has undone the statement and nothing else.
        state.is_aborted = state.in_transaction and state.parameters.is_on("TRANSACTION_ABORT_ON_ERROR")
        raise
    if state.parameters.change(bare):
        command = "select 'Statement executed successfully.' as status"
    elif (shown := state.parameters.shown(bare)) is not None:
        command = shown
    elif (stage := stage_of_location(bare)) is not None:
        command = _stage_location(connection, stage)
    elif databases.change(connection._duck_conn, bare):
        command = "select 'Statement executed successfully.' as status"
    elif re.match(r"show\s+grants\s+on\b", bare, re.I):
        command = _NO_GRANTS
    elif any(re.match(pattern, bare, re.I | re.S) for pattern in _IGNORED):
        command = "select 'Statement executed successfully.' as status"
    try:
        answered = _execute(cursor, command, *args, **kwargs)
        _cut_off(cursor, int(state.parameters["ROWS_PER_RESULTSET"]))
        return answered
    except (ProgrammingError, DatabaseError):
        _roll_back(cursor)
        raise
    except duckdb.ConstraintException as error:
        _roll_back(cursor)
        raise ProgrammingError(msg=str(error), errno=100072, sqlstate="22000") from None
    except Exception as error:  # noqa: BLE001
        _roll_back(cursor)
        raise ProgrammingError(msg=f"{type(error).__name__}: {error}", errno=1003, sqlstate="42000") from None


def _refuse_as_told(state: SessionState, command: str) -> None:
    """Answer with the error that a test asked for, or that a statement took too long."""
    for pattern, (number, sql_state, text) in _here().refusals:
        if pattern.search(command):
            raise ProgrammingError(msg=text, errno=number, sqlstate=sql_state)
    limit = float(state.parameters["STATEMENT_TIMEOUT_IN_SECONDS"])
    for pattern, seconds in _here().durations:
        if pattern.search(command) and seconds > limit > 0:
            raise ProgrammingError(
                msg=f"Statement reached its statement or warehouse timeout of {limit:g} second(s) and was canceled.",
                errno=630,
                sqlstate="57014",
            )


def _cut_off(cursor: Any, rows: int) -> None:
    """Return no more rows of a query than ROWS_PER_RESULTSET says; 0 is no limit."""
    if rows and cursor._arrow_table is not None and re.match(r"\s*(select|with)\b", state_of(cursor._conn).sql, re.I):
        cursor._arrow_table = cursor._arrow_table.slice(0, rows)


def _without_comments(command: str) -> str:
    """The statement without the comments that dbt puts before and behind it."""
    return re.sub(r"^(\s*/\*.*?\*/)+|(/\*[^*]*\*/\s*;?\s*)$", "", command, flags=re.S).strip()


def _roll_back(cursor: Any) -> None:
    """DuckDB spoils a transaction by any error, Snowflake only undoes the statement; here the session goes on."""
    state = state_of(cursor._conn)
    if state.in_transaction:
        state.is_aborted = state.parameters.is_on("TRANSACTION_ABORT_ON_ERROR")
        try:
            cursor._duck_conn.rollback()
        except duckdb.TransactionException:
            return
        finally:
            state.in_transaction = cursor._conn._in_transaction = False


def _stage_location(connection: Any, stage: str) -> str:
    """GET_STAGE_LOCATION, of which fakesnow knows nothing."""
    database, schema, name = parts_from_var(stage, connection.database, connection.schema)
    row = connection._duck_conn.execute(
        "select url from _fs_global._fs_information_schema._fs_stages "
        "where database_name = ? and schema_name = ? and name = ?",
        [database, schema, name],
    ).fetchone()
    if row is None:
        raise ProgrammingError(
            msg=f"SQL compilation error:\nStage '{database}.{schema}.{name}' does not exist or not authorized.",
            errno=2003,
            sqlstate="02000",
        )
    return f"select '{row[0]}' as \"GET_STAGE_LOCATION\""


def _explode_with_transactions(cursor: Any, expression: exp.Expr) -> Any:
    """Keep track of transactions, which DDL commits in Snowflake; fakesnow does so without autocommit only."""
    state = state_of(cursor._conn)
    if _uppercases(cursor):
        for identifier in expression.find_all(exp.Identifier):
            identifier.set("this", identifier.name.upper())
    if isinstance(expression, exp.Transaction):
        state.in_transaction = state.untouched = True
    elif isinstance(expression, (exp.Commit, exp.Rollback)):
        if state.is_aborted and state.in_transaction:
            expression = exp.Rollback()
        state.in_transaction = state.is_aborted = False
    elif isinstance(expression, _DDL) and state.in_transaction:
        cursor._duck_conn.commit()
        state.in_transaction = cursor._conn._in_transaction = False
    if isinstance(expression, exp.Create) and expression.args.get("properties"):
        _make_qualified_temporary_tables_permanent(expression)
    if isinstance(expression, exp.Merge):
        _qualify_merged_columns(expression)
    return _explode(cursor, expression)


def _make_qualified_temporary_tables_permanent(create: exp.Create) -> None:
    """DuckDB has no temporary tables in a schema of one's own, in which dbt makes (and drops) them."""
    table = create.find(exp.Table)
    if table is not None and table.db:
        properties = create.args["properties"]
        kept = [item for item in properties.expressions if not isinstance(item, exp.TemporaryProperty)]
        properties.set("expressions", kept)


def _qualify_merged_columns(merge: exp.Merge) -> None:
    """The values that a MERGE inserts are those of its source; DuckDB calls the bare names ambiguous."""
    source = exp.to_identifier(merge.args["using"].alias_or_name)
    whens = merge.args["whens"]
    for when in getattr(whens, "expressions", whens):
        then = when.args.get("then")
        if isinstance(then, exp.Insert) and then.expression:
            for column in then.expression.find_all(exp.Column):
                if not column.table:
                    column.set("table", source.copy())


def _transform_more(cursor: Any, expression: exp.Expr, params: Any) -> exp.Expr:
    """Functions that DuckDB calls otherwise, or does not have."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.ByteLength):
            return exp.func("STRLEN", node.this)
        if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)):
            return exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(node.args["unit"].name), node.this])
        if isinstance(node, exp.MD5NumberLower64):
            half = exp.func("SUBSTR", exp.func("MD5", node.this), exp.Literal.number(17))
            return exp.cast(exp.DPipe(this=exp.Literal.string("0x"), expression=half), "UBIGINT", dialect="duckdb")
        if isinstance(node, exp.HashAgg):
            # Another hash than Snowflake's, equal for equal rows just the same.
            hashed = exp.Anonymous(this="HASH", expressions=[node.this, *node.expressions])
            return exp.Sum(this=exp.cast(hashed, "HUGEINT", dialect="duckdb"))
        if isinstance(node, exp.Func) and node.sql_name() in _SESSION_FUNCTIONS:
            return exp.Literal.string(_SESSION_FUNCTIONS[node.sql_name()])
        return node

    key = (expression.meta.get(_TEXT), cursor._conn.database, cursor._conn.schema, _uppercases(cursor))
    if key[0] is None or params or not isinstance(expression, _DML):
        transformed: exp.Expr = _transform(cursor, expression.transform(change), params)
        return transformed
    kept = _transformed.get(key)
    if kept is None:
        if len(_transformed) > _MOST_KEPT:
            _transformed.clear()
            _generated.clear()
        kept = _transformed[key] = _transform(cursor, expression.transform(change), params)
        _generated[id(kept)] = _generate(DuckDB(), kept)
    return kept


def _uppercases(cursor: Any) -> bool:
    return state_of(cursor._conn).parameters.is_on("QUOTED_IDENTIFIERS_IGNORE_CASE")


# Half of what a statement takes is spent on its text, and many are the same in every load.
_TEXT = "text"
_MOST_KEPT = 500
_transformed: dict[tuple[str | None, str | None, str | None, bool], exp.Expr] = {}
_generated: dict[int, str] = {}
"""DuckDB's text of these."""


@lru_cache(maxsize=_MOST_KEPT)
def _parse_once(command: str) -> exp.Expr:
    expression: exp.Expr = fakesnow.dialect.parse_one(command)
    expression.meta[_TEXT] = command
    return expression


def _parse(command: str) -> exp.Expr:
    return _parse_once(command).copy()


def _generate_once(dialect: Any, expression: exp.Expr, **options: Any) -> str:
    return _generated.get(id(expression)) or str(_generate(dialect, expression, **options))


_SESSION_FUNCTIONS = {"CURRENT_WAREHOUSE": "EMULATED", "CURRENT_ACCOUNT": "EMULATOR", "CURRENT_REGION": "LOCAL"}


def _execute_waiting(cursor: Any, transformed: exp.Expr, params: Any = None) -> None:
    """Wait for another transaction's lock, as Snowflake does; DuckDB reports the conflict at once.

    Only a transaction that has done nothing yet can begin again without its client noticing.
    """
    state = state_of(cursor._conn)
    deadline = time.monotonic() + float(state.parameters["LOCK_TIMEOUT"])
    first = state.in_transaction and state.untouched and not isinstance(transformed, exp.Transaction)
    cursor._emulator_columns = None
    while True:
        try:
            _execute_transformed(cursor, transformed, params)
            break
        except duckdb.TransactionException as error:
            if "onflict" not in str(error):
                raise
            if (state.in_transaction and not first) or time.monotonic() > deadline:
                raise ProgrammingError(
                    msg="Statement has been aborted: a lock is held by another transaction and was not released "
                    f"within {float(state.parameters['LOCK_TIMEOUT']):g} seconds",
                    errno=625,
                    sqlstate="57014",
                ) from None
        if state.in_transaction:
            cursor._duck_conn.rollback()
            time.sleep(_LOCK_POLL_SECONDS)
            cursor._duck_conn.begin()
        else:
            time.sleep(_LOCK_POLL_SECONDS)
    if first:
        state.untouched = False
    if not transformed.args.get("result_scan_sfqid"):
        cursor._emulator_columns = cursor._duck_conn.description


def _describe_result(cursor: Any) -> list[Any]:
    """Columns and types of the last result, for which fakesnow has DuckDB plan the statement a second time."""
    if cursor._emulator_columns is None:
        return list(_describe(cursor))
    return [(name, str(kind), None, None, None, None) for name, kind, *_ in cursor._emulator_columns]


def _copy_into(
    connection: Any, database: str | None, schema: str | None, statement: exp.Copy, table_stages: Any, *_: Any
) -> str:
    """COPY INTO; fakesnow's own reads CSV with DuckDB and knows neither FILES of any name nor metadata columns."""
    copy = CopyLines.parse(statement)
    # By a cursor of its own: its open result would be in the way of registering the rows.
    url = stage_url_from_var(copy.stage, connection.cursor(), database, schema, table_stages, copy.table)
    target = copy.table.sql(dialect="duckdb")
    # Every file is read before the first row is inserted: one that is not there leaves no rows.
    files = list(copied(copy, url, _here().read))
    columns = ", ".join(f'"{name}"' for name in copy.columns)
    connection.register("copied_rows", pa.concat_tables([rows for _, rows in files]))
    connection.execute(f"insert into {target} ({columns}) select {columns} from copied_rows").fetchall()
    connection.unregister("copied_rows")
    results = [result_row(file, rows.num_rows) for file, rows in files]
    answer = exp.select("*").from_(exp.values(results, alias="copied", columns=RESULT_COLUMNS)).sql("duckdb")
    connection.execute(answer)
    return answer


def _nullable_timestamps(column: Any) -> pa.Array:
    """A NULL timestamp, which fakesnow returns as 1970-01-01."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    struct = _timestamp_to_struct(column)
    if not column.null_count:
        return struct
    fields = [field.with_nullable(True) for field in struct.type]
    arrays = [struct.field(index) for index in range(struct.type.num_fields)]
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=column.is_null())


def _insert_quoted_table_comment(catalog: str, schema: str, table: str, comment: str | None) -> str:
    """Comments with quotes in them, and none at all."""
    if comment is None:
        return "select 1"
    return str(_insert_table_comment(catalog, schema, table, comment.replace("'", "''")))


def _creation_with_views(catalog: str) -> str:
    """INFORMATION_SCHEMA.TABLES lists views as well."""
    tables = (
        "(select database_name, schema_name, table_name, estimated_size, 'BASE TABLE' as kind from duckdb_tables "
        "union all select database_name, schema_name, view_name, null, 'VIEW' from duckdb_views) as tables"
    )
    sql = str(_per_db_creation_sql(catalog))
    return sql.replace("from duckdb_tables tables", f"from {tables}").replace(
        "'BASE TABLE' AS \"TABLE_TYPE\"", 'tables.kind AS "TABLE_TYPE"'
    )


def _trim_keeps_characters(expression: exp.Expr) -> exp.Expr:
    """TRIM with the characters to trim, which fakesnow forgets while it casts to text."""
    if isinstance(expression, exp.Trim) and not isinstance(expression.this, exp.Cast):
        expression.set("this", exp.cast(expression.this, "TEXT"))
    return expression


_PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (FakeSnowflakeCursor, "execute", _execute_from_client),
    (FakeSnowflakeCursor, "_transform_explode", _explode_with_transactions),
    (FakeSnowflakeCursor, "_transform", _transform_more),
    (FakeSnowflakeCursor, "_execute", _execute_waiting),
    (FakeSnowflakeCursor, "_describe_last_sql", _describe_result),
    (DuckDB, "generate", _generate_once),
    (fakesnow.cursor, "parse_one", _parse),
    # The package has a function of the same name. It looks at the kind of the statement only.
    (importlib.import_module("fakesnow.server"), "parse_one", _parse_once),
    (fakesnow.cursor, "copy_into", _copy_into),
    (fakesnow.arrow, "timestamp_to_sf_struct", _nullable_timestamps),
    (fakesnow.info_schema, "insert_table_comment_sql", _insert_quoted_table_comment),
    (fakesnow.info_schema, "per_db_creation_sql", _creation_with_views),
    (fakesnow.transforms, "trim_cast_varchar", _trim_keeps_characters),
)

"""Parameters of every session of ours, so that what an account or a user has set decides nothing.

Loads pass them when they sign in; `infra_sql/08_users.sql` gives them to the service users and the macro
`session_parameters` of the dbt project has them set for each thread, because dbt's profile can set the query tag only.
What they mean: https://docs.snowflake.com/en/sql-reference/parameters. The one that no session can set, the collation,
is set on the database (`infra_sql/04_database.sql`); `infra check` compares all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

Value = str | int | bool

LOCK_SECONDS = 600
"""How long a statement waits for another's lock: twice as long as Snowflake leaves it to a dead client (300 s)."""

QUEUED_SECONDS = 1800
"""How long a statement of a load or a model may wait for its warehouse."""

SESSION_PARAMETERS: Mapping[str, Value] = {
    "TIMEZONE": "UTC",
    "DATE_INPUT_FORMAT": "AUTO",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
    "AUTOCOMMIT": True,
    "TRANSACTION_ABORT_ON_ERROR": True,
    "ABORT_DETACHED_QUERY": True,
    "MULTI_STATEMENT_COUNT": 1,
    "ROWS_PER_RESULTSET": 0,
    "ERROR_ON_NONDETERMINISTIC_MERGE": True,
    "LOCK_TIMEOUT": LOCK_SECONDS,
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": QUEUED_SECONDS,
}
"""Values by name, but for `STATEMENT_TIMEOUT_IN_SECONDS`, which is a setting."""


def session_parameters(statement_seconds: int) -> dict[str, Value]:
    """Give the parameters of a session whose statements may take so many seconds.

    Snowflake takes the lowest of the session's and the warehouse's limit.
    """
    return {**SESSION_PARAMETERS, "STATEMENT_TIMEOUT_IN_SECONDS": statement_seconds}


def client_seconds(statement_seconds: int) -> int:
    """Give the seconds after which the client itself cancels a statement: more than Snowflake lets it wait and run.

    The client also tries for that long to reach an account that went away in mid-statement.
    """
    return QUEUED_SECONDS + statement_seconds + LOCK_SECONDS


def as_sql(parameters: Mapping[str, Value]) -> str:
    """Write parameters as `SET` of ALTER SESSION and ALTER USER takes them; backslashes of a text are doubled."""
    return " ".join(f"{name.lower()} = {_literal(value)}" for name, value in parameters.items())


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return str(value).lower()

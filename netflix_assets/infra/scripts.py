"""The scripts in infra_sql/: filled in from settings, and taken apart into statements.

What the statements mean is in `inventory.py`; running them is in `apply.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from netflix_assets.catalog import EXTRA_COLUMN, RAW_FILES, RAW_SCHEMA, RawFile
from netflix_assets.errors import InfraError
from netflix_assets.infra.names import Names
from netflix_assets.loading.snowflake_parameters import QUEUED_SECONDS, as_sql, session_parameters
from netflix_assets.loading.warehouse import COLUMN_DRIFT, LOAD_HISTORY_COLUMNS, REJECTED_ROWS_COLUMNS
from netflix_assets.settings import PROJECT_ROOT, InfraSettings

SCRIPTS = PROJECT_ROOT / "infra_sql"

# Without a zone, whatever the account takes TIMESTAMP for.
_TYPES = {"TIMESTAMP": "TIMESTAMP_NTZ"}
_TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\"[^\"]*\"|;|[^-'\";]+|.", re.DOTALL)
_USE_ROLE = re.compile(r"use\s+role\s+(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Script:
    """One script, filled in.

    Attributes:
        name: File name.
        text: Its SQL.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Statement:
    """One statement of a script.

    Attributes:
        script: File name.
        line: Line that it starts on, from 1.
        role: Role that it runs as, in upper case; empty before the first `use role`.
        sql: The statement, without comments and semicolon.
    """

    script: str
    line: int
    role: str
    sql: str

    @property
    def where(self) -> str:
        """Script and line."""
        return f"{self.script}:{self.line}"


def values(settings: InfraSettings) -> dict[str, str]:
    """What each placeholder `${name}` of the scripts stands for."""
    names = Names.of(settings.snowflake)
    filled = {
        "database": names.database,
        "dev_database": names.dev_database,
        "admin_database": names.admin_database,
        "raw_tables": raw_tables(names.database),
        "stage": settings.snowflake.stage,
        "bucket": settings.bucket,
        "storage_integration": names.storage_integration,
        "storage_role_arn": settings.storage_role_arn,
        "resource_monitor": names.resource_monitor,
        "monthly_credits": str(settings.monthly_credits),
        "network_policy": names.network_policy,
        "reporter_networks": ", ".join(f"'{network}'" for network in settings.reporter_networks),
        "developer_role": names.developer_role,
        "developer_warehouse": names.developer_warehouse,
        "cloner_role": names.cloner_role,
        "costs_role": names.costs_role,
        "statement_seconds": str(settings.snowflake.statement_seconds),
        "queued_seconds": str(QUEUED_SECONDS),
        "session_parameters": as_sql(session_parameters(settings.snowflake.statement_seconds)),
    }
    for duty, user in settings.snowflake.users.items():
        filled[f"{duty.value}_user"] = user.user
        filled[f"{duty.value}_role"] = user.role
        filled[f"{duty.value}_warehouse"] = user.warehouse
    return filled


def raw_tables(database: str, files: Sequence[RawFile] = RAW_FILES) -> str:
    """The statements that make the raw tables of the catalogue, the load history and the table of rejected rows."""
    extra = (EXTRA_COLUMN, "VARCHAR")
    tables = {
        file.table: [
            *((f'"{column.name}"', column.type.value) for column in file.columns),
            extra,
            ("_load_id", "INTEGER"),
        ]
        for file in files
    }
    # What accounts of before there was drift do not have.
    added = {"load_history": COLUMN_DRIFT, **dict.fromkeys(tables, EXTRA_COLUMN)}
    tables |= {"load_history": list(LOAD_HISTORY_COLUMNS), "rejected_rows": list(REJECTED_ROWS_COLUMNS)}
    return "\n".join(
        f"create table if not exists {database}.{RAW_SCHEMA}.{table} (\n"
        + ",\n".join(f"    {name} {_TYPES.get(type_, type_).lower()}" for name, type_ in columns)
        + "\n);"
        for table, columns in tables.items()
    ) + "".join(
        f"\nalter table {database}.{RAW_SCHEMA}.{table} add column if not exists {column} varchar;"
        for table, column in added.items()
    )


def render(settings: InfraSettings, folder: Path = SCRIPTS) -> list[Script]:
    """The scripts in their order, with names filled in.

    Raises:
        KeyError: A script has a placeholder that no setting fills.
    """
    return fill_in(values(settings), folder)


def fill_in(filled: Mapping[str, str], folder: Path = SCRIPTS) -> list[Script]:
    """The scripts in their order, with these values for their placeholders."""
    return [Script(path.name, Template(path.read_text()).substitute(filled)) for path in sorted(folder.glob("*.sql"))]


def write(scripts: list[Script], folder: Path) -> None:
    """Write the scripts into a folder, which is made if missing.

    Raises:
        InfraError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for script in scripts:
            (folder / script.name).write_text(script.text)
    except OSError as error:
        raise InfraError(f"{error.filename} cannot be written ({error.strerror}); name another folder") from error


def statements(scripts: list[Script]) -> list[Statement]:
    """Every statement of the scripts, in the order to run them."""
    found = []
    for script in scripts:
        role = ""
        for line, sql in _split(script.text):
            used = _USE_ROLE.fullmatch(sql)
            role = used[1].upper() if used else role
            found.append(Statement(script.name, line, role, sql))
    return found


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each statement; a semicolon or `--` inside quotes is part of it."""
    sql, line = "", 1
    for match in _TOKEN.finditer(text + "\n;"):
        token = match[0]
        if token == ";":
            if sql.strip():
                yield line, sql.strip()
            sql = ""
            continue
        if token.startswith("--"):
            continue
        if not sql.strip() and token.strip():
            sql = ""
            start = match.start() + len(token) - len(token.lstrip())
            line = text.count("\n", 0, start) + 1
        sql += token

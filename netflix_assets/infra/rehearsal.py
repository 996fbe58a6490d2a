"""Rehearse on an account what no test here can show, in a database and on a warehouse that are dropped afterwards."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from netflix_assets.errors import InfraError
from netflix_assets.infra.connection import Connection, Refused, execute, one_line, open_connection
from netflix_assets.infra.probes import STAGE, Probe, Step, probes

_SECONDS = 120
"""Of one statement; with as many as there are, all of them take an XS warehouse about ten minutes at the most."""


@dataclass
class Finding:
    """What became of a probe.

    Attributes:
        probe: The probe.
        fault: In what the account does otherwise; empty if all is as expected.
        observed: Rows of the last statement, and the errors that were expected.
        query_ids: Of each statement, in order.
    """

    probe: Probe
    fault: str = ""
    observed: list[str] = field(default_factory=list)
    query_ids: list[str] = field(default_factory=list)


def rehearse(name: str, *, on_probe: Callable[[Probe], None]) -> list[Finding]:
    """Run every probe with the connection of this name in `connections.toml`.

    Its role must be allowed to create a database and a warehouse. Both are dropped, however the rehearsal ends.

    Raises:
        InfraError: The connection cannot be opened, or database and warehouse cannot be made.
    """
    place = f"NETFLIX_REHEARSAL_{uuid.uuid4().hex[:8].upper()}"
    with open_connection(name) as first, open_connection(name) as second:
        try:
            for statement in (
                f"create warehouse {place} warehouse_size = xsmall auto_suspend = 60 auto_resume = true "
                f"initially_suspended = true statement_timeout_in_seconds = {_SECONDS}",
                f"create transient database {place} data_retention_time_in_days = 0",
                f"create schema {place}.raw",
                f"create stage {place}.{STAGE}",
            ):
                _prepare(first, statement)
            for connection in (first, second):
                _prepare(connection, f"use warehouse {place}")
                _prepare(connection, f"use schema {place}.raw")
            return [_run(probe, first, second, on_probe) for probe in probes(place)]
        finally:
            for statement in (f"drop database if exists {place}", f"drop warehouse if exists {place}"):
                execute(first, statement)


def _prepare(connection: Connection, statement: str) -> None:
    try:
        execute(connection, statement)
    except Refused as error:
        raise InfraError(
            f"the rehearsal cannot begin, because the account refused `{statement}` ({error}); give --connection a "
            "connection whose role may create databases and warehouses, such as SYSADMIN"
        ) from error


def _run(probe: Probe, first: Connection, second: Connection, on_probe: Callable[[Probe], None]) -> Finding:
    on_probe(probe)
    finding = Finding(probe)
    rows: list[tuple[Any, ...]] = []
    try:
        for name, body in probe.files.items():
            _put(first, name, body)
        for step in probe.steps:
            rows = _step(second if step.other else first, step, finding)
        finding.observed.append(f"rows: {rows[:10]!r}")
        if probe.expected is not None and _plain(rows) != _plain(probe.expected):
            finding.fault = f"{rows[:10]!r} instead of {list(probe.expected)!r}"
    except Refused as error:
        finding.fault = str(error)
    for connection in (first, second):
        execute(connection, "rollback")
    return finding


def _step(connection: Connection, step: Step, finding: Finding) -> list[tuple[Any, ...]]:
    """Run one statement; returns its rows.

    Raises:
        Refused: It is refused and should not be, or the other way round.
    """
    from snowflake.connector.errors import Error

    shown = " ".join(step.sql.split())[:100]
    with closing(connection.cursor()) as cursor:
        try:
            cursor.execute(step.sql)
            rows = list(cursor.fetchall())
        except Error as error:
            finding.query_ids.append(str(error.sfqid or "none"))
            said = f"{error.errno} ({error.sqlstate}): {one_line(error)[:300]}"
            if step.refused is None or step.refused not in one_line(error).lower():
                raise Refused(f"`{shown}` was refused: {said}") from error
            finding.observed.append(f"refused as expected: {said}")
            return []
        finding.query_ids.append(str(cursor.sfqid))
    if step.refused is not None:
        raise Refused(f"`{shown}` succeeded, and should have been refused")
    return rows


def _put(connection: Connection, name: str, body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(body)
        execute(connection, f"put 'file://{path}' @{STAGE} auto_compress = false overwrite = true")


def _plain(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows with decimals as numbers, to compare."""
    return [tuple(float(value) if isinstance(value, Decimal) else value for value in row) for row in rows]


def report(findings: Sequence[Finding]) -> str:
    """Write what held and what did not as Markdown; names no account, user or key."""
    return "\n".join(_lines(findings)) + "\n"


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    held = sum(not finding.fault for finding in findings)
    yield "# Rehearsal on Snowflake"
    yield ""
    yield f"{held} of {len(findings)} probes held."
    for finding in findings:
        yield ""
        yield f"## {finding.probe.name}: {'did not hold' if finding.fault else 'held'}"
        yield ""
        yield f"Matters because: {finding.probe.why}."
        if finding.fault:
            yield f"Found: {finding.fault}."
        yield from (f"Observed: {text}" for text in finding.observed)
        yield f"Query ids: {', '.join(finding.query_ids) or 'none'}"


def write_report(findings: Sequence[Finding], path: Path) -> None:
    """Write the report into a file.

    Raises:
        InfraError: The file cannot be written.
    """
    try:
        path.write_text(report(findings))
    except OSError as error:
        raise InfraError(f"{path} cannot be written ({error.strerror}); name another file with --report") from error

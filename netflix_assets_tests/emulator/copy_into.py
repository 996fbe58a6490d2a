"""COPY INTO a table from an external stage, as far as this project uses it: lines of text, by name of file.

Every clause and option is either obeyed or refused; none is passed over in silence.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

ReadObject = Callable[[str, str], bytes]
"""Bytes of an object, by bucket and key; KeyError if there is none."""

# What a file format must say for a line to arrive as it is. A transformation ignores column counts.
_LINES: dict[str, tuple[str, ...]] = {
    "TYPE": ("CSV",),
    "COMPRESSION": ("AUTO",),
    "ENCODING": ("UTF8", "UTF-8"),
    "FIELD_DELIMITER": ("NONE",),
    "RECORD_DELIMITER": ("\n",),
    "FIELD_OPTIONALLY_ENCLOSED_BY": ("NONE",),
    "ESCAPE": ("NONE",),
    "ESCAPE_UNENCLOSED_FIELD": ("NONE",),
    "SKIP_HEADER": ("0",),
    "SKIP_BLANK_LINES": ("FALSE", "TRUE"),
    "SKIP_BYTE_ORDER_MARK": ("TRUE",),
    "TRIM_SPACE": ("FALSE",),
    "EMPTY_FIELD_AS_NULL": ("FALSE",),
    "ERROR_ON_COLUMN_COUNT_MISMATCH": ("FALSE",),
    "REPLACE_INVALID_CHARACTERS": ("TRUE",),
    "NULL_IF": ("",),
}
_MOST_FILES = 1000
_SOURCES = {
    "METADATA$FILENAME": lambda key, lines: pa.array([key] * len(lines)),
    "METADATA$FILE_ROW_NUMBER": lambda key, lines: pa.array(range(1, len(lines) + 1), pa.int64()),
    "$1": lambda key, lines: pa.array(lines, pa.string()),
}
RESULT_COLUMNS = (
    "file",
    "status",
    "rows_parsed",
    "rows_loaded",
    "error_limit",
    "errors_seen",
    "first_error",
    "first_error_line",
    "first_error_character",
    "first_error_column_name",
)


def _refuse(message: str, *, errno: int = 2303, sqlstate: str = "0A000") -> ProgrammingError:
    return ProgrammingError(msg=message, errno=errno, sqlstate=sqlstate)


@dataclass(frozen=True)
class CopyLines:
    """A COPY statement of the one kind that is known here.

    Attributes:
        table: Table to copy into, as written.
        columns: Its columns to fill.
        sources: What each is filled from: a key of `_SOURCES`.
        stage: Name of the stage, without the @.
        files: Names relative to the stage.
        skips_blank_lines: Rows are numbered as if these were not there: documented is neither this nor the contrary.
    """

    table: exp.Table
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    stage: str
    files: tuple[str, ...]
    skips_blank_lines: bool

    @classmethod
    def parse(cls, statement: exp.Copy) -> CopyLines:
        """Read the statement.

        Raises:
            ProgrammingError: It says anything that is not emulated.
        """
        target = statement.this
        source = statement.args["files"][0]
        if not isinstance(target, exp.Schema) or not isinstance(source, exp.Subquery):
            raise _refuse("the emulator only knows COPY INTO table (columns) FROM (SELECT ... FROM @stage)")
        select = source.this
        clauses = {clause.this.name.upper(): clause for clause in statement.args["params"]}
        if set(clauses) != {"FILES", "FILE_FORMAT", "ON_ERROR", "FORCE"}:
            raise _refuse(f"the emulator's COPY needs FILES, FILE_FORMAT, ON_ERROR and FORCE, not {sorted(clauses)}")
        for clause, value in (("ON_ERROR", "ABORT_STATEMENT"), ("FORCE", "TRUE")):
            if clauses[clause].expression.sql().upper() != value:
                raise _refuse(f"the emulator's COPY only knows {clause} = {value}")
        said = _check_format(clauses["FILE_FORMAT"])
        files = tuple(literal.name for literal in clauses["FILES"].find_all(exp.Literal))
        if len(files) > _MOST_FILES:
            raise _refuse(f"the number of files, {len(files)}, exceeds the limit of {_MOST_FILES}", errno=2234)
        sources = tuple(column.sql(dialect="snowflake").upper() for column in select.expressions)
        if unknown := set(sources) - set(_SOURCES):
            raise _refuse(f"the emulator's COPY cannot select {sorted(unknown)}")
        return cls(
            table=target.this,
            columns=tuple(column.name.upper() for column in target.expressions),
            sources=sources,
            stage=select.args["from_"].this.sql(dialect="snowflake").lstrip("@"),
            files=files,
            skips_blank_lines=said["SKIP_BLANK_LINES"].upper() == "TRUE",
        )


def _check_format(clause: exp.Expr) -> dict[str, str]:
    said: dict[str, str] = {}
    for option in clause.expressions:
        value = option.args["value"]
        text = value.name if isinstance(value, (exp.Literal, exp.Var, exp.Column)) else value.sql(dialect="snowflake")
        said[option.name.upper()] = text.strip("()") if option.name.upper() == "NULL_IF" else text
    for name, text in said.items():
        if text not in _LINES.get(name, ()) and text.upper() not in _LINES.get(name, ()):
            raise _refuse(f"the emulator's COPY does not know the file format option {name} = {text!r}")
    if missing := set(_LINES) - set(said):
        raise _refuse(f"the emulator's COPY needs these file format options said: {', '.join(sorted(missing))}")
    return said


def lines_of(body: bytes, key: str) -> list[str]:
    """The lines of an object as COPY sees them; the last one may lack its line end.

    Raises:
        ProgrammingError: The object is named as gzip and is not.
    """
    if key.endswith(".gz"):
        try:
            body = gzip.decompress(body)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _refuse(f"Error decompressing file '{key}': {error}", errno=100130, sqlstate="22000") from None
    text = body.decode("utf-8", errors="replace").removeprefix("\ufeff")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def copied(statement: CopyLines, stage_url: str, read: ReadObject) -> Iterator[tuple[str, pa.Table]]:
    """The rows to insert, by name of file as COPY's result shows it.

    Raises:
        ProgrammingError: A file is not there, or cannot be read as text.
    """
    where = urlsplit(stage_url)
    internal = where.scheme != "s3"
    for name in statement.files:
        # On an internal stage a file has no other name than that.
        key = name if internal else f"{where.path.lstrip('/')}{name}"
        try:
            body = Path(where.path, name).read_bytes() if internal else read(where.netloc, key)
        except KeyError:
            raise _refuse(
                f"Remote file 's3://{where.netloc}/{key}' was not found. If you are running a copy command, please "
                "make sure files are not deleted when they are being loaded or files are not being loaded into two "
                "different tables concurrently (auto purge option).",
                errno=91016,
                sqlstate="22000",
            ) from None
        lines = lines_of(body, key)
        if statement.skips_blank_lines:
            lines = [line for line in lines if line not in ("", "\r")]
        arrays = [_SOURCES[source](key, lines) for source in statement.sources]
        yield f"s3://{where.netloc}/{key}", pa.table(arrays, names=list(statement.columns))


def result_row(file: str, rows: int) -> tuple[Any, ...]:
    """What COPY answers of a file that it loaded."""
    return (file, "LOADED", rows, rows, 1, 0, None, None, None, None)


def stage_of_location(sql: str) -> str | None:
    """The stage that `select get_stage_location(@stage)` names, or None for another statement."""
    found = re.fullmatch(r"\s*select\s+get_stage_location\(@([\w.$\"]+)\)\s*;?\s*", sql, re.IGNORECASE)
    return found[1] if found else None

"""What only a Snowflake account can settle: each form that loads and models lean on, with what is expected of it.

A list of data; `rehearsal.py` runs it. A question that documentation leaves open goes here with the reason why it
matters, and leaves when an account has answered it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netflix_assets.catalog import RAW_FILES, raw_file
from netflix_assets.formats.rules import end_of_tomorrow
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.loading import snowflake_sql as sql
from netflix_assets.loading.snowflake_parameters import as_sql, session_parameters
from netflix_assets.loading.warehouse import load_states_query

STAGE = "raw.landing"
_MOVED = dt.datetime(2020, 1, 1)
_EDGES = b'"a\r\nb\r\r\n\nc\x00d\n\xe9\nlast'
_RATINGS = b"userId,movieId,rating,timestamp\n1,2,4.5,1577836800\r\n\n1,3,9e9,1577836801\n2,2,,1577836802\n"
_MOVIES = b'movieId,title,genres\n1,"Heat, again (1995)",Action|Crime\n2,"Say ""no""",(no genres listed)\nx,y,z\n'


@dataclass(frozen=True)
class Step:
    """One statement of a probe.

    Attributes:
        sql: The statement.
        refused: It must be refused, with a text that holds this; None if it must succeed.
        other: It runs in a second session.
    """

    sql: str
    refused: str | None = None
    other: bool = False


@dataclass(frozen=True)
class Probe:
    """A question to an account.

    Attributes:
        name: Short, without blanks.
        why: What hangs on the answer.
        steps: Statements, in order.
        expected: Rows of the last step; None if that it succeeds is the answer.
        files: Bytes to put on the stage before, by name.
    """

    name: str
    why: str
    steps: tuple[Step, ...]
    expected: tuple[tuple[Any, ...], ...] | None = None
    files: dict[str, bytes] = field(default_factory=dict)


def probes(database: str) -> list[Probe]:
    """Return every probe, for a database of this name that has schema `raw` and the stage."""
    return [
        _asks(
            "session_parameters",
            "dbt sets all parameters in one ALTER SESSION in each session",
            f"alter session set {as_sql(session_parameters(3600))}",
        ),
        _asks("rollback_without_transaction", "a node of dbt after one that failed begins with one", "rollback"),
        _asks(
            "ddl_commits",
            "why a node rolls back what a failed one left open: it would be committed",
            *("create or replace table raw.t (x integer)", "begin transaction", "insert into raw.t values (1)"),
            *("create or replace table raw.u (x integer)", "rollback", "select count(*) from raw.t"),
            expected=((1,),),
        ),
        Probe(
            "abort_on_error",
            "a failed statement leaves nothing to commit, whatever comes before the next rollback",
            (
                *map(Step, ("create or replace table raw.t (x integer)", "begin transaction")),
                Step("insert into raw.t values (1)"),
                Step("select * from raw.there_is_no_such_table", refused=""),
                Step("create or replace table raw.u (x integer)", refused=""),
                *map(Step, ("rollback", "select count(*) from raw.t")),
            ),
            ((0,),),
        ),
        _asks(
            "comments_in_create_table_as",
            "dbt makes a table with its comments in one statement",
            "create or replace table raw.t (x integer comment $$one$$) comment = $$all$$ as (select 1 as x)",
            "select x from raw.t",
            expected=((1,),),
        ),
        _asks(
            "columns_of_the_same_name",
            "dbt asks for the columns of a model and of its contract in one statement",
            "select * from (select 1 as x) as made cross join (select 2 as x) as declared where false",
            expected=(),
        ),
        Probe(
            "lock_timeout",
            "which error a load gets that waited in vain for another: 625, or 57014 with a text about a lock",
            (
                *map(Step, sql.create_raw_tables(RAW_FILES).values()),
                Step(sql.BEGIN, other=True),
                Step(sql.TAKE_LOCK, other=True),
                Step("alter session set lock_timeout = 5"),
                Step(sql.BEGIN),
                Step(sql.TAKE_LOCK, refused="lock"),
                Step(sql.ROLLBACK),
                Step(sql.ROLLBACK, other=True),
            ),
        ),
        _asks(
            "get_stage_location",
            "a load compares the stage's address with the bucket's",
            "create or replace stage raw.elsewhere url = 's3://netflix-assets-rehearsal/raw/'",
            "select get_stage_location(@raw.elsewhere)",
            expected=(("s3://netflix-assets-rehearsal/raw/",),),
        ),
        _asks(
            "case_inside_a_cast",
            "the value of a row with a fault is never converted",
            "select cast(case when column1 < 9 then column1 end as number(2, 1)) "
            "from values (1e0::double), (1e99::double) order by 1 nulls last",
            expected=((1,), (None,)),
        ),
        _asks(
            "minus_zero_and_zero_are_zero",
            "loads add 0 to every DOUBLE, so that no -0 is in a table",
            "select try_to_double('-0') < 0, cast(try_to_double('-0') + 0 as varchar) = cast(0::double as varchar)",
            expected=((False, True),),
        ),
        _asks(
            "trim_takes_off_blanks_alone",
            "titles and tags are trimmed of what is named, and of nothing else",
            "select length(trim('x' || chr(160), ' '))",
            expected=((2,),),
        ),
        _asks(
            "hash_agg_knows_no_order",
            "a test compares rows by one hash of them",
            "select (select hash_agg(column1) from values (1), (2)) = (select hash_agg(column1) from values (2), (1))",
            expected=((True,),),
        ),
        _asks("show_objects", "a sensor asks what there is without a warehouse", f"{sql.SHOW_RELATIONS} {database}"),
        Probe(
            "lines_of_a_copy",
            "blank lines, carriage returns, NUL and bytes that are no UTF-8 reach the load as they are",
            (
                Step(sql.CREATE_LINES),
                *map(Step, sql.copy_lines(STAGE, [_object("edges.csv", None)])),
                Step(f"select line_number, replace(line, chr(13), '<CR>') from {sql.LINES} order by line_number"),
            ),
            ((1, '"a<CR>'), (2, "b<CR><CR>"), (3, ""), (4, "c\x00d"), (5, "\N{REPLACEMENT CHARACTER}"), (6, "last")),
            {"edges.csv": _EDGES},
        ),
        Probe(
            "load_of_movies",
            "the statements of a load, from COPY to COMMIT: quotes, a line that is rejected",
            tuple(_load("movies", "movies.csv", None)),
            ((2,),),
            {"movies.csv": _MOVIES},
        ),
        Probe(
            "load_of_ratings",
            "the same of a file with months: blank line, numbers out of range, empty field",
            tuple(_load("ratings", "ratings.csv", "2020-01")),
            ((1,),),
            {"ratings.csv": _RATINGS},
        ),
    ]


def _asks(name: str, why: str, *statements: str, expected: tuple[tuple[Any, ...], ...] | None = None) -> Probe:
    return Probe(name, why, tuple(map(Step, statements)), expected)


def _object(name: str, month: str | None) -> sql.Numbered:
    return sql.Numbered(0, month, ObjectVersion(name, "rehearsal", 1, _MOVED), name)


def _load(name: str, key: str, month: str | None) -> Iterator[Step]:
    """The statements of a load of one object, as `SnowflakeWarehouse` sends them, then the rows that it loaded."""
    file = raw_file(name)
    objects = [_object(key, month)]
    parts = {month: [objects[0].version]}
    yield from map(Step, sql.create_raw_tables(RAW_FILES).values())
    yield from map(Step, sql.create_objects(objects))
    yield Step(sql.CREATE_LINES)
    yield from map(Step, sql.copy_lines(STAGE, objects))
    yield from map(Step, (sql.create_rows(file, end_of_tomorrow()), sql.rows_to_tell(file, [0], {1: [2]})))
    yield from map(Step, sql.tell_origins([(0, 1, key, 1)]))
    yield from map(Step, (sql.describe_repeats(file), sql.count_rows()))
    yield Step(sql.first_rejects(10))
    yield from map(Step, (sql.BEGIN, sql.TAKE_LOCK, load_states_query([file], sql.HALF_MD5), sql.count_kept_keys(file)))
    yield Step(sql.READ_LOAD_ID)
    yield from map(Step, (sql.delete_partitions(file, parts), sql.delete_rejects(file, parts)))
    yield from map(Step, (sql.insert_rows(file, 1), sql.insert_rejects(file, 1)))
    yield Step(sql.insert_history(file, 1, "rehearsal", _MOVED))
    yield from map(Step, (sql.COMMIT, load_states_query([file], sql.HALF_MD5)))
    yield Step(f"select count(*) from raw.{file.table}")

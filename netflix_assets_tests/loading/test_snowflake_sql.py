"""The statements of a load, word for word where the words matter."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlglot
from sqlfluff.core import Linter

from netflix_assets.catalog import RAW_FILES, RawFile, raw_file
from netflix_assets.formats.layout import Layout, plain_layout
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.loading import snowflake_sql as sql
from netflix_assets.loading.snowflake_warehouse import pages, partition_of
from netflix_assets.loading.warehouse import ObjectsByPartition, load_states_query
from netflix_assets.settings import Settings
from netflix_assets_tests.loading.harness import GENOME_TAGS, MOVIES, RATINGS

LATEST = 1_700_000_000
NOW = dt.datetime(2020, 2, 3, 4, 5, 6, 7)


def version(key: str, size: int = 10) -> ObjectVersion:
    return ObjectVersion(key, "etag", size, dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc))


def jan() -> list[sql.Numbered]:
    return sql.numbered(RATINGS, {"2020-01": [version("raw/ratings/month=2020-01/it's.csv")]}, "raw/")


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("back\\slash'; drop table x --", "'back\\\\slash''; drop table x --'"),
        ("two\nlines", "'two\\nlines'"),
        ('天 "x"', "'天 \"x\"'"),
        (None, "null"),
    ],
)
def test_a_literal_keeps_its_text_and_nothing_of_it_is_sql(text: str | None, literal: str) -> None:
    assert sql.literal(text) == literal
    (parsed,) = sqlglot.parse_one(f"select {literal}", read="snowflake").expressions
    assert isinstance(parsed, sqlglot.exp.Null) if text is None else parsed.name == text


def test_copy_names_its_files_and_leaves_every_line_as_it_is() -> None:
    assert sql.copy_lines("raw.LANDING", jan()) == [
        "copy into load_lines (object_key, line_number, line) "
        "from (select metadata$filename, metadata$file_row_number, $1 from @raw.LANDING) "
        "files = ('ratings/month=2020-01/it''s.csv') "
        "file_format = (type = csv compression = auto encoding = 'UTF8' field_delimiter = none "
        "record_delimiter = '\\n' field_optionally_enclosed_by = none escape = none escape_unenclosed_field = none "
        "skip_header = 0 skip_blank_lines = false skip_byte_order_mark = true trim_space = false "
        "empty_field_as_null = false null_if = () error_on_column_count_mismatch = false "
        "replace_invalid_characters = true) on_error = abort_statement force = true"
    ]


def test_beyond_a_thousand_objects_there_is_a_statement_a_thousand() -> None:
    objects = sql.numbered(MOVIES, {None: [version(f"raw/{number}.csv") for number in range(2001)]}, "raw/")
    copies = sql.copy_lines("raw.LANDING", objects)
    assert [statement.count(".csv'") for statement in copies] == [1000, 1000, 1]
    created = sql.create_objects(objects)
    assert [statement.split()[0] for statement in created] == ["create", "insert", "insert"]
    assert max(map(len, [*copies, *created])) < 1_000_000


def test_objects_are_listed_with_month_and_window() -> None:
    assert sql.create_objects(jan()) == [
        "create or replace temporary table load_objects as select column1::integer as object_number, "
        "column2::varchar as object_key, column3::varchar as etag, column4::bigint as size_bytes, "
        "column5::varchar as month, column6::bigint as window_start, column7::bigint as window_end, "
        "column8::integer as layout, column9::varchar as drift from values "
        "(0, 'raw/ratings/month=2020-01/it''s.csv', 'etag', 10, '2020-01', 1577836800, 1580515200, 0, null)"
    ]
    (without,) = sql.create_objects(sql.numbered(MOVIES, {None: [version("raw/movies.csv")]}, ""))
    assert without.endswith("(0, 'raw/movies.csv', 'etag', 10, null, null, null, 0, null)")


def test_objects_are_in_month_order() -> None:
    parts: ObjectsByPartition = {"2020-02": [version("raw/b")], "2019-12": [version("raw/z"), version("raw/a")]}
    assert [(item.position, item.name) for item in sql.numbered(RATINGS, parts, "")] == [
        (0, "raw/z"),
        (1, "raw/a"),
        (2, "raw/b"),
    ]


def test_the_window_of_neighbouring_months_is_one_range() -> None:
    parts: ObjectsByPartition = {"2020-01": (), "2020-02": (), "2020-04": ()}
    assert sql.delete_partitions(RATINGS, parts) == (
        'delete from raw.raw_ratings where ("timestamp" >= 1577836800 and "timestamp" < 1583020800) '
        'or ("timestamp" >= 1585699200 and "timestamp" < 1588291200)'
    )
    assert sql.delete_rejects(RATINGS, parts) == (
        "delete from raw.rejected_rows where table_name = 'raw_ratings' and month in ('2020-01', '2020-02', '2020-04')"
    )
    assert sql.delete_partitions(MOVIES, {None: ()}) == "delete from raw.raw_movies"
    assert sql.delete_rejects(MOVIES, {None: ()}) == "delete from raw.rejected_rows where table_name = 'raw_movies'"


def test_good_rows_go_in_by_time_and_by_name_of_column() -> None:
    assert sql.insert_rows(RATINGS, 7) == (
        'insert into raw.raw_ratings ("userId", "movieId", "rating", "timestamp", _load_id) '
        "select value_1, value_2, value_3, value_4, 7 from load_rows where reason is null order by value_4"
    )
    assert sql.insert_rows(GENOME_TAGS, 7) == (
        'insert into raw.raw_genome_tags ("tagId", "tag", _load_id) '
        "select value_1, value_2, 7 from load_rows where reason is null"
    )


def test_an_emptied_month_is_noted() -> None:
    assert sql.insert_emptied(RATINGS, ["2020-01"], 7, "it's", NOW) == (
        "insert into raw.load_history (load_id, table_name, month, object_key, etag, size_bytes, rows_loaded, "
        "rows_rejected, first_error, run_id, loaded_at) select * from values "
        "(7, 'raw_ratings', '2020-01', null, null, 0, 0, 0, null, 'it''s', "
        "'2020-02-03 04:05:06.000007'::timestamp_ntz)"
    )


def test_raw_columns_keep_the_spelling_of_the_header() -> None:
    assert sql.create_raw_tables([RATINGS])["raw_ratings"] == (
        'create table if not exists raw.raw_ratings ("userId" INTEGER, "movieId" INTEGER, "rating" DECIMAL(2,1), '
        '"timestamp" BIGINT, _extra varchar, _load_id integer)'
    )


def drifted(file: RawFile) -> Layout:
    """The columns the other way round, with two unknown ones before them."""
    return Layout(tuple(reversed(range(2, 2 + len(file.columns)))), (("it's", 0), ('ye\\ar "x"', 1)))


def golden(name: str) -> Path:
    """The file that holds the rendered statements of a raw file."""
    return Path(__file__).with_name(f"create_rows_{name}.sql")


def rendered(name: str) -> str:
    """The statements that are hard to read where they are made."""
    file = raw_file(name)
    return f"{sql.create_rows(file, LATEST)};\n\n{sql.describe_repeats(file)};\n"


def statements(file: RawFile) -> list[str]:
    """All of a load, and those that read what it wrote."""
    month = "2020-01" if file.month_column else None
    parts = {month: [version("raw/x.csv")]}
    objects = sql.numbered(file, parts, "")
    return [
        *sql.create_raw_tables([file]).values(),
        sql.raw_tables_present(),
        *sql.create_objects(objects),
        sql.CREATE_LINES,
        *sql.copy_lines("raw.LANDING", objects),
        sql.create_rows(file, LATEST),
        sql.create_rows(file, LATEST, [plain_layout(file), drifted(file)]),
        sql.describe_repeats(file, extra=True),
        sql.drift_columns_present(file),
        *sql.columns_for_drift(file),
        sql.insert_rows(file, 1, extra=True),
        sql.insert_history(file, 1, "run", NOW, drift=True),
        sql.describe_repeats(file),
        *sql.leave_out(objects),
        sql.count_rows(),
        sql.first_rejects(9),
        sql.BEGIN,
        sql.TAKE_LOCK,
        sql.READ_LOAD_ID,
        sql.delete_partitions(file, parts),
        sql.delete_rejects(file, parts),
        sql.insert_rows(file, 1),
        sql.insert_rejects(file, 1),
        sql.insert_history(file, 1, "run", NOW),
        sql.insert_emptied(file, [month], 1, "run", NOW),
        sql.COMMIT,
        load_states_query([file], sql.HALF_MD5),
        sql.rejects(file, 9),
        sql.RELATIONS,
        sql.count_relations([("MART", "X"), ("DIM", 'odd"name')]),
    ]


@pytest.mark.parametrize("name", ["movies", "ratings"])
def test_the_parsing_statement_reads_as_the_file_beside_this_test(name: str) -> None:
    """After a change on purpose: python -m netflix_assets_tests.loading.test_snowflake_sql."""
    assert golden(name).read_text() == rendered(name)


@pytest.mark.parametrize("file", RAW_FILES, ids=lambda file: file.name)
def test_every_statement_is_one_statement_of_snowflakes_sql(file: RawFile) -> None:
    for statement in statements(file):
        (parsed,) = sqlglot.parse(statement, read="snowflake")
        assert not isinstance(parsed, sqlglot.exp.Command), statement


def test_sqlfluff_finds_nothing_in_them_that_snowflakes_grammar_lacks() -> None:
    linter = Linter(dialect="snowflake")
    for statement in statements(RATINGS):
        parsed = linter.parse_string(f"{statement};\n")
        assert parsed.violations == [], statement
        assert parsed.tree is not None
        assert "unparsable" not in parsed.tree.type_set(), statement


@pytest.mark.parametrize(
    ("months", "partition"),
    [([None], None), (["2020-01"], "2020-01"), (["2020-03", "2020-01"], "2020-01...2020-03")],
)
def test_the_partition_of_a_load_is_a_key_or_a_range(months: list[str | None], partition: str | None) -> None:
    assert partition_of(dict.fromkeys(months, ())) == partition


@pytest.mark.parametrize(
    ("account", "home"),
    [
        ("MyOrg-Account_1", "https://app.snowflake.com/myorg/account_1/#"),
        ("xy12345.eu-west-1", "https://app.snowflake.com/eu-west-1/xy12345/#"),
    ],
)
def test_pages_are_those_of_the_account(account: str, home: str) -> None:
    environment = {"NETFLIX_TARGET": "snowflake", "NETFLIX_S3_BUCKET": "b", "NETFLIX_SNOWFLAKE_ACCOUNT": account}
    snowflake = Settings.from_environment(environment).snowflake
    assert snowflake is not None
    assert pages(snowflake, MOVIES, {"copy": "01ab"}) == {
        "copy query": f"{home}/compute/history/queries/01ab/detail",
        "table": f"{home}/data/databases/MOVIELENS/schemas/RAW/table/RAW_MOVIES",
    }


if __name__ == "__main__":
    for written in ("movies", "ratings"):
        golden(written).write_text(rendered(written))

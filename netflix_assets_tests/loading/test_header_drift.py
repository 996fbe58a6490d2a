"""Columns that are found by their names load the same rows, and what is unknown is kept and told."""

from __future__ import annotations

import io
import json
from pathlib import Path

import duckdb
import pytest

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.months import time_window
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.landing.whole_export import split
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.loading.raw_assets import columns_as_expected
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.loading.snowflake_warehouse import SnowflakeWarehouse
from netflix_assets.loading.warehouse import RefusedLoad
from netflix_assets.settings import Duty, Settings
from netflix_assets_tests.loading.harness import LINKS, MONTH, MOVIES, NEXT_MONTH, RATINGS, START, Loading, csv, ratings

ALL = frozenset(file.name for file in RAW_FILES)
ODD = 'a\\b "c", \t\x7f é天🎬 /%s\''
LATER = time_window(NEXT_MONTH)[0]


@pytest.fixture
def by_name(loading: Loading) -> Loading:
    """A warehouse that finds all columns by name."""
    loading.warehouse._by_name = ALL  # type: ignore[attr-defined]
    return loading


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def extras(loading: Loading, file: RawFile) -> dict[int, str | None]:
    """What unknown columns hold, by the first column of the row."""
    return dict(loading.query(f'select "{file.header[0]}", _extra from raw.{file.table}'))


def test_columns_in_another_order_and_unknown_ones_load_and_are_kept(by_name: Loading) -> None:
    lines = [
        'year,genres,movieId,"a ""b""",title',
        f'1995,Drama,1,{quoted(ODD + chr(1))},"Heat, The (1995)"',
        ',Comedy,2,"",Up',
    ]
    report = by_name.load_body(MOVIES, "\n".join(lines).encode())
    assert (report.rows_loaded, report.rows_rejected) == (2, 0)
    assert by_name.rows(MOVIES) == [(1.0, "Heat, The (1995)", "Drama"), (2.0, "Up", "Comedy")]
    found = extras(by_name, MOVIES)
    wanted = {1: {"year": "1995", 'a "b"': ODD + "\ufffd"}, 2: {"year": None, 'a "b"': None}}
    assert found == {
        number: json.dumps(value, ensure_ascii=False, separators=(",", ":")) for number, value in wanted.items()
    }
    drift = by_name.warehouse.column_drift(MOVIES)
    assert drift == {"raw/movies.csv": 'unknown: year, a "b"'}
    result = columns_as_expected(MOVIES, drift)
    assert not result.passed and "year" in str(result.metadata["columns"].value)
    by_name.load_body(MOVIES, csv(MOVIES, "1,A,Drama", "2,B,Drama"))
    assert extras(by_name, MOVIES) == {1: None, 2: None}
    assert columns_as_expected(MOVIES, by_name.warehouse.column_drift(MOVIES)).passed


def test_a_bad_row_is_told_as_ever_and_rows_are_counted(by_name: Loading) -> None:
    by_name.allow(1.0)
    by_name.warehouse._by_name = ALL  # type: ignore[attr-defined]
    by_name.put(RATINGS, csv(RATINGS, *ratings(2)), MONTH)
    lines = [
        f"x,3.5,{START + 100},1,9",
        f'"a,1",3.5,{START + 101},1,9',
        f"x,9,{START + 102},1,9",
        f"x,3.5,{START + 103},1",
        f"y,3.5,{START + 100},1,9",
        f"x,3.5,{START + 100},1,9",
        f'x,3.5,{LATER},1,"9',
    ]
    key = f"raw/ratings/month={MONTH}/drifted.csv"
    by_name.bucket.put(key, io.BytesIO("\n".join(["note,rating,timestamp,movieId,userId", *lines]).encode()))
    report = by_name.load(RATINGS)
    assert (report.rows_read, report.rows_loaded) == (9, 4)
    assert by_name.rejects(RATINGS) == [
        (4, "rating", "'9' is above 5", lines[2]),
        (5, None, "there are 4 fields, not 5", lines[3]),
        (6, None, f"userId 9, movieId 1, timestamp {START + 100} is on lines 2 and 6, with other _extra", lines[4]),
        (7, None, "the same row is on lines 2 and 7", lines[5]),
        (8, None, "a quote is not closed", lines[6]),
    ]
    assert extras(by_name, RATINGS)[9] in ('{"note":"x"}', '{"note":"a,1"}')


def test_what_is_required_must_be_there_and_what_may_be_empty_may_be_missing(by_name: Loading) -> None:
    by_name.load_body(LINKS, b"imdbId,movieId\n0114709,1\n")
    assert by_name.rows(LINKS) == [(1.0, "0114709", "")]
    assert by_name.warehouse.column_drift(LINKS) == {"raw/links.csv": "missing: tmdbId"}
    by_name.put(LINKS, b"tmdbId,movieId\n862,1\n")
    sentence = by_name.refused(lambda: by_name.load(LINKS), LoadError)
    assert sentence == (
        "raw/links.csv, line 1: a column is missing (imdbId); the header must name movieId,imdbId,tmdbId"
    )


def test_a_file_that_is_to_be_refused_is_and_the_limits_tell_the_two_apart(loading: Loading) -> None:
    limits = loading.warehouse.limits
    loading.put(MOVIES, b"title,movieId,genres\nA,1,Drama\n")
    with pytest.raises(RefusedLoad, match="in another order"):
        loading.load(MOVIES)
    loading.warehouse._by_name = frozenset({"movies"})  # type: ignore[attr-defined]
    assert loading.load(MOVIES).rows_loaded == 1
    assert loading.warehouse.column_drift(MOVIES) == {}
    assert loading.warehouse.limits != limits


def test_an_export_and_an_upload_with_other_columns_give_the_rows_of_their_months(
    by_name: Loading, bucket: LandingBucket, tmp_path: Path
) -> None:
    header = "note,timestamp,rating,movieId,userId\n"
    rows = [f'"{LATER},x",{START},3.5,1,1', f"{LATER},{START + 1},4,1,2", f",{LATER},5,1,3"]
    body = (header + "\n".join(rows) + "\n").encode()
    bucket.put(RATINGS.object_key(), io.BytesIO(body))
    split(RATINGS, bucket.contents().whole_exports["ratings"], bucket, tmp_path / "tmp", by_name=True)
    by_name.load(RATINGS)
    through_split = by_name.rows(RATINGS), extras(by_name, RATINGS)
    assert through_split == (
        [(1.0, 1.0, 3.5, START), (2.0, 1.0, 4.0, START + 1), (3.0, 1.0, 5.0, LATER)],
        {1: f'{{"note":"{LATER},x"}}', 2: f'{{"note":"{LATER}"}}', 3: '{"note":null}'},
    )
    (tmp_path / "ratings.csv").write_bytes(body)
    upload(str(tmp_path / "ratings.csv"), bucket, scratch=tmp_path / "tmp", replace=True, by_name=ALL)
    by_name.load(RATINGS)
    assert (by_name.rows(RATINGS), extras(by_name, RATINGS)) == through_split


def test_a_local_warehouse_of_before_gets_the_columns(on_duckdb: Loading) -> None:
    warehouse = on_duckdb.warehouse
    assert isinstance(warehouse, DuckDBWarehouse)
    on_duckdb.load_body(MOVIES, csv(MOVIES, "1,A,Drama"))
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("alter table raw.load_history drop column column_drift")
    assert warehouse.column_drift(MOVIES) == {}
    warehouse._by_name = ALL
    on_duckdb.load_body(MOVIES, b"movieId,title,genres,x\n1,A,Drama,7\n")
    assert extras(on_duckdb, MOVIES) == {1: '{"x":"7"}'}


def test_an_account_of_before_loads_as_ever_and_gets_the_columns_when_they_are_needed(
    on_snowflake: Loading, snowflake: Settings
) -> None:
    warehouse = on_snowflake.warehouse
    assert isinstance(warehouse, SnowflakeWarehouse)
    with warehouse.session(Duty.LOADER, QueryTag("test")) as session:
        session.run("alter table raw.raw_movies drop column _extra")
        session.run("alter table raw.load_history drop column column_drift")
    on_snowflake.load_body(MOVIES, csv(MOVIES, "1,A,Drama"))
    assert warehouse.column_drift(MOVIES) == {}
    warehouse._by_name = ALL
    on_snowflake.load_body(MOVIES, b"movieId,title,genres,x\n1,A,Drama,7\n")
    assert extras(on_snowflake, MOVIES) == {1: '{"x":"7"}'}
    assert warehouse.column_drift(MOVIES) == {"raw/movies.csv": "unknown: x"}

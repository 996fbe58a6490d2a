"""What the report reads: from marts as they are, from marts with gaps, and from marts that it must refuse."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import pytest

from netflix_assets.errors import ReportError, WarehouseError
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.reporting import queries
from netflix_assets.reporting.queries import MARTS, read_report_data, read_tiles

MARTS_SQL = """
create schema mart;
create table mart.movie_scores as select * from (values
    (2, 'B (2001)', 2001, 'Drama|War', 3::bigint, 12.0::decimal(18, 1), 4.0::double, 3.6::double, 3.9::double),
    (1, 'A (1999)', 1999, 'Drama', 1, 3.5, 3.5, 3.6, 3.7)
) as t (movie_id, title, release_year, genres, rating_count, rating_sum, average_rating, overall_mean, weighted_score);
create table mart.genre_rating_distribution as select * from (values
    ('Drama', 4.0::decimal(2, 1), 3::bigint, 4::bigint, 15.5::decimal(18, 1)), ('Drama', 3.5, 1, 4, 15.5),
    ('War', 4.0, 3, 3, 12.0)
) as t (genre, rating, rating_count, genre_rating_count, genre_rating_sum);
create table mart.genre_rating_histogram as
    select genre, rating, rating_count from mart.genre_rating_distribution;
create table mart.user_engagement_summary as select * from (values
    (1, 3::bigint, timestamp '2001-01-01', timestamp '2002-02-02 03:04:05'),
    (2, 1, timestamp '2000-05-05', timestamp '2000-05-05')
) as t (user_id, number_of_ratings, first_rated_at, last_rated_at);
create table mart.tag_relevance_analysis (
    tag_name varchar, movie_count bigint, average_relevance double, strong_movie_count bigint);
create table mart.movie_release_trends as select * from (values (1999, 1::bigint, 1::bigint), (2001, 2, 1))
    as t (release_year, movie_count, rated_movie_count);
create table mart.mart_movie_releases as select * from range(4) as t (movie_id);
create table mart.ratings_by_month as select * from (values
    (date '2000-05-01', 1::bigint, 1::bigint, 3.5::decimal(18, 1)), (date '2002-02-01', 3, 1, 12.0)
) as t (rating_month, rating_count, user_count, rating_sum);
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MARTS_SQL)
    return DuckDBWarehouse(path, lock_wait_seconds=0.3)


def change(warehouse: DuckDBWarehouse, sql: str) -> None:
    with warehouse.connection() as connection:
        connection.execute(sql)


def test_tiles_from_the_rows_equal_those_asked_for_on_their_own(warehouse: DuckDBWarehouse) -> None:
    data = read_report_data(warehouse)
    assert (data.tiles, data.as_of) == read_tiles(warehouse)
    assert data.tiles == queries.Tiles(ratings=4, movies=2, users=2, mean=15.5 / 4, tags=0)
    assert (data.since, data.as_of) == (dt.datetime(2000, 5, 5), dt.datetime(2002, 2, 2, 3, 4, 5))
    assert [movie.title for movie in data.movies] == ["B (2001)", "A (1999)"]
    assert set(data.mart_rows) == set(MARTS)


def test_a_schema_prefix_is_read_from(warehouse: DuckDBWarehouse) -> None:
    change(warehouse, "create schema ada_mart")
    for mart in MARTS:
        change(warehouse, f"create view ada_mart.{mart} as from mart.{mart}")
    assert read_report_data(warehouse, "ada_") == read_report_data(warehouse)


def test_a_movie_without_a_mean_is_left_out_and_counted(warehouse: DuckDBWarehouse) -> None:
    change(warehouse, "insert into mart.movie_scores values (3, 'C', null, 'War', 0, 0, null, 3.6, null)")
    data = read_report_data(warehouse)
    assert (len(data.movies), data.movies_without_mean) == (2, 1)
    assert data.tiles == read_tiles(warehouse)[0]


def test_empty_marts_are_a_report_without_ratings(warehouse: DuckDBWarehouse) -> None:
    for mart in MARTS:
        change(warehouse, f"delete from mart.{mart}")
    data = read_report_data(warehouse)
    assert (data.tiles, data.as_of) == (queries.Tiles(0, 0, 0, None, 0), None)
    assert (data.tiles, data.as_of) == read_tiles(warehouse)


@pytest.mark.parametrize(
    ("change_sql", "named"),
    [
        ("drop table mart.ratings_by_month", "ratings_by_month"),
        ("alter table mart.movie_scores drop weighted_score", "weighted_score"),
    ],
)
def test_a_missing_mart_and_one_of_an_older_schema_are_named_with_what_to_do(
    warehouse: DuckDBWarehouse, change_sql: str, named: str
) -> None:
    change(warehouse, change_sql)
    with pytest.raises(WarehouseError, match=f"{named}.*run `netflix-assets materialize`"):
        read_report_data(warehouse)


def test_marts_that_count_different_ratings_are_refused(warehouse: DuckDBWarehouse) -> None:
    change(warehouse, "update mart.ratings_by_month set rating_count = rating_count + 1")
    with pytest.raises(ReportError, match=r"ratings_by_month 6, movie_scores 4, user_engagement_summary 4"):
        read_report_data(warehouse)


def test_ratings_of_movies_that_are_not_known_yet_are_no_disagreement(warehouse: DuckDBWarehouse) -> None:
    change(warehouse, "delete from mart.movie_scores where movie_id = 1")
    data = read_report_data(warehouse)
    assert (data.tiles.ratings, sum(movie.rating_count for movie in data.movies)) == (4, 3)


def test_a_warehouse_that_a_run_holds_is_waited_for_and_then_named(warehouse: DuckDBWarehouse) -> None:
    with warehouse.connection(), pytest.raises(WarehouseError, match="still in use"):
        read_report_data(warehouse)


def test_every_mart_that_is_read_is_listed() -> None:
    statements = [text for name, text in vars(queries).items() if re.fullmatch("_[A-Z_]+", name)]
    read = {name for text in statements for name in re.findall(r"\{mart\}\.(\w+)", text)}
    assert read == set(MARTS) - {"mart_movie_releases"}

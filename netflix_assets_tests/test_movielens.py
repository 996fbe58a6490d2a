"""A genuine MovieLens release (ml-latest-small) through the whole pipeline, against its published counts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from netflix_assets.landing.upload import upload
from netflix_assets_tests.pipeline import Pipeline


@pytest.fixture
def pipeline(built_movielens: Pipeline) -> Pipeline:
    return built_movielens


def test_every_row_is_loaded_and_none_rejected(pipeline: Pipeline) -> None:
    status = pipeline.status()
    rows = {table.table: table.rows for table in status.tables}
    assert (rows["raw_ratings"], rows["raw_movies"], rows["raw_tags"], rows["raw_links"]) == (
        100_836,
        9_742,
        3_683,
        9_742,
    )
    assert rows["fact_ratings"] == 100_836
    assert sum(table.rejected or 0 for table in status.tables) == 0
    assert sum(table.checks_failed + table.checks_warned for table in status.tables) == 0


def test_users_and_movies(pipeline: Pipeline) -> None:
    assert pipeline.one("select count(*) from dim.dim_users") == 610
    assert pipeline.one("select count(*) from dim.dim_movies") == 9_742
    assert pipeline.one("select count(distinct movie_id) from fact.fact_ratings") == 9_724
    assert pipeline.one("select count(*) from dim.dim_movies where release_year is null") == 13
    assert pipeline.one("select count(*) from dim.dim_movies where tmdb_id is null") == 8
    assert pipeline.one("select count(*) from dim.bridge_movie_genre where genre = '(no genres listed)'") == 34
    assert pipeline.one("select count(*) from dim.bridge_movie_genre where genre = 'Drama'") == 4_361


def test_mean_and_distribution_of_ratings(pipeline: Pipeline) -> None:
    assert pipeline.one("select avg(rating) from fact.fact_ratings") == pytest.approx(3.501556983616962, abs=1e-12)
    stars = pipeline.query("select count(*) from fact.fact_ratings group by rating order by rating")
    assert [count for (count,) in stars] == [1370, 2811, 1791, 7551, 5550, 20047, 13136, 26818, 8551, 13211]


def test_forrest_gump(pipeline: Pipeline) -> None:
    ((count, mean),) = pipeline.query(
        "select total_ratings, average_rating from mart.movie_analysis where movie_id = 356"
    )
    assert (count, mean) == (329, pytest.approx(4.164134, abs=1e-6))


def test_movie_analysis_lists_movies_with_at_least_100_ratings(pipeline: Pipeline) -> None:
    assert pipeline.one("select count(*) from mart.movie_analysis") == 138
    assert pipeline.one("select min(total_ratings) from mart.movie_analysis") == 100


def test_ratings_of_a_year_are_those_of_the_year_in_utc(pipeline: Pipeline) -> None:
    mean = pipeline.one(
        "select avg(rating) from fact.fact_ratings join dim.bridge_movie_genre using (movie_id) "
        "where genre = 'Romance' and year(rated_at) = 2015"
    )
    assert mean == pytest.approx(3.396375, abs=1e-6)
    assert pipeline.one("select min(rated_at) from fact.fact_ratings") == dt.datetime(1996, 3, 29, 18, 36, 55)


def test_months_agree_with_the_books(pipeline: Pipeline) -> None:
    by_month = pipeline.query("select strftime(rating_month, '%Y-%m'), rating_count from mart.ratings_by_month")
    books = pipeline.query(
        "select month, rows_loaded from raw.load_history where table_name = 'raw_ratings' "
        "qualify load_id = max(load_id) over (partition by month)"
    )
    assert sorted(by_month) == sorted(books)


def test_uploading_the_same_release_again_changes_nothing(pipeline: Pipeline, movielens: Path, tmp_path: Path) -> None:
    upload(str(movielens), pipeline.bucket, scratch=tmp_path)
    assert pipeline.materialize().run_id is None


def test_the_demo_of_a_release_after_one_of_other_data_shows_the_release_and_nothing_else(pipeline: Pipeline) -> None:
    assert "removed: raw/genome_scores.csv" in (pipeline.settings.home / "demo.txt").read_text()
    assert pipeline.query("select count(*), avg(rating) from fact.fact_ratings") == [
        (100_836, pytest.approx(3.501556983616962, abs=1e-12))
    ]
    assert pipeline.one("select sum(rating_count) from mart.ratings_by_month") == 100_836
    assert pipeline.one("select count(*) from dim.dim_movies") == 9_742
    assert pipeline.one("select count(*) from fact.fact_genome_scores") == 0
    assert pipeline.one("select count(*) from snapshots.snap_movies where dbt_valid_to is null") == 9_742

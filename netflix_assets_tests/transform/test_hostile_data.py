"""No test of severity error can be broken by what a load lets through: what is odd is handled and warned of."""

from __future__ import annotations

from dataclasses import replace

from netflix_assets.catalog import BLANKS, raw_file
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.loading.warehouse import ObjectsByPartition
from netflix_assets.settings import RejectLimit, Settings
from netflix_assets.targets import duckdb_from, warehouse_from
from netflix_assets_tests.hostile_data import HOSTILE, WARNINGS, dbt_build, load, put


def test_everything_is_built_of_odd_files_and_of_none(s3: Settings) -> None:
    settings = replace(s3, reject_limit=RejectLimit(0.5))
    load(settings)
    # How tests take tables without rows, is seen where everything is deleted (test_main_job.py).
    built = dbt_build(settings, "--exclude-resource-type", "unit_test", "test")
    assert set(built.values()) == {"success", "no-op"}

    put(LandingBucket(settings), HOSTILE)
    load(settings)
    status = dbt_build(settings, "--exclude-resource-type", "unit_test")
    assert {name for name, one in status.items() if one == "warn"} == WARNINGS
    assert set(status.values()) == {"success", "pass", "no-op", "warn"}

    # What a hand changes in a month that is not among the newest is found when every month is tested.
    put(LandingBucket(settings), {"ratings/2016-12": ("1,1,5,1480550400",)})
    contents = LandingBucket(settings).contents()
    newest: ObjectsByPartition = {"2016-12": contents.of(raw_file("ratings"), "2016-12")}
    warehouse_from(settings).replace(raw_file("ratings"), newest, LandingBucket(settings), run_id="test")
    with duckdb_from(settings).connection() as connection:
        connection.execute("update fact.fact_ratings set rating = 1 where rating_month = date '2016-05-01'")
    comparison = "fact_ratings_equals_raw_row_for_row"
    built = dbt_build(settings, "--select", "fact_ratings", "ratings_by_month")
    assert (built["fact_ratings"], built[comparison], built["ratings_by_month"]) == ("success", "pass", "success")
    everything = dbt_build(settings, "--select", comparison, "--vars", "every_month: true")
    assert everything == {comparison: "fail"}

    with duckdb_from(settings).connection(read_only=True) as connection:

        def column(query: str) -> list[object]:
            return [value for (value,) in connection.execute(query).fetchall()]

        numbers = column("select distinct imdb_id from dim.dim_movies where imdb_id is not null order by 1")
        undated = column("select movie_id from dim.dim_movies where release_year is null order by 1")
        genres = column(
            "select distinct genre from dim.bridge_movie_genre where movie_id in (2, 6, 7, 8, 11) order by 1"
        )
    assert numbers == ["0114709", "12345678901234567890"]
    assert undated == [3, 4, 15]
    assert genres == ["(no genres listed)", "Action", "Animation", "Crime", "Drama", "Film Noir"]


def test_blanks_are_those_that_python_strips() -> None:
    assert set(BLANKS) == {char for char in map(chr, range(0x110000)) if char.isspace()}

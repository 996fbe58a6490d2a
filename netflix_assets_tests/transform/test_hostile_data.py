"""No test of severity error can be broken by what a load lets through: what is odd is handled and warned of."""

from __future__ import annotations

from dataclasses import replace

from netflix_assets.catalog import BLANKS
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.hostile_data import HOSTILE, WARNINGS, dbt_build, load, put


def test_everything_is_built_of_odd_files_and_of_none(s3: Settings) -> None:
    settings = replace(s3, max_rejected_fraction=0.5)
    load(settings)
    assert set(dbt_build(settings).values()) == {"success", "pass", "no-op"}

    put(LandingBucket(settings), HOSTILE)
    load(settings)
    status = dbt_build(settings, "--exclude-resource-type", "unit_test")
    assert {name for name, one in status.items() if one == "warn"} == WARNINGS
    assert set(status.values()) == {"success", "pass", "no-op", "warn"}

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

"""A release in every shape comes to marts that equal what Python computes from its rows, written out by hand."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from netflix_assets.catalog import RAW_FILES
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import upload
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.hostile_data import dbt_build
from netflix_assets_tests.landing.releases import RELEASES, Rows
from netflix_assets_tests.landing.test_upload import put

MODELS = ("+ratings_by_month", "+genre_rating_histogram")


def by_month(rows: Rows) -> list[tuple[object, ...]]:
    """Month, ratings, users and the sum of stars."""
    found: dict[dt.date, list[tuple[str, Decimal]]] = defaultdict(list)
    for user, _, stars, seconds in rows["ratings"]:
        day = dt.datetime.fromtimestamp(int(seconds), dt.timezone.utc).date()
        found[day.replace(day=1)].append((user, Decimal(stars)))
    return [
        (month, len(given), len({user for user, _ in given}), sum(stars for _, stars in given))
        for month, given in sorted(found.items())
    ]


def by_genre(rows: Rows) -> list[tuple[object, ...]]:
    """Genre, stars and ratings, where there are any."""
    genres = {movie: genres.split("|") for movie, _, genres in rows["movies"]}
    given = Counter(
        (genre, Decimal(stars)) for _, movie, stars, _ in rows["ratings"] for genre in genres.get(movie, ())
    )
    return sorted((genre, stars, count) for (genre, stars), count in given.items())


def test_marts_of_a_release_equal_those_computed_from_its_rows(s3: Settings, tmp_path: Path) -> None:
    bucket, warehouse = LandingBucket(s3), duckdb_from(s3)
    warehouse.ensure_raw_tables(RAW_FILES)
    for name, release in RELEASES.items():
        upload(str(put(tmp_path / name, release.files)), bucket, scratch=tmp_path / "tmp", replace=True)
        contents = bucket.contents()
        for file in RAW_FILES:
            objects = {**dict.fromkeys(warehouse.load_states(file) or [None], ()), **contents.files.get(file.name, {})}
            assert warehouse.replace(file, objects, bucket, run_id="test").rows_rejected == 0
        status = dbt_build(s3, "--select", *MODELS, "--exclude-resource-type", "unit_test", "test")
        assert set(status.values()) <= {"success", "no-op"}
        with warehouse.connection(read_only=True) as connection:
            months = connection.execute(
                "select rating_month, rating_count, user_count, rating_sum from mart.ratings_by_month order by 1"
            ).fetchall()
            genres = connection.execute(
                "select genre, rating, rating_count from mart.genre_rating_histogram where rating_count > 0 "
                "order by genre, rating"
            ).fetchall()
        assert months == by_month(release.rows)
        assert genres == by_genre(release.rows)

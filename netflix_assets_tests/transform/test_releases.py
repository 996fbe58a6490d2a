"""A release in every shape comes to marts that equal what Python computes from its rows, written out by hand."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from netflix_assets.catalog import RAW_FILES, UPLOAD_RECORD
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


def built_together() -> list[list[str]]:
    """Names of releases, such that no movie and no tag of the genome is in two of those that are built together."""
    together: list[tuple[list[str], set[tuple[str, str]]]] = []
    for name, release in RELEASES.items():
        own = {(file, row[0]) for file in ("movies", "genome_tags") for row in release.rows.get(file, ())}
        names, held = next((one for one in together if not one[1] & own), ([], set()))
        if not names:
            together.append((names, held))
        names.append(name)
        held |= own
    return [names for names, _ in together]


def uploaded(name: str, settings: Settings, folder: Path) -> dict[str, bytes]:
    """The objects that a release becomes, by key."""
    bucket = LandingBucket(replace(settings, bucket=f"{settings.bucket}-{name}"))
    bucket.ensure_exists()
    upload(str(put(folder / name, RELEASES[name].files)), bucket, scratch=folder / "tmp")
    return {
        version.key: b"".join(bucket.download(version)) for version in bucket.versions() if version.key != UPLOAD_RECORD
    }


def put_together(names: list[str], settings: Settings, folder: Path) -> None:
    """Fill the bucket with the rows of several releases, and with nothing else."""
    bucket = LandingBucket(settings)
    texts: dict[str, bytes] = {}
    for name in names:
        for key, body in uploaded(name, settings, folder).items():
            header, _, rows = body.partition(b"\n")
            first = texts.setdefault(key, header + b"\n").partition(b"\n")[0]
            assert first.replace(b'"', b"") == header.replace(b'"', b""), key
            texts[key] += rows
    for version in [*bucket.versions()]:
        bucket.delete(version.key)
    for key, body in texts.items():
        bucket.put(key, io.BytesIO(body))


def test_marts_of_a_release_equal_those_computed_from_its_rows(s3: Settings, tmp_path: Path) -> None:
    bucket, warehouse = LandingBucket(s3), duckdb_from(s3)
    warehouse.ensure_raw_tables(RAW_FILES)
    for names in built_together():
        put_together(names, s3, tmp_path)
        rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name in names:
            for table, lines in RELEASES[name].rows.items():
                rows[table] += lines
        contents = bucket.contents()
        for file in RAW_FILES:
            objects = {**dict.fromkeys(warehouse.load_states(file) or [None], ()), **contents.files.get(file.name, {})}
            report = warehouse.replace(file, objects, bucket, run_id="test", accept_shrink=objects)
            assert report.rows_rejected == 0
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
        assert months == by_month(rows)
        assert genres == by_genre(rows)

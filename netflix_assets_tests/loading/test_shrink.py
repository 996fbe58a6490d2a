"""What takes away a large share of the rows or keys of a file or month is held back, on both warehouses."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.landing import last_upload
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.upload import upload
from netflix_assets.loading.raw_assets import raw_table_asset
from netflix_assets.loading.shrink import Shrink
from netflix_assets.loading.warehouse import RefusedLoad
from netflix_assets.settings import Settings, Target
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.loading.harness import Loading, csv, ratings

RATINGS, MOVIES = raw_file("ratings"), raw_file("movies")
MARCH, APRIL, MAY = "2015-03", "2015-04", "2016-05"


def movies(first: int, last: int) -> bytes:
    return csv(MOVIES, *(f"{number},Movie {number} (2001),Drama" for number in range(first, last + 1)))


@pytest.mark.parametrize(
    ("before", "after", "lost", "exceeds"),
    [
        (100, 70, 30, False),
        (100, 69, 31, True),
        (100, 100, 31, True),
        (100, 200, 30, False),
        (10, 0, 10, False),
        (11, 0, 11, True),
        (600, 10, 590, True),
    ],
)
def test_the_limit_is_a_share_of_rows_or_keys_and_ten_are_always_allowed(
    before: int, after: int, lost: int, exceeds: bool
) -> None:
    assert Shrink(before, after, lost).exceeds(0.3) is exceeds


def test_a_file_that_loses_many_rows_or_keys_or_is_deleted_stays_until_a_person_accepts_it(loading: Loading) -> None:
    loading.load_body(MOVIES, movies(1, 40))
    loading.put(MOVIES, movies(1, 20))
    sentence = loading.refused(lambda: loading.load(MOVIES), RefusedLoad)
    assert sentence.startswith("movies would go from 40 rows to 20, and 20 of its keys (movieId) would be gone")
    assert "netflix-assets materialize --accept movies" in sentence
    loading.put(MOVIES, movies(101, 140))
    assert "from 40 rows to 40, and 40 of its keys" in loading.refused(lambda: loading.load(MOVIES), RefusedLoad)
    assert "from 40 rows to 0" in loading.refused(lambda: loading.replace(MOVIES, {None: ()}), RefusedLoad)
    loading.put(MOVIES, movies(11, 60))
    assert loading.load(MOVIES).rows_loaded == 50
    accepted = loading.warehouse.replace(MOVIES, {None: ()}, loading.bucket, run_id="run-2", accept_shrink=[None])
    assert accepted.refused == {}
    assert loading.rows(MOVIES) == []


def test_a_month_that_is_held_back_keeps_no_other_out_and_a_month_without_objects_is_emptied(loading: Loading) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(30, month=MARCH)), MARCH)
    loading.put(RATINGS, csv(RATINGS, *ratings(30, month=APRIL)), APRIL)
    loading.load(RATINGS)
    loading.put(RATINGS, csv(RATINGS, *ratings(5, month=MARCH)), MARCH)
    loading.put(RATINGS, csv(RATINGS, *ratings(40, month=APRIL)), APRIL)
    report = loading.load(RATINGS)
    assert (set(report.refused), set(report.held_back), report.rows_loaded) == ({MARCH}, {MARCH}, 40)
    assert "ratings/2015-03 would go from 30 rows to 5" in report.refused[MARCH]
    assert {key: state.rows_loaded for key, state in loading.warehouse.load_states(RATINGS).items()} == {
        MARCH: 30,
        APRIL: 40,
    }
    assert len(loading.rows(RATINGS)) == 70
    assert loading.replace(RATINGS, {APRIL: ()}).refused == {}
    assert len(loading.rows(RATINGS)) == 30


def test_months_that_lose_their_objects_at_once_are_held_back_as_their_file_would_be(loading: Loading) -> None:
    months = [f"2015-{number:02}" for number in range(1, 9)]
    for month in months:
        loading.put(RATINGS, csv(RATINGS, *ratings(10, month=month)), month)
    loading.load(RATINGS)
    assert loading.replace(RATINGS, {months[0]: (), months[1]: ()}).refused == {}
    gone: dict[str | None, tuple[()]] = {months[2]: (), months[3]: ()}
    loading.put(RATINGS, csv(RATINGS, *ratings(2, month=MAY)), MAY)
    report = loading.replace(RATINGS, {**gone, MAY: loading.bucket.contents().of(RATINGS, MAY)})
    assert (set(report.refused), set(report.held_back), report.rows_loaded) == ({*gone}, {*gone}, 2)
    assert report.refused[months[2]].startswith(
        "2 months of ratings (2015-03 to 2015-04) have lost all their objects at once: raw_ratings would go from 60 "
        "rows to 40"
    )
    assert len(loading.rows(RATINGS)) == 62
    assert "--accept ratings`" in loading.refused(lambda: loading.replace(RATINGS, gone), RefusedLoad)
    assert loading.replace(RATINGS, {months[2]: ()}).refused == {}
    both: dict[str | None, tuple[()]] = dict.fromkeys(months[3:5], ())
    accepted = loading.warehouse.replace(RATINGS, both, loading.bucket, run_id="run-2", accept_shrink=[*both])
    assert accepted.refused == {}
    assert len(loading.rows(RATINGS)) == 32


def test_the_same_objects_loaded_again_and_a_month_that_grows_are_not_compared_away(loading: Loading) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(30)))
    assert loading.load(RATINGS).rows_loaded == 30
    assert loading.load_body(RATINGS, csv(RATINGS, *ratings(60))).rows_loaded == 60
    assert len(loading.rows(RATINGS)) == 60


def test_a_person_agrees_by_the_config_of_a_load_or_by_replacing_the_bucket(
    bucket: LandingBucket, settings: Settings, tmp_path: Path
) -> None:
    warehouse, source = duckdb_from(settings), tmp_path / "source"
    step, instance = raw_table_asset(MOVIES, Target.LOCAL), dg.DagsterInstance.ephemeral()

    def load(*, accept_shrink: bool = False) -> int:
        config = {"ops": {step.op.name: {"config": {"accept_shrink": accept_shrink}}}}
        resources = {"bucket": bucket, "warehouse": warehouse}
        dg.materialize([step], instance=instance, resources=resources, run_config=config, raise_on_error=False)
        return warehouse.row_count(MOVIES)

    def given(first: int, last: int, *, replace: bool) -> None:
        source.mkdir(exist_ok=True)
        (source / "movies.csv").write_bytes(movies(first, last))
        upload(str(source), bucket, scratch=tmp_path / "upload", replace=replace)

    given(1, 80, replace=False)
    assert load() == 80
    given(1, 40, replace=False)
    assert load() == 80
    assert load(accept_shrink=True) == 40
    given(1, 20, replace=True)
    assert load() == 20
    # What came later is not what was agreed to.
    given(41, 55, replace=False)
    assert load() == 20
    given(1, 20, replace=True)
    assert load() == 20
    given(1, 60, replace=False)
    assert load() == 60
    # Nor is what was agreed to before the newest load.
    given(1, 20, replace=False)
    assert load() == 60


def test_of_what_an_agreement_does_not_name_there_was_nothing(bucket: LandingBucket) -> None:
    last_upload.record(bucket, "movies alone", alone=True, agreed={"movies": "the version of some objects"})
    agreement = last_upload.read_agreement(bucket)
    assert agreement.covers("ratings/2015-03", data_version(()), None)
    assert not agreement.covers("movies", data_version(()), None)
    assert not last_upload.Agreement().covers("movies", data_version(()), None)

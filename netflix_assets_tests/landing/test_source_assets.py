"""The Observe button of a file records what changed in the bucket."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from netflix_assets.catalog import RawFile, raw_file
from netflix_assets.landing.bucket import Contents, ObjectVersion, sort_into_catalog
from netflix_assets.landing.source_assets import observed, source_asset

MOVIES, RATINGS = raw_file("movies"), raw_file("ratings")
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class Bucket:
    """As much of the bucket as observing it takes."""

    def __init__(self, *keys: str) -> None:
        self._versions = [ObjectVersion(key, "etag", 1, NOW) for key in keys]

    def contents(self) -> Contents:
        return sort_into_catalog(self._versions)


@pytest.mark.parametrize(
    ("file", "key", "partition_key", "events"),
    [
        (MOVIES, "raw/movies.csv", None, [1, 1]),
        # A month, and the file as a whole, which tells that it was looked at.
        (RATINGS, RATINGS.object_key("2015-03"), "2015-03", [2, 1]),
    ],
)
def test_a_file_is_observed_by_hand_and_each_change_recorded_once(
    file: RawFile, key: str, partition_key: str | None, events: list[int]
) -> None:
    definitions = dg.Definitions([source_asset(file)], resources={"bucket": Bucket(key)})
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        recorded = []
        for _ in events:
            run = job.execute_in_process(instance=instance)
            recorded.append(len([event for event in run.all_events if event.is_asset_observation]))
        assert recorded == events
        assert list(observed(instance, file)) == [partition_key]

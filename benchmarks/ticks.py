"""What the ticks of the sensor take on a bucket of a million objects: listing all of it, and told by events.

    python -m benchmarks.ticks --objects 1000000

The objects are made up where the client would list them, a page of 1,000 in the time that Amazon takes for one: files
would take an hour to write. Nothing is loaded, so that a tick that compares has most to plan. The last line is JSON.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import resource
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg

from netflix_assets.automation.instance import dagster_instance
from netflix_assets.automation.runs import newest_failure
from netflix_assets.automation.sensors import tick
from netflix_assets.definitions import build_defs
from netflix_assets.landing.arrivals import ArrivalsCursor
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.bucket_watch import BucketWatch
from netflix_assets.landing.s3_events import EventQueue, Hints
from netflix_assets.reporting.store import report_store
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from

FOLDER = Path(__file__).resolve().parent.parent / ".netflix" / "bench" / "ticks"
MONTHS = [f"{year}-{month:02}" for year in range(1996, 2024) for month in range(1, 13)]
PAGE_SECONDS = 0.15
WRITTEN = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


class MadeUpBucket(LandingBucket):
    """A bucket with as many objects of each month, listed in the time that Amazon takes."""

    def __init__(self, settings: Settings, objects: int) -> None:
        super().__init__(settings)
        self._of_a_month = objects // len(MONTHS)
        self.etags: dict[str, str] = {}

    def _listed(self, prefix: str, after: str = "") -> Iterator[ObjectVersion]:
        keys = (
            f"raw/ratings/month={month}/{number:07}.csv"
            for month in MONTHS
            if f"raw/ratings/month={month}/~" > after and f"raw/ratings/month={month}/".startswith(prefix[:28])
            for number in range(self._of_a_month)
        )
        found = (key for key in keys if key > after and key.startswith(prefix))
        while page := list(itertools.islice(found, 1000)):
            time.sleep(PAGE_SECONDS)
            for key in page:
                yield ObjectVersion(key, self.etags.get(key, "0" * 32), 1000, WRITTEN)

    def read_if_there(self, key: str) -> None:
        """See `LandingBucket.read_if_there`; nothing was put by an upload."""


class Told(EventQueue):
    """A queue in memory."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def receive(self, deadline: float) -> Hints:
        """See `EventQueue.receive`."""
        keys, self.keys = self.keys, set()
        return Hints(keys, sorted(keys))

    def delete(self, handles: Sequence[str], deadline: float) -> list[str]:
        """See `EventQueue.delete`."""
        return list(handles)


def measure(objects: int) -> dict[str, object]:
    """Time the ticks until everything is listed and compared, then those with events."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    settings = Settings.from_environment({"NETFLIX_HOME": str(FOLDER)})
    bucket, warehouse, queue = MadeUpBucket(settings, objects), duckdb_from(settings), Told()
    store, defs = report_store(settings, bucket), build_defs(settings)
    repository = defs.get_repository_def()
    peak_before = _peak_mb()
    with dagster_instance(settings) as instance:

        def timed(watch: BucketWatch, cursor: str | None) -> tuple[float, dg.SensorResult | dg.SkipReason]:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
            begun = time.monotonic()
            result = tick(context, watch, warehouse, store)
            return time.monotonic() - begun, result

        listing = BucketWatch(settings, bucket)
        seconds: list[float] = []
        while True:
            peak_listing = _peak_mb()
            took, result = timed(listing, None)
            if isinstance(result, dg.SensorResult):
                break
            seconds.append(took)
            print(f"{took:.1f} s: {result.skip_message}")
        told = BucketWatch(settings, bucket, queue)
        # Nobody agreed to anything.
        cursor = _as_if_processed(result, f"{warehouse.limits}  {newest_failure(instance)}")
        quiet, _ = timed(told, cursor)
        key = f"raw/ratings/month={MONTHS[200]}/0000001.csv"
        queue.keys = {key}
        unchanged, reason = timed(told, cursor)
        assert isinstance(reason, dg.SkipReason)
        bucket.etags[key], queue.keys = "1" * 32, {key}
        changed, result = timed(told, cursor)
        assert isinstance(result, dg.SensorResult), result
    shutil.rmtree(FOLDER)
    return {
        "tick_objects": objects,
        "tick_page_s": PAGE_SECONDS,
        "ticks_to_list": len(seconds),
        "tick_listing_longest_s": round(max(seconds, default=0), 1),
        "tick_listing_grows_mb": round(peak_listing - peak_before),
        "tick_compares_s": round(took, 1),
        "tick_no_event_s": round(quiet, 2),
        "tick_event_nothing_new_s": round(unchanged, 2),
        "tick_event_changed_s": round(changed, 2),
        "tick_peak_mb": round(_peak_mb()),
    }


def _as_if_processed(result: dg.SensorResult, decides: str) -> str:
    """The cursor as after the run that the tick asked for."""
    cursor = ArrivalsCursor.from_cursor(result.cursor)
    assert cursor is not None
    return replace(cursor, processed_fingerprint=f"{cursor.observed_fingerprint} {decides}").to_cursor()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000, help="objects in the bucket")
    print(json.dumps(measure(parser.parse_args().objects)))


if __name__ == "__main__":
    main()

"""From an object in S3 to fresh marts under a real `netflix-assets dev`, and what the ticks cost.

    python -m benchmarks.arrival --puts 10 --objects 1000000

A put counts until every run that it started has succeeded and no further one is due. The last line is JSON.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from benchmarks import ticks
from netflix_assets.automation.instance import dagster_instance
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings
from netflix_assets_tests.browser.running import dev_server, environment, wait_for

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".netflix" / "bench" / "arrival"
KINDS = ("a month", "movies", "two months", "tags", "movies and a month")
SCALE = "0.003"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puts", type=int, default=10, help="changes to put, one after the other")
    parser.add_argument("--objects", type=int, default=1_000_000, help="objects of the bucket that ticks are timed on")
    arguments = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    settings = _settings(FOLDER / "home")
    _prepare(settings)
    result = {**_arrivals(settings, arguments.puts), **_automation_tick(settings)}
    result |= ticks.measure(arguments.objects)
    shutil.rmtree(FOLDER)
    print(json.dumps(result))


def _settings(home: Path) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings.from_environment({"NETFLIX_HOME": str(home), "NETFLIX_S3_ENDPOINT": f"http://127.0.0.1:{port}"})


def _prepare(settings: Settings) -> None:
    csvs = FOLDER / "csv"
    for arguments in (["sample", str(csvs), "--scale", SCALE], ["upload", str(csvs)], ["materialize"]):
        command = [sys.executable, "-m", "netflix_assets.cli", *arguments]
        subprocess.run(command, env=environment(settings), check=True, stdout=subprocess.DEVNULL)


def _arrivals(settings: Settings, puts: int) -> dict[str, object]:
    seconds: list[float] = []
    runs = 0
    started = time.monotonic()
    with dev_server(settings) as dev:
        ready = time.monotonic() - started
        # What a person has done before the first put: looked at the page that opened.
        time.sleep(10)
        bucket = LandingBucket(settings)
        for number, kind in zip(range(puts), itertools.cycle(KINDS), strict=False):
            before = {run["runId"] for run in dev.runs()}
            begun = time.monotonic()
            _change(bucket, kind, number)
            new = wait_for("the run", lambda seen=before: dev.finished_runs(seen), seconds=600)
            seconds.append(time.monotonic() - begun)
            if any(run["status"] != "SUCCESS" for run in new):
                raise SystemExit(f"a run failed: {new}; see {dev.url}")
            print(f"{kind}: {seconds[-1]:.1f} s")
            time.sleep(7)
            runs += len([run for run in dev.runs() if run["runId"] not in before])
    return {
        "median_s": round(statistics.median(seconds), 1),
        "worst_s": round(max(seconds), 1),
        "puts": puts,
        "runs": runs,
        "dev_ready_s": round(ready, 1),
    }


def _change(bucket: LandingBucket, kind: str, number: int) -> None:
    months = [version.key for version in bucket.versions("raw/ratings/")]
    keys = {
        "a month": [months[-1 - number]],
        "two months": [months[number], months[-20 - number]],
        "movies": ["raw/movies.csv"],
        "tags": ["raw/tags.csv"],
        "movies and a month": ["raw/movies.csv", months[-1 - number]],
    }[kind]
    for key in keys:
        (version,) = bucket.versions(key)
        # One row less: new content, still good.
        lines = b"".join(bucket.download(version)).splitlines(keepends=True)
        bucket.put(key, io.BytesIO(b"".join(lines[:-1])))


def _automation_tick(settings: Settings) -> dict[str, object]:
    defs = build_defs(settings)
    with dagster_instance(settings) as instance:
        first = dg.evaluate_automation_conditions(defs, instance=instance)
        begun = time.monotonic()
        dg.evaluate_automation_conditions(defs, instance=instance, cursor=first.cursor)
        return {"automation_tick_s": round(time.monotonic() - begun, 2)}


if __name__ == "__main__":
    main()

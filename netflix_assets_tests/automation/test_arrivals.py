"""From an object in S3 to exactly the runs that it needs: the sensor and the conditions on a real instance."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import dagster as dg
import pytest

from netflix_assets.automation.conditions import automation_sensor
from netflix_assets.automation.processes import Process
from netflix_assets.automation.run_requests import RANGE_END_TAG, RANGE_START_TAG
from netflix_assets.automation.runs import EXECUTED_TAG
from netflix_assets.automation.sensors import arrivals_sensor, default_status
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.reporting.store import report_store
from netflix_assets.settings import Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.automation.daemon import Daemon, Look, Seen, daemon
from netflix_assets_tests.pipeline import MOVIES, RATINGS, TAGS, Pipeline, ratings_csv

MONTH = "raw/ratings/month={}/ratings.csv"
BELOW_RATINGS = {"raw_ratings", "src_ratings", "fact_ratings", "dim_users", "ratings_by_month", "movie_analysis"}
BAD_MOVIES = "movieId,name,genres\n1,Toy Story (1995),Comedy\n"


LISTINGS, EVENTS = "listings", "events"
by_events = pytest.mark.parametrize("running", [EVENTS], indirect=True)
"""For tests that execute runs, which know nothing of how the sensor came to see the bucket."""


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    """What daemons of the small pipeline know of it, once there was one."""
    return []


@pytest.fixture(params=[LISTINGS, EVENTS])
def running(small: Pipeline, seen: list[Seen], request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The small pipeline, materialized, with its daemons; the sensor lists the bucket, or events tell it what to."""
    with daemon(small, events=request.param == EVENTS, seen=seen[0] if seen else None) as one:
        seen.append(one.knows)
        yield one


def changed(month: str, *, user: int = 7) -> str:
    return ratings_csv([*RATINGS.get(month, ()), f"{user},1,2.0,{int(RATINGS['2015-03'][0].rpartition(',')[2]) + 60}"])


def load_by_hand(running: Daemon, table: str, **tags: str) -> None:
    """What a person does in the UI: materialize one raw table, or a range of its months."""
    job = running.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey(["raw", table])})
    assert job.execute_in_process(instance=running.instance, tags=tags).success


def test_a_changed_month_asks_for_one_run_with_that_month_and_what_is_below(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    look = running.look()
    assert look.observed == [("ratings", "2015-03"), ("ratings", None)]
    assert look.assets >= BELOW_RATINGS
    assert not look.assets & {"raw_movies", "src_movies", "snap_movies", "snap_tags", "src_tags"}
    assert look.months == {"2015-03"}
    assert running.conditions() == set()


@by_events
def test_a_failing_check_a_busy_bucket_refused_objects_and_a_whole_export_take_exactly_the_runs_they_need(
    running: Daemon,
) -> None:
    """One bucket through a week: every build takes seconds, so each shows the outcome of several arrivals."""
    pipeline = running.pipeline
    rows = "select strftime(rating_month, '%Y-%m'), count(*) from fact.fact_ratings group by 1 order by 1"
    heat = "select title from dim.dim_movies where movie_id = 4"

    # A failing blocking check stops what is below, and the run is not repeated.
    with duckdb_from(pipeline.settings).connection() as connection:
        connection.execute("delete from raw.raw_ratings where timestamp = 1430438400")
    pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert len(running.settle()) == 1
    assert pipeline.query(rows) == [("1996-03", 2), ("2015-03", 3), ("2015-05", 1)]

    # What comes and goes between two looks is loaded in one run, and the check passes again.
    pipeline.put(MONTH.format("2015-05"), ratings_csv(["3,1,1.5,1430438400"]))
    pipeline.put(MONTH.format("2015-04"), ratings_csv(["4,4,5.0,1427846400"]))
    pipeline.delete(MONTH.format("1996-03"))
    pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
    look = running.look()
    assert [month for name, month in look.observed if name == "ratings"] == ["1996-03", "2015-04", "2015-05", None]
    assert look.months == {"1996-03", "2015-04", "2015-05"}
    assert {"raw_movies", "raw_ratings", "dim_movies", "fact_ratings"} <= look.assets
    during: list[Look] = []

    def arrive(event: dg.DagsterEvent) -> None:
        if event.is_step_success and event.step_key == "raw__raw_ratings":
            pipeline.put("raw/tags.csv", TAGS.replace("pixar", "toys"))
            assert running.queue is not None
            running.queue.lose()
            pipeline.put(MONTH.format("2015-03"), ratings_csv(["1,2,1.0,1425168000"]))
            during.extend([running.look(), running.look(reconcile=True)])

    assert running.execute(look, on_event=arrive)
    assert [{name for name, _ in one.observed} for one in during] == [{"ratings"}, {"tags"}]
    assert all(one.reason.endswith("is going on; the bucket is compared again after it") for one in during)
    assert running.conditions() == set()
    assert pipeline.query(rows) == [("2015-03", 4), ("2015-04", 1), ("2015-05", 1)]
    assert pipeline.one(heat) == "Heat II (1995)"

    # What arrived during the run is loaded after it.
    late = running.look()
    assert late.months == {"2015-03"} and "raw_tags" in late.assets

    # A failed load and a bad month keep back what is below them alone.
    running.failed.clear()
    pipeline.put("raw/movies.csv", BAD_MOVIES)
    pipeline.put(MONTH.format("2015-04"), "nonsense\n")
    first, second = running.settle()
    assert set(running.failed) == {"raw__raw_movies", "raw__raw_ratings"}
    assert {"raw_movies", "raw_ratings", "raw_tags"} <= first.assets
    assert first.months == {"2015-03", "2015-04"}
    assert not second.assets & {"raw_movies", "raw_ratings", "dim_movies"}
    assert "fact_ratings" in second.assets
    assert pipeline.query(rows) == [("2015-03", 1), ("2015-04", 1), ("2015-05", 1)]
    assert pipeline.one("select rating::varchar from fact.fact_ratings where rating_month = date '2015-03-01'") == "1.0"
    assert pipeline.one("select count(*) from dim.dim_movies") == 4
    assert running.look().run is None

    # They recover when they are replaced; a whole export is cut before its months are loaded.
    pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat III (1995)"))
    look = running.look()
    assert "raw_movies" in look.assets and "raw_ratings" not in look.assets
    pipeline.put(MONTH.format("2015-04"), ratings_csv(["4,4,5.0,1427846400", "5,4,4.0,1427846401"]))
    lines = [line for month in RATINGS for line in RATINGS[month]]
    pipeline.put("raw/ratings.csv", ratings_csv([*lines, "4,4,5.0,1427846400"]))
    cut = running.look()
    assert cut.assets == {"ratings_split"}
    assert running.execute(cut)
    assert running.conditions() == set()
    load = running.look()
    assert load.months == {"1996-03", "2015-04"}
    assert load.assets >= {*BELOW_RATINGS, "raw_movies", "dim_movies"}
    assert running.execute(load)
    assert pipeline.query(rows) == [("1996-03", 2), ("2015-03", 1), ("2015-04", 2), ("2015-05", 1)]
    assert pipeline.one(heat) == "Heat III (1995)"
    running.cursor = None
    look = running.look()
    assert look.reason.startswith("everything in the bucket is loaded")
    assert "3 months cut from a whole export are left aside" in look.reason
    assert running.look().reason.startswith("nothing changed among the 11 objects")

    # Months loaded by hand right after an arrival are followed too.
    load_by_hand(running, "raw_ratings", **{RANGE_START_TAG: "2015-03", RANGE_END_TAG: "2015-04"})
    assert {"src_ratings", "fact_ratings", "movie_analysis"} <= running.conditions()
    assert running.conditions() == set()


@by_events
def test_a_deleted_prefix_asks_for_one_run_of_every_table(running: Daemon) -> None:
    # That such a run empties them, is seen where the job is.
    for key in list(running.pipeline.objects):
        running.pipeline.delete(key)
    assert {"raw_movies", "raw_links", "raw_tags", *BELOW_RATINGS} <= running.look().assets


def test_an_empty_bucket_starts_nothing_what_fills_it_one_run_and_what_that_built_nothing(
    s3: Settings, s3_server: Settings, built_small: Pipeline
) -> None:
    pipeline = Pipeline(s3)
    with daemon(pipeline) as one:
        before = one.knows
        one.cursor = None
        assert one.look().reason == "the bucket is empty; `netflix-assets upload` fills it"
        assert one.look().reason == "nothing changed among the 0 objects under raw/"
        assert one.conditions() == set()

        # The server shows the files of its folder: each sent to it would take ten times as long.
        folder = s3_server.s3_root / s3.bucket / "raw" / "ratings"
        thousands_of_the_same_second = [("2015-03", number) for number in range(1_100)]
        months = [f"{year}-{month:02}" for year in range(1996, 2021) for month in range(1, 13)]
        hundreds_of_months = [(month, 2_000) for month in months]
        for objects, longest in ((thousands_of_the_same_second, 2_000), (hundreds_of_months, 100_000)):
            for month, number in objects:
                path = folder / f"month={month}" / f"{number}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(ratings_csv([f"{number + 1},1,3.0,1425168000"]))
                os.utime(path, (1_760_000_000, 1_760_000_000))
            look = one.look()
            assert ("ratings", "2015-03") in look.observed
            assert len(one.cursor or "") < longest
        assert look.months == {months[0], months[-1]}

    # The same home after such a run.
    filled = Pipeline(replace(s3, bucket=f"{s3.bucket}-filled"))
    filled.bucket.ensure_exists()
    filled.become(built_small)
    with daemon(filled, seen=before) as one:
        assert one.conditions() == set()
        assert one.look().run is None


def test_changed_movies_do_not_rebuild_the_rating_facts(running: Daemon) -> None:
    running.pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
    assets = running.look().assets
    assert {"raw_movies", "src_movies", "dim_movies", "snap_movies", "movie_analysis"} <= assets
    assert not assets & {"raw_ratings", "src_ratings", "fact_ratings", "snap_tags"}


def test_changed_tags_run_the_snapshot(running: Daemon) -> None:
    running.pipeline.put("raw/tags.csv", TAGS.replace("pixar", "toys"))
    assets = running.look().assets
    assert {"raw_tags", "snap_tags", "src_current_tags"} <= assets
    assert "fact_ratings" not in assets


def test_the_same_bytes_again_start_nothing(running: Daemon) -> None:
    running.pipeline.put("raw/movies.csv", MOVIES)
    look = running.look()
    assert (look.run, look.observed) == (None, [])
    assert look.reason == "everything in the bucket is loaded"
    assert running.conditions() == set()


@by_events
def test_a_table_loaded_by_hand_is_followed_by_what_is_below_it(running: Daemon) -> None:
    load_by_hand(running, "raw_tags")
    requested = running.conditions()
    assert {"src_tags", "snap_tags"} <= requested
    assert not requested & {"raw_tags", "fact_ratings", "src_movies"}
    assert running.conditions() == set()
    assert running.look().run is None


def test_a_cursor_that_cannot_be_read_loses_and_repeats_nothing(running: Daemon) -> None:
    unreadable = ("{", "null", "[]", '{"format": 0}', json.dumps({"format": 1, "observed": [1]}))
    for user, cursor in enumerate(unreadable, 100):
        running.pipeline.put(MONTH.format("2015-03"), changed("2015-03", user=user))
        running.cursor = cursor
        look = running.look()
        assert look.observed == [("ratings", "2015-03"), ("ratings", None)], cursor
        assert look.months == {"2015-03"}, cursor
        running.cursor = cursor
        assert running.look().observed == [], cursor


def test_objects_that_nothing_loads_are_named_in_the_tick(running: Daemon) -> None:
    running.pipeline.put("raw/Movies.CSV", MOVIES)
    for _ in range(2):
        assert "nothing loads raw/Movies.CSV" in running.look().reason


def test_s3_out_of_reach_skips_the_tick_and_says_why(running: Daemon) -> None:
    pipeline, settings = running.pipeline, running.pipeline.settings
    pipeline.settings = replace(settings, s3_endpoint="http://127.0.0.1:9")
    look = running.look()
    assert look.run is None
    assert "S3 at http://127.0.0.1:9 cannot be reached" in look.reason
    pipeline.settings = settings
    pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert running.look().months == {"2015-03"}


def test_a_warehouse_in_use_skips_the_tick_and_keeps_the_change(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    with duckdb_from(running.pipeline.settings).connection():
        look = running.look()
    assert look.run is None
    assert "still in use" in look.reason
    assert running.look().months == {"2015-03"}


def test_a_request_is_made_once_even_if_its_tick_is_repeated(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    cursor = running.cursor
    first = running.look()
    running.cursor = cursor
    second = running.look()
    assert first.run is not None and second.run is not None
    assert first.run.run_key == second.run.run_key


def test_half_an_upload_is_not_an_arrival(running: Daemon) -> None:
    settings = running.pipeline.settings
    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        region_name="us-east-1",
    )
    key = MONTH.format("2015-03")
    upload = client.create_multipart_upload(Bucket=settings.bucket, Key=key)["UploadId"]
    body = changed("2015-03").encode()
    part = client.upload_part(Bucket=settings.bucket, Key=key, UploadId=upload, PartNumber=1, Body=io.BytesIO(body))
    assert running.look().reason.startswith("nothing changed")
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    client.complete_multipart_upload(Bucket=settings.bucket, Key=key, UploadId=upload, MultipartUpload=parts)
    assert running.look().months == {"2015-03"}


def test_both_sensors_are_on_except_in_a_branch_deployment(settings: Settings) -> None:
    branch = replace(settings, branch_deployment=True)
    bucket, warehouse = LandingBucket(settings), duckdb_from(settings)
    store = report_store(settings, bucket)
    for own, status in ((settings, dg.DefaultSensorStatus.RUNNING), (branch, dg.DefaultSensorStatus.STOPPED)):
        assert default_status(own) is status
        assert arrivals_sensor(own, bucket, warehouse, store).default_status is status
        assert automation_sensor(own).default_status is status


def test_everything_below_the_raw_tables_has_a_condition(settings: Settings) -> None:
    graph = build_defs(settings).resolve_asset_graph()
    without = {
        key.path[-1]
        for key in graph.materializable_asset_keys
        if graph.get(key).automation_condition is None and not key.path[-1].startswith("raw_")
    }
    assert without == {"ratings_split"}


def add_run(running: Daemon, look: Look, status: dg.DagsterRunStatus, **tags: str) -> str:
    """A run of what was requested, as the daemon would have recorded it."""
    assert look.run is not None
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        run_id=str(uuid.uuid4()),
        status=status,
        tags={**look.run.tags, **tags},
        asset_selection=frozenset(look.run.asset_selection or ()),
    )
    running.instance.add_run(run)
    return run.run_id


def test_a_run_that_was_killed_is_requested_again_three_times_at_most(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    keys = set()
    for _ in range(3):
        look = running.look()
        assert look.run is not None
        keys.add(look.run.run_key)
        add_run(running, look, dg.DagsterRunStatus.FAILURE)
    assert len(keys) == 3
    assert running.look().reason.startswith("everything in the bucket is loaded but ratings")
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert running.look().months == {"2015-03"}


def test_a_run_that_a_person_terminated_is_not_requested_again(running: Daemon) -> None:
    running.pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
    add_run(running, running.look(), dg.DagsterRunStatus.CANCELED)
    assert running.look().reason.startswith("everything in the bucket is loaded but movies")


def test_a_run_whose_code_server_is_gone_is_ended_and_does_not_block_the_rest(running: Daemon, tmp_path: Path) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    gone = json.dumps({"host": "localhost", "socket": str(tmp_path / "gone")})
    run_id = add_run(running, running.look(), dg.DagsterRunStatus.STARTED, **{".dagster/grpc_info": gone})
    assert running.look().months == {"2015-03"}
    run = running.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_what_a_lost_run_of_the_conditions_was_to_build_is_asked_for_again_without_an_arrival(running: Daemon) -> None:
    tags = dg.AssetKey(["staging", "src_tags"])
    # Built from older code: the conditions asked for it, and the sensor leaves it to them.
    running.instance.report_runless_asset_event(dg.AssetMaterialization(tags))
    assert running.look().run is None
    run_id = str(uuid.uuid4())
    process = {EXECUTED_TAG: run_id, **replace(Process.current(), started="before").to_tags()}
    status = dg.DagsterRunStatus.STARTED
    run = dg.DagsterRun("__ASSET_JOB", run_id=run_id, status=status, tags=process, asset_selection={tags})
    running.instance.add_run(run)
    assert {"src_tags", "snap_tags"} <= running.look().assets

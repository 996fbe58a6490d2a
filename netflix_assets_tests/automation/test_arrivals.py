"""From an object in S3 to exactly the runs that it needs: the sensor and the conditions on a real instance."""

from __future__ import annotations

import io
import json
import os
import time
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
from netflix_assets_tests.automation.daemon import Daemon, Look, daemon
from netflix_assets_tests.pipeline import MOVIES, RATINGS, TAGS, Pipeline, ratings_csv

MONTH = "raw/ratings/month={}/ratings.csv"
BELOW_RATINGS = {"raw_ratings", "src_ratings", "fact_ratings", "dim_users", "ratings_by_month", "movie_analysis"}
BAD_MOVIES = "movieId,name,genres\n1,Toy Story (1995),Comedy\n"


LISTINGS, EVENTS = "listings", "events"
by_events = pytest.mark.parametrize("running", [EVENTS], indirect=True)
"""For tests that execute runs, which know nothing of how the sensor came to see the bucket."""


@pytest.fixture(params=[LISTINGS, EVENTS])
def running(small: Pipeline, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """The small pipeline, materialized, with its daemons; the sensor lists the bucket, or events tell it what to."""
    with daemon(small, events=request.param == EVENTS) as one:
        yield one


@pytest.fixture
def empty(s3: Settings) -> Iterator[Daemon]:
    """Nothing in the bucket, nothing materialized."""
    with daemon(Pipeline(s3)) as one:
        yield one


def changed(month: str) -> str:
    return ratings_csv([*RATINGS.get(month, ()), f"7,1,2.0,{int(RATINGS['2015-03'][0].rpartition(',')[2]) + 60}"])


def test_a_changed_month_asks_for_one_run_with_that_month_and_what_is_below(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    look = running.look()
    assert look.observed == [("ratings", "2015-03"), ("ratings", None)]
    assert look.assets >= BELOW_RATINGS
    assert not look.assets & {"raw_movies", "src_movies", "snap_movies", "snap_tags", "src_tags"}
    assert look.months == {"2015-03"}
    assert running.conditions() == set()


@by_events
def test_what_comes_and_goes_between_two_looks_is_loaded_in_one_run_and_what_arrives_during_it_after_it(
    running: Daemon,
) -> None:
    pipeline = running.pipeline
    pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    pipeline.put(MONTH.format("2015-04"), ratings_csv(["4,4,5.0,1427846400"]))
    pipeline.delete(MONTH.format("1996-03"))
    pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
    look = running.look()
    assert [month for name, month in look.observed if name == "ratings"] == ["1996-03", "2015-03", "2015-04", None]
    assert look.months == {"1996-03", "2015-03", "2015-04"}
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
    months = pipeline.query("select distinct rating_month::varchar from fact.fact_ratings order by 1")
    assert months == [("2015-03-01",), ("2015-04-01",), ("2015-05-01",)]
    assert pipeline.one("select title from dim.dim_movies where movie_id = 4") == "Heat II (1995)"

    late = running.look()
    assert late.months == {"2015-03"} and "raw_tags" in late.assets
    assert running.execute(late)
    assert running.conditions() == set()
    march = "select rating::varchar from fact.fact_ratings where rating_month = date '2015-03-01'"
    assert pipeline.query(march) == [("1.0",)]
    assert running.look().reason == "everything in the bucket is loaded"
    assert running.look().reason.startswith("nothing changed among the 6 objects")


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
def test_a_failed_load_and_a_bad_month_keep_back_what_is_below_them_alone_and_recover_when_they_are_replaced(
    running: Daemon,
) -> None:
    pipeline = running.pipeline
    pipeline.put("raw/movies.csv", BAD_MOVIES)
    pipeline.put(MONTH.format("2015-03"), "nonsense\n")
    pipeline.put(MONTH.format("2015-04"), ratings_csv(["4,4,5.0,1427846400"]))
    first, second = running.settle()
    assert set(running.failed) == {"raw__raw_movies", "raw__raw_ratings"}
    assert {"raw_movies", "raw_ratings"} <= first.assets
    assert first.months == {"2015-03", "2015-04"}
    assert not second.assets & {"raw_movies", "raw_ratings", "dim_movies"}
    assert "fact_ratings" in second.assets
    assert pipeline.one("select count(*) from fact.fact_ratings") == 7
    assert pipeline.one("select count(*) from dim.dim_movies") == 4
    assert running.look().run is None

    pipeline.put("raw/movies.csv", MOVIES.replace("Heat (1995)", "Heat II (1995)"))
    (third,) = running.settle()
    assert "raw_ratings" not in third.assets
    assert pipeline.one("select title from dim.dim_movies where movie_id = 4") == "Heat II (1995)"
    pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert [run.months for run in running.settle()] == [{"2015-03"}]
    assert pipeline.one("select count(*) from fact.fact_ratings") == 8


@by_events
def test_a_failing_blocking_check_stops_what_is_below_and_the_run_is_not_repeated(running: Daemon) -> None:
    pipeline = running.pipeline
    with duckdb_from(pipeline.settings).connection() as connection:
        connection.execute("delete from raw.raw_ratings where timestamp = 1430438400")
    pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert len(running.settle()) == 1
    assert pipeline.one("select count(*) from fact.fact_ratings") == 6
    pipeline.put(MONTH.format("2015-05"), ratings_csv(["3,1,1.5,1430438400"]))
    assert len(running.settle()) == 1
    assert pipeline.one("select count(*) from fact.fact_ratings") == 7


def test_hundreds_of_months_fill_an_empty_warehouse_in_one_run(empty: Daemon) -> None:
    pipeline = empty.pipeline
    months = [f"{year}-{month:02}" for year in range(1996, 2021) for month in range(1, 13)]
    for number, month in enumerate(months):
        start = int(time.mktime((int(month[:4]), int(month[5:]), 2, 0, 0, 0, 0, 0, 0)))
        pipeline.put(MONTH.format(month), ratings_csv([f"{number + 1},1,3.5,{start}"]))
    pipeline.put("raw/movies.csv", MOVIES)
    (run,) = empty.settle()
    assert run.months == {months[0], months[-1]}
    assert pipeline.one("select count(*) from mart.ratings_by_month") == len(months)
    assert len(empty.cursor or "") < 100_000


def test_an_empty_bucket_starts_nothing_and_says_how_to_fill_it(s3: Settings) -> None:
    with daemon(Pipeline(s3)) as one:
        one.cursor = None
        assert one.look().reason == "the bucket is empty; `netflix-assets upload` fills it"
        assert one.look().reason == "nothing changed among the 0 objects under raw/"
        assert one.conditions() == set()


@by_events
def test_a_deleted_prefix_empties_every_table_in_one_run(running: Daemon) -> None:
    for key in list(running.pipeline.objects):
        running.pipeline.delete(key)
    look = running.look()
    assert {"raw_movies", "raw_links", "raw_tags", "raw_ratings"} <= look.assets
    assert running.execute(look)
    assert running.pipeline.one("select count(*) from fact.fact_ratings") == 0
    assert running.look().run is None


def load_by_hand(running: Daemon, table: str, **tags: str) -> None:
    """What a person does in the UI: materialize one raw table, or a range of its months."""
    job = running.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey(["raw", table])})
    assert job.execute_in_process(instance=running.instance, tags=tags).success


@by_events
def test_a_table_loaded_by_hand_is_followed_by_what_is_below_it(running: Daemon) -> None:
    load_by_hand(running, "raw_tags")
    requested = running.conditions()
    assert {"src_tags", "snap_tags"} <= requested
    assert not requested & {"raw_tags", "fact_ratings", "src_movies"}
    assert running.conditions() == set()
    assert running.look().run is None


@by_events
def test_months_loaded_by_hand_right_after_an_arrival_are_followed_too(running: Daemon) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    assert running.execute(running.look())
    load_by_hand(running, "raw_ratings", **{RANGE_START_TAG: "2015-03", RANGE_END_TAG: "2015-04"})
    assert {"src_ratings", "fact_ratings", "movie_analysis"} <= running.conditions()
    assert running.conditions() == set()


@pytest.mark.parametrize("cursor", ["{", "null", "[]", '{"format": 0}', json.dumps({"format": 1, "observed": [1]})])
def test_a_cursor_that_cannot_be_read_loses_and_repeats_nothing(running: Daemon, cursor: str) -> None:
    running.pipeline.put(MONTH.format("2015-03"), changed("2015-03"))
    running.cursor = cursor
    look = running.look()
    assert look.observed == [("ratings", "2015-03"), ("ratings", None)]
    assert look.months == {"2015-03"}
    running.cursor = cursor
    assert running.look().observed == []


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


def test_thousands_of_objects_of_the_same_second_are_all_seen(empty: Daemon, s3_server: Settings) -> None:
    # The server shows the files of its folder: each sent to it would take ten times as long.
    folder = s3_server.s3_root / empty.pipeline.settings.bucket / "raw" / "ratings" / "month=2015-03"
    folder.mkdir(parents=True)
    for number in range(1_100):
        (folder / f"{number}.csv").write_text(ratings_csv([f"{number + 1},1,3.0,1425168000"]))
        os.utime(folder / f"{number}.csv", (1_760_000_000, 1_760_000_000))
    look = empty.look()
    assert ("ratings", "2015-03") in look.observed
    assert len(empty.cursor or "") < 2_000


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


@by_events
def test_a_whole_export_is_cut_before_its_months_are_loaded(running: Daemon) -> None:
    pipeline = running.pipeline
    lines = [line for month in RATINGS for line in RATINGS[month]]
    pipeline.put("raw/ratings.csv", ratings_csv([*lines, "4,4,5.0,1427846400"]))
    cut, load = running.settle()
    assert cut.assets == {"ratings_split"}
    assert (load.months, load.assets >= BELOW_RATINGS) == ({"2015-04"}, True)
    running.cursor = None
    assert "3 months cut from a whole export are left aside" in running.look().reason
    assert pipeline.one("select count(*) from fact.fact_ratings") == 7

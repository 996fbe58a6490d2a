"""How old data may get: every raw table and mart has a window, and sources tell when nothing arrives."""

import datetime as dt

import dagster as dg
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from netflix_assets.automation.freshness import arrived_lately, policy_of
from netflix_assets.catalog import RAW_FILES, raw_file
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket import ObjectVersion, sort_into_catalog
from netflix_assets.landing.overview import overview_of
from netflix_assets.settings import Settings

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.timezone.utc)


def age(days: float, key: str = "raw/movies.csv") -> ObjectVersion:
    return ObjectVersion(key, "etag", 1, NOW - dt.timedelta(days=days))


def test_every_raw_table_and_mart_has_a_window(settings: Settings) -> None:
    graph = build_defs(settings).resolve_asset_graph()
    policies = {
        key.path[-1]: graph.get(key).freshness_policy
        for key in graph.materializable_asset_keys
        if graph.get(key).group_name in ("raw", "mart")
    }
    assert None not in policies.values()
    monthly = policy_of(dg.AssetKey(raw_file("ratings").table_key))
    assert policies["raw_movies"] == policies["movie_analysis"] == monthly
    assert policies["raw_genome_scores"] == policies["tag_relevance_analysis"] != monthly


def test_policy_and_check_of_a_file_read_the_same_field() -> None:
    for file in RAW_FILES:
        policy = policy_of(dg.AssetKey(file.table_key))
        assert isinstance(policy, TimeWindowFreshnessPolicy) and policy.warn_window is not None
        assert policy.warn_window.to_timedelta() == file.expected_every
        key = file.object_key("2015-03" if file.month_column else None)
        for days, passed in ((file.expected_every.days - 0.5, True), (file.expected_every.days + 0.5, False)):
            assert arrived_lately(file, overview_of(sort_into_catalog([age(days, key)])), NOW).passed is passed


def test_every_source_has_a_check_on_its_newest_object_and_a_schedule_runs_it(settings: Settings) -> None:
    defs = build_defs(settings)
    checks = {
        key.asset_key.path[-1] for key in defs.resolve_asset_graph().asset_check_keys if key.name == "arrived_lately"
    }
    assert checks == {file.name for file in RAW_FILES}
    (schedule,) = (one for one in defs.schedules or () if one.name == "check_sources_daily")
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_the_newest_object_counts_and_a_clock_ahead_does_no_harm() -> None:
    movies = raw_file("movies")
    for ages, passed in (([50.0], False), ([50.0, 3.0], True), ([-1 / 24], True), ([], False)):
        keys = ["raw/movies.csv", "raw/movies.csv.gz"]
        contents = overview_of(sort_into_catalog(age(days, key) for days, key in zip(ages, keys, strict=False)))
        result = arrived_lately(movies, contents, NOW)
        assert result.passed is passed, ages
        assert result.severity is dg.AssetCheckSeverity.WARN

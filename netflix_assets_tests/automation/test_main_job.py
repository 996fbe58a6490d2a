"""The main job on real S3, DuckDB, dbt and Dagster: what it rebuilds, what it leaves alone, what it refuses."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from netflix_assets.automation import unchanged
from netflix_assets.automation.instance import dagster_instance
from netflix_assets.automation.materialize import materialize
from netflix_assets.automation.run_plan import RunPlan
from netflix_assets.cli import main
from netflix_assets.definitions import build_defs
from netflix_assets.landing.upload import upload
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.automation.daemon import daemon
from netflix_assets_tests.browser.running import environment
from netflix_assets_tests.pipeline import LEFT_OUT, MOVIES, RATINGS, TAGS, Pipeline, ratings_csv

RATING_KEY = "raw/ratings/month={}/ratings.csv"


def fact(pipeline: Pipeline) -> list[tuple[object, ...]]:
    return pipeline.query("select user_id, movie_id, rating::varchar from fact.fact_ratings order by rated_at, user_id")


def same_as_built_afresh(pipeline: Pipeline, fresh_home: Path) -> bool:
    """Whether every table is what a first build from the same bucket makes, after which there is nothing to run."""
    fresh = pipeline.copy(fresh_home)
    fresh.settings.warehouse_path.unlink()
    done = CliRunner().invoke(main, ["materialize", "--all"], env=environment(fresh.settings))
    assert done.exit_code == 0, done.output
    assert unchanged.holds(fresh.settings, unchanged.fingerprint(fresh.settings))
    return fresh.contents() == pipeline.contents()


def test_everything_is_loaded_and_a_missing_file_is_an_empty_table(built_small: Pipeline) -> None:
    status = built_small.status()
    rows = {table.table: table.rows for table in status.tables}
    assert (rows["raw_ratings"], rows["fact_ratings"], rows["dim_movies"], rows["snap_tags"]) == (6, 6, 4, 2)
    assert rows["raw_genome_scores"] == rows["dim_genome_tags"] == rows["tag_relevance_analysis"] == 0
    assert status.missing_files == LEFT_OUT
    assert all(table.up_to_date for table in status.tables)
    assert not status.failed


def test_every_event_of_a_first_load_has_a_partition_where_its_asset_has_and_only_there(built_small: Pipeline) -> None:
    graph = build_defs(built_small.settings).resolve_asset_graph()
    of_kind = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}
    with dagster_instance(built_small.settings) as instance:
        (run,) = instance.get_runs()
        entries = instance.all_logs(run.run_id, of_type=of_kind)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    by_asset: dict[dg.AssetKey, set[str | None]] = {}
    for event in events:
        assert event.asset_key is not None
        by_asset.setdefault(event.asset_key, set()).add(event.partition)
    assert {key.path[-1] for key in by_asset} >= {"raw_ratings", "raw_movies", "raw_genome_tags", "fact_ratings"}
    for key, partitions in by_asset.items():
        # Months without objects are recorded beside the run.
        wanted: set[str | None] = {None} if graph.get(key).partitions_def is None else {*RATINGS}
        assert partitions == wanted, key


def test_a_second_run_without_changes_runs_nothing(small: Pipeline) -> None:
    outcome = small.materialize()
    assert (outcome.run_id, outcome.success) == (None, True)


def test_the_same_bytes_uploaded_again_run_nothing(small: Pipeline) -> None:
    small.put("raw/movies.csv", MOVIES)
    assert small.materialize().run_id is None


def test_what_is_refused_keeps_its_rows_the_rest_is_built_no_history_is_closed_and_what_is_agreed_to_goes(
    small: Pipeline, tmp_path: Path
) -> None:
    def movies(count: int) -> str:
        more = "".join(f"{number},Film {number} (2001),Drama\n" for number in range(101, 101 + count))
        return MOVIES.replace("Heat (1995)", "Heat II (1995)") + more

    # Refused, and again until the object is replaced.
    before = small.contents()
    small.put("raw/movies.csv", "movieId,name,genres\n1,Toy Story (1995),Comedy\n")
    command = CliRunner().invoke(main, ["materialize"], env=environment(small.settings))
    assert command.exit_code == 1
    sentence = "raw/movies.csv, line 1: a column has another name (name in place of title)"
    assert f"failed: {sentence}" in " ".join(command.stdout.split())
    assert "what Dagster and dbt said is in" in command.stderr
    assert small.contents() == before
    again = small.materialize()
    assert not again.success
    assert again.errors[0].startswith(sentence)

    # Replaced, beside others that are refused.
    small.put("raw/movies.csv", movies(50))
    small.put("raw/genome_scores.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    small.put("raw/ratings.csv", "movieId,name\n1,no ratings\n")
    done = small.materialize()
    assert not done.success
    refused = ["raw/genome_scores.csv", "raw/ratings.csv"]
    assert [error.partition(",")[0] for error in done.errors] == refused
    # The split that fails, the loads, and what could not be built beside the one that is refused.
    assert len(done.outcomes) == 3
    built = {"/".join(key.path) for key in done.assets}
    assert {"raw/raw_movies", "staging/src_movies", "dim/dim_movies", "snapshots/snap_movies"} <= built
    assert not built & {"raw/raw_ratings", "fact/fact_ratings"}
    assert small.query("select title from dim.dim_movies where movie_id = 4") == [("Heat II (1995)",)]
    history = small.query("select title from snapshots.snap_movies where movie_id = 4 order by dbt_valid_from")
    assert history == [("Heat (1995)",), ("Heat II (1995)",)]

    # They are named until their objects change.
    again = small.materialize()
    assert (again.run_id, again.success, again.errors) == (None, False, done.errors)
    status = small.status()
    assert set(status.failed_loads) == {"genome_scores", "raw/ratings.csv"}
    assert {table.table for table in status.tables if not table.up_to_date} == {"raw_genome_scores"}
    (failed,) = [table for table in status.tables if table.failed]
    assert (failed.table, failed.failed) == ("raw_genome_scores", ("loads_accepted",))
    small.delete("raw/genome_scores.csv")
    small.delete("raw/ratings.csv")
    mended = small.materialize()
    assert (mended.run_id, mended.success) == (None, True)
    assert not small.status().failed

    # Cut short, whole again, and gone.
    closed = "select count(*) filter (where dbt_valid_to is not null), count(*) from snapshots.snap_movies"
    assert small.query(closed) == [(1, 55)]
    small.put("raw/movies.csv", movies(5))
    (sentence,) = small.materialize().errors
    assert sentence.startswith("movies would go from 54 rows to 9, and 45 of its keys (movieId) would be gone")
    assert small.query(closed) == [(1, 55)]
    status = small.status()
    assert set(status.failed_loads) == {"movies"}
    assert [table.failed for table in status.tables if table.failed] == [("did_not_shrink",)]

    small.put("raw/movies.csv", movies(50))
    whole = small.materialize()
    assert (whole.run_id, whole.success) == (None, True)
    assert not small.status().failed
    assert small.query(closed) == [(1, 55)]

    small.delete("raw/movies.csv")
    assert not small.materialize().success
    assert small.one("select count(*) from dim.dim_movies") == 54

    # Who says so, or replaces the bucket, has agreed to what it then holds: here nothing, which empties all but the
    # snapshots' history.
    with pytest.raises(Planned) as planned, dagster_instance(small.settings) as instance:
        defs = build_defs(small.settings)
        materialize(defs, instance, small.bucket, small.warehouse, accept=["movies"], on_plan=tell)
    assert planned.value.plan.accept_shrink == {dg.AssetKey(["raw", "raw_movies"])}
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "tags.csv").write_text(TAGS.partition("\n")[0] + "\n")
    upload(str(tmp_path / "source"), small.bucket, scratch=tmp_path / "upload", replace=True)
    done = small.materialize()
    assert done.success, done.errors
    assert len(done.outcomes) == 1
    assert small.query(closed) == [(55, 55)]
    rows = {table.table: table.rows for table in small.status().tables if table.layer in {"raw", "dim", "fact", "mart"}}
    assert {table for table, count in rows.items() if count} == set()
    assert small.materialize().run_id is None
    with daemon(small) as one:
        assert one.look().run is None


class Planned(Exception):
    """Ends a command when it knows what it will do."""

    def __init__(self, plan: RunPlan) -> None:
        super().__init__(plan.reason)
        self.plan = plan


def tell(plan: RunPlan) -> None:
    raise Planned(plan)


def test_a_check_without_a_result_for_the_newest_build_is_pending_and_is_run_alone(small: Pipeline) -> None:
    report = dg.AssetKey(["reporting", "report"])
    with dagster_instance(small.settings) as instance:
        record = instance.get_latest_materialization_event(report)
        assert record is not None and record.asset_materialization is not None
        instance.report_runless_asset_event(dg.AssetMaterialization(report, tags=record.asset_materialization.tags))
    (pending,) = [table for table in small.status().tables if table.checks_pending]
    assert (pending.table, pending.checks_passed, pending.checks_pending) == ("report", 0, 3)
    done = small.materialize()
    assert done.success, done.errors
    assert done.assets == frozenset()
    assert not [table for table in small.status().tables if table.checks_pending]


def test_a_failing_dbt_test_stops_what_is_below_only_what_changed_is_rebuilt_and_it_is_as_built_afresh(
    small: Pipeline, tmp_path: Path
) -> None:
    # A failing dbt test.
    loads = small.query("select month, max(load_id) from raw.load_history where month is not null group by all")
    with duckdb_from(small.settings).connection() as connection:
        connection.execute("update fact.fact_ratings set rating = 5 where user_id = 3")
    small.put(RATING_KEY.format("2015-03"), ratings_csv(["1,2,4.0,1425168000"]))
    assert {key for key in small.plan().assets if key.path[0] == "raw"} == {dg.AssetKey(["raw", "raw_ratings"])}
    small.put("raw/tags.csv", TAGS.replace("pixar", "toys"))
    outcome = small.materialize()
    assert not outcome.success
    assert "fact_ratings_equals_raw_row_for_row" in " ".join(outcome.errors)
    assert small.one("select sum(rating_count) from mart.ratings_by_month") == 6

    # A changed month and an edited tag are all that is loaded and rebuilt.
    assert {key.path[1] for key in outcome.assets if key.path[0] == "raw"} == {"raw_ratings", "raw_tags"}
    after = small.query("select month, max(load_id) from raw.load_history where month is not null group by all")
    assert {month for month, _ in set(after) - set(loads)} == {"2015-03"}
    rebuilt = small.query("select rating::varchar from fact.fact_ratings where rating_month = date '2015-03-01'")
    assert rebuilt == [("4.0",)]
    kept = small.query("select distinct load_id from fact.fact_ratings where rating_month != date '2015-03-01'")
    assert set(kept) <= {(load,) for _, load in loads}
    history = small.query("select tag, dbt_valid_to is null from snapshots.snap_tags where user_id = 1 order by 2, 1")
    assert history == [("pixar", False), ("toys", True)]

    # What failed is tried again.
    again = small.plan()
    assert not again.tables
    assert {dg.AssetKey(["fact", "fact_ratings"]), dg.AssetKey(["mart", "ratings_by_month"])} <= again.models

    # Late, corrected, removed and new months, rows that are rejected, and files that were missing.
    small.put(
        RATING_KEY.format("1996-03"), ratings_csv(["1,1,4.0,825638400", "1,4,3.5,825638401", "9,3,1.0,825638402"])
    )
    small.put(RATING_KEY.format("2015-03"), ratings_csv(["1,2,2.0,1425168000"]))
    small.delete(RATING_KEY.format("2015-05"))
    lines = [f"{user},1,3.0,1427846{user}" for user in range(400, 500)]
    small.put(RATING_KEY.format("2015-04"), ratings_csv([*lines, "501,1,7.5,1427846501"]))
    small.put("raw/genome-tags.csv", "tagId,tag\n1,007\n")
    small.put("raw/genome_scores.csv", "movieId,tagId,relevance\n1,1,0.75\n")
    outcome = small.materialize()
    assert outcome.success, outcome.errors
    changed = [(1, 1, "4.0"), (1, 4, "3.5"), (9, 3, "1.0"), (1, 2, "2.0")]
    assert fact(small) == [*changed, *((user, 1, "3.0") for user in range(400, 500))]
    assert small.one("select sum(rating_count) from mart.ratings_by_month") == 104
    assert small.query("select tag_name, average_relevance from mart.tag_relevance_analysis") == [("007", 0.75)]
    table = next(table for table in small.status().tables if table.table == "raw_ratings")
    assert (table.rows, table.rejected, table.checks_warned) == (104, 1, 1)
    assert outcome.run_id is not None
    materialized = [
        event.step_materialization_data.materialization
        for event in small.events(outcome.run_id)
        if event.is_step_materialization and event.asset_key == dg.AssetKey(["raw", "raw_ratings"])
    ]
    rejects = materialized[0].metadata["first rejects"]
    assert isinstance(rejects, dg.TableMetadataValue)
    shown = rejects.records[0].data
    assert shown["object"] == "raw/ratings/month=2015-04/ratings.csv"
    assert (shown["line"], shown["column"], shown["text"]) == (102, "rating", "501,1,7.5,1427846501")
    assert same_as_built_afresh(small, tmp_path / "fresh")


def test_an_unknown_object_is_named_by_status_and_check(small: Pipeline) -> None:
    small.put("raw/Movies.CSV", MOVIES)
    assert small.status().unknown_objects == ("raw/Movies.CSV",)
    assert small.materialize().run_id is None

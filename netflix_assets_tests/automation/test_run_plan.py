"""The planner alone: what it runs next for a bucket, a warehouse, Dagster's records, past runs and a clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import dagster as dg
import pytest

from netflix_assets.automation.records import Fault, PastRun, Records
from netflix_assets.automation.run_plan import MODELS, PLAN_TAG, RunPlan, pause, plan_run, relation_of
from netflix_assets.automation.run_requests import run_config, run_tags
from netflix_assets.automation.situation import Situation, missing_records
from netflix_assets.catalog import RAW_FILES, raw_file
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket import ObjectVersion, sort_into_catalog
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.failed_loads import FailedLoad, load_fingerprint
from netflix_assets.landing.last_upload import Agreement
from netflix_assets.landing.overview import arrival_fingerprint, overview_of
from netflix_assets.landing.whole_export import split_check
from netflix_assets.loading.raw_assets import failure_checks
from netflix_assets.loading.warehouse import LoadState
from netflix_assets_tests.conftest import isolated_settings

NOW = 1_790_000_000.0
THEN = dt.datetime(2026, 9, 1, tzinfo=dt.timezone.utc)
RATINGS, MOVIES, TAGS = raw_file("ratings"), raw_file("movies"), raw_file("tags")
LOAD_STEPS = {file.name: dg.AssetKey(file.table_key).to_python_identifier() for file in RAW_FILES}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dg.AssetGraph:
    return build_defs(isolated_settings(tmp_path_factory.mktemp("graph"))).resolve_asset_graph()


def version(key: str, etag: str = "a") -> ObjectVersion:
    return ObjectVersion(key, etag, 1, THEN)


def month(name: str) -> str:
    return f"raw/ratings/month={name}/ratings.csv"


def state(key: str, etag: str) -> LoadState:
    return LoadState(1, data_version([version(key, etag)]), 1, 1, 0, THEN)


@dataclass
class World:
    """A bucket that is loaded, and everything below it built; tests then change something."""

    graph: dg.AssetGraph
    objects: dict[str, str] = field(default_factory=lambda: {"raw/movies.csv": "a", "raw/tags.csv": "a"})
    loaded: dict[str, dict[str | None, LoadState]] = field(default_factory=dict)
    records: Records = field(default_factory=Records)
    failures: dict[dg.AssetCheckKey, dict[str, FailedLoad]] = field(default_factory=dict)
    past: list[PastRun] = field(default_factory=list)
    relations: set[tuple[str, str]] = field(default_factory=set)
    limits: str = "0.01 10 0.3"
    agreement: Agreement = field(default_factory=Agreement)

    def load(self) -> None:
        """Everything in the bucket is loaded and everything below built."""
        overview = overview_of(sort_into_catalog(version(key, etag) for key, etag in self.objects.items()))
        for file in RAW_FILES:
            keys: list[str | None] = [*overview.months(file)] if file.month_column else [None]
            self.loaded[file.name] = {
                key: LoadState(1, overview.of(file, key).version, overview.of(file, key).objects, 1, 0, THEN)
                for key in keys
            }
            self.records.load_ids[dg.AssetKey(file.table_key)] = 1
        for number, key in enumerate(self.graph.toposorted_asset_keys):
            node = self.graph.get(key)
            if node.is_materializable:
                self.records.materialized[key] = number + 1
                self.records.made_at[key] = NOW - 1000
                self.records.code_versions[key] = node.code_version or ""
                self.relations.add(relation_of(node))
        for check in self.graph.asset_check_keys:
            self.records.outcomes[check] = "passed"
            self.records.evaluated_at[check] = NOW - 900
            metadata = self.graph.get(check).metadata
            if "dbt project version" in metadata:
                self.records.project_versions[check] = str(metadata["dbt project version"])

    def situation(self, now: float = NOW) -> Situation:
        overview = overview_of(sort_into_catalog(version(key, etag) for key, etag in self.objects.items()))
        return Situation(
            overview,
            self.loaded,
            self.relations,
            self.records,
            self.failures,
            past=self.past,
            now=now,
            limits=self.limits,
            agreement=self.agreement,
        )

    def plan(self, now: float = NOW, *, asked_at: float | None = None, **options: object) -> RunPlan:
        return plan_run(self.graph, self.situation(now), asked_at=asked_at, **options)  # type: ignore[arg-type]

    def refuse(self, name: str, key: str, *, held_back: bool = False) -> None:
        check = failure_checks(raw_file(name.partition("/")[0]))[held_back]
        fingerprint = load_fingerprint(arrival_fingerprint([version(key, self.objects[key])]), self.limits)
        self.failures.setdefault(check, {})[name] = FailedLoad(fingerprint, f"{key}, line 1: bad")

    def end(
        self,
        plan: RunPlan,
        fault: Fault | None = None,
        *,
        faults: Mapping[str, Fault] | None = None,
        at: float = NOW,
    ) -> None:
        """The run of a plan ended, newest of all."""
        texts = dict.fromkeys(faults or {}, "S3 cannot be reached")
        self.past.insert(
            0, PastRun(f"run-{len(self.past)}", at, run_tags(plan), plan.assets, fault, faults or {}, texts)
        )


@pytest.fixture
def world(graph: dg.AssetGraph) -> World:
    one = World(graph)
    for name in ("2015-01", "2015-02", "2015-03"):
        one.objects[month(name)] = "a"
    one.load()
    return one


def tables(plan: RunPlan) -> set[str]:
    return {key.path[-1] for key in plan.tables}


def models(plan: RunPlan) -> set[str]:
    return {key.path[-1] for key in plan.models}


def test_nothing_changed_is_nothing_to_run_for_the_sensor_and_for_a_person(world: World) -> None:
    for asked_at in (None, NOW):
        plan = world.plan(asked_at=asked_at)
        assert plan.is_empty and not plan.stale
        assert plan.reason == "everything in the bucket is loaded"


def test_the_sensor_and_a_person_get_the_same_plan_for_an_arrival(world: World) -> None:
    world.objects[month("2015-02")] = "b"
    world.objects["raw/movies.csv"] = "b"
    mine, theirs = world.plan(), world.plan(asked_at=NOW)
    assert mine == theirs
    assert tables(mine) == {"raw_ratings", "raw_movies"}
    assert {"fact_ratings", "dim_movies"} <= models(mine)
    assert mine.months == ("2015-02", "2015-02")


@pytest.mark.parametrize("recorded", [6, 57])
def test_what_was_loaded_and_never_recorded_is_recorded_and_followed(world: World, recorded: int) -> None:
    for file, key in ((MOVIES, None), (RATINGS, "2015-02")):
        world.loaded[file.name][key] = replace(world.loaded[file.name][key], load_id=7)
        world.records.load_ids[dg.AssetKey(file.table_key)] = recorded
    for plan in (world.plan(), world.plan(asked_at=NOW)):
        assert tables(plan) == {"raw_ratings", "raw_movies"}
        assert {"fact_ratings", "snap_movies"} <= models(plan)
        assert plan.months == (("2015-02", "2015-02") if recorded == 6 else ("2015-01", "2015-03"))
    for file in (MOVIES, RATINGS):
        world.records.load_ids[dg.AssetKey(file.table_key)] = 7
    assert world.plan(asked_at=NOW).is_empty


def test_a_refused_file_leaves_the_rest_and_is_not_asked_for_until_its_object_changes(world: World) -> None:
    world.objects |= {"raw/movies.csv": "b", "raw/tags.csv": "b"}
    world.refuse("movies", "raw/movies.csv")
    plan = world.plan()
    assert tables(plan) == {"raw_tags"}
    assert set(plan.failed_loads) == {"movies"}
    world.limits = "0.05 10 0.3"
    assert tables(world.plan()) == {"raw_tags", "raw_movies"}
    world.limits = "0.01 10 0.3"
    world.objects["raw/movies.csv"] = "c"
    assert tables(world.plan()) == {"raw_tags", "raw_movies"}
    (evaluation, *_) = missing_records(world.situation())
    assert isinstance(evaluation, dg.AssetCheckEvaluation) and evaluation.passed
    assert evaluation.check_name == failure_checks(MOVIES)[0].name


def test_a_refused_month_leaves_the_other_months_and_is_not_in_their_range(world: World) -> None:
    world.objects |= {month(name): "b" for name in ("2015-01", "2015-02", "2015-03")}
    world.refuse("ratings/2015-02", month("2015-02"))
    plan = world.plan()
    assert plan.months == ("2015-03", "2015-03")
    assert plan.other_months == {"2015-01"}
    assert "ratings/2015-02" in plan.not_loaded


@pytest.mark.parametrize("fault", [Fault.BAD_DATA, Fault.OUTAGE])
def test_what_could_not_be_built_beside_a_failed_load_is_built_next_and_once(world: World, fault: Fault) -> None:
    world.objects |= {"raw/movies.csv": "b", "raw/tags.csv": "b"}
    for number, asked_at in enumerate((None, NOW), 1):
        world.past.clear()
        first = world.plan(asked_at=asked_at)
        world.end(first, faults={LOAD_STEPS["movies"]: fault}, at=NOW + 1)
        if fault is Fault.BAD_DATA:
            world.refuse("movies", "raw/movies.csv")
        world.loaded["tags"] = {None: state("raw/tags.csv", "b")}
        world.records.materialized[dg.AssetKey(TAGS.table_key)] = 10_000 * number
        second = world.plan(NOW + 2, asked_at=asked_at)
        assert not second.tables
        assert "snap_tags" in models(second) and "dim_movies" not in models(second)
        world.end(second, at=NOW + 3)
        world.records.materialized.update(dict.fromkeys(second.models, 10_000 * number + 1))
        third = world.plan(NOW + 4, asked_at=asked_at)
        assert third.is_empty
        assert "movies" in {**third.failed_loads, **third.waiting}
        world.loaded["tags"] = {None: state("raw/tags.csv", "a")}
        world.failures.clear()


def test_what_another_run_loads_meanwhile_a_person_has_built_and_the_conditions_else(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    world.end(world.plan(asked_at=NOW), at=NOW + 2)
    world.objects["raw/movies.csv"] = "a"
    world.past.insert(0, PastRun("by hand", NOW + 3, {}, frozenset({dg.AssetKey(RATINGS.table_key)})))
    world.records.materialized[dg.AssetKey(RATINGS.table_key)] = 10_000
    assert world.plan(NOW + 4).is_empty
    plan = world.plan(NOW + 4, asked_at=NOW)
    assert "fact_ratings" in models(plan) and not plan.tables
    assert plan.repeats(world.plan(NOW + 5, asked_at=NOW))


def test_an_outage_is_asked_for_again_after_pauses_that_grow_and_never_waits_for_new_data(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    at, keys = NOW, set()
    for tries in range(1, 12):
        plan = world.plan(at)
        assert tables(plan) == {"raw_movies"}
        keys.add(plan.key)
        world.end(plan, faults={LOAD_STEPS["movies"]: Fault.OUTAGE}, at=at)
        waits = world.plan(at + 1)
        assert not waits.tables and not waits.failed_loads
        assert waits.retry_at == at + pause(Fault.OUTAGE, tries)
        assert "movies, which waits, next try at" in waits.reason
        assert "S3 cannot be reached" in waits.reason
        at += pause(Fault.OUTAGE, tries)
    assert len(keys) == 11
    assert pause(Fault.OUTAGE, 1) == 30
    assert pause(Fault.OUTAGE, 11) == 1800


def test_an_outage_of_one_file_does_not_keep_another_waiting(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    world.end(world.plan(), faults={LOAD_STEPS["movies"]: Fault.OUTAGE})
    world.objects["raw/tags.csv"] = "b"
    plan = world.plan(NOW + 1)
    assert tables(plan) == {"raw_tags"}
    assert set(plan.waiting) == {"movies"}


def test_a_person_who_asks_again_does_not_wait_but_is_not_kept_in_a_loop(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    world.end(world.plan(), faults={LOAD_STEPS["movies"]: Fault.OUTAGE}, at=NOW)
    plan = world.plan(NOW + 1, asked_at=NOW + 1)
    assert tables(plan) == {"raw_movies"}
    world.end(plan, faults={LOAD_STEPS["movies"]: Fault.OUTAGE}, at=NOW + 2)
    after = world.plan(NOW + 1000, asked_at=NOW + 1)
    assert after.is_empty
    assert set(after.waiting) == {"movies"}


def test_a_lost_run_is_asked_for_again_at_once_three_times_in_all_then_after_pauses(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    for _ in range(3):
        plan = world.plan()
        assert tables(plan) == {"raw_movies"}
        world.end(plan, Fault.LOST)
    waits = world.plan(NOW + 1)
    assert waits.is_empty and not waits.failed_loads
    assert waits.retry_at == NOW + 900
    assert tables(world.plan(NOW + 900)) == {"raw_movies"}


def test_models_whose_run_was_lost_or_met_an_outage_are_asked_for_again_and_failed_ones_are_not(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    plan = world.plan()
    world.objects["raw/movies.csv"] = "a"
    world.records.materialized[dg.AssetKey(MOVIES.table_key)] = 10_000
    world.end(plan, Fault.LOST)
    assert "dim_movies" in models(world.plan())
    world.past.clear()
    world.end(plan, faults={"dbt_build": Fault.OUTAGE})
    waits = world.plan(NOW + 1)
    assert waits.is_empty and set(waits.waiting) == {MODELS}
    assert "dim_movies" in models(world.plan(NOW + 30))
    world.past.clear()
    world.end(plan, faults={"dbt_build": Fault.BUILD})
    failed = world.plan(NOW + 10_000)
    assert failed.is_empty and not failed.waiting
    assert "dim_movies" in {key.path[-1] for key in failed.stale}
    assert "dim_movies" in models(world.plan(NOW + 10_000, asked_at=NOW + 9_000))


def test_models_with_new_code_are_for_the_conditions_unless_a_person_asks(world: World) -> None:
    world.records.code_versions[dg.AssetKey(["dim", "dim_movies"])] = "old"
    assert world.plan().is_empty
    assert "dim_movies" in models(world.plan(asked_at=NOW))


def test_a_run_that_a_person_terminated_is_not_asked_for_again_by_the_sensor(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    plan = world.plan()
    world.end(plan, Fault.STOPPED)
    assert world.plan(NOW + 10_000).is_empty
    assert set(world.plan(NOW + 10_000).failed_loads) == {"movies"}
    assert tables(world.plan(NOW + 10_000, asked_at=NOW + 9_000)) == {"raw_movies"}


def test_a_check_without_a_result_for_the_newest_build_is_due(world: World) -> None:
    check = next(key for key in world.graph.asset_check_keys if key.asset_key.path[-1] == "dim_movies")
    world.records.evaluated_at[check] = NOW - 2000
    plan = world.plan(asked_at=NOW)
    assert not plan.assets
    assert plan.checks == {check}
    assert world.plan().is_empty
    world.objects["raw/tags.csv"] = "b"
    lost = world.plan()
    world.objects["raw/tags.csv"] = "a"
    world.end(lost, Fault.LOST)
    assert world.plan().checks == {check}


def test_an_export_is_split_first_and_one_that_cannot_be_split_keeps_nothing_else(world: World) -> None:
    world.objects |= {"raw/ratings.csv": "a", "raw/movies.csv": "b"}
    plan = world.plan()
    assert plan.split == RATINGS
    assert {key.path[-1] for key in plan.assets} == {"ratings_split"}
    for _ in range(3):
        lost = world.plan()
        assert lost.split == RATINGS
        world.end(lost, Fault.LOST)
    assert tables(world.plan()) == {"raw_movies"}
    assert "raw/ratings.csv" in world.plan().waiting
    world.past.clear()
    refused = FailedLoad(
        load_fingerprint(arrival_fingerprint([version("raw/ratings.csv")]), world.limits),
        "raw/ratings.csv, line 1: bad",
    )
    world.failures[split_check(RATINGS)] = {"raw/ratings.csv": refused}
    plan = world.plan()
    assert tables(plan) == {"raw_movies"}
    assert "raw/ratings.csv" in plan.failed_loads


def test_an_export_that_was_split_and_is_removed_is_asked_for_so_that_its_months_go_too(world: World) -> None:
    world.objects[RATINGS.split_object_key("2015-03")] = "a"
    world.load()
    of_before = replace(world.situation(), split={"ratings": "the version that was split"})
    assert plan_run(world.graph, of_before).split == RATINGS
    # Months cut from an export that nobody remembers are left alone.
    assert world.plan().is_empty
    gone = replace(world.situation(), split={"ratings": data_version(())})
    assert plan_run(world.graph, gone).is_empty


def test_a_removed_warehouse_is_built_again_each_time_and_the_loss_of_history_is_said(world: World) -> None:
    for number in range(2):
        world.loaded = {file.name: {} for file in RAW_FILES}
        relations, world.relations = world.relations, set()
        plan = world.plan(NOW + number)
        assert tables(plan) == {file.table for file in RAW_FILES}
        (note,) = plan.notes
        assert "snap_movies and snap_tags" in note and "starts anew" in note
        world.end(plan, at=NOW + number)
        world.load()
        world.relations = relations
        for file in RAW_FILES:
            world.records.materialized[dg.AssetKey(file.table_key)] += number + 1
        assert not world.plan(NOW + number).notes


def test_only_what_a_person_accepts_may_shrink_and_a_month_of_it_is_a_load_of_its_own(world: World) -> None:
    world.objects |= {month("2015-01"): "b", month("2015-02"): "b", "raw/movies.csv": "b"}
    world.refuse("ratings/2015-01", month("2015-01"))
    plan = world.plan(asked_at=NOW, accept=["ratings/2015-01"])
    assert plan.months == ("2015-01", "2015-01") and not plan.other_months
    ops = run_config(plan)["ops"]
    assert isinstance(ops, dict)
    assert ops[LOAD_STEPS["ratings"]]["config"]["accept_shrink"] is True
    assert "accept_shrink" not in ops[LOAD_STEPS["movies"]]["config"]
    for accept in (["ratings"], ["all"]):
        plan = world.plan(asked_at=NOW, accept=accept)
        assert plan.months == ("2015-01", "2015-02")
        assert (dg.AssetKey(MOVIES.table_key) in plan.accept_shrink) == (accept == ["all"])


def test_what_is_held_back_is_asked_for_again_once_somebody_has_replaced_the_bucket_with_it(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    world.end(world.plan(), faults={LOAD_STEPS["movies"]: Fault.BAD_DATA})
    world.refuse("movies", "raw/movies.csv", held_back=True)
    assert world.plan().is_empty
    world.agreement = Agreement({"movies": data_version([version("raw/movies.csv", "another")])}, THEN)
    assert world.plan().is_empty
    now_there = {"movies": data_version([version("raw/movies.csv", "b")])}
    # What is held came later than the agreement.
    world.agreement = Agreement(now_there, THEN - dt.timedelta(seconds=1))
    assert world.plan().is_empty
    world.agreement = Agreement(now_there, THEN)
    assert tables(world.plan()) == {"raw_movies"}
    world.failures.clear()
    world.refuse("movies", "raw/movies.csv")
    assert world.plan().is_empty


def test_force_loads_and_builds_everything_also_what_was_refused(world: World) -> None:
    world.objects["raw/movies.csv"] = "b"
    world.refuse("movies", "raw/movies.csv")
    plan = world.plan(asked_at=NOW, force=True)
    assert tables(plan) == {file.table for file in RAW_FILES}
    assert plan.months == ("2015-01", "2015-03")
    assert PLAN_TAG in run_tags(plan)

"""Unit tests of dbt are run in the `dbt build` of their run, and told as checks of their models."""

from __future__ import annotations

import dagster as dg

from netflix_assets.settings import Settings
from netflix_assets.transform.dbt_assets import (
    PROJECT_VERSION,
    BuildConfig,
    by_unit_test,
    evaluation,
    output_folder,
)
from netflix_assets_tests.pipeline import Pipeline

SPECS = {
    name: dg.AssetCheckSpec(name, asset=["mart", "scores"], metadata={PROJECT_VERSION: "1"})
    for name in ("adds_up", "skipped", "not_run")
}
RESULTS = [
    {"unique_id": "adds_up", "status": "fail", "execution_time": 0.1, "message": "actual differs from expected"},
    {"unique_id": "skipped", "status": "skipped", "execution_time": 0, "message": None},
    {"unique_id": "a model", "status": "success", "execution_time": 1.0},
]


def test_a_failure_in_the_build_is_told_though_the_step_that_tells_results_is_skipped_then() -> None:
    results = by_unit_test(RESULTS, SPECS)
    assert set(results) == {"adds_up"}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(evaluation(results["adds_up"]))
        records = instance.event_log_storage.get_asset_check_execution_history(SPECS["adds_up"].key, limit=1)
        (told,) = records
        assert told.event is not None and told.event.dagster_event is not None
        data = told.event.dagster_event.asset_check_evaluation_data
    assert not data.passed
    assert data.metadata[PROJECT_VERSION].value == "1"
    assert "actual differs" in str(data.metadata["message"].value)


def test_a_first_run_starts_dbt_once_and_has_a_result_of_every_unit_test(built_small: Pipeline) -> None:
    started = [path.parent.name for path in built_small.settings.dbt_target_path.glob("*/run_results.json")]
    assert started and all(name.startswith("dbt_build") for name in started)
    assert not any(table.checks_failed or table.checks_pending for table in built_small.status().tables)


def test_what_dbt_writes_of_the_newest_runs_is_kept(settings: Settings) -> None:
    for number in range(30):
        output_folder(settings, "build", f"run-{number:02}").mkdir(parents=True)
    kept = {path.name for path in settings.dbt_target_path.iterdir()}
    assert "dbt_build-run-29" in kept
    assert len(kept) == 21


def test_the_launchpad_offers_every_month_and_a_full_refresh() -> None:
    assert BuildConfig().flags() == []
    assert BuildConfig(every_month=True, full_refresh=True).flags() == [
        "--vars",
        '{"every_month": true}',
        "--full-refresh",
    ]

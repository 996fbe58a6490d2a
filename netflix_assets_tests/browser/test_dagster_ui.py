"""What a person sees and clicks in the UI of a real `netflix-assets dev`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from netflix_assets_tests import chromium
from netflix_assets_tests.browser.running import Dev, dev_server, environment, wait_for
from netflix_assets_tests.pipeline import Pipeline, ratings_csv

pytestmark = [
    pytest.mark.skipif(not chromium.is_there(), reason=chromium.MISSING),
]

MONTH = "raw/ratings/month={}/ratings.csv"
SUCCESSES = {"SUCCESS"}
SECONDS = 1000


@pytest.fixture(scope="module")
def pipeline(built_small: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return built_small.copy(tmp_path_factory.mktemp("dev") / "home")


@pytest.fixture(scope="module")
def dev(pipeline: Pipeline, python: Path) -> Iterator[Dev]:
    """One server for all tests of this file."""
    with dev_server(pipeline.settings, python) as running:
        yield running


@pytest.fixture
def page(browser: Browser, dev: Dev) -> Iterator[Page]:
    """A new tab, with the UI as its base; no run is going on."""
    wait_for("the end of all runs", lambda: dev.finished_runs(set(), at_least=0) is not None)
    context = browser.new_context(base_url=dev.url, viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(60 * SECONDS)
    yield context.new_page()
    context.close()


def known_runs(dev: Dev) -> set[str]:
    return {run["runId"] for run in dev.runs()}


def launch_backfill(page: Page, months: str) -> None:
    """Fill in and confirm the dialog that asks for partitions."""
    months_field = page.get_by_role("dialog").get_by_role("textbox").first
    months_field.fill(months)
    months_field.press("Enter")
    page.get_by_role("button", name="Launch backfill").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    # A page that shows a run draws all the time.
    page.goto("about:blank")


def assets_of(runs: list[dict[str, object]]) -> set[str]:
    return {asset["path"][-1] for run in runs for asset in run["assetSelection"] or ()}  # type: ignore[attr-defined]


def test_the_lineage_reads_left_to_right_from_s3_to_the_marts_and_nothing_warns(page: Page, dev: Dev) -> None:
    page.goto("/asset-groups")
    places = {}
    for group in ("landing", "raw", "staging", "fact", "mart"):
        node = page.get_by_text(group, exact=True).last
        node.wait_for()
        box = node.bounding_box()
        assert box is not None
        places[group] = box["x"]
    assert sorted(places, key=lambda group: places[group]) == list(places)
    expect(page.get_by_role("dialog")).to_have_count(0)
    for word in ("Warning", "Error", "Failed", "Overdue"):
        expect(page.get_by_text(word)).to_have_count(0)
    log = (dev.settings.home / "dev.log").read_text()
    assert [line for line in log.splitlines() if "Warning" in line or "WARNING" in line] == []


def test_an_asset_page_shows_description_owner_kinds_columns_freshness_and_what_starts_it(page: Page) -> None:
    page.goto("/assets/mart/movie_analysis")
    for text in ("Description", "Owners", "Kinds", "average_rating", "Freshness policy", "Automation condition"):
        expect(page.get_by_text(text).first).to_be_visible()
    page.goto("/assets/raw/raw_ratings")
    expect(page.get_by_text("arrivals").first).to_be_visible()


def settled(dev: Dev, before: set[str], pipeline: Pipeline) -> list[dict[str, object]] | None:
    """The new runs, two at least, once they have ended and nothing is left to run."""
    runs = dev.finished_runs(before, at_least=2)
    return runs if runs and all(table.up_to_date for table in pipeline.status().tables) else None


def test_runs_started_at_once_by_clicking_sensor_and_command_line_queue_and_all_succeed_and_a_bad_row_is_shown(
    page: Page, dev: Dev, pipeline: Pipeline, python: Path
) -> None:
    before = known_runs(dev)
    page.goto("/assets/raw/raw_ratings?view=partitions")
    page.get_by_role("button", name="Materialize…").click()
    launch_backfill(page, "[2015-03...2015-04]")
    good = [f"{user},1,3.0,1456790{user}" for user in range(400, 500)]
    pipeline.put(MONTH.format("2016-03"), ratings_csv([*good, "501,1,7.5,1456790501"]))
    command = [str(python), "-m", "netflix_assets.cli", "materialize"]
    done = subprocess.run(command, env=environment(dev.settings), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = wait_for("the runs and what follows", lambda: settled(dev, before, pipeline))
    assert {run["status"] for run in runs} == SUCCESSES
    # What was loaded by hand is followed by what is below it.
    assert {"raw_ratings", "fact_ratings", "movie_analysis"} <= assets_of(runs)
    assert pipeline.one("select count(*) from fact.fact_ratings where rating_month = date '2016-03-01'") == 100
    page.goto("/assets/mart/movie_analysis")
    expect(page.get_by_text("Latest materialization").first).to_be_visible()
    expect(page.get_by_text("Failed")).to_have_count(0)
    page.goto("/assets/raw/raw_ratings?view=checks")
    page.get_by_text("no_rejected_rows").first.click()
    expect(page.get_by_text("501,1,7.5,1456790501").first).to_be_visible()
    expect(page.get_by_text("raw/ratings/month=2016-03/ratings.csv").first).to_be_visible()

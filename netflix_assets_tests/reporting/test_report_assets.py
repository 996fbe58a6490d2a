"""The report in the pipeline: what it depends on, when it is rebuilt, and what its checks notice."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import dagster as dg
import pytest

from netflix_assets.reporting.exposures import REPORT_KEY
from netflix_assets.reporting.page import render
from netflix_assets.reporting.previews import previews
from netflix_assets.reporting.queries import ReportData, Tiles
from netflix_assets.reporting.report_assets import compare
from netflix_assets.reporting.store import FileStore
from netflix_assets_tests.pipeline import Pipeline, ratings_csv
from netflix_assets_tests.reporting.data import AS_OF, BUILT_AT, EMPTY, KEEP_IN, many
from netflix_assets_tests.reporting.test_page import DATA, HTML


def test_the_report_is_rebuilt_when_a_mart_changes_and_when_it_was_removed(small: Pipeline) -> None:
    small.put("raw/ratings/month=2015-05/ratings.csv", ratings_csv(["3,1,0.5,1430438400", "3,2,5.0,1430438401"]))
    outcome = small.materialize()
    assert outcome.success, outcome.errors
    assert REPORT_KEY in outcome.assets
    assert 'data-tile="ratings" data-value="7"' in small.settings.report_path.read_text()
    assert outcome.run_id is not None
    metadata = next(
        event.step_materialization_data.materialization.metadata
        for event in small.events(outcome.run_id)
        if event.is_step_materialization and event.asset_key == REPORT_KEY
    )
    assert metadata["path"].value == str(small.settings.report_path)
    assert metadata["bytes"].value == small.settings.report_path.stat().st_size
    assert metadata["data as of"].value == 1430438401.0
    assert "data:image/png;base64," in str(metadata["preview"].value)
    rows = metadata["rows read"]
    assert isinstance(rows, dg.TableMetadataValue)
    assert {record.data["mart"]: record.data["rows"] for record in rows.records}["movie_scores"] == 3
    small.settings.report_path.unlink()
    assert small.plan().assets == {REPORT_KEY}


def test_previews_are_pictures_of_less_than_200_kb() -> None:
    pictures = [base64.b64decode(png) for png in previews(many(3000)).values()]
    assert len(pictures) == 3
    assert all(png.startswith(b"\x89PNG") for png in pictures)
    assert sum(map(len, pictures)) < 200_000
    assert previews(EMPTY) == {}


TAG_ROWS = re.search(r'"rows":\[(\{"tag":.*?)\]', HTML)[1]  # type: ignore[index]


def passed(path: Path, html: str, data: ReportData = DATA, tiles: Tiles | None = None) -> list[bool]:
    """Whether charts, tiles and date of a page stand up to these marts."""
    store = FileStore(path / "report.html")
    store.write(html)
    return [result.passed for result in compare(store, tiles or data.tiles, data.as_of)]


def test_checks_pass_for_the_page_of_the_marts_and_for_an_empty_one(tmp_path: Path) -> None:
    assert passed(tmp_path, HTML) == [True, True, True]
    assert passed(tmp_path, render(EMPTY, built_at=BUILT_AT, made_from="DuckDB", keep_in=KEEP_IN), EMPTY) == [
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ('id="chart-best"', 'id="chart"', [False, True, True]),
        ('"id":"months"', '"id":"month"', [False, True, True]),
        (TAG_ROWS, "", [False, True, True]),
        (f'data-value="{DATA.tiles.users}"', 'data-value="7"', [True, False, True]),
        (AS_OF.isoformat(), "2020-02-03T04:05:07", [True, True, False]),
        ("</html>", "", [False, False, False]),
    ],
)
def test_checks_notice_what_is_wrong_in_a_page(tmp_path: Path, good: str, bad: str, expected: list[bool]) -> None:
    assert good in HTML
    assert passed(tmp_path, HTML.replace(good, bad)) == expected


def test_checks_fail_where_there_is_no_page(tmp_path: Path) -> None:
    results = compare(FileStore(tmp_path / "none.html"), DATA.tiles, DATA.as_of)
    assert [result.passed for result in results] == [False, False, False]
    assert "report build" in str(results[0].metadata["problem"].value)

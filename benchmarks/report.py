"""The report: its queries against the same SQL by hand, its build, its page, and the page in Chromium.

    python -m benchmarks.report --scale 0.1 --data ml-latest-small

At the sample of `make demo`, at the MovieLens files given as --data, and at --scale (1 is 32 million ratings and
85,000 movies). The data of each is made once and kept under `.netflix/bench`. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.measure import measured
from netflix_assets.cli.pipeline import DEMO_SCALE
from netflix_assets.loading.duckdb_warehouse import DuckDBWarehouse
from netflix_assets.reporting.previews import previews
from netflix_assets.reporting.queries import read_report_data
from netflix_assets.reporting.report import build_report
from netflix_assets.reporting.store import FileStore
from netflix_assets.settings import Settings
from netflix_assets_tests import chromium

ROOT = Path(__file__).resolve().parent.parent
PAIRS = 5
OPENINGS = 3
FILTERS = (("#f-title", "the"), ("#f-genre", "Drama"), ("#f-from", "1980"))


class Recording(DuckDBWarehouse):
    """A warehouse that notes what it is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[str] = []

    def queries(self, statements: Sequence[str]) -> list[list[tuple[object, ...]]]:
        """Note, and answer."""
        self.asked += statements
        return super().queries(statements)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 32 million ratings")
    parser.add_argument("--data", help="folder, zip or URL of MovieLens CSVs")
    parser.add_argument("--build-in", metavar="HOME", help="only build the report there, and say what took how long")
    arguments = parser.parse_args()
    if arguments.build_in:
        build_once(Path(arguments.build_in))
        return
    cases: dict[str, float | str] = {"sample": DEMO_SCALE, f"scale {arguments.scale:g}": arguments.scale}
    if arguments.data:
        cases[Path(arguments.data).name] = arguments.data
    results = {name: measure(source) for name, source in cases.items()}
    table = Table("what", *results, box=None)
    for figure in next(iter(results.values())):
        table.add_row(figure, *(str(result[figure]) for result in results.values()))
    Console().print(table)
    print(json.dumps(results))


def measure(source: float | str) -> dict[str, float]:
    """Every figure of one case."""
    folder = ROOT / ".netflix" / "bench" / (f"scale-{source:g}" if isinstance(source, float) else Path(source).name)
    settings = replace(Settings.from_environment({}), home=folder / "home", s3_endpoint="http://127.0.0.1:9877")
    environment = {**os.environ, "NETFLIX_HOME": str(settings.home), "NETFLIX_S3_ENDPOINT": settings.s3_endpoint}
    cli = [sys.executable, "-m", "netflix_assets.cli"]
    log = folder / "output.log"
    if not (folder / "uploaded").exists():
        folder.mkdir(parents=True, exist_ok=True)
        csvs = source
        if isinstance(source, float):
            csvs = str(folder / "csv")
            measured([*cli, "sample", csvs, "--scale", str(source)], env=environment, log=log)
        measured([*cli, "upload", str(csvs)], env=environment, log=log)
        (folder / "uploaded").touch()
    measured([*cli, "materialize"], env=environment, log=log)

    warehouse = Recording(settings.warehouse_path)
    data = read_report_data(warehouse)
    layer, by_hand = [], []
    for _ in range(PAIRS):
        by_hand.append(ask_by_hand(settings.warehouse_path, warehouse.asked))
        started = time.perf_counter()
        read_report_data(DuckDBWarehouse(settings.warehouse_path))
        layer.append(time.perf_counter() - started)
    build = measured(
        [sys.executable, "-m", "benchmarks.report", "--build-in", str(settings.home)], env=environment, log=log
    )
    queries_s, build_s = json.loads(log.read_text().splitlines()[-1])
    return {
        "ratings": data.tiles.ratings,
        "movies": data.tiles.movies,
        "queries_s": round(statistics.median(layer), 3),
        "queries_by_hand_s": round(statistics.median(by_hand), 3),
        "queries_ratio": round(statistics.median(a / b for a, b in zip(layer, by_hand, strict=True)), 2),
        "build_beyond_queries_s": round(build_s - queries_s, 2),
        "build_cpu_s": round(build.cpu_s, 2),
        "build_peak_mb": round(build.peak_mb),
        "page_mb": round(settings.report_path.stat().st_size / 1e6, 2),
        **in_chromium(settings.report_path),
    }


def build_once(home: Path) -> None:
    """Build in this process, as a run does, and print the seconds of the queries and of the whole."""
    started = time.perf_counter()
    warehouse = DuckDBWarehouse(home / "warehouse.duckdb")
    read_report_data(warehouse)
    queries_s = time.perf_counter() - started
    started = time.perf_counter()
    store = FileStore(home / "report" / "report.html")
    previews(build_report(warehouse, store, schema_prefix="", made_from="DuckDB").data)
    print(json.dumps([queries_s, time.perf_counter() - started]))


def ask_by_hand(path: Path, statements: list[str]) -> float:
    """Seconds that the statements take one after the other, each on a fresh connection as the report's are."""
    started = time.perf_counter()
    for statement in statements:
        with duckdb.connect(str(path), read_only=True, config={"memory_limit": "1500MB"}) as connection:
            connection.execute(statement).fetchall()
    return time.perf_counter() - started


def in_chromium(report: Path) -> dict[str, float]:
    """Milliseconds until the page is ready, and until it has answered a filter (the slowest of three)."""
    if not chromium.is_there():
        return {}
    ready, answered = [], []
    with chromium.browser() as browser:
        for _ in range(OPENINGS):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(report.as_uri())
            page.locator("html[data-ready]").wait_for(state="attached")
            ready.append(int(page.locator("html").get_attribute("data-ready") or 0))
            for selector, value in FILTERS:
                page.evaluate("delete document.documentElement.dataset.answered")
                control = page.locator(selector)
                control.select_option(value) if selector == "#f-genre" else control.fill(value)
                page.locator("html[data-answered]").wait_for(state="attached")
                answered.append(int(page.locator("html").get_attribute("data-answered") or 0))
            page.close()
    return {
        "ready_ms": statistics.median(ready),
        "filter_ms": statistics.median(answered),
        "filter_max_ms": max(answered),
    }


if __name__ == "__main__":
    main()

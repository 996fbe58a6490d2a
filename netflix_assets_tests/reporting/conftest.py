"""What tests of the report share: a real Chromium, and pages opened in it that tell what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Dialog, Page

from netflix_assets.reporting.page import render
from netflix_assets.reporting.queries import ReportData
from netflix_assets_tests.pipeline import Pipeline
from netflix_assets_tests.reporting.data import BUILT_AT, KEEP_IN


@dataclass
class Opened:
    """A report in a browser, and what came of opening it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def refuse(self, dialog: Dialog) -> None:
        self.said.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def set(self, selector: str, value: str) -> None:
        """Fill a filter and wait for the answer."""
        self.page.evaluate("delete document.documentElement.dataset.answered")
        control = self.page.locator(selector)
        if control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
        self.answered()

    def answered(self) -> None:
        """Wait until the page has answered; not by a function, which Playwright would have to eval in the page."""
        self.page.locator("html[data-answered]").wait_for(state="attached")

    def marks(self, card: str) -> int:
        """Marks of a chart; axes are none."""
        return self.page.locator(f"#chart-{card} .role-mark path").count()

    def drawn(self, card: str) -> list[str]:
        """The shapes and places of a chart's marks."""
        shapes: list[str] = self.page.locator(f"#chart-{card} .role-mark path").evaluate_all(
            "paths => paths.map(path => path.getAttribute('d') + path.getAttribute('transform'))"
        )
        return shapes

    def point_at(self, selector: str) -> str:
        """Move the mouse over the last such mark; returns the text that appears."""
        mark = self.page.locator(selector).last
        mark.scroll_into_view_if_needed()
        # Scrolling hides the text, and is told to the page only with its next frame.
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        mark.hover()
        return self.page.locator("#tooltip").inner_text(timeout=5_000)

    def heading(self, card: str) -> str:
        return self.page.locator(f"#heading-{card}").inner_text()

    def table(self, card: str) -> list[list[str]]:
        """The rows of a card's data table, opened if it is closed."""
        details = self.page.locator(f"#{card} details")
        if not details.evaluate("element => element.open"):
            details.locator("summary").click()
            details.locator("tbody tr").first.wait_for(state="attached")
        rows: list[list[str]] = details.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => Array.from(row.cells, cell => cell.textContent))"
        )
        return rows


Open = Callable[..., Opened]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def tab(built_small: Pipeline, browser: Browser) -> Opened:
    """One tab for a file of tests: to start another takes as long as to show a report.

    The pipeline is built before, because Dagster runs an event loop.
    """
    opened = Opened(browser.new_page())
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("console", lambda message: opened.said.append(message.text))
    opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.page.on("dialog", opened.refuse)
    return opened


@pytest.fixture
def open_page(tab: Opened) -> Iterator[Open]:
    """Opens a file in the tab; nothing of what was there before is left."""

    def open_(path: Path, *, scheme: Scheme = "light", width: int = 1280) -> Opened:
        tab.page.goto("about:blank")
        tab.page.mouse.move(0, 0)
        tab.requests.clear()
        tab.said.clear()
        tab.page.emulate_media(media="null", color_scheme=scheme)
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.goto(path.as_uri())
        tab.page.locator("html[data-ready]").wait_for(state="attached", timeout=60_000)
        return tab

    yield open_
    # A report that nobody looks at works all the same.
    tab.page.goto("about:blank")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ReportData, str], Path]:
    """Renders report data into a file, once a name."""
    folder = tmp_path_factory.mktemp("reports")

    def write(data: ReportData, name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(render(data, built_at=BUILT_AT, made_from="DuckDB", keep_in=KEEP_IN))
        return path

    return write

"""What a report says of itself, read back from the page: what checks hold against the marts."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from netflix_assets.errors import ReportError
from netflix_assets.reporting.page import PAGE_VERSION


@dataclass(frozen=True)
class PageFacts:
    """What is in a page.

    Attributes:
        tiles: The number of each tile as shown to machines, None where there is none.
        as_of: Time of the newest rating, UTC, or None.
        charts: By id of the card, how many rows its chart comes with; None for one that follows the filters.
        places: Ids of the elements that charts are drawn into.
    """

    tiles: dict[str, float | None]
    as_of: dt.datetime | None
    charts: dict[str, int | None]
    places: frozenset[str]


def read_page(html: str) -> PageFacts:
    """Read a page that `page.render` made.

    Raises:
        ReportError: It is not such a page, is cut off, or was made by another version of this program.
    """
    reader = _Reader()
    reader.feed(html)
    if reader.version != PAGE_VERSION or not html.rstrip().endswith("</html>"):
        found = "is not whole" if reader.version == PAGE_VERSION else "was made by another version of netflix-assets"
        raise ReportError(f"the report {found}; build it again with `netflix-assets report build`")
    cards = json.loads(reader.report)["cards"]
    return PageFacts(
        tiles=reader.tiles,
        as_of=reader.as_of,
        charts={
            card["id"]: None if card["filtered"] else len(card["rows"])
            for card in cards
            if {"encoding", "layer"} & set(card["chart"])
        },
        places=frozenset(reader.places),
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.version: str | None = None
        self.as_of: dt.datetime | None = None
        self.tiles: dict[str, float | None] = {}
        self.places: set[str] = set()
        self.report = ""
        self._in_report = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        identifier = attributes.get("id", "")
        if attributes.get("name") == "netflix-report-version":
            self.version = attributes["content"]
        elif identifier == "as-of":
            self.as_of = dt.datetime.fromisoformat(attributes["datetime"])
        elif "data-tile" in attributes:
            value = attributes["data-value"]
            self.tiles[attributes["data-tile"]] = float(value) if value else None
        elif re.match("chart-", identifier):
            self.places.add(identifier.removeprefix("chart-"))
        self._in_report = tag == "script" and identifier == "report"

    def handle_data(self, data: str) -> None:
        if self._in_report:
            self.report += data

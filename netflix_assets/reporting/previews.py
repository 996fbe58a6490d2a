"""Small pictures of charts for where no page can be shown, such as the metadata of an asset."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path

from netflix_assets.reporting import charts
from netflix_assets.reporting.cards import Card, cards
from netflix_assets.reporting.files import kept
from netflix_assets.reporting.queries import ReportData

SHOWN = ("genre-stars", "activity", "releases")
_WIDTH = 320


def previews(data: ReportData, keep_in: Path | None = None) -> dict[str, str]:
    """Return PNGs in base64 by what they show, only of charts that have something to show.

    Args:
        data: What the report shows.
        keep_in: Folder that keeps them: a chart of the same rows need not be drawn again.
    """
    return {card.finding or card.subject: _png(card, keep_in) for card in cards(data) if card.id in SHOWN and card.rows}


def as_markdown(pictures: dict[str, str]) -> str:
    """The pictures in one text that shows them without a file."""
    return "\n\n".join(f"**{title}**\n\n![{title}](data:image/png;base64,{png})" for title, png in pictures.items())


def _png(card: Card, keep_in: Path | None) -> str:
    spec = {**charts.with_rows(card.chart, card.rows), "width": _WIDTH, "config": charts.THEME}
    coloured = {**charts.in_colours(spec, _light_colours()), "background": "white"}

    def draw() -> str:
        import vl_convert

        return base64.b64encode(vl_convert.vegalite_to_png(coloured)).decode()

    digest = hashlib.sha256(json.dumps(coloured, sort_keys=True).encode()).hexdigest()
    made_from = f"vl-convert {version('vl-convert-python')} {digest}"
    return kept(keep_in and keep_in / f"preview-{card.id}.txt", made_from, draw)


def _light_colours() -> dict[str, str]:
    """The page's colours by name, in their light cut."""
    style = (Path(__file__).parent / "page" / "report.css").read_text()
    return dict(re.findall(r"--([\w-]+): light-dark\((#\w+),", style))

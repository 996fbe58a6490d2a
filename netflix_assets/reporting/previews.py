"""Small pictures of charts for where no page can be shown, such as the metadata of an asset."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import vl_convert

from netflix_assets.reporting import charts
from netflix_assets.reporting.cards import Card, cards
from netflix_assets.reporting.queries import ReportData

SHOWN = ("genre-stars", "activity", "releases")
_WIDTH = 320


def previews(data: ReportData) -> dict[str, bytes]:
    """PNGs by what they show; only of charts that have something to show."""
    return {card.finding or card.subject: _png(card) for card in cards(data) if card.id in SHOWN and card.rows}


def as_markdown(pictures: dict[str, bytes]) -> str:
    """The pictures in one text that shows them without a file."""
    return "\n\n".join(
        f"**{title}**\n\n![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"
        for title, png in pictures.items()
    )


def _png(card: Card) -> bytes:
    spec = {**charts.with_rows(card.chart, card.rows), "width": _WIDTH, "config": charts.THEME}
    return bytes(vl_convert.vegalite_to_png({**charts.in_colours(spec, _light_colours()), "background": "white"}))


def _light_colours() -> dict[str, str]:
    """The page's colours by name, in their light cut."""
    style = (Path(__file__).parent / "page" / "report.css").read_text()
    return dict(re.findall(r"--([\w-]+): light-dark\((#\w+),", style))

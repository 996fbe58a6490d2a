"""The report as one HTML page: text, data, charts' code and styles in one file that asks nobody for anything.

The page's own security policy allows exactly its two scripts and its style sheet, by their hashes: neither
other code, nor eval, nor any request. Data is either escaped text or JSON that the script reads.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from html import escape
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from netflix_assets.reporting import charts, findings
from netflix_assets.reporting.cards import BEST_MARKED, BEST_SHOWN, FEW_RATINGS, Card, cards
from netflix_assets.reporting.files import kept
from netflix_assets.reporting.queries import NOT_GENRES, Movie, ReportData

PAGE_VERSION = "1"
"""Of what `page_facts.py` reads back; a page of another version is to be built again."""

_LIBRARY_EXPORTS = "window.vegaEmbed = vegaEmbed;"
_FOLDER = Path(__file__).parent / "page"


def render(data: ReportData, *, built_at: dt.datetime, made_from: str, keep_in: Path | None = None) -> str:
    """The page.

    Args:
        data: What it shows.
        built_at: When it was built, UTC.
        made_from: What it was built from, in words: the warehouse, the run.
        keep_in: Folder that keeps the charts' library, which takes seconds to make.
    """
    shown = cards(data)
    style = (_FOLDER / "report.css").read_text()
    script = (_FOLDER / "report.js").read_text()
    library = kept(
        keep_in and keep_in / "library.js", f"vl-convert {version('vl-convert-python')} {_LIBRARY_EXPORTS}", _library
    )
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f'<meta name="netflix-report-version" content="{PAGE_VERSION}">\n',
            '<title>How people rate movies</title>\n<link rel="icon" href="data:,">\n',
            f"<style>{style}</style>\n</head>\n<body>\n",
            _header(data, built_at, made_from),
            '<main>\n<div class="wide">\n',
            _tiles(data),
            "</div>\n",
            _filters(data),
            '<div class="wide">\n<noscript><p>The charts need JavaScript; the numbers above do not.</p></noscript>\n',
            *(_section(name, list(group)) for name, group in groupby(shown, key=lambda card: card.section)),
            "</div>\n</main>\n",
            _footer(data),
            f'<script type="application/json" id="report">{_json(_payload(data, shown))}</script>\n',
            f'<script type="text/plain" id="movies">{_packed(data.movies)}</script>\n',
            f"<script>{library}</script>\n<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


@lru_cache(maxsize=1)
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; it takes two seconds to make."""
    import vl_convert

    return str(vl_convert.javascript_bundle(_LIBRARY_EXPORTS)).replace("</script", "<\\/script")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _header(data: ReportData, built_at: dt.datetime, made_from: str) -> str:
    as_of = data.as_of
    newest = (
        f'Data as of <time id="as-of" datetime="{as_of.isoformat()}">{_day(as_of)}</time>, the newest rating'
        if as_of
        else "There are no ratings yet"
    )
    built = f'<time datetime="{built_at:%Y-%m-%dT%H:%M}Z">{_day(built_at)}, {built_at:%H:%M} UTC</time>'
    themes = "".join(
        f'<label><input type="radio" name="theme" value="{name.lower()}"{" checked" if name == "System" else ""}>'
        f"{name}</label>"
        for name in ("System", "Light", "Dark")
    )
    return (
        '<a class="skip" href="#filters">Skip to the filters</a>\n<header><div class="wide">\n'
        f"<div><h1>How people rate movies</h1>\n"
        f'<p class="stamp">{newest} · built {built} from {escape(made_from)}</p></div>\n'
        f'<div class="themes" role="radiogroup" aria-label="Colours">{themes}</div>\n</div></header>\n'
    )


def _tiles(data: ReportData) -> str:
    tiles = data.tiles
    since, as_of = data.since, data.as_of
    catalogue = data.mart_rows["mart_movie_releases"]
    notes = [
        ("ratings", "ratings", tiles.ratings, f"{since:%b %Y} to {as_of:%b %Y}" if since and as_of else "none yet"),
        ("movies", "rated movies", tiles.movies, f"of {catalogue:,} in the catalogue"),
        ("users", "users who rated", tiles.users, _median_user(data)),
        ("mean", "mean rating", tiles.mean, "stars, from 0.5 to 5"),
        ("tags", "tags scored", tiles.tags, "in the tag genome" if tiles.tags else "no genome files are loaded"),
    ]
    return f'<dl class="tiles">{"".join(_tile(*note) for note in notes)}</dl>\n'


def _tile(name: str, label: str, value: float | None, note: str) -> str:
    exact = "" if value is None else repr(value)
    text = "none" if value is None else f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
    return (
        f'<div class="tile"><dt>{label}</dt><dd class="number" data-tile="{name}" data-value="{exact}">{text}</dd>'
        f'<dd class="note">{escape(note)}</dd></div>'
    )


def _median_user(data: ReportData) -> str:
    users = data.tiles.users
    passed = 0
    for row in data.activity:
        passed += row.users
        if 2 * passed >= users:
            return f"half gave {row.number_of_ratings:,} or fewer"
    return "none yet"


def _filters(data: ReportData) -> str:
    genres = sorted({genre for movie in data.movies for genre in movie.genres.split("|")})
    options = "".join(f'<option value="{escape(genre)}">{escape(genre)}</option>' for genre in genres)
    years = [movie.release_year for movie in data.movies if movie.release_year is not None]
    first, last = min(years, default=1900), max(years, default=2000)
    return (
        '<form id="filters" aria-label="Filter movies" tabindex="-1" autocomplete="off"><div class="wide">\n'
        '<label class="title">Title contains<input id="f-title" type="search"></label>\n'
        f'<label>Genre<select id="f-genre"><option value="">All genres</option>{options}</select></label>\n'
        '<label><span>At least <output id="f-least-shown" for="f-least">1 rating</output></span>'
        '<input id="f-least" type="range" min="0" max="0" step="1" value="0" aria-label="Fewest ratings"></label>\n'
        '<div class="years" role="group" aria-label="Years of release"><span>Released</span><span class="pair">'
        f'<input id="f-from" type="number" aria-label="From year" placeholder="{first}" min="1800" max="2200">'
        '<span aria-hidden="true">to</span>'
        f'<input id="f-to" type="number" aria-label="To year" placeholder="{last}" min="1800" max="2200">'
        "</span></div>\n"
        '<button id="f-reset" type="reset" disabled>Clear</button>\n'
        '<p id="count" role="status"></p>\n</div></form>\n'
    )


def _section(name: str, members: Sequence[Card]) -> str:
    return (
        f'<section class="group" aria-label="{escape(name)}"><h2>{escape(name)}</h2><div class="grid">\n'
        f"{''.join(map(_card, members))}</div></section>\n"
    )


def _card(card: Card) -> str:
    legend = "".join(f'<li><i class="{style}"></i>{escape(name)}</li>' for style, name in card.legend)
    scope = "follow the filters" if card.filtered else "of all ratings; the filters do not apply"
    told = "".join(
        f'<div class="{term.lower().replace(" ", "-")}"><dt>{term}</dt> <dd>{text}</dd></div>'
        for term, text in [
            ("Unit", escape(card.unit)),
            ("Source", f"<code>{escape(card.source)}</code>"),
            ("Left out", escape(card.left_out)),
            ("Numbers", scope),
        ]
    )
    return (
        f'<article class="card w{card.width}{"" if card.filtered else " whole"}" id="{card.id}" '
        f'aria-labelledby="heading-{card.id}">\n'
        f'<h3 id="heading-{card.id}" dir="auto">{escape(card.finding or card.subject)}</h3>\n'
        f'<p class="explanation">{escape(card.explanation)}</p>\n'
        f"{f'<ul class=legend>{legend}</ul>' if legend else ''}\n"
        f'<div class="chart" id="chart-{card.id}"></div>\n<dl class="facts">{told}</dl>\n'
        f'<details><summary>Data table</summary><div class="scroll" id="table-{card.id}" tabindex="0" role="region" '
        f'aria-label="Data table: {escape(card.subject)}"></div></details>\n</article>\n'
    )


def _footer(data: ReportData) -> str:
    rows = ", ".join(f"{name} {count:,}" for name, count in data.mart_rows.items())
    return f'<footer><div class="wide">Rows in the marts: {rows}. This page needs no network.</div></footer>\n'


def _payload(data: ReportData, shown: Sequence[Card]) -> dict[str, Any]:
    """What the script needs besides the movies."""
    return {
        "cards": [asdict(card) for card in shown],
        "theme": charts.THEME,
        "genres": data.genres,
        "notGenres": sorted(NOT_GENRES),
        "best": BEST_MARKED,
        "shown": BEST_SHOWN,
        "few": FEW_RATINGS,
        "manyRatings": findings.MANY_RATINGS,
    }


def _packed(movies: Sequence[Movie]) -> str:
    """The movies by column, compressed: of 85,000 they would be most of the page."""
    names: dict[str, int] = {}
    sets: dict[str, int] = {}
    for movie in movies:
        sets.setdefault(movie.genres, len(sets))
    members = [[names.setdefault(genre, len(names)) for genre in genres.split("|")] for genres in sets]
    columns = {
        "genreNames": list(names),
        "genreSets": members,
        "title": [movie.title for movie in movies],
        "year": [movie.release_year for movie in movies],
        "genres": [sets[movie.genres] for movie in movies],
        "ratings": [movie.rating_count for movie in movies],
        "halves": [round(movie.rating_sum * 2) for movie in movies],
        "score": [round(movie.weighted_score * 1e5) for movie in movies],
    }
    return base64.b64encode(gzip.compress(json.dumps(columns, separators=(",", ":")).encode(), 6, mtime=0)).decode()


def _json(value: object) -> str:
    """JSON in which no tag can begin or end."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _day(time: dt.datetime) -> str:
    return f"{time.day} {time:%B %Y}"

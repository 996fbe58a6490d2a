"""The charts as Vega-Lite: pure functions, no rows in them and no data read.

Rows come in at drawing under the name `ROWS`, colours as CSS variables that the page defines for light and
dark, so that one chart serves both and changes with the reader's setting without being drawn again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

ROWS = "rows"
Spec = dict[str, Any]

INK, MUTED, LINE, CARD = "var(--ink)", "var(--muted)", "var(--line)", "var(--card)"
MAIN, SOFT, ACCENT = "var(--main)", "var(--soft)", "var(--accent)"
HEAT = tuple(f"var(--heat-{step})" for step in range(6))
HEAT_LIMITS = (0.02, 0.05, 0.10, 0.20, 0.30)
"""Shares at which the colour of the heat map changes."""

THEME: Mapping[str, Any] = {
    "background": None,
    # The page names each chart as one picture, and tables give its numbers.
    "aria": False,
    "mark": {"aria": False},
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
        "titlePadding": 8,
    },
}

# The page and the previews show the same charts, and Altair takes a second to make and check them all.
_made_once = lru_cache(maxsize=16)

# Not steps: with the width of its container, Vega-Lite warns of them in the reader's console.
_ROW_HEIGHT = 23
_STARS_AXIS = alt.Axis(format=".2~f", tickCount=4, labelOverlap=True)


@_made_once
def popularity(overall_mean: float | None) -> Spec:
    """Number of ratings (log) against mean; rows are places with the movies there, the best ones marked."""
    x = alt.X(
        "ratings:Q",
        title="Number of ratings, logarithmic",
        scale=alt.Scale(type="log", nice=False, padding=14),
        axis=alt.Axis(tickCount=4, format="~s", labelOverlap=True),
    )
    y = alt.Y(
        "mean:Q", title="Mean rating, stars", scale=alt.Scale(domain=[0.5, 5]), axis=alt.Axis(values=[1, 2, 3, 4, 5])
    )
    # The page says the rest when it is asked: to format four numbers of each dot beforehand took as long as drawing.
    tooltip = "name:N"
    base = alt.Chart(alt.NamedData(ROWS))
    places = base.mark_circle(color=MAIN, opacity=0.6).encode(
        x=x,
        y=y,
        size=alt.Size("movies:Q", scale=alt.Scale(type="sqrt", domainMin=1, rangeMin=16, rangeMax=260), legend=None),
        tooltip=tooltip,
    )
    best = base.transform_filter("datum.rank > 0")
    marked = best.mark_circle(color=ACCENT, size=95, opacity=1, stroke=CARD, strokeWidth=1.5).encode(
        x=x, y=y, tooltip=tooltip
    )
    first = base.transform_filter("datum.rank == 1").mark_text(
        color=INK, fontSize=12, fontWeight="bold", align="right", dx=6, dy=-14, limit=330
    )
    layers = [places, marked, first.encode(x=x, y=y, text="name:N")]
    if overall_mean is not None:
        line = alt.Chart(alt.InlineData(values=[{"mean": overall_mean}]))
        layers.insert(0, line.mark_rule(color=MUTED, strokeDash=[4, 4]).encode(y="mean:Q"))
    return _spec(alt.layer(*layers), height=392)


@_made_once
def best_movies(movies: int) -> Spec:
    """Weighted score (dot) against raw mean (ring), one movie a row, by rank; room for so many."""
    y = alt.Y(
        "label:N", sort=alt.EncodingSortField("rank", op="min"), title=None, axis=alt.Axis(grid=False, labelColor=INK)
    )
    scale = alt.Scale(zero=False, padding=12)
    tooltip = [
        alt.Tooltip("title:N", title="title"),
        alt.Tooltip("score:Q", title="Weighted score", format=".2f"),
        alt.Tooltip("mean:Q", title="Raw mean", format=".2f"),
        alt.Tooltip("ratings:Q", title="Ratings", format=","),
    ]
    base = alt.Chart(alt.NamedData(ROWS)).encode(y=y, tooltip=tooltip)
    x = alt.X("score:Q", title="Stars", scale=scale, axis=_STARS_AXIS)
    return _spec(
        alt.layer(
            base.mark_rule(color=SOFT, strokeWidth=4, strokeCap="round").encode(x=x, x2="mean:Q"),
            base.mark_point(color=ACCENT, size=62, strokeWidth=2, fill=CARD, opacity=1).encode(x=alt.X("mean:Q")),
            base.mark_circle(color=MAIN, size=90, opacity=1).encode(x=x),
        ),
        height=_ROW_HEIGHT * movies,
    )


@_made_once
def genre_means(genres: int) -> Spec:
    """Mean of each genre, the dot as large as its number of movies, best on top; room for so many."""
    y = alt.Y(
        "genre:N",
        sort=alt.EncodingSortField("mean", op="max", order="descending"),
        title=None,
        axis=alt.Axis(labelColor=INK, gridDash=[1, 3]),
    )
    x = alt.X("mean:Q", title="Mean rating, stars", scale=alt.Scale(zero=False, padding=34), axis=_STARS_AXIS)
    tooltip = [
        alt.Tooltip("genre:N", title="title"),
        alt.Tooltip("mean:Q", title="Mean, stars", format=".2f"),
        alt.Tooltip("movies:Q", title="Rated movies", format=","),
        alt.Tooltip("ratings:Q", title="Ratings", format=","),
    ]
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, y=y, tooltip=tooltip)
    dots = base.mark_circle(color=MAIN, opacity=1).encode(
        size=alt.Size("movies:Q", scale=alt.Scale(domainMin=0, rangeMin=24, rangeMax=430), legend=None)
    )
    labels = base.mark_text(color=MUTED, align="left", dx=14, fontSize=11.5).encode(
        text=alt.Text("mean:Q", format=".2f")
    )
    return _spec(alt.layer(dots, labels), height=_ROW_HEIGHT * max(genres, 3))


@_made_once
def genre_stars(genres: tuple[str, ...]) -> Spec:
    """Share of each genre's ratings at each number of stars; genres from top to bottom as given."""
    return _spec(
        alt.Chart(alt.NamedData(ROWS))
        .mark_rect(cornerRadius=2, stroke=CARD, strokeWidth=2)
        .encode(
            x=alt.X("stars:O", title="Stars given", axis=alt.Axis(labelAngle=0, format=".1f", labelOverlap=True)),
            y=alt.Y("genre:N", sort=list(genres), title=None, axis=alt.Axis(labelColor=INK)),
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(type="threshold", domain=list(HEAT_LIMITS), range=list(HEAT)),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("genre:N", title="title"),
                alt.Tooltip("stars:Q", title="Stars", format=".1f"),
                alt.Tooltip("share:Q", title="Share of its ratings", format=".1%"),
                alt.Tooltip("ratings:Q", title="Ratings", format=","),
            ],
        ),
        height=_ROW_HEIGHT * max(len(genres), 3),
    )


@_made_once
def activity(bands: tuple[str, ...]) -> Spec:
    """Share of users and share of ratings by how much a user rated."""
    return _spec(
        alt.Chart(alt.NamedData(ROWS))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y(
                "band:N",
                sort=list(bands),
                title=None,
                scale=alt.Scale(paddingInner=0.28),
                axis=alt.Axis(labelColor=INK),
            ),
            yOffset=alt.YOffset("of:N", sort=["users", "ratings"]),
            x=alt.X("share:Q", title="Share of all users, of all ratings", axis=alt.Axis(format="~%", tickCount=5)),
            color=alt.Color("of:N", scale=alt.Scale(domain=["users", "ratings"], range=[MAIN, ACCENT]), legend=None),
            tooltip=[
                alt.Tooltip("band:N", title="title"),
                alt.Tooltip("of:N", title="Share of"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
                alt.Tooltip("number:Q", title="Number", format=","),
            ],
        ),
        height=310,
    )


@_made_once
def top_tags() -> Spec:
    """Mean relevance of tags, in the order of the rows."""
    y = alt.Y("tag:N", sort=None, title=None, axis=alt.Axis(labelColor=INK))
    x = alt.X("relevance:Q", title="Mean relevance, 0 to 1", axis=alt.Axis(tickCount=5))
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("tag:N", title="title"),
            alt.Tooltip("relevance:Q", title="Mean relevance", format=".3f"),
            alt.Tooltip("movies:Q", title="Movies scored", format=","),
            alt.Tooltip("strong:Q", title="Movies that show it strongly", format=","),
        ],
    )
    bars = base.mark_bar(color=MAIN, cornerRadiusEnd=3, height={"band": 0.62})
    labels = base.mark_text(color=MUTED, align="left", dx=5, fontSize=11.5).encode(
        text=alt.Text("relevance:Q", format=".2f")
    )
    return _spec(alt.layer(bars, labels), height=310)


@_made_once
def releases() -> Spec:
    """Rated movies by year of release, before all movies of the catalogue."""
    x = alt.X(
        "from:Q",
        title="Year of release",
        axis=alt.Axis(format="d", tickCount=6),
        scale=alt.Scale(nice=False, zero=False),
    )
    tooltip = [
        alt.Tooltip("year:N", title="title"),
        alt.Tooltip("rated:Q", title="Rated movies", format=","),
        alt.Tooltip("all:Q", title="Movies in the catalogue", format=","),
    ]
    base = (
        alt.Chart(alt.NamedData(ROWS))
        .transform_calculate(**{"from": "datum.year - 0.42", "to": "datum.year + 0.42"})
        .encode(x=x, x2="to:Q", tooltip=tooltip)
    )
    return _spec(
        alt.layer(
            base.mark_rect(color=SOFT).encode(y=alt.Y("all:Q", title="Movies"), y2=alt.datum(0)),
            base.mark_rect(color=MAIN).encode(y="rated:Q", y2=alt.datum(0)),
        ),
        height=310,
    )


@_made_once
def months() -> Spec:
    """Ratings given in each month."""
    x = alt.X(
        "month:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%Y", tickCount="year", labelOverlap=True),
    )
    y = alt.Y("ratings:Q", title="Ratings a month", axis=alt.Axis(format="~s", tickCount=5))
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x)
    tooltip = [
        alt.Tooltip("name:N", title="title"),
        alt.Tooltip("ratings:Q", title="Ratings", format=","),
        alt.Tooltip("users:Q", title="Users who rated", format=","),
        alt.Tooltip("mean:N", title="Mean, stars"),
    ]
    return _spec(
        alt.layer(
            base.mark_area(color=MAIN, opacity=0.18).encode(y=y),
            base.mark_line(color=MAIN, strokeWidth=1.6).encode(y=y),
            _hover(base, "ratings:Q").encode(tooltip=tooltip),
        ),
        height=310,
    )


def with_rows(spec: Spec, rows: Sequence[Mapping[str, object]]) -> Spec:
    """The chart with its rows in it."""
    return {**spec, "datasets": {**spec.get("datasets", {}), ROWS: list(rows)}}


def in_colours(spec: Spec, colours: Mapping[str, str]) -> Spec:
    """The chart with colours in place of CSS variables, for what knows no CSS."""
    text = re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], json.dumps(spec))
    return dict(json.loads(text))


def _hover(base: alt.Chart, y: str) -> alt.Chart:
    """Invisible dots along a line, large enough to point at."""
    dots: alt.Chart = base.mark_point(size=140, filled=True, opacity=0, color=MAIN).encode(y=y)
    return dots


def _spec(chart: alt.Chart | alt.LayerChart | alt.FacetChart, *, height: int) -> Spec:
    spec = chart.properties(width="container", height=height).to_dict()
    # Altair's own configuration would win over the page's.
    del spec["config"]
    return dict(spec)

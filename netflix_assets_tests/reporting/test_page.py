"""The page as text: its policy, what it carries, and what each card says."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from netflix_assets.errors import ReportError
from netflix_assets.reporting import findings
from netflix_assets.reporting.cards import CHARTS, activity_bands, cards, month_rows, year_rows
from netflix_assets.reporting.page import PAGE_VERSION, render
from netflix_assets.reporting.page_facts import read_page
from netflix_assets.reporting.queries import Activity, Month, Stars, Tag, Year
from netflix_assets_tests.reporting.data import AS_OF, BUILT_AT, EMPTY, KEEP_IN, many

DATA = many(300)
HTML = render(DATA, built_at=BUILT_AT, made_from="DuckDB, run <b>", keep_in=KEEP_IN)
FIRST, LAST = dt.datetime(2020, 1, 1), dt.datetime(2020, 2, 1)


class Tags(HTMLParser):
    """The tags of a page, and the text of its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(HTML)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.text.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag in {"script", "style"} and self.cdata_elem:
            self.text[-1] += data


def test_the_policy_allows_the_scripts_and_the_style_by_hash_and_nothing_else() -> None:
    tags = Tags()
    policy = next(attrs["content"] for _, attrs in tags.found if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy and "unsafe" not in policy and "default-src 'none'" in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in tags.text]
    style, _report, _movies, library, script = hashes
    assert allowed == {style, library, script}
    addresses = [attrs[name] or "" for _, attrs in tags.found for name in ("src", "href") if name in attrs]
    assert addresses and all(address.startswith(("data:", "#")) for address in addresses)


def test_text_from_data_is_escaped() -> None:
    assert "run &lt;b&gt;" in HTML
    assert HTML.count("<script>alert") == 0
    report = re.search(r'id="report">(.*?)</script>', HTML)
    assert report and "<" not in report[1]
    assert any(row["tag"] == "dark & stormy <night>" for row in json.loads(report[1])["cards"][-1]["rows"])


def test_a_page_is_the_same_for_the_same_data_and_time() -> None:
    assert render(DATA, built_at=BUILT_AT, made_from="DuckDB, run <b>", keep_in=KEEP_IN) == HTML


def test_a_page_tells_its_tiles_date_and_charts() -> None:
    page = read_page(HTML)
    tiles = DATA.tiles
    assert page.tiles == {
        "ratings": tiles.ratings,
        "movies": tiles.movies,
        "users": tiles.users,
        "mean": tiles.mean,
        "tags": tiles.tags,
    }
    assert page.as_of == AS_OF
    assert set(page.charts) == page.places == set(CHARTS)
    assert page.charts["tags"] == 3


def test_a_page_without_data_tells_that() -> None:
    page = read_page(render(EMPTY, built_at=BUILT_AT, made_from="DuckDB", keep_in=KEEP_IN))
    assert page.as_of is None
    assert page.tiles == {"ratings": 0, "movies": 0, "users": 0, "mean": None, "tags": 0}
    assert page.charts["activity"] == 0


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        (HTML[: len(HTML) // 2], "is not whole"),
        (HTML.replace(f'version" content="{PAGE_VERSION}"', 'version" content="0"'), "another version"),
        ("<p>hello", "another version"),
    ],
)
def test_a_page_cut_off_and_one_of_another_version_are_refused(html: str, problem: str) -> None:
    with pytest.raises(ReportError, match=f"{problem}.*build it again"):
        read_page(html)


def test_every_card_says_unit_source_what_is_left_out_and_what_to_do_without_data() -> None:
    made = cards(DATA)
    assert tuple(card.id for card in made) == CHARTS
    for card in made:
        assert card.unit and card.source.startswith("mart.") and card.left_out and card.empty and card.columns
        assert card.rows or card.filtered
        fields = set(card.rows[0]) if card.rows else None
        assert fields is None or {column.field for column in card.columns} <= fields


def test_what_is_no_genre_is_in_no_genre_chart() -> None:
    heat = next(card for card in cards(DATA) if card.id == "genre-stars")
    assert {row["genre"] for row in heat.rows} == {"Action", "Comedy", "Crime", "Drama", "Horror", "War"}
    assert "IMAX, which is a format" in heat.left_out
    without = sum(movie.genres == "(no genres listed)" for movie in DATA.movies)
    assert heat.left_out.startswith(f"{without} rated movies without genres")


def test_the_share_of_the_most_active_splits_users_with_equally_many_ratings() -> None:
    activity = [Activity(1, 15, FIRST, LAST), Activity(10, 5, FIRST, LAST)]
    assert findings.share_of_most_active(activity) == (2, 20 / 65)
    assert findings.of_activity(activity) == "The most active 10% of users gave 31% of all ratings"
    assert findings.of_activity([Activity(3, 2, FIRST, LAST)]) is None


def test_bands_hold_every_user_and_rating_once() -> None:
    bands = activity_bands([Activity(number, 2, FIRST, LAST) for number in (1, 4, 5, 19, 20, 5000)])
    assert [(band["band"], band["users"], band["ratings"]) for band in bands] == [
        ("1 to 4", 4, 10),
        ("5 to 9", 2, 10),
        ("10 to 19", 2, 38),
        ("20 to 49", 2, 40),
        ("2,000 or more", 2, 10_000),
    ]


def test_months_and_years_without_anything_are_zeros() -> None:
    rows = month_rows([Month(dt.date(2019, 12, 1), 2, 1, 7.0), Month(dt.date(2020, 3, 1), 1, 1, 4.0)])
    assert [(row["name"], row["ratings"], row["mean"]) for row in rows] == [
        ("Dec 2019", 2, "3.50"),
        ("Jan 2020", 0, "none"),
        ("Feb 2020", 0, "none"),
        ("Mar 2020", 1, "4.00"),
    ]
    assert [row["all"] for row in year_rows([Year(1999, 3, 1), Year(2001, 1, 1)])] == [3, 0, 1]


def test_findings_are_silent_where_the_data_is_not_clear() -> None:
    months = [Month(dt.date(2020, 1, 1), 5, 1, 20.0), Month(dt.date(2020, 2, 1), 5, 1, 20.0)]
    assert findings.of_months(months) is None
    assert findings.of_months([]) is None
    assert findings.of_tags([Tag("a", 1, 0.5, 0), Tag("b", 1, 0.5, 0)]) is None
    few = [Stars("Drama", 4.0, 60), Stars("War", 4.0, 99)]
    assert findings.of_genre_stars(few) is None


def test_findings_count_the_genres_that_agree_and_no_other() -> None:
    stars = [
        *(Stars(genre, 4.0, 200) for genre in ("Drama", "War")),
        *(Stars(genre, 3.0, 300) for genre in ("Horror", "IMAX", "(no genres listed)")),
    ]
    assert findings.of_genre_stars(stars) == "4 stars are what 2 of 3 genres get most"
    assert findings.of_genre_stars(stars[:2]) == "4 stars are what every genre gets most"

"""The report in a real browser: what a reader sees, and what the page must never do."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from netflix_assets.reporting.cards import CHARTS
from netflix_assets.reporting.queries import NOT_GENRES, ReportData
from netflix_assets_tests.pipeline import Pipeline
from netflix_assets_tests.reporting.conftest import Open, Opened, Scheme
from netflix_assets_tests.reporting.data import AWKWARD, EMPTY, SCRIPT, many, report_data, with_scores

Written = Callable[[ReportData, str], Path]
DATA = many(1500)
FOLLOWING = ("popularity", "best", "genres", "releases")


@pytest.fixture
def opened(open_page: Open, written: Written) -> Opened:
    return open_page(written(DATA, "many"))


@pytest.mark.parametrize(("width", "scheme", "other"), [(1280, "light", "dark"), (390, "dark", "light")])
def test_every_chart_is_drawn_inside_the_page_and_console_network_and_axe_say_nothing(
    open_page: Open, written: Written, width: int, scheme: Scheme, other: Scheme
) -> None:
    path = written(DATA, "many")
    opened = open_page(path, scheme=scheme, width=width)
    for card in CHARTS:
        assert opened.marks(card) > 1, card
        box = opened.page.locator(f"#chart-{card} svg").bounding_box()
        assert box and box["width"] > 200 and box["x"] >= 0 and box["x"] + box["width"] <= width, card
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.table("best")
    opened.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
    for shown in (scheme, other):
        opened.page.emulate_media(color_scheme=shown)
        background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(re.findall(r"\d+", background)[0]) < 128) == (shown == "dark")
        # To describe what passed takes twice as long as to look for what does not.
        faults = opened.page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
        assert [(fault["id"], fault["impact"], fault["nodes"][0]["html"]) for fault in faults] == [], shown
    assert opened.requests == [path.as_uri()]
    assert opened.said == []


def test_each_filter_changes_count_marks_and_headings_and_clear_takes_all_back(opened: Opened) -> None:
    page = opened.page
    whole = {card: (opened.drawn(card), opened.heading(card)) for card in CHARTS}
    assert page.locator("#count").inner_text().split() == ["1,500", "of", "1,500", "rated", "movies"]
    chosen = [movie for movie in DATA.movies if "War" in movie.genres.split("|")]

    def counted() -> int:
        return int(page.locator("#count b").inner_text().replace(",", ""))

    opened.set("#f-genre", "War")
    assert counted() == len(chosen)
    for card in CHARTS:
        assert (opened.drawn(card) != whole[card][0]) == (card in FOLLOWING), card
        assert card in FOLLOWING or opened.heading(card) == whole[card][1]
    from_top = opened.page.locator("#chart-genres .role-axis-label text").evaluate_all(
        "texts => texts.map(text => [text.getBoundingClientRect().y, text.textContent]).sort((a, b) => a[0] - b[0])"
    )
    assert [text for _, text in from_top if text.isalpha()] == [row[0] for row in opened.table("genres")]
    opened.set("#f-from", "1990")
    opened.set("#f-to", "1999")
    chosen = [movie for movie in chosen if movie.release_year and 1990 <= movie.release_year <= 1999]
    assert counted() == len(chosen)
    opened.set("#f-least", "2")
    chosen = [movie for movie in chosen if movie.rating_count >= 5]
    assert counted() == len(chosen)
    assert page.locator("#f-least-shown").inner_text() == "5 ratings"
    assert "fewer than 5 ratings" not in opened.heading("popularity")
    first = chosen[0]
    assert opened.heading("best").startswith(f"{first.title} is best by weighted score of those selected")
    assert [row[1] for row in opened.table("best")] == [movie.title for movie in chosen[:15]]
    ratings = sum(movie.rating_count for movie in chosen)
    stars = sum(movie.rating_sum for movie in chosen)
    war = next(row for row in opened.table("genres") if row[0] == "War")
    assert war == ["War", f"{stars / ratings:.2f}", f"{len(chosen):,}", f"{ratings:,}"]
    released = {row[0]: row[1] for row in opened.table("releases")}
    assert released["1999"] == str(sum(movie.release_year == 1999 for movie in chosen))
    assert released["1985"] == "0"

    opened.set("#f-title", "no such movie")
    assert counted() == 0
    for card in FOLLOWING:
        assert page.locator(f"#chart-{card}").inner_text() == "No rated movie matches the filters."
    page.evaluate("delete document.documentElement.dataset.answered")
    page.locator("#f-reset").click()
    opened.answered()
    assert {card: (sorted(opened.drawn(card)), opened.heading(card)) for card in CHARTS} == {
        card: (sorted(shapes), heading) for card, (shapes, heading) in whole.items()
    }
    assert opened.said == []


def test_titles_are_found_whatever_their_case_and_accents_and_stay_text_whatever_is_in_them(opened: Opened) -> None:
    opened.set("#f-title", "NAIVE — “quo")
    assert [row[1] for row in opened.table("best")] == [AWKWARD[2]]
    for title in AWKWARD:
        opened.set("#f-title", title)
        assert [row[1] for row in opened.table("best")] == [title]
        drawn = opened.page.locator("#chart-best svg").text_content() or ""
        assert f"1. {title[:20]}" in drawn
    opened.set("#f-title", SCRIPT)
    assert opened.point_at("#chart-best .mark-symbol path").startswith(SCRIPT)
    assert opened.page.locator("article script, article img, #tooltip script").count() == 0
    assert opened.said == []


def test_pointing_at_a_mark_tells_its_numbers_and_nothing_on_the_page_can_evaluate_code_or_ask_anybody(
    opened: Opened,
) -> None:
    tooltip = opened.page.locator("#tooltip")
    assert not tooltip.is_visible()
    assert "Share of its ratings" in opened.point_at("#chart-genre-stars .mark-rect path")
    assert tooltip.is_visible()
    told = opened.point_at("#chart-popularity .layer_2_marks path").splitlines()
    best = next(movie for movie in DATA.movies[:10] if movie.title == told[0])
    assert {f"{best.rating_count:,}", f"{best.weighted_score:.2f}"} <= set(" ".join(told[1:]).split())
    opened.page.keyboard.press("Escape")
    assert not tooltip.is_visible()

    # In a timer, because what Playwright evaluates directly is exempt from the page's policy.
    tried = "try { new Function('return 1')(); told('ran'); } catch (error) { told(error.name); }"
    assert opened.page.evaluate(f"new Promise(told => setTimeout(() => {{ {tried} }}))") == "EvalError"
    with pytest.raises(Error, match="Failed to fetch"):
        opened.page.evaluate("fetch('http://127.0.0.1:9/')")
    opened.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'injected = 1'}))"
    )
    assert opened.page.evaluate("typeof window.injected") == "undefined"


def test_colours_follow_the_reader_and_the_switch_without_drawing_again_and_print_is_light_without_controls(
    opened: Opened,
) -> None:
    page = opened.page
    dot = page.locator("#chart-genres .mark-symbol path").first

    def colour() -> str:
        return str(dot.evaluate("element => getComputedStyle(element).fill"))

    light = colour()
    page.emulate_media(color_scheme="dark")
    dark = colour()
    assert dark != light
    page.get_by_label("Light").check()
    assert colour() == light
    page.emulate_media(color_scheme="light")
    page.get_by_label("Dark").check()
    assert colour() == dark
    page.get_by_label("System").check()
    assert colour() == light

    page.emulate_media(media="print", color_scheme="dark")
    for selector in ("#f-title", "#f-reset", ".themes", "summary"):
        assert not page.locator(selector).first.is_visible()
    assert page.locator("#count").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(20, 32, 43)"


def test_all_is_reached_by_keyboard(opened: Opened) -> None:
    page = opened.page
    press = page.keyboard.press
    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    press("Enter")
    press("Tab")
    assert page.evaluate("document.activeElement.id") == "f-title"
    page.keyboard.type("movie")
    for _ in range(2):
        press("Tab")
    assert page.evaluate("document.activeElement.id") == "f-least"
    press("ArrowRight")
    page.get_by_text("At least 2 ratings").wait_for()
    seen = set()
    for _ in range(60):
        press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.closest('article')?.id"))
    assert {"f-from", "f-to", "f-reset", *CHARTS} <= seen
    page.locator("#months summary").focus()
    press("Enter")
    expect(page.locator("#months tbody tr")).to_have_count(2)


def test_a_report_without_data_says_so_and_what_to_do(open_page: Open, written: Written) -> None:
    opened = open_page(written(EMPTY, "empty"), width=390)
    assert opened.page.locator(".chart .empty").count() == len(CHARTS)
    assert "upload ratings" in opened.page.locator("#chart-best").inner_text()
    assert opened.page.locator("[data-tile=mean]").inner_text() == "none"
    assert opened.said == []


def test_a_report_on_one_movie_claims_nothing(open_page: Open, written: Written) -> None:
    data = report_data(with_scores([("Only One (1999)", 1999, "Drama", 1, 4.0)]), tags=())
    opened = open_page(written(data, "one"))
    assert opened.marks("best") == 2
    assert opened.heading("best") == "Best movies by weighted score"
    assert opened.heading("genres") == "Mean rating of genres"
    assert opened.heading("releases") == "Movies by year of release"
    assert opened.said == []


def test_tiles_and_tables_are_what_sql_gives(built_small: Pipeline, open_page: Open) -> None:
    opened = open_page(built_small.settings.report_path)
    shown = {tile.get_attribute("data-tile"): tile.inner_text() for tile in opened.page.locator("[data-tile]").all()}
    assert shown == {
        "ratings": f"{built_small.one('select count(*) from fact.fact_ratings'):,}",
        "movies": f"{built_small.one('select count(distinct movie_id) from fact.fact_ratings'):,}",
        "users": f"{built_small.one('select count(distinct user_id) from fact.fact_ratings'):,}",
        "mean": f"{built_small.one('select avg(rating) from fact.fact_ratings'):.2f}",
        "tags": "0",
    }
    movies = built_small.query(
        "select title, rating_count::varchar, printf('%.2f', average_rating) from mart.movie_scores "
        "order by weighted_score desc"
    )
    assert [(row[1], row[4], row[5]) for row in opened.table("best")] == movies
    genres = built_small.query(
        "select genre, printf('%.2f', avg(rating)), count(distinct movie_id)::varchar, count(*)::varchar "
        "from fact.fact_ratings join dim.bridge_movie_genre using (movie_id) "
        f"where genre not in {tuple(NOT_GENRES)} "
        "group by genre"
    )
    assert sorted(map(tuple, opened.table("genres"))) == sorted(genres)
    assert opened.page.locator("#chart-tags .empty").count() == 1
    assert opened.said == []


def test_85_000_movies_make_a_page_of_at_most_5_mb_that_answers(open_page: Open, written: Written) -> None:
    data = many(85_000)
    path = written(data, "large")
    assert path.stat().st_size <= 5_000_000
    opened = open_page(path)
    assert opened.page.locator("#count b").inner_text() == "85,000"
    assert 100 < opened.marks("popularity") < 3000
    opened.set("#f-genre", "Horror")
    horror = sum("Horror" in movie.genres.split("|") for movie in data.movies)
    assert opened.page.locator("#count b").inner_text() == f"{horror:,}"
    assert opened.said == []

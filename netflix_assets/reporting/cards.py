"""The cards of the report: of each its chart, rows, words and table. No HTML and no SQL.

A card that follows the filters has no rows and no finding here: the page makes both from the movies that are
selected, also when none is filtered out.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netflix_assets.reporting import charts, findings
from netflix_assets.reporting.charts import Spec
from netflix_assets.reporting.queries import NO_GENRES, NOT_GENRES, Activity, Month, ReportData, Year

Row = dict[str, object]

BEST_MARKED = 10
BEST_SHOWN = 15
TAGS_SHOWN = 15
FEW_RATINGS = 5
"""A movie with fewer ratings is one of which the mean says little."""

_BANDS = (1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Column:
    """A column of a card's data table.

    Attributes:
        field: Of the rows.
        title: Heading.
        format: How the page writes it: `text`, `count`, `stars` (two decimals), `share` (percent), `year`.
    """

    field: str
    title: str
    format: str = "text"


@dataclass(frozen=True)
class Card:
    """One chart and what is said of it.

    Attributes:
        id: Of its element in the page.
        section: Heading that it stands under.
        width: Columns of twelve that it takes on a wide screen.
        subject: Heading where there is no finding.
        finding: Heading that says what the data says, or None.
        explanation: What one sees.
        legend: Style class of a mark and what it stands for.
        unit: What is counted or measured.
        source: The mart.
        left_out: What of the mart is not shown.
        chart: Vega-Lite without rows.
        rows: Rows of the chart, unless it follows the filters.
        columns: Of the data table.
        filtered: Whether it follows the filters.
        empty: What to say, and to do, where there is nothing to show.
    """

    id: str
    section: str
    width: int
    subject: str
    explanation: str
    unit: str
    source: str
    left_out: str
    chart: Spec
    columns: Sequence[Column]
    empty: str
    finding: str | None = None
    legend: Sequence[tuple[str, str]] = ()
    rows: Sequence[Row] = field(default=())
    filtered: bool = False


def cards(data: ReportData) -> list[Card]:
    """Every card, in the order of the page."""
    return [make(data) for make in _MAKERS.values()]


_NO_RATINGS = "There are no ratings yet: upload ratings and movies, then run the pipeline."
_MOVIE_COLUMNS = (Column("title", "Movie"), Column("year", "Year", "year"), Column("genres", "Genres"))
_RATING_COLUMNS = (
    Column("ratings", "Ratings", "count"),
    Column("mean", "Mean", "stars"),
    Column("score", "Weighted score", "stars"),
)


def _popularity(data: ReportData) -> Card:
    mean = data.tiles.mean
    left_out = "movies that nobody rated"
    if data.movies_without_mean:
        left_out += f", and {data.movies_without_mean:,} without a mean"
    return Card(
        id="popularity",
        section="Movies",
        width=6,
        subject="How often movies are rated, and how well",
        explanation="A dot is a movie, or all movies at that place: the more, the larger.",
        legend=[
            ("dot main", "movies"),
            ("dot accent", f"the {BEST_MARKED} best by weighted score"),
            *([("line muted", f"mean of all ratings, {mean:.2f}")] if mean is not None else []),
        ],
        unit="mean stars (0.5 to 5) by number of ratings",
        source="mart.movie_scores",
        left_out=left_out,
        chart=charts.popularity(mean),
        columns=[*_MOVIE_COLUMNS, *_RATING_COLUMNS],
        filtered=True,
        empty=_NO_RATINGS,
    )


def _best(data: ReportData) -> Card:
    return Card(
        id="best",
        section="Movies",
        width=6,
        subject="Best movies by weighted score",
        explanation="The weighted score adds ratings at the overall mean to each movie's own, "
        "so that a few cannot carry it far.",
        legend=[("dot main", "weighted score"), ("ring accent", "raw mean")],
        unit="stars (0.5 to 5)",
        source="mart.movie_scores",
        left_out=f"all but the {BEST_SHOWN} best",
        chart=charts.best_movies(BEST_SHOWN),
        columns=[Column("rank", "Rank", "count"), *_MOVIE_COLUMNS, *_RATING_COLUMNS],
        filtered=True,
        empty=_NO_RATINGS,
    )


def _genres(data: ReportData) -> Card:
    return Card(
        id="genres",
        section="Genres",
        width=5,
        subject="Mean rating of genres",
        explanation="A movie counts in each of its genres. The more movies, the larger the dot.",
        unit="mean stars of all ratings of the genre's movies",
        source="mart.genre_rating_distribution; mart.movie_scores where filtered",
        left_out=_not_genres(data),
        chart=charts.genre_means(sum(genre.genre not in NOT_GENRES for genre in data.genres)),
        columns=[
            Column("genre", "Genre"),
            Column("mean", "Mean", "stars"),
            Column("movies", "Rated movies", "count"),
            Column("ratings", "Ratings", "count"),
        ],
        filtered=True,
        empty=_NO_RATINGS,
    )


def _genre_stars(data: ReportData) -> Card:
    totals: Counter[str] = Counter()
    for row in data.stars:
        totals[row.genre] += row.rating_count
    means = {genre.genre: genre.rating_sum / genre.rating_count for genre in data.genres if genre.rating_count}
    order = sorted(
        (genre for genre in means if genre not in NOT_GENRES and totals[genre]), key=lambda g: (-means[g], g)
    )
    by_cell = {(row.genre, row.rating): row.rating_count for row in data.stars}
    rows: list[Row] = [
        {
            "genre": genre,
            "stars": stars / 2,
            "share": round(by_cell.get((genre, stars / 2), 0) / totals[genre], 5),
            "ratings": by_cell.get((genre, stars / 2), 0),
        }
        for genre in order
        for stars in range(1, 11)
    ]
    limits = [f"{limit:.0%}" for limit in charts.HEAT_LIMITS]
    names = [f"under {limits[0]}", *(f"to {limit}" for limit in limits[1:]), f"over {limits[-1]}"]
    return Card(
        id="genre-stars",
        section="Genres",
        width=7,
        subject="How many stars genres get",
        finding=findings.of_genre_stars(data.stars),
        explanation="Each row adds up to 100%. Best mean on top.",
        legend=[(f"swatch heat-{step}", name) for step, name in enumerate(names)],
        unit="share of the genre's ratings",
        source="mart.genre_rating_histogram",
        left_out=_not_genres(data),
        chart=charts.genre_stars(tuple(order)),
        rows=rows,
        columns=[
            Column("genre", "Genre"),
            Column("stars", "Stars", "stars"),
            Column("share", "Share", "share"),
            Column("ratings", "Ratings", "count"),
        ],
        empty=_NO_RATINGS,
    )


def _activity(data: ReportData) -> Card:
    bands = activity_bands(data.activity)
    rows: list[Row] = [
        {"band": band["band"], "of": of, "share": band[f"{of}_share"], "number": band[of]}
        for band in bands
        for of in ("users", "ratings")
    ]
    return Card(
        id="activity",
        section="People",
        width=6,
        subject="How much users rate",
        finding=findings.of_activity(data.activity),
        explanation="Users by how many ratings they gave.",
        legend=[("bar main", "share of users"), ("bar accent", "share of ratings")],
        unit="share of all users, and of all ratings",
        source="mart.user_engagement_summary",
        left_out="users who only tagged",
        chart=charts.activity(tuple(str(band["band"]) for band in bands)),
        rows=rows,
        columns=[
            Column("band", "Ratings given"),
            Column("of", "Share of"),
            Column("share", "Share", "share"),
            Column("number", "Number", "count"),
        ],
        empty=_NO_RATINGS,
    )


def _months(data: ReportData) -> Card:
    return Card(
        id="months",
        section="People",
        width=6,
        subject="Ratings given in each month",
        finding=findings.of_months(data.months),
        explanation="Months are those of UTC; the newest may not be over.",
        unit="ratings a month",
        source="mart.ratings_by_month",
        left_out="nothing; a month without ratings is 0",
        chart=charts.months(),
        rows=month_rows(data.months),
        columns=[
            Column("name", "Month"),
            Column("ratings", "Ratings", "count"),
            Column("users", "Users", "count"),
            Column("mean", "Mean, stars"),
        ],
        empty=_NO_RATINGS,
    )


def _releases(data: ReportData) -> Card:
    dated = sum(year.movie_count for year in data.years)
    undated = data.mart_rows["mart_movie_releases"] - dated
    return Card(
        id="releases",
        section="Catalogue",
        width=6,
        subject="Movies by year of release",
        explanation="Rated movies, in front of all movies of the catalogue.",
        legend=[("bar main", "rated movies"), ("bar soft", "the others of the catalogue")],
        unit="movies a year",
        source="mart.movie_release_trends; mart.movie_scores where filtered",
        left_out=f"{undated:,} movies without a year in the title" if undated > 0 else "nothing",
        chart=charts.releases(),
        rows=year_rows(data.years),
        columns=[
            Column("year", "Year", "year"),
            Column("rated", "Rated movies", "count"),
            Column("all", "Catalogue", "count"),
        ],
        filtered=True,
        empty="There are no movies with a year of release yet: upload movies, then run the pipeline.",
    )


def _tags(data: ReportData) -> Card:
    rows: list[Row] = [
        {
            "tag": tag.tag_name,
            "relevance": round(tag.average_relevance, 4),
            "movies": tag.movie_count,
            "strong": tag.strong_movie_count,
        }
        for tag in data.tags[:TAGS_SHOWN]
    ]
    more = len(data.tags) - len(rows)
    return Card(
        id="tags",
        section="Catalogue",
        width=6,
        subject="Tags that fit most movies",
        finding=findings.of_tags(data.tags),
        explanation="Relevance in the tag genome: how strongly a movie shows what the tag says.",
        unit="mean relevance over the scored movies (0 to 1)",
        source="mart.tag_relevance_analysis",
        left_out=f"{more:,} less relevant tags" if more else "nothing",
        chart=charts.top_tags(),
        rows=rows,
        columns=[
            Column("tag", "Tag"),
            Column("relevance", "Mean relevance", "stars"),
            Column("movies", "Movies scored", "count"),
            Column("strong", "Strongly in", "count"),
        ],
        empty="No tags are scored: the bucket has no genome_scores.csv and genome_tags.csv. "
        "Smaller MovieLens releases come without them.",
    )


def activity_bands(activity: Sequence[Activity]) -> list[Row]:
    """Users and ratings, and their shares of all, in each band of how much a user rated."""
    users = sum(row.users for row in activity)
    ratings = sum(row.number_of_ratings * row.users for row in activity)
    bands: list[Row] = []
    for lowest, above in zip(_BANDS, (*_BANDS[1:], None), strict=True):
        within = [
            row
            for row in activity
            if row.number_of_ratings >= lowest and (above is None or row.number_of_ratings < above)
        ]
        in_band = sum(row.users for row in within)
        given = sum(row.number_of_ratings * row.users for row in within)
        if in_band:
            bands.append(
                {
                    "band": f"{lowest:,} or more" if above is None else f"{lowest:,} to {above - 1:,}",
                    "users": in_band,
                    "ratings": given,
                    "users_share": round(in_band / users, 5),
                    "ratings_share": round(given / ratings, 5),
                }
            )
    return bands


def month_rows(months: Sequence[Month]) -> list[Row]:
    """A row for every month from the first to the last, with zeros where nobody rated."""
    found = {month.rating_month: month for month in months}
    rows: list[Row] = []
    month = min(found, default=None)
    while month is not None and month <= max(found):
        row = found.get(month, Month(month, 0, 0, 0.0))
        rows.append(
            {
                "month": int(dt.datetime(month.year, month.month, 1, tzinfo=dt.timezone.utc).timestamp() * 1000),
                "name": f"{month:%b %Y}",
                "ratings": row.rating_count,
                "users": row.user_count,
                "mean": f"{row.rating_sum / row.rating_count:.2f}" if row.rating_count else "none",
            }
        )
        month = (month + dt.timedelta(days=31)).replace(day=1)
    return rows


def year_rows(years: Sequence[Year]) -> list[Row]:
    """A row for every year from the first to the last, with zeros where nothing was released."""
    found = {year.release_year: year for year in years}
    if not found:
        return []
    return [
        {"year": year, "rated": row.rated_movie_count, "all": row.movie_count}
        for year in range(min(found), max(found) + 1)
        for row in [found.get(year, Year(year, 0, 0))]
    ]


def _not_genres(data: ReportData) -> str:
    movies: Mapping[str, int] = Counter(
        genre for movie in data.movies for genre in movie.genres.split("|") if genre in NOT_GENRES
    )
    without = movies.get(NO_GENRES, 0)
    return f"{without:,} rated {'movie' if without == 1 else 'movies'} without genres; IMAX, which is a format"


_MAKERS: Mapping[str, Callable[[ReportData], Card]] = {
    "popularity": _popularity,
    "best": _best,
    "genres": _genres,
    "genre-stars": _genre_stars,
    "activity": _activity,
    "months": _months,
    "releases": _releases,
    "tags": _tags,
}

CHARTS = tuple(_MAKERS)
"""The ids of all cards, in the order of the page."""

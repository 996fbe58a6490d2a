"""What the report reads of the marts: one portable SELECT a question, each into small typed rows.

Reads through `Warehouse.query` and `queries` only, so that DuckDB and Snowflake answer alike. What is made of the rows
belongs in `findings.py`, `charts.py` and `cards.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from netflix_assets.errors import ReportError
from netflix_assets.loading.warehouse import Warehouse

MARTS = (
    "movie_scores",
    "genre_rating_distribution",
    "genre_rating_histogram",
    "user_engagement_summary",
    "tag_relevance_analysis",
    "movie_release_trends",
    "mart_movie_releases",
    "ratings_by_month",
)
"""Every mart that the report reads."""

NO_GENRES = "(no genres listed)"
NOT_GENRES = frozenset({NO_GENRES, "IMAX"})
"""Values of the genre column that are none: the placeholder, and a format of film."""


class Movie(NamedTuple):
    """One rated movie. Means and scores are in stars; `rating_sum` is the sum of its stars."""

    title: str
    release_year: int | None
    genres: str
    rating_count: int
    rating_sum: float
    weighted_score: float


class Genre(NamedTuple):
    """All ratings of the movies of one genre."""

    genre: str
    rating_count: int
    rating_sum: float


class Stars(NamedTuple):
    """How many ratings of a genre have so many stars (0.5 to 5)."""

    genre: str
    rating: float
    rating_count: int


class Activity(NamedTuple):
    """How many users gave so many ratings, and the first and last time that one of them rated, UTC."""

    number_of_ratings: int
    users: int
    first_rated_at: dt.datetime
    last_rated_at: dt.datetime


class Tag(NamedTuple):
    """One tag of the tag genome; relevance is from 0 to 1."""

    tag_name: str
    movie_count: int
    average_relevance: float
    strong_movie_count: int


class Year(NamedTuple):
    """Movies released in a year, and those of them that anyone rated."""

    release_year: int
    movie_count: int
    rated_movie_count: int


class Month(NamedTuple):
    """Ratings given in a month (its first day, UTC)."""

    rating_month: dt.date
    rating_count: int
    user_count: int
    rating_sum: float


@dataclass(frozen=True)
class Tiles:
    """The numbers at the top.

    Attributes:
        ratings: Ratings given.
        movies: Movies with a rating.
        users: Users who rated.
        mean: Mean of all ratings in stars; None without ratings.
        tags: Tags of the tag genome with scores.
    """

    ratings: int
    movies: int
    users: int
    mean: float | None
    tags: int


@dataclass(frozen=True)
class ReportData:
    """Everything the report shows.

    Attributes:
        movies: Best weighted score first.
        movies_without_mean: Movies in the mart that have no mean or score, and are not in `movies`.
        genres: In no particular order.
        stars: By genre and stars.
        activity: By number of ratings, fewest first.
        tags: Most relevant first.
        years: Oldest first.
        months: Oldest first; only those with ratings.
        mart_rows: Rows of each of `MARTS`.
    """

    movies: Sequence[Movie]
    movies_without_mean: int
    genres: Sequence[Genre]
    stars: Sequence[Stars]
    activity: Sequence[Activity]
    tags: Sequence[Tag]
    years: Sequence[Year]
    months: Sequence[Month]
    mart_rows: dict[str, int]

    @property
    def as_of(self) -> dt.datetime | None:
        """Time of the newest rating, UTC; None without ratings."""
        return max((row.last_rated_at for row in self.activity), default=None)

    @property
    def since(self) -> dt.datetime | None:
        """Time of the first rating, UTC; None without ratings."""
        return min((row.first_rated_at for row in self.activity), default=None)

    @property
    def tiles(self) -> Tiles:
        """The numbers at the top."""
        ratings = sum(month.rating_count for month in self.months)
        return Tiles(
            ratings=ratings,
            movies=len(self.movies),
            users=sum(row.users for row in self.activity),
            mean=sum(month.rating_sum for month in self.months) / ratings if ratings else None,
            tags=len(self.tags),
        )


def mart_schema(schema_prefix: str) -> str:
    """The schema of the marts in this environment."""
    return f"{schema_prefix}mart"


def read_report_data(warehouse: Warehouse, schema_prefix: str = "") -> ReportData:
    """Read all that the report shows.

    Raises:
        WarehouseError: The warehouse cannot be opened, or a mart or a column of it is missing.
        ReportError: The marts count different ratings, as they do while they are being rebuilt.
    """
    mart = mart_schema(schema_prefix)
    counts = " union all ".join(f"select '{name}', count(*) from {mart}.{name}" for name in MARTS)
    others = (_MOVIES, _GENRES, _STARS, _ACTIVITY, _TAGS, _YEARS, _MONTHS)
    rows, movies, genres, stars, activity, tags, years, months = warehouse.queries(
        [counts, *(query.format(mart=mart) for query in others)]
    )
    mart_rows = {str(name): int(count) for name, count in rows}
    data = ReportData(
        movies=[Movie(*row) for row in movies],
        movies_without_mean=mart_rows["movie_scores"] - len(movies),
        genres=[Genre(*row) for row in genres],
        stars=[Stars(*row) for row in stars],
        activity=[Activity(*row) for row in activity],
        tags=[Tag(*row) for row in tags],
        years=[Year(*row) for row in years],
        months=[Month(*row) for row in months],
        mart_rows=mart_rows,
    )
    _refuse_if_marts_disagree(data)
    return data


def read_tiles(warehouse: Warehouse, schema_prefix: str = "") -> tuple[Tiles, dt.datetime | None]:
    """The tiles and the time of the newest rating, from questions of their own: what the page is held against."""
    mart = mart_schema(schema_prefix)
    ((ratings, movies, users, mean, tags, as_of),) = warehouse.query(_TILES.format(mart=mart))
    return Tiles(int(ratings or 0), int(movies), int(users), None if mean is None else float(mean), int(tags)), as_of


def _refuse_if_marts_disagree(data: ReportData) -> None:
    """Movies may count fewer ratings than months do: those of movies that movies.csv does not have (yet)."""
    by_month = sum(month.rating_count for month in data.months)
    by_user = sum(row.number_of_ratings * row.users for row in data.activity)
    by_movie = sum(movie.rating_count for movie in data.movies)
    if by_month != by_user or by_movie > by_month:
        raise ReportError(
            f"the marts count different ratings (ratings_by_month {by_month:,}, movie_scores {by_movie:,}, "
            f"user_engagement_summary {by_user:,}), as they do while a run rebuilds them; "
            "build the report again when it has ended, or run `netflix-assets materialize`"
        )


# The marts are small, so a column is cast where its type differs between warehouses (DECIMAL, NUMBER).
_MOVIES = """
select title, release_year, genres, rating_count, cast(rating_sum as double), weighted_score
from {mart}.movie_scores
where average_rating is not null and weighted_score is not null and rating_count > 0
order by weighted_score desc, rating_count desc, movie_id
"""
_GENRES = """
select genre, max(genre_rating_count), cast(max(genre_rating_sum) as double)
from {mart}.genre_rating_distribution
group by genre
order by genre
"""
_STARS = """
select genre, cast(rating as double), rating_count
from {mart}.genre_rating_histogram
order by genre, rating
"""
_ACTIVITY = """
select number_of_ratings, count(*), min(first_rated_at), max(last_rated_at)
from {mart}.user_engagement_summary
group by number_of_ratings
order by number_of_ratings
"""
_TAGS = """
select tag_name, movie_count, average_relevance, strong_movie_count
from {mart}.tag_relevance_analysis
where average_relevance is not null
order by average_relevance desc, tag_name
"""
_YEARS = """
select release_year, movie_count, rated_movie_count
from {mart}.movie_release_trends
order by release_year
"""
_MONTHS = """
select rating_month, rating_count, user_count, cast(rating_sum as double)
from {mart}.ratings_by_month
order by rating_month
"""
_TILES = """
select
    (select sum(rating_count) from {mart}.ratings_by_month),
    (select count(*) from {mart}.movie_scores where average_rating is not null and weighted_score is not null),
    (select count(*) from {mart}.user_engagement_summary),
    (select cast(sum(rating_sum) as double) / nullif(sum(rating_count), 0) from {mart}.ratings_by_month),
    (select count(*) from {mart}.tag_relevance_analysis where average_relevance is not null),
    (select max(last_rated_at) from {mart}.user_engagement_summary)
"""

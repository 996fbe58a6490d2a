"""Report data made without a warehouse: from a list of movies, with everything else agreeing with it."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence

from netflix_assets.reporting.queries import Activity, Genre, Month, Movie, ReportData, Stars, Tag, Year
from netflix_assets.settings import PROJECT_ROOT

PRIOR = 20
AS_OF = dt.datetime(2020, 2, 3, 4, 5, 6)
KEEP_IN = PROJECT_ROOT / ".pytest_cache" / "report"
"""The charts' library takes seconds to make: once for all tests."""
BUILT_AT = dt.datetime(2020, 3, 1, 12, 30, tzinfo=dt.timezone.utc)
GENRES = ("Action", "Comedy", "Crime", "Drama", "Horror", "IMAX", "War", "(no genres listed)")
SCRIPT = "<script>alert(1)</script>"
AWKWARD = (
    SCRIPT,
    "</script><img src=x onerror=alert(1)> \"double\" 'single' & {{braces}} (1999)",
    "🍿 Żółć, naïve — “quoted” (2001)",
    "שלום עולם (2003)",
)
"""Titles that must stay text."""

TAGS = (Tag("original", 10, 0.72, 6), Tag("dark & stormy <night>", 10, 0.61, 3), Tag("quirky", 10, 0.3, 0))


def with_scores(movies: Sequence[tuple[str, int | None, str, int, float]]) -> list[Movie]:
    """Movies from (title, year, genres, ratings, sum of stars), best weighted score first."""
    mean = sum(stars for *_, stars in movies) / sum(number for *_, number, _ in movies)
    scored = [Movie(*movie, (PRIOR * mean + movie[4]) / (PRIOR + movie[3])) for movie in movies]
    return sorted(scored, key=lambda movie: -movie.weighted_score)


def report_data(movies: Sequence[Movie], *, tags: Sequence[Tag] = TAGS) -> ReportData:
    """Everything else of a report on these movies: one user a rating, all in two months."""
    ratings = sum(movie.rating_count for movie in movies)
    stars = sum(movie.rating_sum for movie in movies)
    by_genre = {
        genre: (
            sum(movie.rating_count for movie in movies if genre in movie.genres.split("|")),
            sum(movie.rating_sum for movie in movies if genre in movie.genres.split("|")),
        )
        for genre in sorted({genre for movie in movies for genre in movie.genres.split("|")})
    }
    years = Counter(movie.release_year for movie in movies if movie.release_year is not None)
    early = ratings // 3
    return ReportData(
        movies=movies,
        movies_without_mean=0,
        genres=[Genre(genre, number, total) for genre, (number, total) in by_genre.items()],
        stars=[
            Stars(genre, half / 2, number if half == 8 else 0)
            for genre, (number, _) in by_genre.items()
            for half in range(1, 11)
        ],
        activity=[Activity(1, ratings, dt.datetime(2020, 1, 1), AS_OF)] if ratings else [],
        tags=tags,
        years=[Year(year, number + 1, number) for year, number in sorted(years.items())],
        months=[
            Month(dt.date(2020, 1, 1), early, early, stars * early / ratings),
            Month(dt.date(2020, 2, 1), ratings - early, ratings - early, stars * (ratings - early) / ratings),
        ]
        if ratings
        else [],
        mart_rows={
            "movie_scores": len(movies),
            "genre_rating_distribution": len(by_genre),
            "genre_rating_histogram": 10 * len(by_genre),
            "user_engagement_summary": ratings,
            "tag_relevance_analysis": len(tags),
            "movie_release_trends": len(years),
            "mart_movie_releases": len(movies) + len(years),
            "ratings_by_month": 2 if ratings else 0,
        },
    )


def many(number: int, *, seed: int = 1) -> ReportData:
    """A report on so many movies, most of them with few ratings, the awkward titles among them."""
    chance = random.Random(seed)
    movies: list[tuple[str, int | None, str, int, float]] = [
        (title, 1999 + position, "Drama|War", 300 + position, (300 + position) * 4.0)
        for position, title in enumerate(AWKWARD)
    ]
    for position in range(len(movies), number):
        ratings = min(80_000, int(chance.paretovariate(0.55)))
        halves = round(ratings * min(10.0, max(1.0, chance.gauss(6.5, 1.4 if ratings < 50 else 0.8))))
        year = None if chance.random() < 0.01 else 1920 + int(100 * chance.random() ** 0.4)
        genres = (
            "|".join(sorted(chance.sample(GENRES[:-1], chance.randint(1, 3)))) if chance.random() > 0.05 else GENRES[-1]
        )
        movies.append((f"The Long Title of Movie {position} ({year})", year, genres, ratings, halves / 2))
    return report_data(with_scores(movies))


EMPTY = report_data([], tags=())

"""What the data says, in one sentence a chart, or None where it says nothing clear.

Only of the charts that filters leave alone; what the others say depends on the filters, so the page says it
(`page/report.js`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeVar

from netflix_assets.reporting.queries import NOT_GENRES, Activity, Month, Stars, Tag

_Key = TypeVar("_Key")

MANY_RATINGS = 100
"""A genre needs so many ratings to be spoken of."""


def share_of_most_active(activity: Sequence[Activity], fraction: float = 0.1) -> tuple[int, float] | None:
    """How many users the most active fraction (0 to 1) are, and their share of all ratings; None without any."""
    users = sum(row.users for row in activity)
    ratings = sum(row.number_of_ratings * row.users for row in activity)
    most = left = round(users * fraction)
    if not most or not ratings:
        return None
    given = 0
    for row in sorted(activity, reverse=True):
        taken = min(left, row.users)
        given += taken * row.number_of_ratings
        left -= taken
    return most, given / ratings


def of_activity(activity: Sequence[Activity]) -> str | None:
    """How uneven the users are."""
    found = share_of_most_active(activity)
    return found and f"The most active 10% of users gave {found[1]:.0%} of all ratings"


def of_genre_stars(stars: Sequence[Stars]) -> str | None:
    """Which number of stars most genres get most often."""
    counts: dict[str, dict[float, int]] = defaultdict(dict)
    for row in stars:
        if row.genre not in NOT_GENRES:
            counts[row.genre][row.rating] = row.rating_count
    peaks = {
        genre: peak
        for genre, by_stars in counts.items()
        if sum(by_stars.values()) >= MANY_RATINGS and (peak := _only_largest(by_stars)) is not None
    }
    genres: dict[float, int] = defaultdict(int)
    for peak in peaks.values():
        genres[peak] += 1
    most = _only_largest(genres)
    if most is None or len(peaks) < 2:
        return None
    of = "every genre" if genres[most] == len(peaks) else f"{genres[most]} of {len(peaks)} genres"
    return f"{most:g} {'star is' if most == 1 else 'stars are'} what {of} get{'s' if of == 'every genre' else ''} most"


def of_tags(tags: Sequence[Tag]) -> str | None:
    """Which tag fits the average movie best."""
    if not tags or (len(tags) > 1 and tags[0].average_relevance == tags[1].average_relevance):
        return None
    return f"“{tags[0].tag_name}” fits the average movie best, at a relevance of {tags[0].average_relevance:.2f}"


def of_months(months: Sequence[Month]) -> str | None:
    """Which month had most ratings."""
    peak = _only_largest({row.rating_month: row.rating_count for row in months})
    if peak is None or len(months) < 2:
        return None
    most = max(row.rating_count for row in months)
    return f"{peak:%B %Y} was the busiest month, with {most:,} ratings"


def _only_largest(values: Mapping[_Key, int]) -> _Key | None:
    """The key of the largest value above 0, None if several share it."""
    largest = max(values.values(), default=0)
    keys = [key for key, value in values.items() if value == largest]
    return keys[0] if largest > 0 and len(keys) == 1 else None

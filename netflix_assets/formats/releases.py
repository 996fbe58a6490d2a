"""The rows that known releases have, as published: shown beside what was read.

GroupLens, "README" of each release; Netflix Inc., "README" of the Netflix Prize.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """A release, and the rows of its files.

    Attributes:
        name: As its publisher calls it.
        spelling: How it is found in the name of a source or of a folder in it.
        rows: By raw file.
    """

    name: str
    spelling: re.Pattern[str]
    rows: Mapping[str, int]


def _release(name: str, spelling: str, ratings: int, movies: int, tags: int | None = None, **more: int) -> Release:
    rows = {"ratings": ratings, "movies": movies, **({"tags": tags} if tags is not None else {}), **more}
    return Release(name, re.compile(rf"(?<![a-z0-9]){spelling}(?![a-z0-9])", re.IGNORECASE), rows)


RELEASES: tuple[Release, ...] = (
    _release("ml-100k", "ml-100k", 100_000, 1_682),
    _release("ml-1m", "ml-1m", 1_000_209, 3_883),
    _release("ml-10m", "ml-10m(?:100k)?", 10_000_054, 10_681, 95_580),
    _release(
        "ml-20m", "ml-20m", 20_000_263, 27_278, 465_564, links=27_278, genome_scores=11_709_768, genome_tags=1_128
    ),
    _release(
        "ml-25m", "ml-25m", 25_000_095, 62_423, 1_093_360, links=62_423, genome_scores=15_584_448, genome_tags=1_128
    ),
    _release("ml-32m", "ml-32m", 32_000_204, 87_585, 2_000_072, links=87_585),
    _release("ml-latest-small of 2018", "ml-latest-small", 100_836, 9_742, 3_683, links=9_742),
    _release("ml-latest-small of 2016", "ml-latest-small", 100_004, 9_125, 1_296, links=9_125),
    _release("ml-latest-small of 2015", "ml-latest-small", 105_339, 10_329, 6_138, links=10_329),
    _release("ml-latest of 2023", "ml-latest", 33_832_162, 86_537, 2_328_315, links=86_537),
    _release("ml-latest of 2018", "ml-latest", 27_753_444, 58_098, 1_108_997, links=58_098),
    _release("the Netflix Prize", "netflix-prize(?:-data)?|nf_prize_dataset", 100_480_507, 17_770),
)


def find_release(names: Iterable[str], hints: Iterable[str], rows: Mapping[str, int]) -> Release | None:
    """The release that a source is: by its name, and where there are several of that name, by what it holds.

    Args:
        names: Names of the source and of folders in it.
        hints: Names of releases that its dialect tells, for a source of another name.
        rows: Rows read, by raw file.
    """
    found = _spelt(names) or _spelt(hints)
    found = [release for release in found if rows.keys() <= release.rows.keys()] or found
    # The longest spelling: ml-latest-small is not ml-latest.
    longest = max((len(release.spelling.pattern) for release in found), default=0)
    found = [release for release in found if len(release.spelling.pattern) == longest]
    same = (one for one in found if all(one.rows.get(name, count) == count for name, count in rows.items()))
    return next(same, found[0] if found else None)


def _spelt(names: Iterable[str]) -> list[Release]:
    given = list(names)
    return [release for release in RELEASES if any(release.spelling.search(name) for name in given)]

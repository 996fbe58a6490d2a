"""The dialects: releases that spell the catalogue's files in their own way, recognised by content.

Adding one is one entry in `DIALECTS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netflix_assets.catalog import RAW_FILES
from netflix_assets.formats.dialects.kaggle import KAGGLE_20M, fields_of
from netflix_assets.formats.dialects.movielens import MOVIELENS_100K, MOVIELENS_DAT
from netflix_assets.formats.dialects.netflix_prize import NETFLIX_PRIZE
from netflix_assets.formats.dialects.shape import Dialect, Extras, NotKept, Pieces, Shape

__all__ = ["DIALECTS", "Dialect", "Extras", "NotKept", "Pieces", "Shape", "not_kept", "recognise"]

DIALECTS: tuple[Dialect, ...] = (KAGGLE_20M, MOVIELENS_100K, MOVIELENS_DAT, NETFLIX_PRIZE)


def recognise(name: str, lines: Sequence[str], dialects: Iterable[Dialect] = DIALECTS) -> tuple[Dialect, Shape] | None:
    """Tell of which dialect a file is, and what it becomes.

    Args:
        name: Its name, without folders and without `.gz`.
        lines: Its first lines, decoded, without those that are blank.
        dialects: Those to look among.
    """
    # Under a header of the catalogue there is no dialect without one.
    has_header = any(lines and fields_of(lines[0], len(file.header)) == list(file.header) for file in RAW_FILES)
    alike: list[tuple[Dialect, Shape]] = []
    for dialect in dialects:
        for shape in dialect.shapes:
            if has_header and shape.first_row == 1:
                continue
            likeness = shape.likeness(lines)
            if likeness > 0 and shape.names.fullmatch(name):
                return dialect, shape
            if likeness > 0.5 and not shape.only_named:
                alike.append((dialect, shape))
    return alike[0] if alike else None


def not_kept(name: str, dialects: Iterable[Dialect]) -> NotKept | None:
    """What a file of one of these dialects is that the catalogue has no place for, or None."""
    return next((one for dialect in dialects for one in dialect.not_kept if one.names.fullmatch(name)), None)

"""When too much of an object or month is bad for it to be loaded: the one place where the limit is applied.

An object, or a month over all its objects, is refused when more of its rows are bad than are always allowed (10) and
more than the allowed share of them (1%), or when a merge conflict stands in it. It is judged by itself, whatever else
the load brings, and it is left out alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from netflix_assets.catalog import RawFile
from netflix_assets.loading.quarantine import EXAMPLE
from netflix_assets.loading.warehouse import PreparedObject
from netflix_assets.settings import RejectLimit


def refusal(
    file: RawFile, month: str | None, items: Sequence[PreparedObject], limit: RejectLimit, *, repeats: int = 0
) -> str | None:
    """Say why a month (or a file without months) is refused; None if it is not.

    Args:
        file: What its objects hold.
        month: The month, or None.
        items: Its objects, with what is bad of them.
        limit: What may be.
        repeats: Rows beyond those counted as bad that repeat the key of another one; the sentence then holds
            `quarantine.EXAMPLE`, for the caller to replace.
    """
    stays = f"{file.table} keeps what it held of {month}" if month else f"{file.table} stays as it was"
    for item in items:
        if item.conflict is not None:
            return f"{item.conflict}, so {stays}; resolve the conflict and upload the real file"
        if exceeds(item.rows_rejected, item.rows_read, limit):
            return _sentence(stays, _named(file, item), item.rows_rejected, item.rows_read, [item], limit)
    rejected, read = sum(item.rows_rejected for item in items), sum(item.rows_read for item in items)
    if not exceeds(rejected + repeats, read, limit):
        return None
    where = _named(file, items[0]) if len(items) == 1 else f"{file.name} of {month}" if month else file.name
    return _sentence(stays, where, rejected + repeats, read, items, limit)


def _named(file: RawFile, item: PreparedObject) -> str:
    """Name an object; one that was cut from a whole export is the month of that."""
    return f"{file.name} of {item.month}" if file.is_split_object(item.version.key) else item.version.key


def exceeds(rejected: int, read: int, limit: RejectLimit) -> bool:
    """Whether so many rows are too many; 29 of 100 are not more than 0.29."""
    return rejected > limit.rows and rejected > limit.fraction * read + 1e-6


def _sentence(
    stays: str,
    where: str,
    bad: int,
    read: int,
    items: Sequence[PreparedObject],
    limit: RejectLimit,
) -> str:
    always = f"more than {limit.rows} and " if limit.rows else ""
    first = next((str(item.rejects[0]) for item in items if item.rejects), EXAMPLE)
    return (
        f"{bad} of the {read} rows of {where} are bad, {always}more than the allowed "
        f"{limit.fraction:.2%}, so {stays}; the first: {first}; correct the file and upload it again, or raise "
        "NETFLIX_MAX_REJECTED_FRACTION"
    )

"""When a load would take away so much that a person has to let it through: the one place where the limit is applied.

A file, or a month of one, is held back when the load would take away more than a share (`NETFLIX_MAX_SHRINK`, 30%) of
the rows, or of the keys, that it held, and more than 10 of them. A half-copied file, a truncated export or a deleted
`movies.csv` would else close the history in the snapshots of everything that is missing. A month that has no objects
left is empty on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netflix_assets.catalog import RawFile
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.loading.warehouse import LoadState
from netflix_assets.partitions import load_name

ALWAYS_ALLOWED = 10
"""Rows or keys that a load may take away in any case: small files lose a large share of themselves easily."""


@dataclass(frozen=True)
class Shrink:
    """What a load would do to a file or month.

    Attributes:
        rows_before: Rows it holds.
        rows_after: Rows it would hold.
        keys_lost: Keys it holds and would not hold.
    """

    rows_before: int
    rows_after: int
    keys_lost: int = 0

    def exceeds(self, max_shrink: float) -> bool:
        """Say whether it takes away too much."""
        lost = max(self.rows_before - self.rows_after, self.keys_lost)
        return lost > ALWAYS_ALLOWED and lost > max_shrink * self.rows_before + 1e-6


def may_shrink(partition_key: str | None, versions: Sequence[ObjectVersion], before: LoadState | None) -> bool:
    """Say whether a load can be one that takes away too much, so that its keys are worth comparing.

    Not of what held little or nothing, of a month that was emptied, and of the same objects loaded again.
    """
    if before is None or before.rows_loaded <= ALWAYS_ALLOWED or before.matches(versions):
        return False
    return partition_key is None or bool(versions)


def shrink_sentence(file: RawFile, partition_key: str | None, shrink: Shrink, max_shrink: float) -> str:
    """Say what is held back, with the numbers, and how a person lets it through."""
    name = load_name(file, partition_key)
    return (
        f"{name} would go from {shrink.rows_before:,} rows to {shrink.rows_after:,}, and {shrink.keys_lost:,} of its "
        f"keys ({', '.join(file.key)}) would be gone: more than the allowed {max_shrink:.0%}, so {file.table} and the "
        "history below it stay as they were; put the whole file, or if it is right, let it through with "
        f"`netflix-assets materialize --accept {name}` (in the UI: `accept_shrink: true` in the run's config)"
    )

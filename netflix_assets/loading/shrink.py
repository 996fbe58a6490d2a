"""When a load would take away so much that a person has to let it through: the one place where the limit is applied.

A file, or a month of one, is held back when the load would take away more than a share (`NETFLIX_MAX_SHRINK`, 30%) of
the rows, or of the keys, that it held, and more than 10 of them. A half-copied file, a truncated export or a deleted
`movies.csv` would else close the history in the snapshots of everything that is missing. One month that has no objects
left is empty on purpose; several that lost theirs at once count as what their file loses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netflix_assets.catalog import RawFile
from netflix_assets.landing.bucket import ObjectVersion
from netflix_assets.loading.warehouse import LoadState, ObjectsByPartition
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


def months_gone_at_once(
    file: RawFile, objects: ObjectsByPartition, states: Mapping[str | None, LoadState], max_shrink: float
) -> dict[str | None, str]:
    """Say why months that lost all their objects at once are held back.

    Args:
        file: Theirs.
        objects: What is to be loaded by month, but for what a person has accepted.
        states: What is held of every month.
        max_shrink: The share of the file's rows that may go.

    Returns:
        The same sentence for each; nothing if it is one month alone, or little of the file.
    """
    gone = sorted(key for key, versions in objects.items() if key and not versions and key in states)
    rows = sum(state.rows_loaded for state in states.values())
    shrink = Shrink(rows, rows - sum(states[key].rows_loaded for key in gone))
    if len(gone) < 2 or not shrink.exceeds(max_shrink):
        return {}
    sentence = (
        f"{len(gone):,} months of {file.name} ({gone[0]} to {gone[-1]}) have lost all their objects at once: "
        f"{file.table} would go from {shrink.rows_before:,} rows to {shrink.rows_after:,}, more than the allowed "
        f"{max_shrink:.0%}, so these months and the history below them stay as they were; put them again, or if they "
        f"are to go, let it through with `netflix-assets materialize --accept {file.name}` (in the UI: "
        "`accept_shrink: true` in the run's config)"
    )
    return dict.fromkeys(gone, sentence)

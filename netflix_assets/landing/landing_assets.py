"""Everything of the bucket that Dagster shows: the raw files, the bucket as a whole, and the cut of whole exports."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import dagster as dg

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.landing.source_assets import bucket_asset, every_object_is_known, source_asset
from netflix_assets.landing.whole_export import export_is_split, split_asset


def landing_definitions(
    scratch: Path, files: Sequence[RawFile] = RAW_FILES, *, by_name: Collection[str], limits: str
) -> dg.Definitions:
    """Assets and checks of the bucket.

    Args:
        scratch: A folder for downloads.
        files: The files in the bucket.
        by_name: Names of those whose columns are found by their names.
        limits: See `split_asset`.
    """
    return dg.Definitions(
        assets=[
            bucket_asset(),
            *(source_asset(file) for file in files),
            *(
                split_asset(file, scratch, by_name=file.name in by_name, limits=limits)
                for file in files
                if file.month_column
            ),
        ],
        asset_checks=[
            every_object_is_known,
            *(export_is_split(file, limits=limits) for file in files if file.month_column),
        ],
    )

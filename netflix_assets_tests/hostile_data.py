"""Files that are odd in every way that a load accepts, and a `dbt build` of what the loads made of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Mapping

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.formats.months import time_window
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.settings import Settings
from netflix_assets.targets import warehouse_from
from netflix_assets.transform.project import PROJECT_DIR, dbt_environment, dbt_executable, prepared_project

_NBSP = "\u00a0"

HOSTILE: Mapping[str, tuple[str, ...]] = {
    "movies": (
        "1,Toy Story (1995),Adventure|Animation|Children",
        f"2,{_NBSP}Heat (1995)\u2003\t,action|Crime",
        "3,Untitled (0000),Drama",
        "4,Tomorrow (9999),Drama",
        "5,(1999),Drama",
        "6,Up (2009),Animation||Drama|",
        "7,Twice (2001),Drama|Drama| drama |DRAMA",
        "8,Nothing (2002),|",
        f"9,Blank genres (2003),{_NBSP}",
        '10,"A ""quoted"", title (1987)",(no genres listed)',
        "11,Two | lines (1950),Film  Noir|Film Noir",
        f"12,{'long ' * 400}(1960),{'|'.join(f'Genre {n}' for n in range(300))}",
        "2147483647,Last (1920),Drama",
        "13,Toy Story (1995),Action",
        "14,ÎLE DE İSTANBUL (1901),ÉTÉ|été",
        "15,Nobody rated this,Western",
    ),
    "links": (
        "1,114709,862",
        "2,0114709,4592.0",
        "3,tt0114709,",
        "4,114709.0,1",
        "5,12345678901234567890,2147483647",
        "6,unknown,5",
        "7,0,6",
        "8,000000000114709,7",
        "99,1,1",
    ),
    "tags": (
        "1,1,noir,1425168000",
        "1,1,Noir,1425168000",
        "1,1,NOIR ,1425168000",
        "1,1,noir,1425168001",
        "7,1,|,0",
        "7,77,'; drop table x; --,1425168000",
        f"8,3,{'x' * 20_000},1425168000",
        f"8,3,a{_NBSP},1425168000",
        "8,3,a,1425168000",
        "2147483647,2147483647,\U0001f3ac,1425168000",
    ),
    "genome_tags": ("1,noir", "2,noir", f"3,{_NBSP}noir ", "4,Noir", "2147483647,last"),
    "genome_scores": (
        "1,1,0",
        "1,2,1",
        "1,77,0.5",
        "1,2147483647,1e-9",
        "2,1,0.30000000000000004",
        "55,1,-0",
    ),
    "ratings/2015-03": ("1,1,5,1425168000", "1,1,0.5,1425168001", "1,404,3,1425168000", "9,5,4.0,1427846399"),
    "ratings/2015-04": ("2147483647,2147483647,0.5,1427846400",),
    **{f"ratings/2016-{month:02}": (f"{month},1,3.5,{time_window(f'2016-{month:02}')[0]}",) for month in range(1, 13)},
}
"""Rows by file, and month of a monthly one."""

WARNINGS = {
    "fact_genome_scores_movies_and_tags_are_known",
    "fact_movie_rating_counts_movies_and_stars_are_known",
    "raw_links_imdb_id_is_a_number_at_imdb",
    "raw_movies_genres_is_a_tidy_list",
    "unique_src_genome_tags_tag_name",
    "src_links_movie_id_is_in_src_movies",
    "src_movies_genres_are_spelt_alike",
    "src_movies_release_year_is_read_where_a_title_ends_in_one",
}
"""The tests that tell of it."""


def put(bucket: LandingBucket, lines: Mapping[str, tuple[str, ...]]) -> None:
    """Write the rows of each file, or month of one, where an upload would."""
    for name, rows in lines.items():
        file_name, _, month = name.partition("/")
        file = _file(file_name)
        text = "\n".join((",".join(file.header), *rows)) + "\n"
        bucket.put(file.object_key(month or None), io.BytesIO(text.encode()))


def _file(name: str) -> RawFile:
    return next(file for file in RAW_FILES if file.name == name)


def load(settings: Settings) -> int:
    """Load everything that the bucket holds, tables without objects as empty; returns the number of rejected rows."""
    bucket = LandingBucket(settings)
    warehouse = warehouse_from(settings)
    warehouse.ensure_raw_tables(RAW_FILES)
    contents = bucket.contents()
    return sum(
        warehouse.replace(file, objects, bucket, run_id="test").rows_rejected
        for file in RAW_FILES
        if (objects := contents.files.get(file.name, {} if file.month_column else {None: ()}))
    )


def dbt_build(settings: Settings, *arguments: str) -> dict[str, str]:
    """Build with every test; returns the status of each node by its name."""
    # Parsed by whoever was first, where dbt finds it.
    prepared_project(settings)
    folder = settings.dbt_target_path
    (folder / "run_results.json").unlink(missing_ok=True)
    with dbt_environment(settings):
        done = subprocess.run(
            [dbt_executable(), "--quiet", "build", "--project-dir", str(PROJECT_DIR), *arguments],
            env={**os.environ, "DBT_LOG_PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode in (0, 1) and (folder / "run_results.json").exists(), done.stdout + done.stderr
    results = json.loads((folder / "run_results.json").read_bytes())["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}

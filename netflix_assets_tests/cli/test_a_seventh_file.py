"""A new raw file is one entry in the catalogue, one dbt source and its models; shown on a copy of the project.

In that copy the ratings are partitioned by day, which is one word of their entry.

What the recipe in CONTRIBUTING.md leaves out, the tests of the lineage would miss: they are run on the copy as well.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

from netflix_assets.settings import PROJECT_ROOT, Settings
from netflix_assets.targets import duckdb_from
from netflix_assets_tests.pipeline import MOVIES, ratings_csv

START_OF_ENTRIES = "RAW_FILES: tuple[RawFile, ...] = (\n"
ENTRY = """\
    RawFile(
        "directors",
        "Who directed one movie.",
        (Column("movieId", _ID, minimum=1), Column("name", ColumnType.TEXT)),
        key=("movieId", "name"),
    ),
"""
BY_MONTH = '        month_column="timestamp",\n'
BY_DAY = f"{BY_MONTH}        partition_by=Grain.DAY,\n"
YEAR = dt.datetime.now(dt.timezone.utc).year - 1
SOURCE = """\
sources:
  - name: raw
    tables:
      - name: raw_directors
        description: A movie and one of its directors a row, as in directors.csv.
        columns:
          - name: movieId
            quote: true
            description: The movie.
          - name: name
            quote: true
            description: The director.
"""
MODEL = """\
select
    "movieId" as movie_id,
    "name" as director
from {{ source('raw', 'raw_directors') }}
"""
PROPERTIES = """\
models:
  - name: src_directors
    description: A movie and one of its directors a row.
    columns:
      - name: movie_id
        description: The movie.
      - name: director
        description: The director.
"""


# In one process: importing takes as long as the commands.
PROGRAM = """\
import inspect, json, sys
# Found now: the command line leaves out of its path what the shell has put there.
import netflix_assets_tests
from netflix_assets.cli import main
for release in sys.argv[1:]:
    for command in ["upload", release], ["materialize"], ["status", "--json"]:
        main(command, standalone_mode=False)
from netflix_assets.definitions import build_defs
from netflix_assets.settings import Settings
from netflix_assets_tests.transform import test_lineage
settings = Settings.from_environment()
graph = build_defs(settings).resolve_asset_graph()
manifest = json.loads((settings.dbt_target_path / "manifest.json").read_bytes())
given = {"own_settings": settings, "graph": graph, "manifest": manifest}
for name, test in inspect.getmembers(test_lineage, inspect.isfunction):
    if name.startswith("test_"):
        test(**{parameter: given[parameter] for parameter in inspect.signature(test).parameters})
        print(name)
"""


def test_a_new_file_is_loaded_and_modelled_after_one_entry_one_source_and_its_model(
    settings: Settings, tmp_path: Path, python: Path
) -> None:
    copy = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "target", "logs")
    for name in ("netflix_assets", "netflix_assets_tests", "dbt_project"):
        shutil.copytree(PROJECT_ROOT / name, copy / name, ignore=ignore)
    catalog = copy / "netflix_assets" / "catalog.py"
    text = catalog.read_text().replace(START_OF_ENTRIES, START_OF_ENTRIES + ENTRY).replace(BY_MONTH, BY_DAY)
    # Of each day Dagster records something.
    catalog.write_text(text.replace('FIRST_MONTH = "1995-01"', f'FIRST_MONTH = "{YEAR}-01"'))
    models = copy / "dbt_project" / "models"
    (models / "raw" / "raw_directors.yml").write_text(SOURCE)
    staging = models / "staging"
    (staging / "src_directors.sql").write_text(MODEL)
    (staging / "src_directors.yml").write_text(PROPERTIES)

    release = tmp_path / "release"
    release.mkdir()
    (release / "movies.csv").write_text(MOVIES)
    (release / "directors.csv").write_text("movieId,name\n1,John Lasseter\n4,Michael Mann\n")
    start = int(dt.datetime(YEAR, 1, 31, tzinfo=dt.timezone.utc).timestamp())
    (release / "ratings.csv").write_text(ratings_csv(f"{day + 1},1,4.0,{start + day * 86_400}" for day in range(3)))
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    (corrected / "ratings.csv").write_text(ratings_csv([f"2,1,1.0,{start + 86_400}", f"2,4,1.0,{start + 86_401}"]))
    done = subprocess.run(
        [str(python), "-c", PROGRAM, str(release), str(corrected)],
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": str(copy),
            "NETFLIX_HOME": str(settings.home),
            "NETFLIX_S3_ENDPOINT": settings.s3_endpoint,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tables = json.JSONDecoder().raw_decode(done.stdout, done.stdout.rindex("\n{") + 1)[0]["tables"]
    rows = {(table["layer"], table["table"]): table["rows"] for table in tables}
    assert rows["raw", "raw_directors"] == rows["staging", "src_directors"] == 2
    assert rows["raw", "raw_ratings"] == rows["fact", "fact_ratings"] == 4
    query = "select rating_month, rating_count, rating_sum from mart.ratings_by_month order by 1"
    february = dt.date(YEAR, 2, 1)
    assert [row[1:] for row in duckdb_from(settings).query(query) if row[0] == february] == [(3, Decimal("6.0"))]
    loads = "select load_id, count(*) from fact.fact_ratings group by 1 order by 1"
    assert [count for _, count in duckdb_from(settings).query(loads)] == [2, 2]
    folders = settings.home / "s3" / settings.bucket / "raw" / "ratings"
    assert {path.name for path in folders.iterdir()} == {f"day={YEAR}-01-31", f"day={YEAR}-02-01", f"day={YEAR}-02-02"}
    assert "test_every_check_has_a_description" in done.stdout

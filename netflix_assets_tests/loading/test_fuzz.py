"""A small run of the fuzz: every reader gives one verdict, and what is accepted stops no build."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.formats.rules import INVISIBLE, end_of_tomorrow
from netflix_assets.settings import Settings
from netflix_assets_tests.fuzz import run, scans_that_disagree, warehouses_of

LINES = 250


def test_every_reader_gives_one_verdict_and_what_is_accepted_stops_no_build(s3: Settings, snowflake: Settings) -> None:
    assert snowflake.snowflake is not None
    outcome = run(LINES, s3, warehouses_of(s3, snowflake.snowflake))
    assert outcome.disagreements == []
    assert (outcome.unbalanced, outcome.stopped_builds) == (0, 0)
    assert outcome.cases > LINES / 2


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("links", ["1,0114709,\t", "1,0114709,  ", "1,a,\v", "1,\u2003,5 ", "1,a, x", "1,,\t", "1,a,-1"]),
        ("genome_tags", [*(f"1,{blank}x" for blank in INVISIBLE if blank not in "\n\r"), "1,x\u200b", "1,é", "1,\x7f"]),
        ("genome_tags", [*(f"1,{blank}\u200b" for blank in INVISIBLE if blank not in "\n\r"), "1, ", "1,\u3000\u2800"]),
    ],
)
def test_what_is_blank_is_so_to_the_scan_as_well(tmp_path: Path, name: str, lines: list[str]) -> None:
    with duckdb.connect() as connection:
        encoded = [line.encode() for line in lines]
        assert scans_that_disagree(connection, tmp_path, raw_file(name), None, encoded, latest=end_of_tomorrow()) == []

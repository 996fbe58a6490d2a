"""Lines and rows that are accepted or set aside, each with its reason."""

from __future__ import annotations

import csv as csv_module
from collections.abc import Collection
from pathlib import Path

import pytest

from netflix_assets.formats.rows import ReadRow
from netflix_assets.loading import quarantine
from netflix_assets.loading.quarantine import Separated, separate
from netflix_assets_tests.loading.harness import MONTH, MOVIES, RATINGS, START, csv

LATEST = 1_700_000_000


def run(
    folder: Path,
    *lines: str,
    month: str | None = MONTH,
    repeated: Collection[quarantine.Key] = (),
    seen: dict[quarantine.Key, ReadRow] | None = None,
) -> Separated:
    path = folder / "landed.csv"
    path.write_bytes(csv(RATINGS, *lines))
    return separate(
        RATINGS,
        "raw/x.csv",
        month,
        path,
        folder / "good.csv",
        folder / "rejected.csv",
        latest=LATEST,
        repeated=repeated,
        seen=seen,
    )


def test_every_row_goes_to_exactly_one_of_two_files(tmp_path: Path) -> None:
    good, bad = f"1,1,4.0,{START}", "1,1,9,1"
    separated = run(tmp_path, good, bad, "", "  ", f" 2 ,1,4.0,{START}")
    assert (separated.rows_read, separated.rows_rejected) == (3, 1)
    assert (tmp_path / "good.csv").read_bytes() == csv(RATINGS, good, f"2,1,4.0,{START}")
    with (tmp_path / "rejected.csv").open(newline="") as rejected:
        assert list(csv_module.reader(rejected)) == [
            [MONTH, "raw/x.csv", "3", "rating", "'9' is above 5", bad],
        ]


def test_the_first_fault_of_a_row_is_the_one_reported(tmp_path: Path) -> None:
    (reject,) = run(tmp_path, "x,y,z,0").first
    assert str(reject) == "raw/x.csv, line 2, column userId: 'x' is not a number"


def test_only_the_first_hundred_rejects_are_kept_in_memory(tmp_path: Path) -> None:
    separated = run(tmp_path, *["x"] * 250)
    assert (separated.rows_rejected, len(separated.first)) == (250, 100)
    assert (tmp_path / "rejected.csv").read_bytes().count(b"\n") == 250


def test_a_month_is_checked_to_the_second_in_utc(tmp_path: Path) -> None:
    first, last = START, START + 31 * 86_400 - 1
    separated = run(tmp_path, *(f"1,1,4.0,{at}" for at in (first - 1, first, last, last + 1)))
    assert [reject.line for reject in separated.first] == [2, 5]
    assert run(tmp_path, "1,1,4.0,1", month=None).rows_rejected == 0


def test_repeated_rows_are_rejected_only_where_they_are_known_to_be_repeated(tmp_path: Path) -> None:
    row = f"1,1,4.0,{START}"
    assert run(tmp_path, row, row).rows_rejected == 0
    seen: dict[quarantine.Key, ReadRow] = {}
    key = (1, 1, START)
    assert [r.line for r in run(tmp_path, row, row, repeated={key}, seen=seen).first] == [3]
    assert list(seen) == [key]
    assert [r.line for r in run(tmp_path, row, row, repeated={key}, seen=seen).first] == [2, 3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('1,"a', "a quote is not closed"),
        ('1,"a",b,"', "a quote is not closed"),
        ('1,"a"b,c', "there is text after a closing quote"),
        ("1,a", "there are 2 fields, not 3"),
        ("1,a,b,c", "there are 4 fields, not 3"),
        ("1,a\rb,c", "there is a carriage return inside the line"),
        ("1,a\0b,c", "there is a NUL byte in the line"),
        (f"1,{'x' * 1_100_000},c", "this is not CSV (field larger than field limit (1048576))"),
    ],
)
def test_a_line_that_is_no_row_is_refused_as_a_whole(line: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "landed.csv").write_bytes(csv(MOVIES, line))
    separated = separate(
        MOVIES,
        "k",
        None,
        tmp_path / "landed.csv",
        tmp_path / "good.csv",
        tmp_path / "rejected.csv",
        latest=LATEST,
    )
    (reject,) = separated.first
    assert (reject.column, reject.reason) == (None, reason)
    assert reject.text == line.replace("\0", "\N{REPLACEMENT CHARACTER}")[:500]

"""A row that is set aside is told by the line of the export, or of the user's own file, that it was read from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from netflix_assets.catalog import source_lines_key
from netflix_assets.formats.months import time_window
from netflix_assets.landing.upload import upload
from netflix_assets.landing.whole_export import split
from netflix_assets.loading.warehouse import RefusedLoad
from netflix_assets_tests.landing.test_upload import zipped
from netflix_assets_tests.loading.harness import MONTH, MOVIES, NEXT_MONTH, RATINGS, START, Loading, csv

EXPORT = RATINGS.object_key()
LATER = time_window(NEXT_MONTH)[0]
LINES = (
    "1,1,3.0,A",  # line 2: goes with the first row that has a month
    f"2,1,3.0,{LATER}",
    " ",
    f"3,1,3.0,{START}",
    f"4,1,9.0,{START}",  # line 6
    f"2,1,3.0,{LATER}",  # line 7
    f"3,1,4.0,{START}",  # line 8
    "9,1,3.0,B",  # line 9
)
TOLD = [
    (2, "timestamp", "'A' is not a number"),
    (6, "rating", "9"),
    (7, None, "the same row is on lines 3 and 7"),
    (8, None, f"userId 3, movieId 1, timestamp {START} is on lines 5 and 8, with other rating"),
    (9, "timestamp", "'B' is not a number"),
]


def put_export(loading: Loading, tmp_path: Path, *lines: str) -> None:
    loading.bucket.put(EXPORT, io.BytesIO(csv(RATINGS, *lines)))
    split(RATINGS, loading.bucket.contents().whole_exports["ratings"], loading.bucket, tmp_path)


def test_a_reject_of_a_whole_export_is_told_by_the_line_of_the_export(loading: Loading, tmp_path: Path) -> None:
    put_export(loading, tmp_path, *LINES)
    loading.allow(1.0)
    report = loading.load(RATINGS)
    held = loading.warehouse.rejects(RATINGS, limit=9)
    assert [(one.object_key, one.line, one.column) for one in held] == [(EXPORT, *where) for *where, _ in TOLD]
    for reject, (_, _, reason) in zip(held, TOLD, strict=True):
        assert reason in reject.reason
    assert [one.text for one in held] == [LINES[one.line - 2] for one in held]
    assert sorted(map(str, report.rejects)) == sorted(map(str, held))
    firsts = [first for *_, first in loading.history(RATINGS)]
    assert firsts == [f"{held[1]}", f"{held[0]}"]


def test_a_refusal_tells_the_line_of_the_export(loading: Loading, tmp_path: Path) -> None:
    put_export(loading, tmp_path, f"1,1,3.0,{START}", *LINES[1:])
    with pytest.raises(RefusedLoad) as caught:
        loading.load(RATINGS)
    sentences = caught.value.refused
    assert f" of the 5 rows of ratings of {MONTH} are bad" in sentences[MONTH]
    assert f"the first: {EXPORT}, line 6, column rating: " in sentences[MONTH]
    assert f"1 of the 2 rows of ratings of {NEXT_MONTH} are bad" in sentences[NEXT_MONTH]
    assert f"the first: {EXPORT}, line 7: the same row is on lines 3 and 7; " in sentences[NEXT_MONTH]


@pytest.mark.parametrize("now", ["replaced", "spoilt", "removed"])
def test_a_reject_is_told_by_its_month_while_the_export_is_another(loading: Loading, tmp_path: Path, now: str) -> None:
    put_export(loading, tmp_path, *LINES)
    loading.allow(1.0)
    observed = loading.observed(RATINGS)
    if now == "removed":
        loading.bucket.delete(EXPORT)
    else:
        body = csv(RATINGS, f"2,2,3.0,{START}", *LINES, f"2,2,3.0,{LATER}")
        loading.bucket.put(EXPORT, io.BytesIO(body if now == "replaced" else b"nonsense"))
    loading.replace(RATINGS, observed)
    held = loading.warehouse.rejects(RATINGS, limit=9)
    assert [(one.object_key, one.line) for one in held] == [
        *((RATINGS.split_object_key(MONTH), line) for line in (3, 4, 5)),
        *((RATINGS.split_object_key(NEXT_MONTH), line) for line in (2, 4)),
    ]


def test_a_reject_of_an_upload_is_told_by_the_users_own_file_and_line(loading: Loading, tmp_path: Path) -> None:
    release = {
        "ml-1m/ratings.dat": f"1::1::3::{START}\n\n2::1::9::{LATER}\n1::1::3::{START}\n".encode(),
        "ml-1m/movies.dat": b"1::A (2001)::Drama\nx::B (2001)::Drama\n",
    }
    upload(str(zipped(tmp_path / "ml-1m.zip", release)), loading.bucket, scratch=tmp_path / "tmp")
    loading.allow(1.0)
    loading.load(RATINGS)
    loading.load(MOVIES)
    ratings, movies = "ml-1m/ratings.dat of ml-1m.zip", "ml-1m/movies.dat of ml-1m.zip"
    held = [one for file in (RATINGS, MOVIES) for one in loading.warehouse.rejects(file, limit=9)]
    assert [(one.object_key, one.line) for one in held] == [(ratings, 3), (ratings, 4), (movies, 2)]
    assert held[1].reason == "the same row is on lines 1 and 4"
    assert [first for *_, first in loading.history(RATINGS)] == [str(held[1]), str(held[0])]

    # The same rows from a file of another name: only where they are from is written.
    own = csv(RATINGS, f"2,1,9,{LATER}", f"1,1,3,{START}", f"1,1,3,{START}")
    (tmp_path / "ratings.csv").write_bytes(own)
    report = upload(str(tmp_path / "ratings.csv"), loading.bucket, scratch=tmp_path / "tmp", replace=True)
    assert report.uploaded == ()
    loading.load(RATINGS)
    held = loading.warehouse.rejects(RATINGS, limit=9)
    assert [(one.object_key, one.line) for one in held] == [("ratings.csv", 2), ("ratings.csv", 4)]
    assert set(loading.bucket.source_lines()) == {
        source_lines_key(RATINGS.object_key(month)) for month in (MONTH, NEXT_MONTH)
    }

    # Somebody put another object in its place.
    loading.put(RATINGS, csv(RATINGS, f"2,2,9,{LATER}"), NEXT_MONTH)
    loading.load(RATINGS)
    held = loading.warehouse.rejects(RATINGS, limit=9)
    assert [(one.object_key, one.line) for one in held] == [("ratings.csv", 4), (RATINGS.object_key(NEXT_MONTH), 2)]

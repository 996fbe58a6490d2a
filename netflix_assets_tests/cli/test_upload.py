"""What `upload` says: every file, what was there already, what stays, and what is about to be removed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from netflix_assets.catalog import RAW_FILES, UPLOAD_RECORD
from netflix_assets.cli.upload import ask, print_upload
from netflix_assets.errors import BucketError, UserError
from netflix_assets.landing import last_upload
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.data_version import data_version
from netflix_assets.landing.upload import UploadReport, upload
from netflix_assets_tests.landing.releases import RELEASES
from netflix_assets_tests.landing.test_upload import FEB_2001, JAN_2001, MAR_2001, MOVIES, month_key, put, ratings


def said(report: UploadReport) -> list[str]:
    text = io.StringIO()
    print_upload(Console(file=text, width=200), report)
    return text.getvalue().splitlines()


def keys(bucket: LandingBucket) -> set[str]:
    return {version.key for version in bucket.versions()}


def test_each_file_what_was_there_and_what_stays_is_said(tmp_path: Path, bucket: LandingBucket) -> None:
    first = put(tmp_path / "first", {"movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001, FEB_2001)})
    upload(str(first), bucket, scratch=tmp_path / "tmp")
    bucket.put("raw/x[/y]😀.csv", io.BytesIO(b"x"))
    second = put(tmp_path / "second [b]", {"ratings.csv": ratings(FEB_2001, MAR_2001), "notes [/x] 😀.md": b"x"})
    lines = said(upload(str(second), bucket, scratch=tmp_path / "tmp"))
    assert lines == [
        "ratings: ratings.csv: 2 rows, 2 months (2001-02 to 2001-03): 2 objects put",
        "not put: notes [/x] 😀.md: text about the data",
        "stays in the bucket, and is not in the source: movies: raw/movies.csv (1 object, 0.0 MB)",
        "stays in the bucket, and is not in the source: ratings: 1 month (2001-01) (1 object, 0.0 MB)",
        "stays in the bucket, and is not in the source: objects that nothing loads: raw/x[/y]😀.csv (1 object, 0.0 MB)",
        "  `upload --replace` removes what the source does not hold",
        "upload: 2 objects (0.0 MB) put; 0 already there",
    ]
    again = said(upload(str(second), bucket, scratch=tmp_path / "tmp"))
    assert again[0].endswith(": 0 objects put, 2 already there")


def test_the_dialect_what_is_not_kept_and_the_published_rows_are_said(tmp_path: Path, bucket: LandingBucket) -> None:
    source = put(tmp_path / "of", RELEASES["ml-100k"].files)
    lines = said(upload(str(source), bucket, scratch=tmp_path / "tmp"))
    assert lines[0] == ("movies: ml-100k/u.item (MovieLens 100K): 4 rows, where ml-100k has 1,682: 1 object put")
    assert lines[1] == "  not kept: the release dates and the IMDb address of a movie"
    assert "not put: ml-100k/u.user: users (age, gender, occupation, zip code): there is no table for them" in lines


def test_replace_makes_the_bucket_hold_exactly_the_source(tmp_path: Path, bucket: LandingBucket) -> None:
    first = put(tmp_path / "first", {"movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001, FEB_2001)})
    upload(str(first), bucket, scratch=tmp_path / "tmp")
    for key in ("raw/ratings.csv", "raw/unknown.csv", "raw/ratings/month=2001-03/mine.csv"):
        bucket.put(key, io.BytesIO(b"x"))
    second = put(tmp_path / "second", {"ratings.csv": ratings(FEB_2001, MAR_2001)})
    before = keys(bucket)
    asked: list[list[str]] = []

    def answer(removed: Sequence[ObjectVersion]) -> bool:
        asked.append([version.key for version in removed])
        assert keys(bucket) == before
        return len(asked) > 1

    with pytest.raises(UserError, match="nothing was changed"):
        upload(str(second), bucket, scratch=tmp_path / "tmp", replace=True, confirm=answer)
    assert keys(bucket) == before
    report = upload(str(second), bucket, scratch=tmp_path / "tmp", replace=True, confirm=answer)
    gone = [
        "raw/movies.csv",
        "raw/ratings.csv",
        month_key("2001-01"),
        "raw/ratings/month=2001-03/mine.csv",
        "raw/unknown.csv",
    ]
    assert asked == [gone, gone]
    assert (list(report.removed), report.remaining) == (gone, ())
    assert keys(bucket) == {month_key("2001-02"), month_key("2001-03")}


def test_a_replace_that_breaks_off_has_removed_nothing_before_all_is_put_and_the_next_completes_it(
    tmp_path: Path, bucket: LandingBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(tmp_path / "first", {"movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001)})
    upload(str(first), bucket, scratch=tmp_path / "tmp")
    second = put(tmp_path / "second", {"ratings.csv": ratings(FEB_2001, MAR_2001)})

    def failing(self: LandingBucket, key: str) -> None:
        raise BucketError("the network is gone")

    monkeypatch.setattr(LandingBucket, "delete", failing)
    with pytest.raises(BucketError, match="the network is gone"):
        upload(str(second), bucket, scratch=tmp_path / "tmp", replace=True)
    assert keys(bucket) >= {"raw/movies.csv", month_key("2001-02"), month_key("2001-03")}
    monkeypatch.undo()
    report = upload(str(second), bucket, scratch=tmp_path / "tmp", replace=True)
    assert (report.uploaded, len(report.removed)) == ((), 2)
    assert keys(bucket) == {month_key("2001-02"), month_key("2001-03")}


def test_nobody_to_ask_is_no_consent(tmp_path: Path, bucket: LandingBucket, capsys: pytest.CaptureFixture[str]) -> None:
    bucket.put("raw/movies.csv", io.BytesIO(b"x"))
    with pytest.raises(UserError, match="1 object would be removed; say --yes if it may be"):
        ask(list(bucket.versions()))
    assert "raw/movies.csv" in capsys.readouterr().out


def test_the_sources_of_what_the_bucket_holds_are_remembered(tmp_path: Path, bucket: LandingBucket) -> None:
    def sources() -> list[str]:
        return [one.source for one in last_upload.read(bucket)]

    assert sources() == []
    first = put(tmp_path / "first", {"movies.csv": MOVIES})
    second = put(tmp_path / "second", {"ratings.csv": ratings(JAN_2001)})
    upload(str(first), bucket, scratch=tmp_path / "tmp")
    assert sources() == ["first"]
    upload(str(second), bucket, scratch=tmp_path / "tmp")
    assert sources() == ["second", "first"]
    upload(str(first), bucket, scratch=tmp_path / "tmp")
    assert sources() == ["first", "second"]
    upload(str(second), bucket, scratch=tmp_path / "tmp", replace=True, called="made-up sample data")
    assert sources() == ["made-up sample data"]
    assert UPLOAD_RECORD not in keys(bucket)
    assert last_upload.read_agreement(bucket).versions == {
        file.name if file.month_column is None else "ratings/2001-01": data_version(
            bucket.contents().of(file, "2001-01" if file.month_column else None)
        )
        for file in RAW_FILES
    }
    last_upload.record(bucket, "https://me:secret@example.org:8443/ml-25m.zip?token=secret#x", alone=True)
    assert sources() == ["https://example.org:8443/ml-25m.zip"]
    assert last_upload.read_agreement(bucket).agreed_at is not None
    bucket.put(UPLOAD_RECORD, io.BytesIO(b"not ours"))
    assert (sources(), last_upload.read_agreement(bucket)) == ([], last_upload.Agreement())

"""Where the report is kept: whole or not at all, in a folder and in S3."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netflix_assets.errors import ReportError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.reporting.store import OBJECT_KEY, BucketStore, FileStore, ReportStore, report_store
from netflix_assets.settings import Settings, Target


@pytest.fixture(params=["file", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ReportStore:
    local = FileStore(tmp_path / "report" / "report.html")
    return local if request.param == "file" else BucketStore(request.getfixturevalue("bucket"), local)


def test_a_report_is_what_was_written_last(store: ReportStore) -> None:
    assert not store.exists()
    store.write("<p>one")
    store.write("<p>two €")
    assert store.exists()
    assert store.read() == "<p>two €" == store.file().read_text()


def test_without_a_report_one_is_told_how_to_build_it(store: ReportStore) -> None:
    for ask in (store.read, store.file):
        with pytest.raises(ReportError, match="run `netflix-assets report build` first"):
            ask()


def test_a_failed_write_leaves_the_report_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path / "report.html")
    store.write("<p>before")

    def fail(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ReportError, match="No space left on device"):
        store.write("<p>after")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert store.read() == "<p>before"


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"file/report\.html cannot be written.*NETFLIX_HOME"):
        FileStore(tmp_path / "file" / "report.html").write("<p>")


def test_production_keeps_it_in_the_bucket_as_a_page(s3: Settings) -> None:
    bucket = LandingBucket(s3)
    store = report_store(replace(s3, target=Target.SNOWFLAKE), bucket)
    store.write("<p>page")
    assert store.location == f"s3://{s3.bucket}/reports/report.html"
    assert bucket._client.head_object(Bucket=s3.bucket, Key=OBJECT_KEY)["ContentType"] == "text/html; charset=utf-8"
    assert bucket.contents().unknown == ()

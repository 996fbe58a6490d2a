"""A whole ratings.csv in the bucket becomes months, of which only those whose content changed are written."""

import gzip
import io
from pathlib import Path

import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.errors import UserError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.overview import overview_of
from netflix_assets.landing.whole_export import Split, split

RATINGS = raw_file("ratings")
HEADER = "userId,movieId,rating,timestamp\n"
MARCH, APRIL = "1,2,5.0,1425168000\n", "4,4,5.0,1427846400\n"


def export(bucket: LandingBucket, tmp_path: Path, text: str, key: str = "raw/ratings.csv") -> Split:
    body = text.encode()
    bucket.put(key, io.BytesIO(gzip.compress(body, mtime=0) if key.endswith(".gz") else body))
    return split(RATINGS, bucket.contents().whole_exports["ratings"], bucket, tmp_path)


def month(bucket: LandingBucket, name: str) -> str:
    (version,) = bucket.contents().of(RATINGS, name)
    return b"".join(bucket.download(version)).decode()


def test_an_export_is_cut_into_months(bucket: LandingBucket, tmp_path: Path) -> None:
    done = export(bucket, tmp_path, HEADER + APRIL + MARCH)
    assert (done.rows, done.months, len(done.written), done.removed) == (2, 2, 2, ())
    assert bucket.contents().months(RATINGS) == ["2015-03", "2015-04"]
    assert month(bucket, "2015-03") == HEADER + MARCH


def test_only_changed_months_are_written_and_those_that_are_gone_removed(bucket: LandingBucket, tmp_path: Path) -> None:
    export(bucket, tmp_path, HEADER + MARCH + APRIL + "9,9,1.0,1430438400\n")
    done = export(bucket, tmp_path, HEADER + MARCH + APRIL.replace("5.0", "4.0"))
    assert done.written == ("raw/ratings/month=2015-04/from-whole-export.csv",)
    assert done.removed == ("raw/ratings/month=2015-05/from-whole-export.csv",)


def test_a_compressed_export_is_cut_too(bucket: LandingBucket, tmp_path: Path) -> None:
    assert export(bucket, tmp_path, HEADER + MARCH, key="raw/ratings.csv.gz").months == 1


def test_objects_that_somebody_put_into_a_month_win(bucket: LandingBucket, tmp_path: Path) -> None:
    own = "raw/ratings/month=2015-03/ratings.csv"
    bucket.put(own, io.BytesIO((HEADER + "7,7,1.0,1425168000\n").encode()))
    export(bucket, tmp_path, HEADER + MARCH + APRIL)
    contents = bucket.contents()
    assert [version.key for version in contents.of(RATINGS, "2015-03")] == [own]
    assert [version.key for version in contents.superseded] == ["raw/ratings/month=2015-03/from-whole-export.csv"]
    bucket.delete(own)
    assert month(bucket, "2015-03") == HEADER + MARCH


def test_two_exports_or_one_that_is_none_are_refused_and_nothing_is_written(
    bucket: LandingBucket, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="line 1: this is not the file's header"):
        export(bucket, tmp_path, "nonsense\n")
    with pytest.raises(UserError, match="whole more than once"):
        export(bucket, tmp_path, HEADER + MARCH, key="raw/ratings.csv.gz")
    assert bucket.contents().months(RATINGS) == []
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_is_removed_takes_its_months_with_it_and_nothing_else(
    bucket: LandingBucket, tmp_path: Path
) -> None:
    own = "raw/ratings/month=2015-03/ratings.csv"
    bucket.put(own, io.BytesIO((HEADER + "7,7,1.0,1425168000\n").encode()))
    export(bucket, tmp_path, HEADER + MARCH + APRIL)
    bucket.delete("raw/ratings.csv")
    overview = overview_of(bucket.contents())
    assert (overview.cut, len(overview.superseded_keys), overview.months(RATINGS)) == (
        frozenset({"ratings"}),
        1,
        ["2015-03", "2015-04"],
    )
    done = split(RATINGS, (), bucket, tmp_path)
    assert (done.rows, done.written) == (0, ())
    assert done.removed == tuple(f"raw/ratings/month=2015-{month}/from-whole-export.csv" for month in ("03", "04"))
    assert [version.key for version in bucket.versions()] == [own]

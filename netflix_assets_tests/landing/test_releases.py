"""Every release becomes the catalogue's own objects, with every row, and what is not kept is named."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path

import pytest

from netflix_assets.catalog import place_of, raw_file
from netflix_assets.formats.dialects.shape import text_of
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.origins import uploaded_from
from netflix_assets.landing.upload import upload
from netflix_assets_tests.landing.releases import RELEASES, SmallRelease
from netflix_assets_tests.landing.test_upload import put, zipped


def rows_in(bucket: LandingBucket) -> dict[str, list[tuple[str, ...]]]:
    """The rows of every object by raw file; each object has its header, and holds rows of its month."""
    rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for version in bucket.versions():
        place = place_of(version.key)
        assert place is not None
        text = b"".join(bucket.download(version)).decode()
        header, *found = csv.reader(io.StringIO(text))
        assert tuple(header) == place.file.header
        rows[place.file.name] += [tuple(row) for row in found]
    return dict(rows)


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_release_becomes_what_it_says(tmp_path: Path, bucket: LandingBucket, name: str, kind: str) -> None:
    release = RELEASES[name]
    source = put(tmp_path / "of", release.files) if kind == "folder" else zipped(tmp_path / "of.zip", release.files)
    report = upload(str(source), bucket, scratch=tmp_path / "tmp")
    found = rows_in(bucket)
    assert {name: sorted(rows) for name, rows in found.items()} == {
        name: sorted(rows) for name, rows in release.rows.items()
    }
    assert {file.name: file.rows for file in report.files} == {name: len(rows) for name, rows in release.rows.items()}
    assert sorted(one.path for one in report.left_out) == sorted(release.not_kept)
    dialects = {file.dialect for file in report.files if file.name in ("ratings", "movies")}
    assert dialects == {release.dialect}


@pytest.mark.parametrize("name", RELEASES)
def test_the_lines_of_a_release_that_rows_are_of_are_known(tmp_path: Path, bucket: LandingBucket, name: str) -> None:
    release = RELEASES[name]
    upload(str(put(tmp_path / "of", release.files)), bucket, scratch=tmp_path / "tmp")
    places: list[tuple[str, int]] = []
    for version in bucket.versions():
        origin, body = uploaded_from(version, bucket, bucket.source_lines()), b"".join(bucket.download(version))
        if origin is None:
            assert body in release.files.values()
            continue
        lines = body.decode().splitlines()
        for number, row in enumerate(csv.reader(lines[1:]), start=2):
            source, line = origin.place(number)
            path, _, called = source.partition(" of ")
            text = text_of(release.files[path].splitlines()[line - 1]).replace('"', "")
            assert called == "of" and text.startswith(row[0]) and row[-2][:1].strip('"') in text, (source, line)
            places.append((source, line))
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    ("name", "release", "ratings"),
    [
        ("ml-100k", "ml-100k", 100_000),
        ("ml-1m", "ml-1m", 1_000_209),
        ("ml-10m", "ml-10m", 10_000_054),
        ("kaggle", "ml-20m", 20_000_263),
        ("netflix-prize", "the Netflix Prize", 100_480_507),
        ("ml-latest", "ml-latest of 2023", 33_832_162),
    ],
)
def test_the_published_rows_of_a_release_are_told(
    tmp_path: Path, bucket: LandingBucket, name: str, release: str, ratings: int
) -> None:
    report = upload(str(put(tmp_path / "of", RELEASES[name].files)), bucket, scratch=tmp_path / "tmp")
    assert report.release is not None
    assert report.release.name == release
    assert next(file.published for file in report.files if file.name == "ratings") == ratings


def bad(release: SmallRelease, name: str, line: bytes) -> SmallRelease:
    files = {**release.files, name: release.files[name] + line}
    return SmallRelease(files, release.rows, release.dialect, release.not_kept)


@pytest.mark.parametrize(
    ("name", "file", "line", "kept"),
    [
        ("ml-100k", "ml-100k/u.data", b"1\t2,3\t881250949\n", '1,"2,3",881250949'),
        ("ml-100k", "ml-100k/u.data", b"1\t2\t3\tsoon\n", "1,2,3,soon"),
        ("ml-100k", "ml-100k/u.item", b"9|Nothing more\n", "9|Nothing more"),
        ("ml-1m", "ml-1m/ratings.dat", b"1:2:3\n", "1:2:3"),
        ("ml-1m", "ml-1m/movies.dat", b"7::no genres\n", "7::no genres"),
        ("ml-10m", "ml-10M100K/tags.dat", b"7::8::no time\n", "7::8::no time"),
        ("kaggle", "rating.csv", b'1,2,3.5,"2005-13-02 23:53:47"\n', "1,2,3.5,2005-13-02 23:53:47"),
        ("kaggle", "movie.csv", b'3,"not closed,Drama\n', '"3,""not closed,Drama"'),
        ("netflix-prize", "combined_data_2.txt", b"7,4\n", "7,10,4"),
        ("netflix-prize", "combined_data_2.txt", b"7,6,2005-01-01\n", "7,10,6,1104537600"),
        ("netflix-prize", "combined_data_2.txt", b"7,4,2005-02-30\n", "7,10,4,2005-02-30"),
        ("netflix-prize", "movie_titles.csv", b"nothing\n", "nothing"),
    ],
)
def test_a_bad_row_of_a_dialect_stays_a_row(
    tmp_path: Path, bucket: LandingBucket, name: str, file: str, line: bytes, kept: str
) -> None:
    release = bad(RELEASES[name], file, line)
    report = upload(str(put(tmp_path / "of", release.files)), bucket, scratch=tmp_path / "tmp")
    lines = [line for version in bucket.versions() for line in b"".join(bucket.download(version)).decode().split("\n")]
    assert kept in lines
    assert sum(file.rows for file in report.files) == sum(len(rows) for rows in release.rows.values()) + 1


def test_the_parts_of_the_netflix_prize_keep_their_order(tmp_path: Path, bucket: LandingBucket) -> None:
    files = {f"combined_data_{n}.txt": f"{n}:\n{n},3,2005-05-13\n".encode() for n in (10, 2, 1)}
    upload(str(put(tmp_path / "of", files)), bucket, scratch=tmp_path / "tmp")
    (month,) = bucket.contents().of(raw_file("ratings"), "2005-05")
    users = [row.split(b",")[0] for row in b"".join(bucket.download(month)).splitlines()[1:]]
    assert users == [b"1", b"2", b"10"]

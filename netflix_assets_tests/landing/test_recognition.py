"""Every file of a source is taken, or named with why and what to do; nothing is put beside what cannot be taken."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import UserError
from netflix_assets.landing.recognition import Left, Recognised, recognise
from netflix_assets.landing.sources import opened_source
from netflix_assets_tests.landing.test_upload import HEADER, JAN_2001, MOVIES, put, ratings, zipped


def recognised(source: Path, *skip: str) -> Recognised:
    work = source.parent / "work"
    work.mkdir(exist_ok=True)
    with opened_source(str(source), work, lambda *_: None) as opened:
        return recognise(opened, skip)


def refusal(source: Path, *skip: str) -> str:
    with pytest.raises(UserError) as caught:
        recognised(source, *skip)
    return str(caught.value)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("Ratings.csv", ratings(JAN_2001), "has the header of ratings; rename it to ratings.csv"),
        ("TAGS.CSV", b"userId,movieId,tag,timestamp\n", "has the header of tags; rename it to tags.csv"),
        ("ratings (1).csv", ratings(JAN_2001), "has the header of ratings; rename it to ratings.csv"),
        ("ratings (1).csv", b"1,1,3,1\n", "looks like a copy of ratings.csv; rename it to that"),
        ("Copy of movies.csv", b"1,a\n", "looks like a copy of movies.csv"),
        ("ratings.tsv", b"userId\tmovieId\n", "is separated by tabs, not commas; write it as CSV, named ratings.csv"),
        ("ratings.csv.txt", b"x\n", "looks like ratings.csv, under a name that is not read"),
        ("ratings.csv.crdownload", b"1,2", "looks like ratings.csv, under a name that is not read"),
        ("tags.csv~", b"userId,movieId,tag,timestamp\n", "has the header of tags; rename it to tags.csv"),
        ("ratings.parquet", b"PAR1", "is Parquet, not CSV; write it as CSV, named ratings.csv"),
        ("genome scores.xlsx", b"PK\x03\x04", "is an Excel file, not CSV; write it as CSV, named genome_scores.csv"),
        ("ratings", b"PAR1", "is Parquet, not CSV; write it as CSV, named ratings.csv"),
        ("ml-25m.zip", b"PK\x03\x04", "is an archive inside the source; unpack it and give the files in it"),
        ("nf_prize_dataset.tar.gz", gzip.compress(b"x"), "is an archive inside the source; unpack it"),
        ("ratings.csv.bz2", b"BZh", "is an archive inside the source; unpack it"),
        ("users.csv", b"userId,age\n", "is no file of a release that is known; to be taken it must be CSV"),
        ("users.dat", b"1::F::1::10::48067\n", "is no file of a release that is known"),
        ("export.txt", b"1,2,3\n4,5,6\n", "is no file of a release that is known"),
        ("export", b"1\t2\t3\n4\t5\t6\n", "is no file of a release that is known"),
        ("ratings/month=2015-03/part-0.parquet", b"PAR1", "is Parquet, not CSV"),
        ("ratings/month=2015-03/part-0.csv", b"1,1,3,1\n", "the header is missing"),
        ("ratings/month=2015-03/part-0.csv", b"", "empty"),
        ("links.csv", b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        ("ratings.csv", HEADER.replace(b"\n", b"\r") + b"1,1,4.0,978307200\r", "line 1"),
        ("tags.csv", b'"userId,movieId\n', "line 1"),
        ("tags.csv", b"\xff\xfeu\0s\0e\0r\0", "UTF-16"),
    ],
)
def test_data_that_cannot_be_taken_is_refused_with_what_to_do_unless_it_is_skipped(
    source: Path, name: str, content: bytes, words: str
) -> None:
    put(source, {"movies.csv": MOVIES, name: content})
    said = refusal(source)
    assert said.startswith("nothing was put: ") and name in said and words in said and "\n" not in said
    assert "--skip NAME" in said
    for pattern in (name, Path(name).name):
        (left,) = recognised(source, pattern).left_out
        assert (left.path, left.kind) == (name, Left.SKIPPED)


def test_each_of_several_is_named_and_the_rest_counted(source: Path) -> None:
    put(source, {"movies.csv": MOVIES, **{f"extra-{number:02}.csv": b"a,b\n" for number in range(12)}})
    said = refusal(source).splitlines()
    assert said[0].startswith("nothing was put: 12 files look like data")
    assert len(said) == 12 and said[-1] == "  and 2 more"
    assert {one.kind for one in recognised(source, "extra-*.csv").left_out} == {Left.SKIPPED}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README", b"x"),
        ("README.txt", b"1,2,3\n4,5,6\n"),
        ("LICENSE.md", b"x"),
        ("ml/README.html", b"<html>"),
        ("ratings.html", b"<html>"),
        ("dataset-metadata.json", b"{}"),
        ("ml-25m.zip.md5", b"x"),
        ("notes.txt", b"nothing here, really\nis a table\n"),
        ("plot.png", b"\x89PNG"),
        ("load.py", b"import csv\n"),
    ],
)
def test_what_goes_with_data_is_known_and_named(source: Path, name: str, content: bytes) -> None:
    put(source, {"movies.csv": MOVIES, name: content})
    (left,) = recognised(source).left_out
    assert (left.path, left.kind) == (name, Left.KNOWN)


def test_files_of_systems_are_never_data(source: Path) -> None:
    files = {
        "__MACOSX/ml/ratings/month=2015-03/._ratings.csv": bytes.fromhex("00051607"),
        ".DS_Store": b"\0",
        "Thumbs.db": b"\0",
        "ratings/month=2001-01/_SUCCESS": b"",
        "ratings/month=2001-01/.part-0.csv.crc": b"crc",
    }
    parts = {"ratings/month=2001-01/part-0.csv": ratings(JAN_2001), "ratings/month=2001-01/part-1.csv": b""}
    found = recognised(zipped(source.parent / "a.zip", {**files, **parts}))
    assert set(found.months) == {"raw/ratings/month=2001-01/part-0.csv"}
    assert {one.path for one in found.left_out if one.kind is Left.SYSTEM} == set(files)
    assert {one.path: one.why for one in found.left_out if one.kind is Left.KNOWN} == {
        "ratings/month=2001-01/part-1.csv": "an empty part: no rows"
    }


def test_a_skip_that_names_nothing_is_refused(source: Path) -> None:
    put(source, {"movies.csv": MOVIES})
    assert "holds no file Movies.csv; give --skip a name as it is in the source" in refusal(source, "Movies.csv")


def test_one_file_is_a_source(source: Path) -> None:
    put(source, {"ratings.csv": ratings(JAN_2001), "movies.dat": b"1::A (2001)::Drama\n", "ratings.parquet": b"PAR1"})
    assert [file.name for file in recognised(source / "ratings.csv").whole] == ["ratings"]
    assert [file.name for file in recognised(source / "movies.dat").whole] == ["movies"]
    said = refusal(source / "ratings.parquet")
    assert said.startswith(f"nothing was put: {source}/ratings.parquet is Parquet, not CSV")


def test_names_of_a_zip_made_on_windows_are_paths(tmp_path: Path) -> None:
    archive = zipped(
        tmp_path / "a.zip", {"C:\\ml\\movies.csv": MOVIES, "ml\\ratings\\month=2001-01\\a.csv": ratings(JAN_2001)}
    )
    found = recognised(archive)
    assert [file.name for file in found.whole] == ["movies"]
    assert set(found.months) == {"raw/ratings/month=2001-01/a.csv"}


def test_a_link_in_a_circle_ends_and_one_to_nothing_is_named(source: Path) -> None:
    put(source, {"movies.csv": MOVIES})
    (source / "again").symlink_to(source)
    assert [file.name for file in recognised(source).whole] == ["movies"]
    (source / "ratings.csv").symlink_to("gone.csv")
    assert f"ratings.csv of {source} is a link to gone.csv, which is not there" in refusal(source)


def test_a_thousand_folders_and_odd_names_are_walked(source: Path) -> None:
    put(source, {f"{number}/notes [x].md": b"x" for number in range(1000)})
    put(source, {"we\nird 😀 [old]/movies.csv": MOVIES})
    found = recognised(source)
    assert [file.name for file in found.whole] == ["movies"]
    assert len(found.left_out) == 1000


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"movies.csv": MOVIES})
    content = bytearray(archive.read_bytes())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags_at] |= 1
    archive.write_bytes(content)
    assert "movies.csv of" in refusal(archive) and "is encrypted; unpack the zip with its password" in refusal(archive)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("movies.csv", b"\0" * (65 << 20))
    assert "is not unpacked: movies.csv in it would grow from" in refusal(tmp_path / "a.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_named(source: Path) -> None:
    put(source, {"movies.csv": MOVIES})
    (source / "movies.csv").chmod(0)
    assert "cannot be read (Permission denied); let this user read it" in refusal(source)


def test_rows_that_look_like_another_dialect_do_not_hide_a_header(source: Path) -> None:
    tags = b"userId,movieId,tag,timestamp\n" + b"2,6075,funny,1445714994\n" * 9
    put(source, {"movies.csv": MOVIES, "tags.csv": tags})
    assert {file.name: parts[0].shape for file, parts in recognised(source).whole.items()} == {
        "movies": None,
        "tags": None,
    }


ODD_BUT_LEGAL = {
    "movies": ["1,1999,Drama", "2,2001,1984", '3,"2012","Sci-Fi"', "4,::,Drama", '5,a|b|c,"x"'],
    "ratings": ["1,1999,0.5,978307200", "1,2001,5,978307200"],
    "tags": ["1,1999,2001,978307200", "2,3,1::2::3::978307200,978307200", '3,4,"2001-01-01 00:00:00",978307200'],
    "links": ["1,1234,862", "2,1999,", "3,2001,5", "0004,1950,7"],
    "genome_scores": ["1,1999,0", "2,2001,1", "1,1,1e-05"],
    "genome_tags": ["1,1999", "2,2001", "3,1999"],
}


@pytest.mark.parametrize("file", RAW_FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("times", [0, 1, 60])
def test_a_file_is_taken_for_itself_whatever_its_values(source: Path, file: RawFile, times: int) -> None:
    lines = [",".join(file.header), *(ODD_BUT_LEGAL.get(file.name, []) * times)]
    put(source, {f"{file.name}.csv": "\n".join(lines).encode()})
    for one in (source, source / f"{file.name}.csv"):
        assert {found.name: parts[0].shape for found, parts in recognised(one).whole.items()} == {file.name: None}


def test_a_header_alone_is_data(source: Path) -> None:
    put(source, {"ratings.csv": HEADER})
    assert [file.name for file in recognised(source).whole] == ["ratings"]

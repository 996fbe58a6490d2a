"""The header line is exactly the catalogue's, or one sentence says how it differs."""

from __future__ import annotations

import pytest

from netflix_assets.catalog import RAW_FILES, RawFile
from netflix_assets.errors import LoadError
from netflix_assets.formats.header import check_header
from netflix_assets.formats.layout import Layout, plain_layout
from netflix_assets_tests.loading.harness import GENOME_TAGS, LINKS, MOVIES, RATINGS


def fault(file: RawFile, line: bytes) -> str:
    with pytest.raises(LoadError) as caught:
        check_header(file, "raw/x.csv", line)
    sentence = str(caught.value)
    assert sentence.startswith("raw/x.csv, line 1: ")
    return sentence.removeprefix("raw/x.csv, line 1: ")


@pytest.mark.parametrize("file", RAW_FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("form", ["{}", "{}\r", "{}\r\n", "\ufeff{}", "\ufeff\ufeff{}", '\ufeff"{}"\r'])
def test_the_header_is_accepted_in_every_form(file: RawFile, form: str) -> None:
    names = '","'.join(file.header) if '"' in form else ",".join(file.header)
    check_header(file, "raw/x.csv", form.format(names).encode())


@pytest.mark.parametrize("line", [b"", b"\r", b"  "])
def test_nothing_is_an_empty_file(line: bytes) -> None:
    assert fault(MOVIES, line) == "the file is empty; upload it again with the header movieId,title,genres"


@pytest.mark.parametrize(
    ("delimiter", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "bar"), ("::", "double colon")]
)
@pytest.mark.parametrize("file", RAW_FILES, ids=lambda file: file.name)
def test_another_delimiter_is_named(file: RawFile, delimiter: str, name: str) -> None:
    line = delimiter.join(file.header)
    assert fault(file, line.encode()).startswith(f"the columns are separated by a {name}, not a comma")
    quoted = delimiter.join(f'"{column}"' for column in file.header)
    assert fault(file, quoted.encode()).startswith(f"the columns are separated by a {name}, not a comma")


@pytest.mark.parametrize(
    ("file", "row"),
    [(RATINGS, "1,31,2.5,1260759144"), (LINKS, "1,0114709,862"), (GENOME_TAGS, "1,007")],
    ids=["ratings", "links", "genome_tags"],
)
def test_a_row_in_place_of_the_header_is_recognised(file: RawFile, row: str) -> None:
    assert fault(file, row.encode()) == (
        f"the header is missing (the line reads {row!r}); the header must be {','.join(file.header)}"
    )


def test_a_movie_in_place_of_the_header_is_recognised() -> None:
    assert fault(MOVIES, b"1,Toy Story (1995),Adventure|Animation").startswith("the header is missing")
    assert fault(MOVIES, b'11,"American President, The (1995)",Comedy').startswith("the header is missing")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("movieId,title,genre", "a column has another name (genre in place of genres)"),
        ("movieid,title,genres", "a column has another name (movieid in place of movieId)"),
        ("title,movieId,genres", "the columns are in another order (title,movieId,genres)"),
        ("movieId,genres", "a column is missing (title)"),
        ("movieId,title,genres,year", "there is a column too many (year)"),
        ("movieId,title,title,genres", "a column is there twice (title)"),
        ("movieId,title,genres,", "the last column has no name (there is a comma at the end of the line)"),
        (
            ",movieId,title,genres",
            "the first column has no name (an index of pandas, perhaps: write the file",
        ),
        ("Unnamed: 0,movieId,title,genres", "the first column has no name (an index of pandas, perhaps"),
        ("movieId,,title,genres", "column 2 has no name"),
        (
            "movie_id,Title,genres,year",
            "a column has another name (movie_id in place of movieId, Title in place of title) "
            "and there is a column too many (year)",
        ),
        ("userId,movieId,rating", "this is not the file's header"),
        ("movieId,title\r1,x", "this is not the file's header"),
        ("movieId,title,genres\r1,x,y\r", "its lines end with a carriage return alone; save it with line feeds"),
        ("1::Toy Story (1995)::Animation", "the header is missing, and the columns are separated by a double colon"),
        ("movieid;Title;genres", "the columns are separated by a semicolon, not a comma"),
        ("plain \x1b[2Jtext", "this is not the file's header (the line reads 'plain \ufffd[2Jtext')"),
        ('movieId,"title,genres', "this is not the file's header"),
    ],
)
def test_what_differs_is_said(line: str, words: str) -> None:
    sentence = fault(MOVIES, line.encode())
    assert sentence.startswith(words)
    assert sentence.endswith("; the header must be movieId,title,genres")


@pytest.mark.parametrize("file", RAW_FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1", "this is a Git-LFS pointer, not the data; run `git lfs pull`"),
        (b"<<<<<<< HEAD", "this is a merge conflict; resolve it and upload the real file"),
        (b"\x1f\x8b\x08\x00", "the content is gzip; name the object .csv.gz"),
        ("movieId,title,genres".encode("utf-16"), "this is not UTF-8 text (UTF-16, perhaps)"),
        ("movieId,title,genres".encode("utf-16-be"), "this is not UTF-8 text (UTF-16, perhaps)"),
        (b"PAR1\x15\x04\x15\x10", "this is a Parquet file; save it as CSV (UTF-8) and upload it again"),
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "this is a zip archive or an Excel workbook (.xlsx)"),
        (b"<!DOCTYPE html>", "this is a web page or an answer of a server (HTML or XML), not the data"),
        (b"  <html lang='en'>", "this is a web page or an answer of a server"),
        (b'<?xml version="1.0"?><Error>', "this is a web page or an answer of a server"),
        (b'{"movieId": 1}', "this is JSON"),
        (b"BZh91AY&SY", "the content is compressed by bzip2"),
        ("Zuf\xe4llig,Gr\xf6\xdfe".encode("latin-1"), "this is not the file's header (the line reads 'Zuf\ufffdllig"),
    ],
)
def test_other_contents_are_recognised_whatever_the_file(file: RawFile, line: bytes, words: str) -> None:
    assert fault(file, line).startswith(words)
    assert fault(file, line).isprintable()


def test_a_sentence_stays_short_however_long_the_line() -> None:
    for line in (b"x" * 200_000, b"a," * 50_000, b'"' + b"y" * 200_000, "é".encode() * 9000):
        assert len(fault(MOVIES, line)) < 500


def layout(file: RawFile, line: str) -> Layout:
    return check_header(file, "raw/x.csv", line.encode(), by_name=True)


@pytest.mark.parametrize(
    ("line", "positions", "unknown"),
    [
        ("movieId,title,genres", (0, 1, 2), ()),
        ("\ufeffgenres, title ,movieId\r", (2, 1, 0), ()),
        ('year,movieId,"title","it\'s, so",genres', (1, 2, 4), (("year", 0), ("it's, so", 3))),
        (",movieId,title,genres,", (1, 2, 3), (("column 1", 0), ("column 5", 4))),
        ("MovieId,movieId,title,genres", (1, 2, 3), (("MovieId", 0),)),
    ],
)
def test_columns_are_found_by_name(line: str, positions: tuple[int, ...], unknown: tuple[tuple[str, int], ...]) -> None:
    assert layout(MOVIES, line) == Layout(positions, unknown)
    assert layout(MOVIES, line).is_plain is (layout(MOVIES, line) == plain_layout(MOVIES))


def test_a_column_that_may_be_empty_may_be_missing() -> None:
    found = layout(LINKS, "imdbId,movieId,note")
    assert found == Layout((1, 0, None), (("note", 2),))
    assert found.drift(LINKS) == "unknown: note; missing: tmdbId"
    assert found.known_fields(["114709", "1", "x"]) == ["1", "114709", ""]


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        (MOVIES, "movieId,title,year", "a column has another name (year in place of genres)"),
        (MOVIES, "movieId,title", "a column is missing (genres)"),
        (MOVIES, "year,movieId,title,year,genres", "a column is there twice (year)"),
        (MOVIES, "movieId;title;genres", "the columns are separated by a semicolon"),
        (MOVIES, "movieId,title,genres," + ",".join(f"c{n}" for n in range(51)), "there is a column too many (c0, c1"),
        (LINKS, "movieId,imdbId,TMDB_id", "a column has another name (TMDB_id in place of tmdbId)"),
        (RATINGS, "1,31,2.5,1260759144", "the header is missing"),
    ],
)
def test_what_is_not_certain_is_refused_by_name_as_well(file: RawFile, line: str, words: str) -> None:
    with pytest.raises(LoadError) as caught:
        layout(file, line)
    assert str(caught.value).startswith(f"raw/x.csv, line 1: {words}")
    assert str(caught.value).endswith(f"; the header must name {','.join(file.header)}")

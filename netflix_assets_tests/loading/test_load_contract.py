"""The load contract, on every warehouse: what loads, what is set aside, what is refused, and what stays.

Objects are real ones on a real S3 server; `Loading.replace` and `Loading.refused` check on every load that
the books balance, or that nothing changed.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from netflix_assets.catalog import RAW_FILES, ColumnType, Grain, RawFile, raw_file
from netflix_assets.errors import BucketError, LoadError
from netflix_assets.formats.months import time_window
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion, sort_into_catalog
from netflix_assets.landing.overview import overview_of
from netflix_assets.loading.duckdb_load import Load, create_raw_tables
from netflix_assets.loading.warehouse import RefusedLoad, out_of_date
from netflix_assets.settings import RejectLimit, Settings
from netflix_assets_tests.loading.harness import (
    GENOME_SCORES,
    GENOME_TAGS,
    LINKS,
    MONTH,
    MOVIES,
    NEXT_MONTH,
    RATINGS,
    START,
    TAGS,
    Loading,
    Row,
    csv,
    plain,
    ratings,
)

BY_DAY = replace(RATINGS, partition_by=Grain.DAY)
WANTED = "the header must be userId,movieId,rating,timestamp"
ONE = f"1,1,4.0,{START}"


def parsed(lines: list[str]) -> list[Row]:
    """What a table of numbers holds after these lines were loaded."""
    return sorted(tuple(float(field) for field in line.split(",")) for line in lines)


# An object that is not what it should be is refused as a whole.

REFUSED: dict[str, tuple[RawFile, bytes, str]] = {
    "nothing in it": (RATINGS, b"", "line 1: the file is empty; upload it again with the header userId"),
    "only a line end": (RATINGS, b"\n", "line 1: the file is empty"),
    "no header": (RATINGS, f"{ONE}\n".encode(), f"line 1: the header is missing (the line reads '{ONE}'); {WANTED}"),
    "renamed column": (
        RATINGS,
        f"userId,movieId,stars,timestamp\n{ONE}\n".encode(),
        f"line 1: a column has another name (stars in place of rating); {WANTED}",
    ),
    "other capitals": (
        RATINGS,
        f"userid,movieId,rating,timestamp\n{ONE}\n".encode(),
        "a column has another name (userid in place of userId)",
    ),
    "swapped columns": (
        RATINGS,
        f"movieId,userId,rating,timestamp\n{ONE}\n".encode(),
        "line 1: the columns are in another order (movieId,userId,rating,timestamp)",
    ),
    "missing column": (RATINGS, b"userId,movieId,rating\n1,1,4.0\n", "line 1: a column is missing (timestamp)"),
    "extra column": (
        RATINGS,
        f"userId,movieId,rating,timestamp,note\n{ONE},x\n".encode(),
        "line 1: there is a column too many (note)",
    ),
    "semicolons": (
        RATINGS,
        f"userId;movieId;rating;timestamp\n{ONE.replace(',', ';')}\n".encode(),
        "line 1: the columns are separated by a semicolon, not a comma",
    ),
    "tabs": (
        RATINGS,
        f"userId\tmovieId\trating\ttimestamp\n{ONE}\n".encode(),
        "line 1: the columns are separated by a tab, not a comma",
    ),
    "another file": (
        MOVIES,
        csv(RATINGS, ONE),
        "line 1: this is not the file's header (the line reads 'userId,movieId,rating,timestamp')",
    ),
    "Git-LFS pointer": (
        RATINGS,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea\nsize 877539094\n",
        "line 1: this is a Git-LFS pointer, not the data; run `git lfs pull`",
    ),
    "gzip without .gz": (
        RATINGS,
        gzip.compress(csv(RATINGS, ONE)),
        "line 1: the content is gzip; name the object .csv.gz or upload it uncompressed",
    ),
    "UTF-16": (
        RATINGS,
        csv(RATINGS, ONE).decode().encode("utf-16"),
        "line 1: this is not UTF-8 text (UTF-16, perhaps)",
    ),
    "carriage returns only": (
        RATINGS,
        csv(RATINGS, ONE).replace(b"\n", b"\r"),
        "line 1: its lines end with a carriage return alone; save it with line feeds",
    ),
    "a megabyte without a line": (RATINGS, csv(RATINGS) + b"7" * 3_000_000, "a line is longer than 1048576 bytes"),
    "no line at all": (RATINGS, b"x" * 300_000, "line 1: this is not the file's header"),
}


BAD_GZIP: dict[str, tuple[bytes, str]] = {
    "cut off": (
        gzip.compress(csv(RATINGS, *ratings(500)))[:-20],
        "the gzip data is cut off before its end; upload",
    ),
    "damaged": (gzip.compress(csv(RATINGS, *ratings(500)))[:200] + bytes(500), "the gzip data is damaged"),
    "not gzip": (csv(RATINGS, ONE), "the name ends in .gz, but the content is not gzip"),
    "empty": (b"", "the file is empty"),
}


def test_an_object_that_is_another_file_is_refused_with_object_line_and_remedy(loading: Loading) -> None:
    file, body, words = REFUSED["another file"]
    loading.load_body(file, csv(file, "1,Toy Story (1995),Animation"))
    sentence = loading.refused(lambda: loading.load_body(file, body), LoadError)
    assert words in sentence
    assert sentence.startswith(file.object_key())
    assert len(sentence) < 400


def test_objects_that_are_not_the_file_are_each_refused_with_object_line_and_remedy(loading: Loading) -> None:
    """All cases in one load, each a month: how they are refused does not depend on the others."""
    cases = [(case, body, ".csv", words) for case, (file, body, words) in REFUSED.items() if file is RATINGS]
    cases += [(f"gzip: {case}", body, ".csv.gz", words) for case, (body, words) in BAD_GZIP.items()]
    by_month = {a_month(number): case for number, case in enumerate(cases)}
    for month in by_month:
        loading.put(RATINGS, csv(RATINGS, *ratings(1, month=month)), month)
    loading.load(RATINGS)
    for month, (_, body, ending, _) in by_month.items():
        loading.bucket.delete(RATINGS.object_key(month))
        loading.put(RATINGS, body, month, ending=ending)
    before = loading.state()
    with pytest.raises(RefusedLoad) as caught:
        loading.load(RATINGS)
    assert loading.state() == before
    assert set(caught.value.refused) == set(by_month)
    for month, (case, _, ending, words) in by_month.items():
        sentence = caught.value.refused[month]
        assert words in sentence, case
        assert sentence.startswith(RATINGS.object_key(month, ending=ending)), case
        assert "\n" not in sentence and len(sentence) < 400, case


def a_month(number: int) -> str:
    """The months from MONTH on."""
    return f"{2020 + number // 12}-{number % 12 + 1:02}"


# Forms of a file that hold the same rows.


def three_lines(start: int) -> list[str]:
    return [f"1,1,4.0,{start}", f"2,31,0.5,{start + 1}", f"3,7,5.0,{start + 2}"]


def forms(start: int) -> dict[str, tuple[bytes, str]]:
    """Bodies and endings that hold three ratings from this second on."""
    text = csv(RATINGS, *three_lines(start))
    return {
        "plain": (text, ".csv"),
        "byte-order mark": (b"\xef\xbb\xbf" + text, ".csv"),
        "CRLF": (text.replace(b"\n", b"\r\n"), ".csv"),
        "byte-order mark and CRLF": (b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"), ".csv"),
        "LF and CRLF mixed": (text.replace(b"\n", b"\r\n", 2), ".csv"),
        "no final newline": (text.removesuffix(b"\n"), ".csv"),
        "trailing blank lines": (text + b"\n\r\n\n", ".csv"),
        "blank line in the middle": (text.replace(b"\n2,", b"\n\n\n2,"), ".csv"),
        "blank line after the header": (text.replace(b"\n1,", b"\n\n1,"), ".csv"),
        "line of spaces": (text.replace(b"\n2,", b"\n  \n2,"), ".csv"),
        "spaces around numbers": (text.replace(b"2,31,0.5,", b" 2,31 ,\t0.5 , "), ".csv"),
        "other spellings of numbers": (text.replace(b"2,31,0.5,", b"2.0,31.,+.5,"), ".csv"),
        "quoted header": (text.replace(b"userId", b'"userId"'), ".csv"),
        "quoted numbers": (text.replace(b"2,31,0.5,", b'"2","31","0.5",'), ".csv"),
        "gzip": (gzip.compress(text), ".csv.gz"),
        "gzip of several members": (gzip.compress(text[:50]) + gzip.compress(text[50:]), ".csv.gz"),
        "gzip followed by zeros": (gzip.compress(text) + bytes(2000), ".csv.gz"),
        "gzip with CRLF": (gzip.compress(text.replace(b"\n", b"\r\n")), ".csv.gz"),
    }


def test_each_form_of_a_file_loads_the_same_rows(loading: Loading) -> None:
    """All forms in one load, each a month."""
    history, rows = {}, {}
    for number, form in enumerate(forms(START)):
        month = a_month(number)
        start = time_window(month)[0]
        body, ending = forms(start)[form]
        key = loading.put(RATINGS, body, month, ending=ending)
        history[form] = (1, month, key, 3, 0, None)
        rows[form] = parsed(three_lines(start))
    report = loading.load(RATINGS)
    assert (report.rows_read, report.rows_rejected) == (3 * len(rows), 0)
    loaded = loading.rows(RATINGS)
    of_months = {form: [row for row in loaded if row[3] in {row[3] for row in rows[form]}] for form in rows}
    assert {form: sorted(of_months[form]) for form in rows} == rows
    assert len(loaded) == 3 * len(rows)
    assert dict(zip(history, loading.history(RATINGS), strict=True)) == history


def test_a_header_alone_loads_as_no_rows(loading: Loading) -> None:
    bodies = {a_month(0): csv(RATINGS), a_month(1): csv(RATINGS).strip(), a_month(2): csv(RATINGS) + b"\n\n"}
    for month in bodies:
        loading.put(RATINGS, csv(RATINGS, *ratings(1, month=month)), month)
    assert loading.load(RATINGS).rows_loaded == 3
    for month, body in bodies.items():
        loading.put(RATINGS, body, month)
    assert loading.load(RATINGS).rows_read == 0
    assert loading.rows(RATINGS) == []
    assert loading.history(RATINGS)[3:] == [(2, month, RATINGS.object_key(month), 0, 0, None) for month in bodies]


def test_raw_columns_have_the_types_of_the_catalog(loading: Loading) -> None:
    loading.load_body(RATINGS, csv(RATINGS, f"1,2,3.5,{START}"))
    assert loading.query('select "userId", "movieId", "rating", "timestamp", _load_id from raw.raw_ratings') == [
        (1, 2, Decimal("3.5"), START, 1)
    ]


def test_a_zero_has_no_sign(loading: Loading) -> None:
    loading.load_body(GENOME_SCORES, csv(GENOME_SCORES, "1,1,-0", "1,2,-.0e5", "1,3,+0"))
    assert loading.query("select distinct cast(relevance as varchar) from raw.raw_genome_scores") == [("0.0",)]


# Rows that cannot be loaded are set aside, each with its line, column and reason.

QUARANTINED: dict[str, tuple[RawFile, str, str | None, str]] = {
    "bad number": (RATINGS, f"x,1,4.0,{START}", "userId", "'x' is not a number"),
    "fractional id": (RATINGS, f"1,5.7,4.0,{START}", "movieId", "'5.7' is not a whole number"),
    "hexadecimal": (RATINGS, f"0x10,1,4.0,{START}", "userId", "'0x10' is not a number"),
    "two signs": (GENOME_SCORES, "1,1,+-0", "relevance", "'+-0' is not a number"),
    "underscore": (RATINGS, f"1_0,1,4.0,{START}", "userId", "'1_0' is not a number"),
    "decimal comma": (RATINGS, f"1,1,4,0,{START}", None, "there are 5 fields, not 4"),
    "rating of two decimals": (RATINGS, f"1,1,3.55,{START}", "rating", "'3.55' is not a multiple of 0.5"),
    "rating off the half star": (RATINGS, f"1,1,3.7,{START}", "rating", "'3.7' is not a multiple of 0.5"),
    "rating of 0": (RATINGS, f"1,1,0,{START}", "rating", "'0' is below 0.5"),
    "rating of 5.5": (RATINGS, f"1,1,5.5,{START}", "rating", "'5.5' is above 5"),
    "rating of 6": (RATINGS, f"1,1,6,{START}", "rating", "'6' is above 5"),
    "rating of -1": (RATINGS, f"1,1,-1,{START}", "rating", "'-1' is below 0.5"),
    "rating of 1e300": (RATINGS, f"1,1,1e300,{START}", "rating", "'1e300' is above 5"),
    "NaN": (RATINGS, f"1,1,NaN,{START}", "rating", "'NaN' is not a number"),
    "infinity": (RATINGS, f"1,1,inf,{START}", "rating", "'inf' is not a number"),
    "infinite relevance": (GENOME_SCORES, "1,1,inf", "relevance", "'inf' is not a number"),
    "relevance that is no number": (GENOME_SCORES, "1,1,nan", "relevance", "'nan' is not a number"),
    "relevance above 1": (GENOME_SCORES, "1,1,1.01", "relevance", "'1.01' is above 1"),
    "empty key": (RATINGS, f",1,4.0,{START}", "userId", "is empty"),
    "blank key": (RATINGS, f"1, ,4.0,{START}", "movieId", "is empty"),
    "empty time": (RATINGS, "1,1,4.0,", "timestamp", "is empty"),
    "empty title": (MOVIES, "1,,Drama", "title", "is empty"),
    "empty quoted title": (MOVIES, '1,"",Drama', "title", "is empty"),
    "negative id": (RATINGS, f"-1,1,4.0,{START}", "userId", "'-1' is below 1"),
    "id of 0": (RATINGS, f"1,0,4.0,{START}", "movieId", "'0' is below 1"),
    "overflowing integer": (RATINGS, f"2147483648,1,4.0,{START}", "userId", "'2147483648' does not fit INTEGER"),
    "overflowing double": (RATINGS, f"{'9' * 400},1,4.0,{START}", "userId", f"'{'9' * 40}' does not fit INTEGER"),
    "exponent in an id": (RATINGS, f"1e1,1,4.0,{START}", "userId", "'1e1' has an exponent, so digits may be lost"),
    "exponent in an id beside text": (TAGS, "1E1,1,fun,1", "userId", "'1E1' has an exponent, so digits may be lost"),
    "exponent in a time": (
        RATINGS,
        "1,1,4.0,1.57784E+09",
        "timestamp",
        "'1.57784E+09' has an exponent, so digits may be lost",
    ),
    "exponent in a time beside text": (
        TAGS,
        "1,1,fun,1.57784e+09",
        "timestamp",
        "'1.57784e+09' has an exponent, so digits may be lost",
    ),
    "time before 1970": (TAGS, "1,1,fun,-1", "timestamp", "'-1' is a time before 1970"),
    "time of another century": (TAGS, "1,1,fun,99999999999", "timestamp", "'99999999999' is a time after tomorrow"),
    "time beyond all numbers": (TAGS, f"1,1,fun,{'9' * 400}", "timestamp", f"'{'9' * 40}' is a time after tomorrow"),
    "milliseconds beside text": (
        TAGS,
        "1,1,fun,1455307200000",
        "timestamp",
        "'1455307200000' is a time in milliseconds, not seconds since 1970",
    ),
    "microseconds": (
        TAGS,
        "1,1,fun,1455307200000000",
        "timestamp",
        "'1455307200000000' is a time in microseconds, not seconds since 1970",
    ),
    "date": (
        TAGS,
        "1,1,fun,2014-05-13 16:53:20",
        "timestamp",
        "'2014-05-13 16:53:20' is a date, not seconds since 1970",
    ),
    "quote and backslash in a number": (TAGS, "1'\\x,1,fun,1", "userId", "'1'\\x' is not a number"),
    "control characters in a number": (TAGS, "1\x1b[2J,1,fun,1", "userId", "'1\ufffd[2J' is not a number"),
    "blank title": (MOVIES, "1,  ,Drama", "title", "is blank"),
    "title of no-break spaces": (MOVIES, '1,"\u00a0\u00a0",Drama', "title", "is blank"),
    "title that shows nothing": (MOVIES, "1,\u200b\u3000\ufeff,Drama", "title", "is blank"),
    "blank tag": (TAGS, "1,1,\u2003,1", "tag", "is blank"),
    "row of another month": (
        RATINGS,
        f"1,1,4.0,{START - 1}",
        "timestamp",
        f"{START - 1} is not a time in {MONTH} (UTC)",
    ),
    "first second of the next month": (
        RATINGS,
        f"1,1,4.0,{time_window(NEXT_MONTH)[0]}",
        "timestamp",
        f"{time_window(NEXT_MONTH)[0]} is not a time in {MONTH} (UTC)",
    ),
    "time in milliseconds": (
        RATINGS,
        f"1,1,4.0,{START}000",
        "timestamp",
        f"'{START}000' is a time in milliseconds, not seconds since 1970",
    ),
    "missing field": (RATINGS, "1,1,4.0", None, "there are 3 fields, not 4"),
    "field too many": (RATINGS, f"1,1,4.0,{START},9", None, "there are 5 fields, not 4"),
    "comma at the end": (RATINGS, f"1,1,4.0,{START},", None, "there are 5 fields, not 4"),
    "comma at the end of text": (MOVIES, "1,Toy Story (1995),Drama,", None, "there are 4 fields, not 3"),
    "comma after an empty last field": (LINKS, "1,0114709,,", None, "there are 4 fields, not 3"),
    "quoted nothing at the end": (MOVIES, '1,Toy Story (1995),Drama,""', None, "there are 4 fields, not 3"),
    "comma in an unquoted title": (MOVIES, "1,Dad, the Movie (1995),Drama", None, "there are 4 fields, not 3"),
    "unterminated quote": (MOVIES, '1,"Toy Story (1995),Drama', None, "a quote is not closed"),
    "unterminated quote at the end": (MOVIES, '1,Toy Story (1995),"Drama', None, "a quote is not closed"),
    "text after a quote": (MOVIES, '1,"Toy" Story (1995),Drama', None, "there is text after a closing quote"),
    "space after a quote": (MOVIES, '1,"Toy Story (1995)" ,Drama', None, "there is text after a closing quote"),
    "unterminated quote among numbers": (RATINGS, f'1,"1,4.0,{START}', None, "a quote is not closed"),
    "carriage return inside": (MOVIES, "1,Toy\rStory (1995),Drama", None, "there is a carriage return inside the line"),
    "NUL byte": (MOVIES, "1,Toy\0Story (1995),Drama", None, "there is a NUL byte in the line"),
}
GOOD: dict[str, tuple[str, str, list[Row]]] = {
    "ratings": (
        f"8,1,4.0,{START + 8}",
        f"9,1,4.5,{START + 9}",
        [(8.0, 1.0, 4.0, START + 8.0), (9.0, 1.0, 4.5, START + 9.0)],
    ),
    "movies": (
        "8,Heat (1995),Action",
        '9,"American President, The (1995)",Comedy',
        [(8.0, "Heat (1995)", "Action"), (9.0, "American President, The (1995)", "Comedy")],
    ),
    "tags": ("8,1,fun,1", "9,1,dark,2", [(8.0, 1.0, "fun", 1.0), (9.0, 1.0, "dark", 2.0)]),
    "links": ("8,0113277,949", "9,0112346,", [(8.0, "0113277", 949.0), (9.0, "0112346", "")]),
    "genome_scores": ("8,1,0.5", "9,1,0.25", [(8.0, 1.0, 0.5), (9.0, 1.0, 0.25)]),
}


class Given(LandingBucket):
    """Gives one object, without a server."""

    def __init__(self, settings: Settings, body: bytes) -> None:
        super().__init__(settings)
        self._body = body

    def download(self, version: ObjectVersion) -> Iterator[bytes]:
        yield self._body

    def source_lines(self) -> dict[str, str]:
        return {}


@pytest.mark.parametrize("case", QUARANTINED)
def test_a_bad_row_alone_is_noticed_by_the_scan_or_before_it(
    settings: Settings, tmp_path: Path, in_memory: DuckDBPyConnection, case: str
) -> None:
    file, bad, column, reason = QUARANTINED[case]
    before, after, rows = GOOD[file.name]
    body = csv(file, before, bad, after)
    key = file.object_key(MONTH if file.month_column else None)
    version = ObjectVersion(key, "etag", len(body), dt.datetime.now(dt.timezone.utc))
    objects = {MONTH if file.month_column else None: (version,)}
    load = Load(file, objects, Given(settings, body), RejectLimit(0.5), max_shrink=1, by_name=False)
    load.land(tmp_path)
    load.commit(in_memory, "run-1")
    found = in_memory.execute(f"select * exclude _load_id from raw.{file.table}").fetchall()
    assert sorted(map(plain, found)) == rows
    (item,) = (source.item for source in load.sources)
    assert [(reject.line, reject.column, reject.reason) for reject in item.rejects] == [(3, column, reason)]


@pytest.fixture(scope="module")
def raw_in_memory() -> Iterator[DuckDBPyConnection]:
    with closing(duckdb.connect()) as connection:
        create_raw_tables(connection, RAW_FILES, ())
        yield connection


@pytest.fixture
def in_memory(raw_in_memory: DuckDBPyConnection) -> Iterator[DuckDBPyConnection]:
    """A connection to empty raw tables in memory."""
    yield raw_in_memory
    for table in ("load_history", "rejected_rows", *(file.table for file in RAW_FILES)):
        raw_in_memory.execute(f"delete from raw.{table}")


@pytest.mark.parametrize("name", GOOD)
def test_bad_rows_are_each_set_aside_with_line_column_and_reason_and_the_others_load(
    loading: Loading, name: str
) -> None:
    sets_aside(loading, raw_file(name), [case for file, *case in QUARANTINED.values() if file.name == name])


def sets_aside(loading: Loading, file: RawFile, cases: Sequence[Sequence[str | None]]) -> None:
    before, after, rows = GOOD[file.name]
    key = file.object_key(MONTH if file.month_column else None)
    stays = f"{file.table} keeps what it held of {MONTH}" if file.month_column else f"{file.table} stays as it was"
    bad = [str(line) for line, _, _ in cases]
    where = [
        f"{key}, line {number}{f', column {column}' if column else ''}: {reason}"
        for number, (_, column, reason) in enumerate(cases, start=3)
    ]

    loading.allow(0.99)
    report = loading.load_body(file, csv(file, before, *bad, after))
    assert (report.rows_read, report.rows_loaded, report.rows_rejected) == (len(bad) + 2, 2, len(bad))
    assert loading.rows(file) == rows
    texts = [line.replace("\0", "\N{REPLACEMENT CHARACTER}")[:500] for line in bad]
    assert loading.rejects(file) == [
        (number, column, reason, text)
        for number, ((_, column, reason), text) in enumerate(zip(cases, texts, strict=True), start=3)
    ]
    assert loading.history(file) == [(1, MONTH if file.month_column else None, key, 2, len(bad), where[0])]
    assert [str(reject) for reject in report.rejects] == where

    loading.allow(0.01)
    assert loading.refused(lambda: loading.load(file), LoadError) == (
        f"{len(bad)} of the {len(bad) + 2} rows of {key} are bad, more than the allowed 1.00%, so {stays}; the first: "
        f"{where[0]}; correct the file and upload it again, or raise NETFLIX_MAX_REJECTED_FRACTION"
    )


def test_what_no_csv_holds_is_set_aside_legibly_and_spoils_its_own_lines_only(loading: Loading) -> None:
    loading.allow(0.9)
    lines = [f"{i},Film {i} (1995),Drama" for i in range(1, 2001)]
    lines[9] = "10,Am?lie (2001),Romance"
    lines[19:21] = ['20,"Toy', 'Story (1995)",Comedy']
    lines[999] = '1000,"Film 1000 (1995),Drama'
    report = loading.load_body(MOVIES, csv(MOVIES, *lines).replace(b"?", b"\xe9"))
    assert (report.rows_loaded, report.rows_rejected) == (1996, 4)
    assert loading.rejects(MOVIES) == [
        (11, None, "byte 6 of the line is not valid UTF-8", "10,Am\N{REPLACEMENT CHARACTER}lie (2001),Romance"),
        (21, None, "a quote is not closed", '20,"Toy'),
        (22, None, "there are 2 fields, not 3", 'Story (1995)",Comedy'),
        (1001, None, "a quote is not closed", '1000,"Film 1000 (1995),Drama'),
    ]
    spoilt = {10, 20, 21, 1000}
    good = [(float(i), f"Film {i} (1995)", "Drama") for i in range(1, 2001) if i not in spoilt]
    assert loading.rows(MOVIES) == good


def test_titles_keep_commas_quotes_spaces_and_letters_of_every_script(loading: Loading) -> None:
    titles = {
        1: ('"American President, The (1995)"', "American President, The (1995)"),
        2: ('"""Great Performances"" Cats (1998)"', '"Great Performances" Cats (1998)'),
        3: ('"Say ""no"", ""yes"" , or ""maybe"""', 'Say "no", "yes" , or "maybe"'),
        4: ('5" Disk (1990)', '5" Disk (1990)'),
        5: ("  Spaced  (1990) ", "  Spaced  (1990) "),
        6: ("Amélie 天国と地獄 🎬 (1963)", "Amélie 天国と地獄 🎬 (1963)"),
        7: (r"Back\slash \N (2000)", r"Back\slash \N (2000)"),
        8: ("NULL", "NULL"),
        9: (' "Quoted" late', ' "Quoted" late'),
        10: ("Tab\tbed # 'single' (2000)", "Tab\tbed # 'single' (2000)"),
        11: ("very " * 50_000 + "long", "very " * 50_000 + "long"),
    }
    report = loading.load_body(MOVIES, csv(MOVIES, *(f"{i},{given},Drama|Action" for i, (given, _) in titles.items())))
    assert report.rows_rejected == 0
    assert loading.rows(MOVIES) == [(float(i), kept, "Drama|Action") for i, (_, kept) in titles.items()]


def test_an_identifier_that_is_text_keeps_its_zeros_and_an_optional_one_may_be_missing(loading: Loading) -> None:
    loading.load_body(LINKS, csv(LINKS, "1,0000417,862", "2,0114709,"))
    assert loading.query('select "movieId", "imdbId", "tmdbId", _load_id from raw.raw_links order by "movieId"') == [
        (1, "0000417", 862, 1),
        (2, "0114709", None, 1),
    ]


# Repeated rows.


SYSTEM_FILES = ("._ratings.csv", "_SUCCESS", ".ratings.csv.crc", "_temporary/0.csv", "__MACOSX/ratings.csv")
Case = tuple[dict[str, bytes], list[str], int, list[tuple[str, int, str | None, str]]]


def kinds_of_months(month: str) -> dict[str, Case]:
    """Objects of a month, the lines that count, how many objects these are of, and what is rejected.

    The same event is in each of them, which is no repetition: it is at another time.
    """
    start = time_window(month)[0]
    one, later, other = f"1,1,4.0,{start}", f"1,1,4.0,{start + 1}", f"2,2,3.0,{start}"
    cut_off = f"2,1,4.0,{start}"[:-3]
    return {
        "a last row that was cut off": (
            {"a.csv": csv(RATINGS, one, cut_off).strip()},
            [one],
            1,
            [("a.csv", 3, "timestamp", f"{cut_off[8:]} is not a time in {month} (UTC)")],
        ),
        "an event repeated within and across objects": (
            {"a.csv": csv(RATINGS, one, other, one), "b.csv": csv(RATINGS, f"1,1,0.5,{start}", f"3{one}")},
            [one, other, f"3{one}"],
            2,
            [
                ("a.csv", 4, None, "the same row is on lines 2 and 4"),
                (
                    "b.csv",
                    2,
                    None,
                    f"userId 1, movieId 1, timestamp {start} is on line 2 and on line 2 of "
                    f"raw/ratings/month={month}/a.csv, with other rating",
                ),
            ],
        ),
        "the same event at another time": ({"a.csv": csv(RATINGS, one, later)}, [one, later], 1, []),
        "bad and repeated rows": (
            {"a.csv": csv(RATINGS, one, "x,1,4.0,1", one, other)},
            [one, other],
            1,
            [
                ("a.csv", 3, "userId", "'x' is not a number"),
                ("a.csv", 4, None, "the same row is on lines 2 and 4"),
            ],
        ),
        "files of systems": (
            {"a.csv": csv(RATINGS, one), **dict.fromkeys(SYSTEM_FILES, b"\0\5\x16\7")},
            [one],
            1,
            [],
        ),
        "an empty part beside full ones": (
            {"part-0.csv": b"", "part-1.csv": csv(RATINGS, one), "part-2.csv": csv(RATINGS, other)},
            [one, other],
            3,
            [],
        ),
    }


def test_months_of_any_kind_hold_each_good_row_once_and_tell_of_the_others(loading: Loading) -> None:
    """All kinds in one load, each a month; their objects in the wrong order where that decides nothing."""
    loading.allow(0.9)
    cases = {
        (kind, a_month(number)): kinds_of_months(a_month(number))[kind]
        for number, kind in enumerate(kinds_of_months(MONTH))
    }
    for (_, month), (objects, _, _, _) in cases.items():
        for name, body in objects.items():
            loading.bucket.put(f"raw/ratings/month={month}/{name}", io.BytesIO(body))
    assert loading.bucket.contents().unknown == ()
    observed = loading.observed(RATINGS)
    (unordered,) = (month for kind, month in cases if kind == "an empty part beside full ones")
    report = loading.replace(RATINGS, {**observed, unordered: observed[unordered][::-1]})
    assert report.refused == {}
    assert not any(loading.is_stale(RATINGS).values())
    rows, rejects = loading.rows(RATINGS), loading.warehouse.rejects(RATINGS, limit=100)
    for (kind, month), (_, lines, count, told) in cases.items():
        start, end = time_window(month)
        assert [row for row in rows if start <= row[3] < end] == parsed(lines), kind
        assert len(observed[month]) == count, kind
        folder = f"raw/ratings/month={month}/"
        assert [
            (reject.object_key.removeprefix(folder), reject.line, reject.column, reject.reason)
            for reject in rejects
            if reject.object_key.startswith(folder)
        ] == told, kind
    assert report.objects == sum(count for _, _, count, _ in cases.values())
    assert (report.rows_loaded, report.rows_rejected) == (len(rows), len(rejects))


def test_too_many_repeated_rows_are_refused_with_the_objects_named(loading: Loading) -> None:
    lines = ratings(100)
    loading.load_body(RATINGS, csv(RATINGS, *lines))
    sentence = loading.refused(lambda: loading.load_body(RATINGS, csv(RATINGS, *lines, *lines)), LoadError)
    assert sentence == (
        f"100 of the 200 rows of {RATINGS.object_key(MONTH)} are bad, more than the allowed 1.00%, so raw_ratings "
        f"keeps what it held of {MONTH}; the first: {RATINGS.object_key(MONTH)}, line 102: the same row is on lines 2 "
        "and 102; correct the file and upload it again, or raise NETFLIX_MAX_REJECTED_FRACTION"
    )


def test_a_repeated_movie_is_rejected_and_the_first_one_kept(loading: Loading) -> None:
    loading.allow(0.5)
    loading.load_body(MOVIES, csv(MOVIES, "1,Heat (1995),Action", "2,Up (2009),Family", "1,Other (1995),Drama"))
    assert loading.rows(MOVIES) == [(1.0, "Heat (1995)", "Action"), (2.0, "Up (2009)", "Family")]
    assert loading.rejects(MOVIES)[0][:3] == (4, None, "movieId 1 is on lines 2 and 4, with other title, genres")


@pytest.mark.parametrize("last", [40, 2_000_000_000], ids=["dense", "sparse"])
def test_a_repeated_pair_is_rejected_however_far_apart_its_numbers_are(loading: Loading, last: int) -> None:
    loading.allow(0.5)
    pairs = [f"{movie},{tag},0.5" for movie in (1, 2, 3) for tag in (*range(1, 30), last)]
    assert loading.load_body(GENOME_SCORES, csv(GENOME_SCORES, *pairs)).rows_rejected == 0
    loading.load_body(GENOME_SCORES, csv(GENOME_SCORES, *pairs, f"2,{last},0.75"))
    assert len(loading.rows(GENOME_SCORES)) == len(pairs)
    assert loading.rejects(GENOME_SCORES)[0][:3] == (
        92,
        None,
        f"movieId 2, tagId {last} is on lines 61 and 92, with other relevance",
    )


def test_a_repeated_row_without_other_columns_than_its_key_is_the_same_row(loading: Loading) -> None:
    loading.allow(0.5)
    loading.load_body(TAGS, csv(TAGS, "1,1,it's,1", "1,1,fun,1", "1,1,it's,1"))
    assert loading.rejects(TAGS)[0][:3] == (4, None, "the same row is on lines 2 and 4")


# How much may be bad.


def test_exactly_the_allowed_share_of_bad_rows_loads_and_one_more_does_not(loading: Loading) -> None:
    loading.allow(0.29)
    good = ratings(71)
    report = loading.load_body(RATINGS, csv(RATINGS, *good, *["x"] * 29))
    assert (report.rows_loaded, report.rows_rejected) == (71, 29)
    sentence = loading.refused(lambda: loading.load_body(RATINGS, csv(RATINGS, *good[1:], *["x"] * 30)), LoadError)
    assert sentence.startswith(
        f"30 of the 100 rows of {RATINGS.object_key(MONTH)} are bad, more than the allowed 29.00%"
    )


def test_a_small_number_of_bad_rows_is_only_set_aside_however_small_the_object(loading: Loading) -> None:
    loading.allow(0.01, rows=10)
    assert loading.load_body(RATINGS, csv(RATINGS, "x")).rows_rejected == 1
    assert loading.load_body(RATINGS, csv(RATINGS, *ratings(2), *["x"] * 10)).rows_rejected == 10
    sentence = loading.refused(lambda: loading.load_body(RATINGS, csv(RATINGS, *ratings(2), *["x"] * 11)), LoadError)
    assert sentence.startswith(
        f"11 of the 13 rows of {RATINGS.object_key(MONTH)} are bad, more than 10 and more than the allowed 1.00%"
    )


def test_a_bad_month_is_refused_alone_or_in_company_and_keeps_no_other_month_out(loading: Loading) -> None:
    loading.allow(0.01, rows=10)
    loading.put(RATINGS, csv(RATINGS, *ratings(5)), MONTH)
    loading.load(RATINGS)
    bad = csv(RATINGS, *ratings(1), *["x"] * 99)
    alone = loading.refused(lambda: loading.load_body(RATINGS, bad), LoadError)
    loading.put(RATINGS, csv(RATINGS, *ratings(340, month=NEXT_MONTH)), NEXT_MONTH)
    report = loading.load(RATINGS)
    assert report.refused == {MONTH: alone}
    assert (report.objects, report.rows_read, report.rows_rejected) == (1, 340, 0)
    assert loading.rows(RATINGS) == parsed([*ratings(5), *ratings(340, month=NEXT_MONTH)])
    assert loading.is_stale(RATINGS) == {MONTH: True, NEXT_MONTH: False}


def test_a_month_whose_objects_are_bad_only_together_is_refused(loading: Loading) -> None:
    loading.allow(0.01, rows=10)
    for name in "ab":
        body = csv(RATINGS, *ratings(10, first_user=ord(name)), *["x"] * 6)
        loading.bucket.put(f"raw/ratings/month={MONTH}/{name}.csv", io.BytesIO(body))
    sentence = loading.refused(lambda: loading.load(RATINGS), LoadError)
    assert sentence.startswith(f"12 of the 32 rows of ratings of {MONTH} are bad, more than 10")


def test_an_object_that_is_not_the_file_keeps_its_own_month_out(loading: Loading) -> None:
    bad = {
        "x.csv": b"oops\n",
        "x.csv.gz": gzip.compress(csv(RATINGS, *ratings(99)))[:-9],
        "y.csv": csv(RATINGS) + b"7" * 2_000_000,
    }
    keys = {a_month(number): f"raw/ratings/month={a_month(number)}/{name}" for number, name in enumerate(bad)}
    for (month, key), body in zip(keys.items(), bad.values(), strict=True):
        loading.bucket.put(key, io.BytesIO(body))
        loading.put(RATINGS, csv(RATINGS, *ratings(9, month=month)), month)
    good = a_month(len(keys))
    loading.put(RATINGS, csv(RATINGS, *ratings(3, month=good)), good)
    report = loading.load(RATINGS)
    assert list(report.refused) == list(keys)
    for month, key in keys.items():
        assert report.refused[month].startswith(key)
    assert loading.rows(RATINGS) == parsed(ratings(3, month=good))


def test_several_refused_months_are_told_one_line_each(loading: Loading) -> None:
    loading.put(RATINGS, b"oops\n", MONTH)
    loading.put(RATINGS, b"oops\n", NEXT_MONTH)
    with pytest.raises(RefusedLoad) as caught:
        loading.load(RATINGS)
    assert list(caught.value.refused) == [MONTH, NEXT_MONTH]
    assert str(caught.value).splitlines() == list(caught.value.refused.values())


def test_a_merge_conflict_is_refused_wherever_it_stands(loading: Loading) -> None:
    loading.allow(0.9)
    lines = ["1,Heat (1995),Action", "<<<<<<< HEAD", "2,Up (2009),Family", "=======", "2,Up,Family", ">>>>>>> theirs"]
    sentence = loading.refused(lambda: loading.load_body(MOVIES, csv(MOVIES, *lines)), LoadError)
    assert sentence == (
        "raw/movies.csv, line 3: this is a marker of a merge conflict, so raw_movies stays as it was; resolve the "
        "conflict and upload the real file"
    )


def test_a_fraction_of_1_lets_even_a_hopeless_object_through(loading: Loading) -> None:
    loading.allow(1)
    report = loading.load_body(RATINGS, csv(RATINGS, "x", "y"))
    assert (report.rows_loaded, report.rows_rejected) == (0, 2)
    assert loading.rows(RATINGS) == []


def test_a_report_lists_the_first_rejects_and_the_warehouse_all(loading: Loading) -> None:
    loading.allow(0.9)
    report = loading.load_body(RATINGS, csv(RATINGS, *ratings(300), *(f"bad {i}" for i in range(1000))))
    assert report.rows_rejected == 1000
    assert [reject.line for reject in report.rejects] == list(range(302, 402))
    assert [row[3] for row in loading.rejects(RATINGS)] == [f"bad {i}" for i in range(1000)]
    assert len(loading.warehouse.rejects(RATINGS, limit=7)) == 7


def test_the_text_of_a_reject_is_kept_as_it_was(loading: Loading) -> None:
    loading.allow(0.9)
    texts = ['"', '"",""', "a\rb", "\tö 天 'x' \\N", '1,"a""b"",c', "NULL", "," * 20, "x" * 501]
    loading.load_body(MOVIES, csv(MOVIES, "1,Heat (1995),Action", *texts))
    assert [row[3] for row in loading.rejects(MOVIES)] == [text[:500] for text in texts]


# Windows.


def test_a_reload_changes_only_the_history_or_replaces_rows_and_rejects(loading: Loading) -> None:
    loading.allow(0.5)
    first = loading.load_body(RATINGS, csv(RATINGS, *ratings(8), "bad", "worse"))
    rows, rejects = loading.rows(RATINGS), loading.rejects(RATINGS)
    assert rows == parsed(ratings(8))
    second = loading.load(RATINGS)
    assert (loading.rows(RATINGS), loading.rejects(RATINGS)) == (rows, rejects)
    assert (first.load_id, second.load_id) == (1, 2)
    assert [row[0] for row in loading.history(RATINGS)] == [1, 2]
    lines = ratings(5, first_user=100)
    loading.load_body(RATINGS, csv(RATINGS, *lines, "other"))
    assert loading.rows(RATINGS) == parsed(lines)
    assert [row[3] for row in loading.rejects(RATINGS)] == ["other"]
    loading.load_body(RATINGS, csv(RATINGS, *lines))
    assert loading.rejects(RATINGS) == []


def test_replacing_or_emptying_months_leaves_the_rows_and_rejects_of_the_others(loading: Loading) -> None:
    loading.allow(0.5)
    months = ["2019-12", "2020-01", "2020-02"]
    for month in months:
        loading.put(RATINGS, csv(RATINGS, *ratings(4, month=month), f"old {month}"), month)
    loading.load(RATINGS)
    for month in months:
        loading.put(RATINGS, csv(RATINGS, *ratings(2, first_user=50, month=month), f"new {month}"), month)
    observed = loading.observed(RATINGS)
    report = loading.replace(RATINGS, {month: observed[month] for month in (months[0], months[2])})
    assert (report.objects, report.rows_loaded, report.rows_rejected) == (2, 4, 2)
    expected = [*ratings(4), *(line for m in (0, 2) for line in ratings(2, first_user=50, month=months[m]))]
    assert loading.rows(RATINGS) == parsed(expected)
    assert {row[3] for row in loading.rejects(RATINGS)} == {"new 2019-12", "old 2020-01", "new 2020-02"}
    assert {month: held.load_id for month, held in loading.warehouse.load_states(RATINGS).items()} == {
        "2019-12": 2,
        "2020-01": 1,
        "2020-02": 2,
    }
    report = loading.replace(RATINGS, {MONTH: ()})
    assert (report.objects, report.rows_read) == (0, 0)
    assert loading.rows(RATINGS) == parsed(expected[4:])
    assert {row[3] for row in loading.rejects(RATINGS)} == {"new 2019-12", "new 2020-02"}
    assert loading.history(RATINGS)[-1] == (3, MONTH, None, 0, 0, None)


def test_tables_do_not_touch_each_other_and_one_whose_object_is_gone_is_emptied(loading: Loading) -> None:
    loading.allow(0.5)
    loading.load_body(MOVIES, csv(MOVIES, "1,Heat (1995),Action", "bad"))
    loading.load_body(GENOME_TAGS, csv(GENOME_TAGS, "1,007", "2,'80s"))
    loading.load_body(TAGS, csv(TAGS, '1,1,"dark, ""grim""",1', "1,1,fun,1"))
    loading.replace(TAGS, {None: ()})
    assert loading.rows(TAGS) == []
    assert loading.history(TAGS)[-1] == (4, None, None, 0, 0, None)
    assert loading.rows(MOVIES) == [(1.0, "Heat (1995)", "Action")]
    assert loading.rows(GENOME_TAGS) == [(1.0, "007"), (2.0, "'80s")]
    assert len(loading.rejects(MOVIES)) == 1
    assert loading.warehouse.row_count(MOVIES) == 1
    assert loading.warehouse.row_count(TAGS) == 0


# What is held.


def test_a_load_state_says_which_object_versions_a_table_was_loaded_from(loading: Loading) -> None:
    loading.allow(0.5)
    loading.load_body(RATINGS, csv(RATINGS, *ratings(3), "bad"))
    loading.put(RATINGS, csv(RATINGS, *ratings(2, month=NEXT_MONTH)), NEXT_MONTH)
    observed = loading.observed(RATINGS)
    held = loading.warehouse.load_states(RATINGS)
    assert set(held) == {MONTH}
    assert held[MONTH].matches(observed[MONTH])
    assert (held[MONTH].rows_loaded, held[MONTH].rows_rejected) == (3, 1)
    assert held[MONTH].loaded_at.utcoffset() is not None
    assert loading.is_stale(RATINGS) == {MONTH: False, NEXT_MONTH: True}


def test_a_rewritten_a_removed_and_an_emptied_month_are_told_apart(loading: Loading) -> None:
    loading.put(RATINGS, csv(RATINGS, *ratings(3)), MONTH)
    loading.put(RATINGS, csv(RATINGS, *ratings(2, month=NEXT_MONTH)), NEXT_MONTH)
    loading.load(RATINGS)
    loading.put(RATINGS, csv(RATINGS, *ratings(4)), MONTH)
    loading.bucket.delete(RATINGS.object_key(NEXT_MONTH))
    observed = loading.observed(RATINGS)
    assert loading.is_stale(RATINGS) == {MONTH: True, NEXT_MONTH: True}
    loading.replace(RATINGS, {NEXT_MONTH: (), **observed})
    held = loading.warehouse.load_states(RATINGS)
    assert loading.is_stale(RATINGS) == {MONTH: False, NEXT_MONTH: False}
    assert held[NEXT_MONTH].objects == 0


def test_a_file_is_out_of_date_until_its_bytes_are_loaded_and_when_they_are_others(loading: Loading) -> None:
    assert loading.warehouse.load_states(MOVIES) == {}
    assert out_of_date(MOVIES, {}, {}) == {None: True}
    assert loading.warehouse.rejects(MOVIES, limit=5) == []
    assert loading.warehouse.row_count(MOVIES) == 0
    loading.load_body(MOVIES, csv(MOVIES, "1,Heat (1995),Action"))
    loading.put(MOVIES, csv(MOVIES, "1,Heat (1995),Action"))
    assert loading.is_stale(MOVIES) == {None: False}
    loading.refused(lambda: loading.load_body(MOVIES, b"oops"), LoadError)
    assert loading.is_stale(MOVIES) == {None: True}


# Days instead of months.


def test_a_file_by_day_is_loaded_set_aside_refused_replaced_and_emptied_by_day(loading: Loading) -> None:
    before, leap, after = "2020-02-28", "2020-02-29", "2020-03-01"
    loading.allow(0.5)

    def observed() -> dict[str | None, tuple[ObjectVersion, ...]]:
        return dict(sort_into_catalog(loading.bucket.versions(), [BY_DAY]).files["ratings"])

    def is_stale() -> dict[str | None, bool]:
        overview = overview_of(sort_into_catalog(loading.bucket.versions(), [BY_DAY]))
        return out_of_date(BY_DAY, overview.versions(BY_DAY), loading.warehouse.load_states(BY_DAY))

    for day in (before, leap, after):
        loading.put(BY_DAY, csv(BY_DAY, *ratings(5, month=day)), day)
    loading.put(RATINGS, csv(RATINGS, ONE), MONTH)
    assert loading.replace(BY_DAY, observed()).rows_loaded == 15
    # The last second of a day is its own, the next one is not.
    midnight = time_window(leap)[1]
    loading.put(BY_DAY, csv(BY_DAY, f"9,9,4.0,{midnight - 1}", f"9,9,4.0,{midnight}"), leap)
    loading.put(BY_DAY, b"oops", after)
    assert is_stale() == {before: False, leap: True, after: True}
    report = loading.replace(BY_DAY, {leap: observed()[leap], after: observed()[after]})
    assert list(report.refused) == [after]
    assert (report.rows_loaded, report.rows_rejected) == (1, 1)
    assert loading.rejects(BY_DAY)[0][2] == f"{midnight} is not a time in {leap} (UTC)"
    kept = [*ratings(5, month=before), f"9,9,4.0,{midnight - 1}", *ratings(5, month=after)]
    assert loading.rows(BY_DAY) == parsed(kept)
    loading.replace(BY_DAY, {leap: (), before: observed()[before]})
    assert loading.rows(BY_DAY) == parsed([*ratings(5, month=before), *ratings(5, month=after)])
    assert loading.rejects(BY_DAY) == []


# The bucket.


NAMES = (
    "it's.csv",
    'a "b".csv',
    "with space.csv",
    "ümläut 天.csv",
    "a..csv",
    "a;drop table--.csv",
    "[x]*?{y}.csv",
    "%41.csv",
)


def test_any_object_name_can_be_loaded_and_is_named_in_the_books(loading: Loading) -> None:
    loading.allow(0.5)
    months = {a_month(number): name for number, name in enumerate(NAMES)}
    keys = [f"raw/ratings/month={month}/{name}" for month, name in months.items()]
    good = [line for month in months for line in ratings(1, month=month)]
    for key, line in zip(keys, good, strict=True):
        loading.bucket.put(key, io.BytesIO(csv(RATINGS, line, "bad")))
    loading.load(RATINGS)
    assert loading.rows(RATINGS) == parsed(good)
    assert [row[2] for row in loading.history(RATINGS)] == keys
    assert sorted(reject.object_key for reject in loading.warehouse.rejects(RATINGS, limit=9)) == sorted(keys)


def test_what_is_not_as_it_was_observed_or_cannot_be_read_is_refused(
    loading: Loading, settings: Settings, s3: Settings
) -> None:
    loading.load_body(RATINGS, csv(RATINGS, *ratings(3)))
    observed = loading.observed(RATINGS)
    (version,) = observed[MONTH]
    key, bucket = RATINGS.object_key(MONTH), loading.bucket

    wrong = replace(version, size=version.size + 1)
    sentence = loading.refused(lambda: loading.replace(RATINGS, {MONTH: (wrong,)}), BucketError)
    assert sentence == f"{key}: received {version.size} of {version.size + 1} bytes; load again"

    loading.bucket = LandingBucket(settings)
    sentence = loading.refused(lambda: loading.replace(RATINGS, observed), BucketError)
    assert f"S3 at {settings.s3_endpoint} cannot be reached to read {key}" in sentence
    assert "NETFLIX_S3_ENDPOINT" in sentence

    loading.bucket = LandingBucket(replace(s3, s3_secret_key="wrong"))
    sentence = loading.refused(lambda: loading.replace(RATINGS, observed), BucketError)
    assert "refused the access key" in sentence
    assert "NETFLIX_S3_SECRET_KEY" in sentence

    loading.bucket = bucket
    loading.put(RATINGS, csv(RATINGS, *ratings(4)), MONTH)
    sentence = loading.refused(lambda: loading.replace(RATINGS, observed), BucketError)
    assert sentence.startswith(f"{key} was replaced after it was observed (ETag ")
    assert sentence.endswith("observe the bucket and load again")

    loading.bucket.delete(key)
    sentence = loading.refused(lambda: loading.replace(RATINGS, observed), BucketError)
    assert key in sentence
    assert "the object is gone" in sentence
    assert sentence.endswith("observe the bucket and load again")


# Random files, against a second opinion.


def opinion(file: RawFile, line: str, month: str) -> Row | None:
    """The values of a line of numbers if the catalogue accepts it: slow, simple and on its own."""
    fields = line.split(",")
    if len(fields) != len(file.columns):
        return None
    values: list[float] = []
    for column, field in zip(file.columns, fields, strict=True):
        try:
            value = Decimal(field.strip(" "))
        except ArithmeticError:
            return None
        whole = column.type in (ColumnType.INTEGER, ColumnType.BIGINT)
        if not value.is_finite() or (whole and value != value.to_integral_value()):
            return None
        if whole and "e" in field.lower():
            return None
        if column.type is ColumnType.STARS and value * 2 != (value * 2).to_integral_value():
            return None
        if value < Decimal(str(column.minimum or 0)) or value > Decimal(str(column.maximum or 2**31 - 1)):
            return None
        values.append(float(value))
    start, end = time_window(month)
    if not start <= values[3] < end:
        return None
    return tuple(values)


_IDS = (
    *("1", "2", "3", "17", "2147483647", "2147483648", "0", "-1", "5.7", "6.0", "1e2"),
    *(" 8", "9 ", "", " ", "x", "nan"),
)
_OTHER_IDS = ("1", "2", "3", "40", "41", "42", "43", "44", "99999999999999999999", "1,1", "7.", "+5", "--5", "0")
_STARS = (
    *("0.5", "1", "4.0", "5.0", "4.50", "3.55", "0", "5.5", "6", "-1", "inf"),
    *("", "4,5", " 3.5 ", "1e0", ".5", "five"),
)


def fields(start: int) -> tuple[tuple[str, ...], ...]:
    """What may stand in each field of a line of the month that begins then."""
    times = (start, start + 1, start + 2, f"{start}.0", start - 1, 0, "", f" {start + 3} ", -5, "x")
    return (_IDS, _OTHER_IDS, _STARS, tuple(map(str, times)))


SEEDS = 12


def test_random_mixtures_of_rows_load_exactly_what_a_second_opinion_calls_good(loading: Loading) -> None:
    """All mixtures in one load, each a month."""
    loading.allow(1)
    read = 0
    good: dict[int, list[Row]] = {}
    for seed in range(SEEDS):
        month = a_month(seed)
        lines = put_mixture(loading, month, seed)
        by_key: dict[Row, Row] = {}
        for line in lines:
            row = opinion(RATINGS, line, month)
            if row is not None:
                by_key.setdefault((row[0], row[1], row[3]), row)
        read += len(lines)
        good[seed] = sorted(by_key.values())
    report = loading.load(RATINGS)
    assert report.rows_read == read
    rows = loading.rows(RATINGS)
    for seed, wanted in good.items():
        start, end = time_window(a_month(seed))
        assert [row for row in rows if start <= row[3] < end] == wanted, seed
    kept = sum(map(len, good.values()))
    assert len(rows) == kept
    assert report.rows_rejected == read - kept == len(loading.rejects(RATINGS))


def put_mixture(loading: Loading, month: str, seed: int) -> list[str]:
    """Write three objects of good and bad lines, as this seed has them; returns the lines."""
    start = time_window(month)[0]
    chance = random.Random(seed)
    badness = chance.choice([0.02, 0.3, 1.0])
    everything = []
    for name in "abc":
        lines = []
        for i in range(chance.randint(0, 120)):
            if chance.random() < badness:
                lines.append(",".join(chance.choice(choices) for choices in fields(start)))
            else:
                lines.append(f"{chance.randint(1, 60)},{i + 1},{chance.randint(1, 10) / 2},{start + i % 50}")
        end = chance.choice(["\n", "\r\n"])
        body = end.join([",".join(RATINGS.header), *lines]) + chance.choice(["", end, end * 3])
        if chance.random() < 0.3:
            body = body.replace(end, end * 2, 3)
        loading.bucket.put(f"raw/ratings/month={month}/{name}.csv", io.BytesIO(body.encode()))
        everything += lines
    return everything


# A genuine release.

STARS = (1370, 2811, 1791, 7551, 5550, 20047, 13136, 26818, 8551, 13211)


@pytest.fixture(scope="module")
def release(s3_server: Settings, movielens: Path) -> LandingBucket:
    """A bucket with a genuine release, to read."""
    bucket = LandingBucket(replace(s3_server, bucket="genuine"))
    bucket.ensure_exists()
    by_month: dict[str, list[str]] = {}
    with (movielens / "ratings.csv").open(encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            month = time.strftime("%Y-%m", time.gmtime(int(line.rsplit(",", 1)[1])))
            by_month.setdefault(month, []).append(line.strip())
    for month, rows in by_month.items():
        bucket.put(RATINGS.object_key(month), io.BytesIO(csv(RATINGS, *rows)))
    for file in (MOVIES, TAGS, LINKS):
        bucket.put_file(file.object_key(), movielens / f"{file.name}.csv")
    return bucket


def test_a_genuine_movielens_release_loads_without_a_reject(loading: Loading, release: LandingBucket) -> None:
    loading.read_from(release)
    reports = {file.name: loading.load(file) for file in (RATINGS, MOVIES, TAGS, LINKS)}
    assert {name: (report.rows_loaded, report.rows_rejected) for name, report in reports.items()} == {
        "ratings": (100_836, 0),
        "movies": (9_742, 0),
        "tags": (3_683, 0),
        "links": (9_742, 0),
    }
    months = release.contents().months(RATINGS)
    assert len(loading.warehouse.load_states(RATINGS)) == len(months) == reports["ratings"].objects > 200
    stars = loading.query('select "rating", count(*) from raw.raw_ratings group by "rating" order by "rating"')
    assert [plain(row) for row in stars] == [(i / 2, float(count)) for i, count in enumerate(STARS, start=1)]


def test_every_raw_file_of_the_catalog_can_be_loaded(loading: Loading) -> None:
    sample = {ColumnType.TEXT: "abc", ColumnType.STARS: "4.0", ColumnType.DOUBLE: "0.5", ColumnType.INTEGER: "1"}
    for file in RAW_FILES:
        values = [str(START) if column.type is ColumnType.BIGINT else sample[column.type] for column in file.columns]
        assert loading.load_body(file, csv(file, ",".join(values))).rows_loaded == 1, file.name
    rows = {("raw", file.table): 1 for file in RAW_FILES}
    assert set(loading.warehouse.holdings(RAW_FILES).relations) >= rows.keys()
    assert loading.warehouse.row_counts().items() >= rows.items()
    assert loading.warehouse.row_counts({("raw", MOVIES.table), ("raw", "not_there")}) == {("raw", MOVIES.table): 1}

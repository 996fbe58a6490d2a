"""An object becomes a file of whole LF lines, and what a scan cannot be trusted with is noted."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from netflix_assets.catalog import RawFile
from netflix_assets.errors import LoadError
from netflix_assets.loading.csv_object import land
from netflix_assets_tests.loading.harness import LINKS, MOVIES, RATINGS, chunked, csv

NUMBERS = [f"1,1,4.0,{10**9}", "2,31,0.5,7", "3,7,5.0,8"]


def outcome(file: RawFile, body: bytes, size: int, folder: Path, key: str = "raw/x.csv") -> tuple[bytes, int, bool]:
    landed = land(file, key, chunked(body, size), folder / "landed.csv")
    return landed.path.read_bytes(), landed.lines, landed.suspicious is not None


BODIES: dict[str, tuple[RawFile, bytes]] = {
    "numbers": (RATINGS, csv(RATINGS, *NUMBERS)),
    "CRLF": (RATINGS, csv(RATINGS, *NUMBERS).replace(b"\n", b"\r\n")),
    "mixed ends": (RATINGS, csv(RATINGS, *NUMBERS).replace(b"\n", b"\r\n", 2)),
    "byte-order mark": (RATINGS, b"\xef\xbb\xbf" + csv(RATINGS, *NUMBERS)),
    "no final newline": (RATINGS, csv(RATINGS, *NUMBERS).strip()),
    "final carriage return": (RATINGS, csv(RATINGS, *NUMBERS).strip() + b"\r"),
    "trailing blanks": (RATINGS, csv(RATINGS, *NUMBERS) + b"\r\n\n\n\r\n"),
    "blank in the middle": (RATINGS, csv(RATINGS, NUMBERS[0], "", *NUMBERS)),
    "blank after the header": (RATINGS, csv(RATINGS, "", *NUMBERS)),
    "only blanks": (RATINGS, csv(RATINGS, "", "", "")),
    "header alone": (RATINGS, csv(RATINGS)),
    "header without newline": (RATINGS, csv(RATINGS).strip()),
    "carriage return inside": (RATINGS, csv(RATINGS, "1,2\r,3,4", *NUMBERS)),
    "two carriage returns": (RATINGS, csv(RATINGS, *NUMBERS).replace(b"\n", b"\r\r\n")),
    "whole stars": (RATINGS, csv(RATINGS, "1,2,3,4", *NUMBERS)),
    "comma at the end": (RATINGS, csv(RATINGS, "1,2,3.0,4,", *NUMBERS)),
    "comma at the very end": (RATINGS, csv(RATINGS, *NUMBERS).strip() + b","),
    "quoted number": (RATINGS, csv(RATINGS, '"1",2,3.0,4')),
    "text": (MOVIES, csv(MOVIES, "1,Amélie 天 🎬,Drama", '2,"a ""b"", c",Drama')),
    "broken UTF-8": (MOVIES, csv(MOVIES, "1,Am\udce9lie,Drama".encode("utf-8", "surrogateescape").decode("latin-1"))),
    "cut UTF-8": (MOVIES, csv(MOVIES, "1,天,Drama").replace("天".encode(), "天".encode()[:2])),
    "UTF-8 cut at the end": (MOVIES, csv(MOVIES, "1,x,天").strip()[:-1]),
    "NUL": (MOVIES, csv(MOVIES, "1,a\0b,Drama")),
    "spaced quote": (MOVIES, csv(MOVIES, '1, "a",Drama', '2,"b" ,Drama')),
    "quoted nothing at the end": (MOVIES, csv(MOVIES, '1,a,Drama,""')),
    "missing last fields": (LINKS, csv(LINKS, "1,0114709,", "2,0113497,8844", "3,01,")),
    "one comma too many": (LINKS, csv(LINKS, "1,0114709,", "2,0113497,8844,", "3,01,")),
}


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("name", BODIES)
def test_the_borders_of_chunks_make_no_difference(name: str, size: int, tmp_path: Path) -> None:
    file, body = BODIES[name]
    assert outcome(file, body, size, tmp_path) == outcome(file, body, len(body), tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_land_alike_in_chunks_of_any_size(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    pieces = [b"\n", b"\r", b"\r\n", b",", b'"', b" ", b"1", b"2.0", b"x", b"\0", b"\xc3\xa9", b"\xc3", b"1,2,3.5,4\n"]
    file = chance.choice([RATINGS, MOVIES])
    body = csv(file) + b"".join(chance.choices(pieces, k=60))
    whole = outcome(file, body, len(body), tmp_path)
    for size in (1, 2, 3, 5, 7, 11):
        assert outcome(file, body, size, tmp_path) == whole
    packed = gzip.compress(body)
    for size in (1, 5, len(packed)):
        assert outcome(file, packed, size, tmp_path, "raw/x.csv.gz") == whole


@pytest.mark.parametrize("seed", range(40))
def test_lines_are_counted_and_kept_as_a_simple_reading_does(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    lines = ["".join(chance.choices(["1", ",", "a", "é", '"', " "], k=chance.randint(0, 6))) for _ in range(30)]
    body = csv(MOVIES, *lines)
    while lines and not lines[-1]:
        lines.pop()
    written, counted, _ = outcome(MOVIES, body, 13, tmp_path)
    assert counted == len(lines)
    assert written == csv(MOVIES, *lines)


@pytest.mark.parametrize(
    ("name", "suspicious"),
    [
        ("numbers", None),
        ("CRLF", None),
        ("mixed ends", None),
        ("trailing blanks", None),
        ("no final newline", None),
        ("final carriage return", None),
        ("whole stars", None),
        ("text", None),
        ("missing last fields", None),
        ("blank in the middle", "a blank line"),
        ("blank after the header", "a blank line"),
        ("carriage return inside", "a carriage return inside a line"),
        ("NUL", "a NUL byte"),
        ("cut UTF-8", "invalid UTF-8"),
        ("UTF-8 cut at the end", "invalid UTF-8"),
        ("quoted number", "quotes in a file of numbers"),
        ("spaced quote", "a space beside a quote"),
        ("comma at the end", "perhaps an empty field too many"),
        ("comma at the very end", "perhaps an empty field too many"),
        ("quoted nothing at the end", "perhaps an empty field too many"),
        ("one comma too many", "perhaps an empty field too many"),
    ],
)
def test_only_what_a_scan_cannot_be_trusted_with_is_suspicious(
    name: str, suspicious: str | None, tmp_path: Path
) -> None:
    file, body = BODIES[name]
    assert land(file, "raw/x.csv", [body], tmp_path / "landed.csv").suspicious == suspicious


@pytest.mark.parametrize("number", ["1_0", "+-1"])
def test_numbers_that_only_duckdb_would_take_are_suspicious(number: str, tmp_path: Path) -> None:
    body = csv(RATINGS, *NUMBERS, f"{number},2,3.5,4")
    assert land(RATINGS, "raw/x.csv", [body], tmp_path / "x").suspicious == "perhaps an odd number"


def test_suspicion_of_an_early_megabyte_is_not_forgotten(tmp_path: Path) -> None:
    body = csv(RATINGS, '"1",2,3.5,4', *(f"{i},2,3.5,4" for i in range(1, 200_000)))
    landed = land(RATINGS, "raw/x.csv", chunked(body, 1 << 20), tmp_path / "x")
    assert (landed.suspicious, landed.lines) == ("quotes in a file of numbers", 200_000)


def test_what_has_no_line_ends_is_refused_before_it_is_all_read() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield csv(RATINGS)
        while True:
            taken += 1
            yield b"7" * (1 << 20)

    with pytest.raises(LoadError, match="a line is longer than 1048576 bytes"):
        land(RATINGS, "raw/x.csv", endless(), Path("/dev/null"))
    assert taken < 5

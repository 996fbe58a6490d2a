"""A monthly file is cut into months: every row lands in exactly one, in its order."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.formats.split import lines_by_month, split_by_month
from netflix_assets.sample_data import generate

JAN_2001, FEB_2001 = 978_307_200, 980_985_600


def ratings(*times: object) -> bytes:
    header = b"userId,movieId,rating,timestamp\n"
    return header + b"".join(f"{user},1,4.5,{time}\n".encode() for user, time in enumerate(times, 1))


def test_every_sample_rating_lands_in_exactly_one_month(tmp_path: Path) -> None:
    source = tmp_path / "source"
    told = generate(source, scale=0.003, seed=3)
    months = tmp_path / "months"
    months.mkdir()
    with (source / "ratings.csv").open("rb") as whole:
        rows = split_by_month(raw_file("ratings"), whole, months, name="ratings.csv")
    assert sum(rows.values()) == told["ratings.csv"]
    assert sorted(rows) == list(rows) == sorted(path.stem for path in months.iterdir())
    lines = [line for path in months.iterdir() for line in path.read_bytes().splitlines()[1:]]
    assert sorted(lines) == sorted((source / "ratings.csv").read_bytes().splitlines()[1:])


def test_splitting_writes_more_than_one_batch_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netflix_assets.formats.split._BYTES_IN_MEMORY", 100)
    times = [JAN_2001 + number if number % 3 else FEB_2001 + number for number in range(500)]
    rows = split_by_month(raw_file("ratings"), io.BytesIO(ratings(*times)), tmp_path, name="x")
    assert rows == {"2001-01": 333, "2001-02": 167}
    for month in rows:
        users = [int(line.split(b",")[0]) for line in (tmp_path / f"{month}.csv").read_bytes().splitlines()[1:]]
        assert users == sorted(users)


def test_the_lines_of_a_month_are_those_of_which_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netflix_assets.formats.split._BYTES_IN_MEMORY", 100)
    times = ["no time", FEB_2001, *(JAN_2001 + n if n % 3 else "" if n % 2 else FEB_2001 for n in range(300))]
    whole = ratings(*times).replace(b"\n2,", b"\n\n2,").replace(b"\n50,", b"\n\r\n  \n50,") + b"301,1,4.5,1"
    lines = whole.splitlines(keepends=True)
    split_by_month(raw_file("ratings"), io.BytesIO(whole), tmp_path, name="x")
    found = lines_by_month(raw_file("ratings"), io.BytesIO(whole), ["2001-01", "2001-02", "2002-01"], name="x")
    assert sorted(found) == ["2001-01", "2001-02"]
    for month, one in found.items():
        cut = (tmp_path / f"{month}.csv").read_bytes()
        assert cut == b"".join([lines[0], *(lines[number - 1] for number in one.numbers)])
        assert one.size == len(cut)


def test_byte_order_marks_are_left_out_however_many_there_are(tmp_path: Path) -> None:
    cut = []
    for marks in (1, 2):
        folder = tmp_path / str(marks)
        folder.mkdir()
        body = marks * "\ufeff".encode() + ratings(JAN_2001)
        split_by_month(raw_file("ratings"), io.BytesIO(body), folder, name="x")
        cut.append((folder / "2001-01.csv").read_bytes())
    assert cut[0] == cut[1] == ratings(JAN_2001)

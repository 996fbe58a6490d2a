"""The made-up data looks like a MovieLens release, awkward spots included, and is always the same."""

import csv
import datetime as dt
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from netflix_assets.catalog import file_named, raw_file
from netflix_assets.errors import UserError
from netflix_assets.sample_data import generate

SCALE = 0.003
Rows = dict[str, list[dict[str, str]]]


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    generate(folder, scale=SCALE, seed=7)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    found = {}
    for path in folder.iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            found[path.name] = list(csv.DictReader(file))
    return found


MOVIELENS = {"movies", "ratings", "tags", "links", "genome_scores", "genome_tags"}


def test_every_file_of_movielens_is_there_with_its_header_and_nothing_else_is(folder: Path) -> None:
    headers = {}
    for path in folder.iterdir():
        file = file_named(path.name)
        assert file is not None
        headers[file.name] = path.read_text("utf-8").split("\n", 1)[0]
    assert headers == {name: ",".join(raw_file(name).header) for name in MOVIELENS}


def test_the_rows_are_as_many_as_told(tmp_path: Path, rows: Rows) -> None:
    told = generate(tmp_path, scale=SCALE, seed=7)
    assert told == {name: len(found) for name, found in rows.items()}
    assert told["ratings.csv"] == 96_001
    assert len({row["userId"] for row in rows["ratings.csv"]}) == 603


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", scale=SCALE, seed=7)
    generate(tmp_path / "other", scale=SCALE, seed=8)
    assert _bytes_of(tmp_path / "again") == _bytes_of(folder)
    assert not set(_bytes_of(tmp_path / "other").values()) & {
        content for name, content in _bytes_of(folder).items() if name != "genome-tags.csv"
    }


def test_one_thread_and_small_parts_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    program = f"""
import duckdb, pathlib
from netflix_assets import sample_data
connect = duckdb.connect
def connect_with_one_thread():
    connection = connect()
    connection.execute("set threads = 1")
    return connection
sample_data.duckdb.connect = connect_with_one_thread
sample_data._RATINGS_AT_A_TIME = 10_000
sample_data.generate(pathlib.Path({str(tmp_path)!r}), scale={SCALE}, seed=7)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert _bytes_of(tmp_path) == _bytes_of(folder)


def test_ratings_spread_over_the_years_and_end_in_2024(rows: Rows) -> None:
    times = [dt.datetime.fromtimestamp(int(row["timestamp"]), dt.timezone.utc) for row in rows["ratings.csv"]]
    assert (min(times).year, min(times).month, max(times).year) == (1995, 1, 2024)
    assert len({(time.year, time.month) for time in times}) > 300


def test_stars_are_spread_as_people_give_them(rows: Rows) -> None:
    stars = Counter(float(row["rating"]) for row in rows["ratings.csv"])
    assert set(stars) == {half / 2 for half in range(1, 11)}
    assert 3.4 < sum(star * count for star, count in stars.items()) / stars.total() < 3.65
    assert stars[4.0] > stars[3.5] > stars[1.5]


def test_some_movies_are_popular_and_some_were_never_rated(rows: Rows) -> None:
    ratings = Counter(row["movieId"] for row in rows["ratings.csv"])
    assert sum(count > 100 for count in ratings.values()) > 50
    assert ratings.keys() < {row["movieId"] for row in rows["movies.csv"]}


def test_nobody_rates_a_movie_twice_or_before_it_is_out(rows: Rows) -> None:
    rated = Counter((row["userId"], row["movieId"]) for row in rows["ratings.csv"])
    assert max(rated.values()) == 1
    year_of = {row["movieId"]: row["title"][-5:-1] for row in rows["movies.csv"]}
    for row in rows["ratings.csv"]:
        year = year_of[row["movieId"]]
        rated_in = dt.datetime.fromtimestamp(int(row["timestamp"]), dt.timezone.utc).year
        assert not year.isdigit() or rated_in >= int(year)


def test_no_tag_is_given_twice_at_one_time(rows: Rows) -> None:
    tags = Counter(tuple(row.values()) for row in rows["tags.csv"])
    assert max(tags.values()) == 1


def test_references_lead_somewhere(rows: Rows) -> None:
    movies = {row["movieId"] for row in rows["movies.csv"]}
    assert len(movies) == len(rows["movies.csv"])
    assert {row["movieId"] for row in rows["links.csv"]} == movies
    assert {row["movieId"] for row in rows["genome-scores.csv"]} <= movies
    assert {row["movieId"] for row in rows["tags.csv"]} <= movies
    assert {row["tagId"] for row in rows["genome-scores.csv"]} == {row["tagId"] for row in rows["genome-tags.csv"]}
    assert len({row["tag"] for row in rows["genome-tags.csv"]}) == len(rows["genome-tags.csv"])


def test_the_awkward_spots_of_the_real_files_are_there(rows: Rows) -> None:
    titles = [row["title"] for row in rows["movies.csv"]]
    tags = [row["tag"] for row in rows["tags.csv"]]
    for texts in (titles, tags):
        assert any(not text.isascii() for text in texts)
        assert any('"' in text for text in texts)
        assert any("," in text for text in texts)
    assert any(not title.endswith(")") for title in titles)
    assert len(set(titles)) < len(titles)
    assert any(row["genres"] == "(no genres listed)" for row in rows["movies.csv"])
    assert any(row["tmdbId"] == "" for row in rows["links.csv"])
    assert all(len(row["imdbId"]) == 7 for row in rows["links.csv"])


def test_relevance_is_between_0_and_1(rows: Rows) -> None:
    assert all(0 <= float(row["relevance"]) <= 1 for row in rows["genome-scores.csv"])


def test_the_smallest_scale_still_gives_every_file(tmp_path: Path) -> None:
    told = generate(tmp_path, scale=1e-9, seed=1)
    assert len(told) == 6
    assert min(told.values()) > 0


@pytest.mark.parametrize("scale", [0, -1, 10.1, float("nan"), float("inf")])
def test_a_scale_out_of_range_is_refused_in_one_sentence(tmp_path: Path, scale: float) -> None:
    with pytest.raises(UserError, match="must be above 0 and at most 10"):
        generate(tmp_path, scale=scale, seed=1)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match=f"cannot write sample data to {tmp_path / 'taken'}"):
        generate(tmp_path / "taken", scale=SCALE, seed=1)


def test_a_run_that_breaks_leaves_the_earlier_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path, scale=SCALE, seed=1)
    before = _bytes_of(tmp_path)

    def interrupted(label: str, done: int, total: int) -> None:
        if label == "ratings.csv":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, scale=SCALE, seed=2, progress=interrupted)
    assert _bytes_of(tmp_path) == before


def test_progress_ends_at_the_total_of_each_file(tmp_path: Path) -> None:
    last: dict[str, tuple[int, int]] = {}

    def tell(label: str, done: int, total: int) -> None:
        last[label] = (done, total)

    told = generate(tmp_path, scale=SCALE, seed=1, progress=tell)
    assert last == {name: (count, count) for name, count in told.items()}


def test_duckdb_reads_every_file_without_a_rejected_row(folder: Path, rows: Rows) -> None:
    for name in rows:
        file = file_named(name)
        assert file is not None
        types = ", ".join(f"'{column.name}': '{column.type.value}'" for column in file.columns)
        path = os.fspath(folder / name)
        query = f"select * from read_csv(?, header = true, quote = '\"', escape = '\"', columns = {{{types}}})"
        assert len(duckdb.execute(query, [path]).fetchall()) == len(rows[name])

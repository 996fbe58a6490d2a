"""Which object keys belong to which raw file."""

import dataclasses

import pytest

from netflix_assets.catalog import RAW_FILES, Grain, is_system_file, place_of, raw_file
from netflix_assets.formats.months import time_window
from netflix_assets.partitions import longest_stretch, partitions_of


@pytest.mark.parametrize(
    ("key", "name", "month"),
    [
        ("raw/movies.csv", "movies", None),
        ("raw/movies.csv.gz", "movies", None),
        ("raw/genome_scores.csv", "genome_scores", None),
        ("raw/genome-scores.csv", "genome_scores", None),
        ("raw/genome-tags.csv.gz", "genome_tags", None),
        ("raw/ratings/month=2015-06/ratings.csv", "ratings", "2015-06"),
        ("raw/ratings/month=2015-06/it's part 2.csv.gz", "ratings", "2015-06"),
        ("raw/ratings.csv", "ratings", None),
    ],
)
def test_an_object_key_belongs_to_a_file_and_month(key: str, name: str, month: str | None) -> None:
    place = place_of(key)
    assert place is not None
    assert (place.file.name, place.month) == (name, month)


@pytest.mark.parametrize(
    "key",
    [
        "movies.csv",
        "raw/Movies.csv",
        "raw/movies.csv.bak",
        "raw/x/movies.csv",
        "raw/../movies.csv",
        "raw/ratings/month=2015-13/ratings.csv",
        "raw/ratings/month=1994-12/ratings.csv",
        "raw/ratings/month=2015-06/deeper/ratings.csv",
        "raw/ratings/month=2015-06/ratings.txt",
        "raw/movies/month=2015-06/movies.csv",
    ],
)
def test_an_object_that_no_entry_knows_has_no_place(key: str) -> None:
    assert place_of(key) is None


def test_an_uploaded_file_is_found_again_under_its_own_key() -> None:
    for file in RAW_FILES:
        month = "2001-02" if file.month_column else None
        place = place_of(file.object_key(month))
        assert place is not None
        assert (place.file, place.month) == (file, month)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="known: movies, ratings"):
        raw_file("films")


@pytest.mark.parametrize(
    "path",
    [
        "__MACOSX/ml/ratings/month=2015-03/._ratings.csv",
        "raw/ratings/month=2015-03/._ratings.csv",
        "raw/.DS_Store",
        "raw/ratings/month=2015-03/_SUCCESS",
        "raw/ratings/month=2015-03/.part-00000.csv.crc",
        "raw/ratings/month=2015-03/part-00000.csv.crc",
        "raw/ratings/month=2015-03/_committed_7112",
        "raw/ratings/month=2015-03/",
        "raw/ratings_$folder$",
        "ml/Thumbs.db",
        "ml/DESKTOP.INI",
        "ml/~$ratings.xlsx",
        ".git/config",
        "raw/ratings/_temporary/0/ratings.csv",
    ],
)
def test_files_of_systems_are_known(path: str) -> None:
    assert is_system_file(path)


@pytest.mark.parametrize("path", ["raw/movies.csv", "../movies.csv", "./movies.csv", "raw/_ratings.csv", "a.b/c.csv"])
def test_data_is_no_system_file(path: str) -> None:
    assert not is_system_file(path)


def test_one_word_makes_the_partitions_of_a_file_days() -> None:
    file = dataclasses.replace(raw_file("ratings"), partition_by=Grain.DAY)
    key = file.object_key("2016-02-29")
    assert key == "raw/ratings/day=2016-02-29/ratings.csv"
    place = place_of(key, [file])
    assert place is not None
    assert place.month == "2016-02-29"
    for folder in ("day=2015-02-29", "day=1994-12-31", "day=2015-02", "month=2015-02", "day=2015-02-1", "day=20150201"):
        assert place_of(f"raw/ratings/{folder}/ratings.csv", [file]) is None, folder
    partitions = partitions_of(file)
    assert partitions is not None
    assert {"1995-01-01", "2016-02-29"} <= set(partitions.get_partition_keys())
    start, end = time_window("2016-02-29")
    assert (end - start, time_window("2016-03-01")[0]) == (86_400, end)
    assert longest_stretch({"2016-02-28", "2016-02-29", "2016-03-01", "2016-03-03"})[-1] == "2016-03-01"

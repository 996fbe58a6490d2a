"""What is so far from its history that a person should look."""

from __future__ import annotations

import datetime as dt

import pytest

from netflix_assets.catalog import raw_file
from netflix_assets.loading.volume import volume_check, volumes_of_loads, volumes_of_months
from netflix_assets.loading.warehouse import LoadState

RATINGS, MOVIES = raw_file("ratings"), raw_file("movies")
NOW = dt.datetime(2015, 8, 1, tzinfo=dt.timezone.utc)


def unusual_months(rows: dict[str, int], newest_load: tuple[str, ...] = (), running: str = "2015-08") -> list[str]:
    states: dict[str | None, LoadState] = {
        month: LoadState(2 if month in newest_load else 1, "", 1, count, 0, NOW) for month, count in rows.items()
    }
    return [one.name for one in volumes_of_months(RATINGS, states, running) if one.is_unusual]


MONTHS = {f"2015-0{number}": 1000 for number in range(1, 8)}


@pytest.mark.parametrize(
    ("rows", "unusual"), [(1000, []), (4900, []), (5100, ["ratings/2015-07"]), (190, ["ratings/2015-07"]), (0, [])]
)
def test_the_newest_month_of_a_first_load_is_compared_with_those_before_it(rows: int, unusual: list[str]) -> None:
    assert unusual_months({**MONTHS, "2015-03": 90_000, "2015-07": rows}) == unusual


def test_every_month_of_a_later_load_is_judged_and_the_running_one_is_not() -> None:
    rows = {**MONTHS, "2015-05": 9000, "2015-06": 9000}
    assert unusual_months(rows, ("2015-05", "2015-07")) == ["ratings/2015-05"]
    assert unusual_months({**rows, "2015-07": 1}, ("2015-07",), running="2015-07") == []


def test_without_a_history_and_among_few_rows_nothing_is_unusual() -> None:
    assert unusual_months({"2015-01": 1000, "2015-02": 1000, "2015-03": 90_000}) == []
    assert unusual_months(dict.fromkeys(MONTHS, 2) | {"2015-07": 99}) == []


def test_a_file_is_compared_with_its_earlier_loads_and_the_check_says_both_numbers() -> None:
    assert volumes_of_loads(MOVIES, [90_000, 1000, 1000]) == []
    check = volume_check(MOVIES, volumes_of_loads(MOVIES, [90_000, 1000, 0, 1100, 900]))
    assert not check.passed
    assert "`movies`: 90,000 rows, usual are 1,000" in str(check.metadata["unusual"].value)
    assert volume_check(MOVIES, volumes_of_loads(MOVIES, [0, 1000, 1000, 1000])).passed
    assert volume_check(MOVIES, []).passed

"""Which months a load records besides those that it loads."""

from __future__ import annotations

import pytest

from netflix_assets.loading.raw_assets import empty_months

MONTHS = ["2015-01", "2015-02", "2015-03", "2015-04", "2015-05"]


@pytest.mark.parametrize(
    ("with_objects", "loaded", "recorded", "empty"),
    [
        # The first load records all that has no objects, also when there are none at all.
        (["2015-02"], [], ["2015-02"], ["2015-01", "2015-03", "2015-04", "2015-05"]),
        ([], [], ["2015-01"], ["2015-02", "2015-03", "2015-04", "2015-05"]),
        # A month that began after it is missing until its objects, or those of a later one, come.
        (["2015-02"], ["2015-02"], ["2015-01", "2015-02", "2015-03"], []),
        (["2015-02", "2015-05"], ["2015-02"], ["2015-01", "2015-02", "2015-03", "2015-05"], ["2015-04"]),
        # One that is waiting to be loaded, or was loaded and lost its objects, is not empty.
        (["2015-02", "2015-03"], [], ["2015-02"], ["2015-01", "2015-04", "2015-05"]),
        (["2015-04"], ["2015-02", "2015-04"], ["2015-04"], ["2015-01", "2015-03"]),
    ],
)
def test_months_without_objects_are_recorded_as_empty(
    with_objects: list[str], loaded: list[str], recorded: list[str], empty: list[str]
) -> None:
    assert empty_months(MONTHS, with_objects, loaded, recorded) == empty

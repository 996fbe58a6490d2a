"""The tests of a file share a process, so that its fixtures are made once; what takes longest comes first."""

from __future__ import annotations

from pathlib import Path

from netflix_assets_tests import distribution
from netflix_assets_tests.distribution import FIRST, SPREAD, TOGETHER, scope, turn

TESTS = Path(distribution.__file__).parent


def test_tests_share_the_scope_of_their_file_unless_it_is_spread() -> None:
    spread, other = (f"netflix_assets_tests/{path}" for path in (SPREAD[0], "test_catalog.py"))
    assert scope(f"{spread}::test_a[1::2]") == f"{spread}::test_a[1::2]"
    assert scope(f"{other}::test_a[1::2]") == other
    assert len({scope(f"netflix_assets_tests/{path}::test_a") for path in TOGETHER}) == 1


def test_what_is_named_is_there() -> None:
    assert [path for path in (*SPREAD, *TOGETHER, *FIRST) if not (TESTS / path).exists()] == []


def test_what_is_named_comes_first_in_its_order() -> None:
    names = [f"netflix_assets_tests/{path}" for path in (*FIRST, "test_catalog.py")]
    assert [turn(name) for name in names] == list(range(len(names)))

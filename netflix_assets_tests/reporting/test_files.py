"""Files that are whole or not there, and what is kept in them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from netflix_assets.reporting.files import kept
from netflix_assets.reporting.page import render
from netflix_assets.reporting.previews import previews
from netflix_assets_tests.reporting.data import BUILT_AT, EMPTY, many


class Maker:
    """Counts how often something is made."""

    made = 0

    def __call__(self) -> str:
        self.made += 1
        return "var vega;\n\nvar é;\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "library.js"


def test_what_is_kept_is_made_once(path: Path) -> None:
    make = Maker()
    assert [kept(path, "vega 1", make) for _ in range(3)] == ["var vega;\n\nvar é;\n"] * 3
    assert make.made == 1
    assert [file.name for file in path.parent.iterdir()] == ["library.js"]
    assert path.stat().st_mode & 0o444 == 0o444


def test_of_another_version_it_is_made_again(path: Path) -> None:
    make = Maker()
    for made_from in ("vega 1", "vega 2", "vega 2", "vega 1"):
        kept(path, made_from, make)
    assert make.made == 3


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-3], lambda _: b"", lambda _: b"\xff" * 50, lambda w: w + b"x"]
)
def test_cut_off_or_foreign_it_is_made_again(path: Path, damage: object) -> None:
    make = Maker()
    kept(path, "vega 1", make)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert kept(path, "vega 1", make) == make()
    assert kept(path, "vega 1", make) == make()
    assert make.made == 4


def test_where_nothing_can_be_written_it_is_made_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make = Maker()
    assert kept(tmp_path / "file" / "library.js", "vega 1", make) == make()
    assert kept(None, "vega 1", make) == make()
    (tmp_path / "library.js").mkdir()
    assert kept(tmp_path / "library.js", "vega 1", make) == make()


def test_many_may_make_it_at_once(path: Path) -> None:
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(kept(path, "vega 1", Maker()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(texts) == {Maker()()}
    assert len(texts) == 8
    assert [file.name for file in path.parent.iterdir()] == ["library.js"]


def test_the_page_keeps_its_library_and_does_not_take_another(tmp_path: Path) -> None:
    page = render(EMPTY, built_at=BUILT_AT, made_from="DuckDB")
    assert render(EMPTY, built_at=BUILT_AT, made_from="DuckDB", keep_in=tmp_path) == page
    library = tmp_path / "library.js"
    assert library.read_text().partition("\n")[2] in page
    library.write_text("of somebody else")
    assert render(EMPTY, built_at=BUILT_AT, made_from="DuckDB", keep_in=tmp_path) == page


def test_only_charts_whose_rows_changed_are_drawn_again(tmp_path: Path) -> None:
    few, more = many(300), many(301)
    first = previews(few, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == len(first) == 3
    assert previews(few, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files
    assert previews(more, tmp_path) != first
    assert len(list(tmp_path.iterdir())) == 3

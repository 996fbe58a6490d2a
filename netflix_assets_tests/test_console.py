"""What the command line prints of a status: names as they are, and everything that is not as it should be."""

from __future__ import annotations

import io

from rich.console import Console

from netflix_assets.automation.status import Status, TableStatus
from netflix_assets.console import print_status


def printed(status: Status) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    print_status(console, status)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def table(**changes: object) -> TableStatus:
    known: dict[str, object] = {
        "layer": "raw",
        "table": "raw_movies",
        "rows": 4,
        "rejected": 0,
        "seconds": 0.1,
        "made_at": "2026-11-25T12:00:00+00:00",
        "up_to_date": True,
        "checks_passed": 5,
        "checks_warned": 0,
        "checks_failed": 0,
        "checks_pending": 0,
        "warned": (),
        "failed": (),
    }
    return TableStatus(**{**known, **changes})  # type: ignore[arg-type]


def test_names_with_brackets_are_printed_as_they_are() -> None:
    keys = ("raw/movies [old].csv", "raw/x[/y].csv", "raw/[red]é 🎬.csv")
    text = printed(Status((table(),), (), keys, {"raw/ratings [1].csv": "line 1 [/x] is bad"}, {}, ()))
    for name in (*keys, "raw/ratings [1].csv: line 1 [/x] is bad"):
        assert name in text


def test_what_is_not_as_it_should_be_is_named() -> None:
    failing = table(checks_failed=1, checks_warned=1, checks_pending=2, warned=("no_rejected_rows",), failed=("books",))
    text = printed(Status((failing,), (), (), {}, {"tags": "S3 cannot be reached"}, ("history starts anew",)))
    assert "check failed: books of raw_movies" in text
    assert "check warns: no_rejected_rows of raw_movies" in text
    assert "waits, and is tried again: tags: S3 cannot be reached" in text
    assert "note: history starts anew" in text
    assert "checks: 5 passed, 1 warned, 1 failed, 2 pending" in text

"""What the command line prints: progress while something runs, and tables of what came of it."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from netflix_assets.automation.materialize import Outcome
    from netflix_assets.automation.status import Status, TableStatus
    from netflix_assets.landing.upload import UploadReport

_DBT_STEP = re.compile(r"(\d+) of (\d+) (?:START|OK|PASS|ERROR|FAIL|WARN|SKIP)\S* (.*?)(?: \.{2,}.*)?$")


def progress_bar(console: Console) -> Progress:
    """A bar for each thing that is counted while it goes on."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def counting(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A function to report progress to: what, how much is done, of how much."""
    with progress_bar(console) as bars:
        tasks = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report


class _DbtOutput(io.TextIOBase):
    """Stands in for stdout while dbt runs: every line to the log, its count to the progress bar."""

    def __init__(self, log: io.TextIOBase, report: Callable[[str, int, int], None]) -> None:
        self._log = log
        self._report = report

    def write(self, text: str) -> int:
        self._log.write(text)
        match = _DBT_STEP.search(re.sub(r"\x1b\[\d*m", "", text).strip())
        if match:
            self._report("dbt", int(match[1]), int(match[2]))
        return len(text)


@contextmanager
def running_quietly(console: Console, log_file: Path) -> Iterator[Callable[[str, int, int], None]]:
    """Send what Dagster, dbt and warnings say to a log file; show progress only."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    logging.captureWarnings(True)
    root.addHandler(handler)
    try:
        with log_file.open("a") as log, counting(console) as report, redirect_stdout(_DbtOutput(log, report)):
            yield report
    finally:
        root.removeHandler(handler)
        handler.close()
        logging.captureWarnings(False)


def print_upload(console: Console, report: UploadReport) -> None:
    """One line of what an upload did."""
    parts = [f"{len(report.uploaded):,} objects ({report.bytes_uploaded / 1e6:,.1f} MB) put"]
    parts.append(f"{len(report.unchanged):,} already there")
    if report.removed:
        parts.append(f"removed under another spelling: {', '.join(report.removed)}")
    if report.checksum_verified is not None:
        parts.append("checksum verified" if report.checksum_verified else "no checksum is published")
    console.print(f"upload: {'; '.join(parts)}", highlight=False, soft_wrap=True)


def print_run(console: Console, status: Status, outcome: Outcome) -> None:
    """The table after a run: what it loaded and built."""
    ran = {tuple(key.path[-2:]) for key in outcome.work.assets}
    tables = [table for table in status.tables if (table.layer, table.table) in ran]
    table = Table("layer", "table", *_NUMBERS, title=None, box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for row in tables:
        table.add_row(row.layer, row.table, _count(row.rows), _count(row.rejected), _seconds(row), *_checks(row))
    console.print(table)
    for error in outcome.errors:
        console.print(f"[red]failed:[/red] {error}", highlight=False, soft_wrap=True)
    verdict = "[green]done[/green]" if outcome.success else "[red]failed[/red]"
    console.print(f"{verdict}: run {outcome.run_id}, {len(tables)} tables, {_all_checks(status)}", highlight=False)


_NUMBERS = ("rows", "rejected", "seconds", "checks passed", "failed")


def print_status(console: Console, status: Status) -> None:
    """The table of everything, run or not."""
    table = Table("layer", "table", "rows", "rejected", "last made (UTC)", "state", "checks passed", "failed", box=None)
    for column in (*table.columns[2:4], *table.columns[6:]):
        column.justify = "right"
    for row in status.tables:
        made = row.made_at[:19].replace("T", " ") if row.made_at else "never"
        state = "up to date" if row.fresh else "[yellow]out of date[/yellow]"
        table.add_row(row.layer, row.table, _count(row.rows), _count(row.rejected), made, state, *_checks(row))
    console.print(table)
    print_gaps(console, status)
    console.print(_all_checks(status), highlight=False)


def print_gaps(console: Console, status: Status) -> None:
    """What the bucket does not hold, and what it holds that nothing loads."""
    if status.missing_files:
        console.print(
            f"not in the bucket, so their tables are empty: {', '.join(status.missing_files)}",
            highlight=False,
            soft_wrap=True,
        )
    if status.unknown_objects:
        console.print(
            f"[yellow]in the bucket, but nothing loads them:[/yellow] {', '.join(status.unknown_objects)}",
            highlight=False,
            soft_wrap=True,
        )


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _seconds(row: TableStatus) -> str:
    return "" if row.seconds is None else f"{row.seconds:.2f}"


def _checks(row: TableStatus) -> tuple[str, str]:
    failed = f"[red]{row.checks_failed}[/red]" if row.checks_failed else "0"
    warned = f" [yellow]+{row.checks_warned} warned[/yellow]" if row.checks_warned else ""
    return f"{row.checks_passed}{warned}", failed


def _all_checks(status: Status) -> str:
    passed = sum(table.checks_passed for table in status.tables)
    warned = sum(table.checks_warned for table in status.tables)
    failed = sum(table.checks_failed for table in status.tables)
    return f"{passed} checks passed, {warned} warned, {failed} failed"

"""What the command line prints: progress while something runs, and tables of what came of it."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from netflix_assets.automation.materialize import Materialized
    from netflix_assets.automation.status import Status, TableStatus

_DBT_STEP = re.compile(r"(\d+) of (\d+) (?:START|OK|PASS|ERROR|FAIL|WARN|SKIP)\S* (.*?)(?: \.{2,}.*)?$")


def new_console(*, stderr: bool = False) -> Console:
    """A console whose tables are not cut where the output goes to a file or another program."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = 200
    return console


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
                tasks[what] = bars.add_task(escape(what), total=total)
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


def print_run(console: Console, status: Status, done: Materialized) -> None:
    """Print what was loaded and built, failures first, then one line for each thing that is not as it should be."""
    asked = {tuple(key.path[-2:]) for key in done.assets}
    made = {tuple(key.path[-2:]) for key in done.made}
    missed = {(row.layer, row.table) for row in status.tables if not row.up_to_date} & asked
    rows = [row for row in status.tables if (row.layer, row.table) in made | missed]
    table = _table("layer", "table", "", ">rows", ">rejected", ">seconds", "checks")
    for row in sorted(rows, key=lambda row: row.up_to_date and not row.checks_failed):
        is_made = (row.layer, row.table) in made
        what = "loaded" if row.layer == "raw" else "built"
        state = what if is_made and row.up_to_date else f"[red]{'in part' if is_made else f'not {what}'}[/red]"
        seconds = "" if row.seconds is None or not is_made else f"{row.seconds:.2f}"
        table.add_row(row.layer, row.table, state, _count(row.rows), _count(row.rejected), seconds, _checks([row]))
    if rows:
        console.print(table)
    for error in done.errors:
        console.print(f"[red]failed:[/red] {escape(error)}", soft_wrap=True)
    _print_checks(console, rows)
    for one in done.left.waiting.values():
        console.print(f"this may pass, so try again: {escape(one.why)}", soft_wrap=True)
    verdict = "[green]done[/green]" if done.success else "[red]failed[/red]"
    console.print(f"{verdict}: {len(made)} tables, checks: {_checks(status.tables)}; run {done.run_id}")


def print_status(console: Console, status: Status) -> None:
    """Print the table of everything, run or not."""
    table = _table("layer", "table", ">rows", ">rejected", "made (UTC)", "state", "checks")
    for row in status.tables:
        made = row.made_at[:16].replace("T", " ") if row.made_at else "never"
        state = "up to date" if row.up_to_date else "[yellow]out of date[/yellow]"
        table.add_row(row.layer, row.table, _count(row.rows), _count(row.rejected), made, state, _checks([row]))
    console.print(table)
    if status.uploads:
        console.print(f"data: {escape(status.uploads)}", soft_wrap=True)
    print_not_loaded(console, status.failed_loads, status.waiting)
    print_gaps(console, status)
    _print_checks(console, status.tables)
    for note in status.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}", soft_wrap=True)
    console.print(f"checks: {_checks(status.tables)}")


def print_not_loaded(console: Console, failed: Mapping[str, str], waiting: Mapping[str, str]) -> None:
    """Print a line for each file, month or export that is refused, or that waits."""
    for name, why in failed.items():
        console.print(f"[red]not loaded, until its objects change:[/red] {escape(name)}: {escape(why)}", soft_wrap=True)
    for name, why in waiting.items():
        console.print(f"[yellow]waits, and is tried again:[/yellow] {escape(name)}: {escape(why)}", soft_wrap=True)


def _print_checks(console: Console, tables: Sequence[TableStatus]) -> None:
    for row in tables:
        for name in row.failed:
            console.print(f"[red]check failed:[/red] {escape(name)} of {escape(row.table)}", soft_wrap=True)
        for name in row.warned:
            console.print(f"[yellow]check warns:[/yellow] {escape(name)} of {escape(row.table)}", soft_wrap=True)


def _table(*headings: str) -> Table:
    """A table without lines; a heading with > before it is of a column of numbers."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left", no_wrap=True)
    return table


def print_gaps(console: Console, status: Status) -> None:
    """What the bucket does not hold, and what it holds that nothing loads."""
    if status.missing_files:
        console.print(
            f"not in the bucket: {', '.join(status.missing_files)}",
            soft_wrap=True,
        )
    if status.unknown_objects:
        console.print(
            f"[yellow]in the bucket, but nothing loads them:[/yellow] {escape(', '.join(status.unknown_objects))}",
            soft_wrap=True,
        )


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _checks(tables: Sequence[TableStatus]) -> str:
    passed = sum(table.checks_passed for table in tables)
    warned = sum(table.checks_warned for table in tables)
    failed = sum(table.checks_failed for table in tables)
    pending = sum(table.checks_pending for table in tables)
    parts = [f"{passed} passed"] if passed else []
    parts += [f"[yellow]{warned} warned[/yellow]"] if warned else []
    parts += [f"[red]{failed} failed[/red]"] if failed else []
    parts += [f"[yellow]{pending} pending[/yellow]"] if pending else []
    return ", ".join(parts)

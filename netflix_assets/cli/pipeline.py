"""The main job and its parts: sample, materialize, status, demo."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from netflix_assets.cli.shared import console, definitions, errors, one_sentence, waiting
from netflix_assets.cli.upload import ask, run_upload
from netflix_assets.scratch import remove_abandoned, scratch_folder
from netflix_assets.settings import Settings, Target
from netflix_assets.turns import turn

if TYPE_CHECKING:
    from netflix_assets.automation.materialize import Materialized

DEMO_SCALE = 0.003
_UP_TO_DATE = "everything is up to date: nothing to run"


@click.command(epilog="Example: netflix-assets sample /tmp/sample --scale 0.01 --seed 7")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--scale", type=float, default=DEMO_SCALE, show_default=True, help="1 is 32 million ratings.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@one_sentence
def sample(folder: Path, scale: float, seed: int) -> None:
    """Write MovieLens-style sample files to FOLDER."""
    _sample(folder, scale, seed)


def _sample(folder: Path, scale: float, seed: int) -> None:
    from netflix_assets import sample_data
    from netflix_assets.console import counting

    with counting(console) as report:
        rows = sample_data.generate(folder, scale=scale, seed=seed, progress=report)
    console.print(f"sample: {', '.join(f'{count:,} {name}' for name, count in rows.items())} in {escape(str(folder))}")


@click.command(epilog="Example: netflix-assets materialize --accept movies")
@click.option("--all", "force", is_flag=True, help="Load and build everything, changed or not.")
@click.option(
    "--accept",
    multiple=True,
    metavar="NAME",
    help="Let a load through that takes away many rows: a file (movies), a month (ratings/2015-03), or all.",
)
@one_sentence
def materialize(force: bool, accept: tuple[str, ...]) -> None:
    """Observe the bucket, load what changed, build what is below it, and print what came of it.

    Goes on until nothing is left that can run: what is refused leaves the rest loaded and built. Exits with 1 if
    anything is refused or failed, with a line for each.
    """
    if not _materialize(Settings.from_environment(), force=force, accept=accept):
        raise SystemExit(1)


def _materialize(settings: Settings, *, force: bool = False, accept: Collection[str] = ()) -> bool:
    from netflix_assets.automation import unchanged

    remove_abandoned(settings.home / "tmp")
    if_changed = not force and not accept
    found = unchanged.fingerprint(settings)
    if if_changed and unchanged.holds(settings, found):
        console.print(_UP_TO_DATE)
        return True
    with ExitStack() as stack:
        with waiting("looking for other commands") as tell:
            waited = stack.enter_context(turn(settings.home / "materialize.lock", tell))
        if waited:
            found = unchanged.fingerprint(settings)
        if waited and if_changed and unchanged.holds(settings, found):
            console.print(_UP_TO_DATE)
            return True
        done = _run_what_changed(settings, force=force, accept=accept)
        if done.success and found is not None:
            nothing_is_left = not done.outcomes
            if done.outcomes:
                found, nothing_is_left = unchanged.fingerprint(settings), _nothing_is_left(settings)
            # Equal before and after: what the planner saw in between is what the digest is of.
            if found is not None and nothing_is_left and unchanged.fingerprint(settings) == found:
                unchanged.keep(settings, found)
    return done.success


def _nothing_is_left(settings: Settings) -> bool:
    from netflix_assets.automation.instance import dagster_instance
    from netflix_assets.automation.materialize import Materialized, next_plan

    defs, bucket, warehouse = definitions(settings)
    with dagster_instance(settings) as instance:
        plan = next_plan(defs, instance, bucket, warehouse, asked_at=time.time())
    return plan.is_empty and Materialized((), plan).success


def _run_what_changed(settings: Settings, *, force: bool, accept: Collection[str]) -> Materialized:
    import dagster as dg

    from netflix_assets.automation.instance import dagster_instance
    from netflix_assets.automation.materialize import materialize as materialize_all
    from netflix_assets.automation.materialize import wait_for_other_runs
    from netflix_assets.automation.run_plan import RunPlan
    from netflix_assets.automation.status import read_status
    from netflix_assets.console import print_gaps, print_not_loaded, print_run, running_quietly

    log = settings.log_path / "materialize.log"
    with ExitStack() as stack:
        with console.status("reading the definitions"):
            defs, bucket, warehouse = definitions(settings)
            instance = stack.enter_context(dagster_instance(settings))
        with waiting("looking for other runs") as tell:
            wait_for_other_runs(defs, instance, tell)
        with running_quietly(console, log) as report:
            planned, finished = [0], [0]

            def planning(plan: RunPlan) -> None:
                planned[0] += len(plan.tables) + 1
                report("steps", finished[0], planned[0])
                for note in plan.notes:
                    errors.print(f"[yellow]note:[/yellow] {escape(note)}", soft_wrap=True)

            def show(entry: dg.EventLogEntry) -> None:
                event = entry.dagster_event
                if event is not None and event.event_type is dg.DagsterEventType.STEP_SUCCESS:
                    finished[0] += 1
                    report("steps", finished[0], max(*planned, *finished))

            done = materialize_all(
                defs,
                instance,
                bucket,
                warehouse,
                force=force,
                accept=accept,
                on_event=show,
                on_plan=planning,
                tell=lambda text: report(text, 0, 1),
            )
        if not done.outcomes and done.success:
            console.print(_UP_TO_DATE)
            return done
        status = read_status(defs, instance, bucket, warehouse, counted=done.assets)
        if done.outcomes:
            print_run(console, status, done)
        else:
            print_not_loaded(console, status.failed_loads, status.waiting)
            console.print("[red]failed[/red]: nothing else to run")
        print_gaps(console, status)
        if not done.success:
            errors.print(f"what Dagster and dbt said is in {escape(str(log))}", soft_wrap=True)
        return done


@click.command(epilog="Example: netflix-assets status --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
@one_sentence
def status(as_json: bool) -> None:
    """Show every table: rows, rejected rows, when it was made, whether it is up to date, its checks.

    Runs nothing.
    """
    _status(Settings.from_environment(), as_json=as_json)


def _status(settings: Settings, *, as_json: bool = False) -> None:
    from netflix_assets.automation.instance import dagster_instance
    from netflix_assets.automation.status import read_status
    from netflix_assets.console import print_status

    defs, bucket, warehouse = definitions(settings)
    with dagster_instance(settings) as instance:
        current = read_status(defs, instance, bucket, warehouse)
    if as_json:
        click.echo(json.dumps(current.as_json(), indent=2))
    else:
        print_status(console, current)


@click.command(epilog="Example: netflix-assets demo ml-latest-small.zip")
@click.argument("data", required=False)
@click.option("--skip", multiple=True, metavar="NAME", help="Leave out a file of DATA (a name, path or pattern).")
@click.option("--yes", is_flag=True, help="On Snowflake: do not ask before objects of the bucket are removed.")
@one_sentence
def demo(data: str | None, skip: tuple[str, ...], yes: bool) -> None:
    """The whole pipeline: sample data, or DATA (folder, .zip, file or URL), to S3, raw tables and marts.

    What was in the bucket before is replaced: the marts hold DATA and nothing else.
    """
    settings = Settings.from_environment()
    # On a laptop the bucket is a copy of what was uploaded; elsewhere it may be all there is.
    confirm = None if yes or settings.target is Target.LOCAL else ask
    # What a killed demo leaves of it, the next command removes.
    with scratch_folder(settings.home / "tmp", "sample-") as folder:
        if data is None:
            _sample(folder, DEMO_SCALE, 1)
        called = None if data else "made-up sample data"
        run_upload(settings, data or str(folder), skip=skip, replace=True, confirm=confirm, called=called)
    if not _materialize(settings):
        raise SystemExit(1)
    _status(settings)
    duckdb = ".".join(version("duckdb").split(".")[:2])
    console.print(
        "\nnext: `make dev` opens the same data in the Dagster UI on http://127.0.0.1:3000; "
        f"query the marts in {escape(str(settings.warehouse_path))} (schema mart) with DuckDB {duckdb} or later",
        soft_wrap=True,
    )
    console.print(
        f"the report: {escape(str(settings.report_path))}; `netflix-assets report open` shows it in the browser",
        soft_wrap=True,
    )

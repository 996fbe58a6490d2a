"""The command line: `netflix-assets`. Reads arguments, calls the package, prints; decides nothing else.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.markup import escape

from netflix_assets.console import new_console
from netflix_assets.errors import UserError
from netflix_assets.settings import PROJECT_ROOT, Settings

DEMO_SCALE = 0.003
_Command = TypeVar("_Command", bound=Callable[..., Any])

console = new_console()
errors = new_console(stderr=True)


def _one_sentence(command: _Command) -> _Command:
    """Print a `UserError` as its sentence and exit with 1; anything else is a bug and keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            errors.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
            raise SystemExit(1) from error

    return wrapped  # type: ignore[return-value]


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: netflix-assets demo")
def main() -> None:
    """Movie ratings from CSVs in S3 to dashboards."""


@main.group()
def s3() -> None:
    """The local S3 server that stands in for Amazon S3."""


@s3.command(epilog="Example: netflix-assets s3 serve")
@_one_sentence
def serve() -> None:
    """Serve the bucket from the folder .netflix/s3 until interrupted."""
    from netflix_assets.landing import local_s3

    def ready(settings: Settings) -> None:
        console.print(f"S3 at {settings.s3_endpoint}, bucket {settings.bucket}, objects in {settings.s3_root}")

    local_s3.serve(Settings.from_environment(), on_ready=ready)


@main.command(epilog="Example: netflix-assets sample /tmp/sample --scale 0.01 --seed 7")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--scale", type=float, default=DEMO_SCALE, show_default=True, help="1 is 32 million ratings.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@_one_sentence
def sample(folder: Path, scale: float, seed: int) -> None:
    """Write MovieLens-style sample files to FOLDER."""
    _sample(folder, scale, seed)


def _sample(folder: Path, scale: float, seed: int) -> None:
    from netflix_assets import sample_data
    from netflix_assets.console import counting

    with counting(console) as report:
        rows = sample_data.generate(folder, scale=scale, seed=seed, progress=report)
    console.print(f"sample: {', '.join(f'{count:,} {name}' for name, count in rows.items())} in {folder}")


@main.command(epilog="Example: netflix-assets upload ml-latest-small.zip")
@click.argument("source")
@_one_sentence
def upload(source: str) -> None:
    """Put MovieLens CSVs into the bucket: SOURCE is a folder, a .zip, or the URL of a .zip.

    Ratings are split by month. Objects whose content is there already are left alone, so that it can be
    interrupted and repeated.
    """
    _upload(Settings.from_environment(), source)


def _upload(settings: Settings, source: str) -> None:
    from netflix_assets.console import counting, print_upload
    from netflix_assets.landing import local_s3
    from netflix_assets.landing.bucket import LandingBucket
    from netflix_assets.landing.upload import upload as upload_files

    bucket = LandingBucket(settings, reach=local_s3.reach)
    with counting(console) as report:
        done = upload_files(source, bucket, scratch=settings.home / "tmp", progress=report)
    print_upload(console, done)


@main.command(epilog="Example: netflix-assets materialize")
@click.option("--all", "everything", is_flag=True, help="Load and build everything, changed or not.")
@_one_sentence
def materialize(everything: bool) -> None:
    """Observe the bucket, load what changed, build what is below it, and print what came of it.

    Exits with 1 if anything failed.
    """
    if not _materialize(Settings.from_environment(), everything=everything):
        raise SystemExit(1)


def _materialize(settings: Settings, *, everything: bool) -> bool:
    import dagster as dg

    from netflix_assets.automation.home import dagster_instance
    from netflix_assets.automation.materialize import plan, run
    from netflix_assets.automation.status import read_status
    from netflix_assets.console import print_gaps, print_run, running_quietly

    log = settings.log_path / "materialize.log"
    with ExitStack() as stack:
        with console.status("reading the definitions"):
            defs, bucket, warehouse = _definitions(settings)
            instance = stack.enter_context(dagster_instance(settings))
        with console.status("observing the bucket"):
            work = plan(defs, instance, bucket, warehouse, everything=everything)
        if not work.assets and not work.checks:
            console.print("everything is up to date: nothing to run")
            return True
        with running_quietly(console, log) as report:
            steps = len(work.tables) + 1

            def show(entry: dg.EventLogEntry) -> None:
                event = entry.dagster_event
                if event is not None and event.event_type is dg.DagsterEventType.STEP_SUCCESS:
                    finished.append(event.step_key)
                    report("steps", len(finished), max(steps, len(finished)))

            finished: list[str | None] = []
            report("steps", 0, steps)
            outcome = run(defs, instance, work, on_event=show)
        status = read_status(defs, instance, bucket, warehouse)
        print_run(console, status, outcome)
        print_gaps(console, status)
        if not outcome.success:
            errors.print(f"what Dagster and dbt said is in {log}", soft_wrap=True)
        return outcome.success


def _definitions(settings: Settings) -> tuple[Any, Any, Any]:
    """The definitions, and the bucket and warehouse that their steps use."""
    from netflix_assets.definitions import build_defs

    defs = build_defs(settings)
    resources = defs.resources or {}
    return defs, resources["bucket"], resources["warehouse"]


@main.command(epilog="Example: netflix-assets status --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")
@_one_sentence
def status(as_json: bool) -> None:
    """Show every table: rows, rejected rows, when it was made, whether it is up to date, its checks.

    Runs nothing.
    """
    _status(Settings.from_environment(), as_json=as_json)


def _status(settings: Settings, *, as_json: bool = False) -> None:
    from netflix_assets.automation.home import dagster_instance
    from netflix_assets.automation.status import read_status
    from netflix_assets.console import print_status

    defs, bucket, warehouse = _definitions(settings)
    with dagster_instance(settings) as instance:
        current = read_status(defs, instance, bucket, warehouse)
    if as_json:
        click.echo(json.dumps(current.as_json(), indent=2))
    else:
        print_status(console, current)


@main.command(epilog="Example: netflix-assets demo ml-latest-small.zip")
@click.argument("data", required=False)
@_one_sentence
def demo(data: str | None) -> None:
    """The whole pipeline: sample data, or DATA (folder, .zip or URL), to S3, raw tables and marts."""
    settings = Settings.from_environment()
    with tempfile.TemporaryDirectory(prefix="netflix-sample-") as folder:
        if data is None:
            _sample(Path(folder), DEMO_SCALE, 1)
        _upload(settings, data or folder)
    if not _materialize(settings, everything=False):
        raise SystemExit(1)
    _status(settings)
    console.print(
        "\nnext: `make dev` opens the same data in the Dagster UI on http://127.0.0.1:3000; "
        f"query the marts in {settings.warehouse_path} (schema mart) with any DuckDB client",
        soft_wrap=True,
    )


@main.command(epilog="Example: netflix-assets dev --port 3001")
@click.option("--port", type=int, default=3000, show_default=True, help="Port of the UI, on 127.0.0.1.")
@_one_sentence
def dev(port: int) -> None:
    """Run the local S3 server and `dagster dev` on the same data, until interrupted."""
    from netflix_assets.automation.home import dagster_instance
    from netflix_assets.landing import local_s3

    settings = Settings.from_environment()
    with dagster_instance(settings), local_s3.serving(settings):
        console.print(
            f"S3 at {settings.s3_endpoint}, bucket {settings.bucket}; the UI will be on http://127.0.0.1:{port}",
        )
        raise SystemExit(_dagster_dev(settings, port))


def _dagster_dev(settings: Settings, port: int) -> int:
    """Run `dagster dev` until it ends or we are asked to; returns its exit code."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # A shell's background job starts with SIGINT ignored, which `dagster dev` would inherit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("dagster")),
            *("dev", "--host", "127.0.0.1", "--port", str(port)),
            *("--workspace", str(PROJECT_ROOT / "workspace.yaml")),
        ],
        # Beside the instance's own dagster.yaml: from the checkout, Dagster warns that its copy is not used.
        cwd=settings.dagster_home,
        env={**os.environ, "NETFLIX_HOME": str(settings.home), "PYTHONWARNINGS": _DEV_WARNINGS},
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        return 0


_DEV_WARNINGS = "ignore:Function `dev_command` is superseded"


if __name__ == "__main__":
    main()

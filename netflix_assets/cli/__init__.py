"""The command line: `netflix-assets`. Reads arguments, calls the package, prints; decides nothing else.

One module a group of commands. What a command needs is imported when it runs, so that `--help` answers at once.
"""

import gc
from typing import Any

import click

from netflix_assets.cli.infra import infra
from netflix_assets.cli.pipeline import demo, materialize, sample, status
from netflix_assets.cli.report import report
from netflix_assets.cli.servers import dev, s3
from netflix_assets.cli.upload import upload
from netflix_assets.settings.environment import isolate_process

_SELDOM = (100_000, 20, 100)
"""New objects before Python looks for garbage among them, and how much less often among the older ones."""


class _Program(click.Group):
    """The program; a test that invokes a command within its own process keeps its environment."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        isolate_process()
        # A command lives for seconds, and looking for garbage as often as Python does takes a tenth of them.
        gc.set_threshold(*_SELDOM)
        return super().__call__(*args, **kwargs)


@click.group(
    cls=_Program, context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: netflix-assets demo"
)
def main() -> None:
    """Movie ratings from CSVs in S3 to dashboards."""


for command in (demo, dev, infra, materialize, report, s3, sample, status, upload):
    main.add_command(command)

"""The Snowflake account: fill in the scripts, run them, compare the account with them, make key pairs."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.markup import escape

from netflix_assets.cli.shared import console, errors, one_sentence
from netflix_assets.settings import Duty, InfraSettings

_connection = click.option(
    "--connection", required=True, metavar="NAME", help="Section of Snowflake's connections.toml to sign in with."
)


@click.group()
def infra() -> None:
    """Set up the Snowflake account that production runs in (docs/snowflake.md)."""


@infra.command(epilog="Example: netflix-assets infra render --output /tmp/scripts")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Folder to write the scripts to.")
@one_sentence
def render(output: Path | None) -> None:
    """Print the scripts of infra_sql/ with the names of the settings filled in. Runs nothing.

    With NETFLIX_S3_EVENTS_QUEUE also what AWS needs for that queue: its attributes with the policy of who may send to
    it, the bucket's notification configuration, and the policy of the machine that reads it.
    """
    from netflix_assets.infra.aws import EventsQueue
    from netflix_assets.infra.scripts import Script, write
    from netflix_assets.infra.scripts import render as render_scripts

    settings = InfraSettings.from_environment()
    scripts = render_scripts(settings)
    if settings.events_queue is not None:
        documents = EventsQueue.of(settings.events_queue, settings.bucket).documents()
        scripts += [Script(name, json.dumps(document, indent=2) + "\n") for name, document in documents.items()]
    if output is None:
        for script in scripts:
            click.echo(f"-- {script.name}\n{script.text}")
        return
    write(scripts, output)
    console.print(f"{len(scripts)} scripts in {escape(str(output))}")


@infra.command(epilog="Example: netflix-assets infra apply --connection admin")
@_connection
@one_sentence
def apply(connection: str) -> None:
    """Run the scripts in the account, statement by statement, up to the first error.

    Safe to repeat: what is there already is left as it is, and its settings are set again.
    """
    from netflix_assets.infra.apply import apply as apply_statements
    from netflix_assets.infra.aws import trust_of
    from netflix_assets.infra.connection import admin_connection
    from netflix_assets.infra.names import Names
    from netflix_assets.infra.scripts import Statement, statements
    from netflix_assets.infra.scripts import render as render_scripts

    settings = InfraSettings.from_environment()

    def show(statement: Statement) -> None:
        console.print(f"{statement.where}  {escape(' '.join(statement.sql.split()))}", soft_wrap=True)

    with admin_connection(connection, settings.snowflake) as opened:
        apply_statements(opened, statements(render_scripts(settings)), on_statement=show)
        trust = trust_of(opened, Names.of(settings.snowflake))
    console.print(f"\ndone; the IAM role {settings.storage_role_arn} needs this trust policy:", soft_wrap=True)
    click.echo(json.dumps(trust, indent=2))


@infra.command(epilog="Example: netflix-assets infra check --connection admin")
@_connection
@one_sentence
def check(connection: str) -> None:
    """Read the account back and list in what it differs from the scripts.

    Changes nothing; exits with 1 if anything differs.
    """
    from netflix_assets.infra.account import read_account
    from netflix_assets.infra.check import differences
    from netflix_assets.infra.connection import admin_connection
    from netflix_assets.infra.inventory import wanted
    from netflix_assets.infra.names import Names
    from netflix_assets.infra.scripts import render as render_scripts
    from netflix_assets.infra.scripts import statements

    settings = InfraSettings.from_environment()
    expected = wanted(statements(render_scripts(settings)))
    with admin_connection(connection, settings.snowflake) as opened:
        actual = read_account(opened, expected)
    found = differences(expected, actual, Names.of(settings.snowflake))
    for difference in found:
        errors.print(escape(difference), soft_wrap=True)
    if found:
        count = "1 difference" if len(found) == 1 else f"{len(found)} differences"
        errors.print(
            f"{count}; `netflix-assets infra apply` makes what is missing and sets its settings again; the rest is "
            "yours to put right by hand",
            soft_wrap=True,
        )
        raise SystemExit(1)
    console.print(f"the account is as the scripts make it: {len(expected.things)} objects and their grants")


@infra.command(epilog="Example: netflix-assets infra rehearse --connection trial")
@_connection
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default="rehearsal.md",
    show_default=True,
    help="File to write the report to.",
)
@one_sentence
def rehearse(connection: str, report: Path) -> None:
    """Try on an account every form of statement that no test here can show.

    In a database and on an XS warehouse of its own, which it drops: about ten minutes, less than a credit. Needs no
    settings; exits with 1 if anything is otherwise than expected.
    """
    from netflix_assets.infra.rehearsal import rehearse as run
    from netflix_assets.infra.rehearsal import write_report

    write_report([], report)
    findings = run(connection, on_probe=lambda probe: console.print(f"{probe.name}: {escape(probe.why)}"))
    write_report(findings, report)
    failed = [finding for finding in findings if finding.fault]
    for finding in failed:
        errors.print(f"{finding.probe.name} did not hold: {escape(finding.fault)}", soft_wrap=True)
    console.print(f"{len(findings) - len(failed)} of {len(findings)} held; {escape(str(report))} says more")
    if failed:
        raise SystemExit(1)


@infra.command(epilog="Example: netflix-assets infra keys loader transformer reporter")
@click.argument("duties", nargs=-1, type=click.Choice([duty.value for duty in Duty]))
@click.option("--second", is_flag=True, help="Print statements for a second key beside the first, to rotate.")
@click.option("--show", is_flag=True, help="Make no key; print the statements for those that are there.")
@one_sentence
def keys(duties: tuple[str, ...], second: bool, show: bool) -> None:
    """Make the key pairs of the service users (all, or those of DUTIES) and print the public halves.

    The private halves go to the files that the settings name, encrypted if these give a passphrase; files
    that are there already are never overwritten.
    """
    from netflix_assets.infra.keys import make_keys, show_keys

    users = InfraSettings.from_environment().snowflake.users
    chosen = {duty: user for duty, user in users.items() if not duties or duty.value in duties}
    for statement in (show_keys if show else make_keys)(chosen, second=second):
        click.echo(statement)

"""Dagster jobs: make the clone of the database that a pull request's run works on, drop it, drop what was forgotten."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from netflix_assets.errors import InfraError, WarehouseError
from netflix_assets.infra.clones import (
    closed_clones,
    create_clone,
    drop_clone,
    let_reporter_read,
    names_database,
    rebuilt_view,
    show_clones,
    views_of,
)
from netflix_assets.infra.names import Names
from netflix_assets.infra.service import SignIn, cloner, sign_in
from netflix_assets.loading.snowflake_connection import QueryTag, Session
from netflix_assets.owners import OWNERS
from netflix_assets.settings import Duty, SnowflakeSettings


def branch_definitions(settings: SnowflakeSettings, sign_in: SignIn = sign_in) -> dg.Definitions:
    """The jobs, and the schedule that drops the clones of closed pull requests."""

    def run(context: dg.OpExecutionContext, clone: str, statements: Sequence[str]) -> None:
        tag = QueryTag(f"branches/{clone}", run_id=context.run_id)
        with sign_in(settings, cloner(settings), tag) as opened:
            for statement in statements:
                context.log.info(statement)
                opened.run(statement)
        context.add_output_metadata({"database": clone, "statements": dg.MetadataValue.md(_as_sql(statements))})

    @dg.op(config_schema={"pull_request": dg.Field(int, description="Number of the pull request.")})
    def create_clone_of_database(context: dg.OpExecutionContext) -> None:
        number = context.op_config["pull_request"]
        clone = Names.of(settings).clone(number)
        run(context, clone, create_clone(settings, number))
        tag = QueryTag(f"branches/{clone}", run_id=context.run_id)
        with sign_in(replace(settings, database=clone), settings.users[Duty.TRANSFORMER], tag) as opened:
            rebuild_views(settings, clone, opened)

    @dg.op(config_schema={"pull_request": dg.Field(int, description="Number of the pull request.")})
    def drop_clone_of_database(context: dg.OpExecutionContext) -> None:
        clone = Names.of(settings).clone(context.op_config["pull_request"])
        run(context, clone, [drop_clone(settings, clone)])

    @dg.op(
        config_schema={
            "open_pull_requests": dg.Field(
                dg.Noneable([int]),
                default_value=None,
                description="Numbers of all that are open: every other clone is dropped, however new.",
            )
        }
    )
    def drop_clones_of_closed(context: dg.OpExecutionContext) -> None:
        tag = QueryTag("branches", run_id=context.run_id)
        with sign_in(settings, cloner(settings), tag) as opened:
            closed = closed_clones(
                settings,
                opened.run(show_clones(settings)).records(),
                dt.datetime.now(dt.timezone.utc),
                open_pull_requests=context.op_config["open_pull_requests"],
                days=settings.clone_days,
            )
            refused: dict[str, WarehouseError] = {}
            for clone in closed:
                context.log.info(drop_clone(settings, clone))
                try:
                    opened.run(drop_clone(settings, clone))
                except WarehouseError as error:
                    refused[clone] = error
        dropped = [clone for clone in closed if clone not in refused]
        context.add_output_metadata({"dropped": ", ".join(dropped) or "none"})
        if refused:
            first = next(iter(refused))
            raise InfraError(
                f"{len(refused)} of {len(closed)} clones of closed pull requests could not be dropped, {first} first: "
                f"{refused[first]}"
            )

    @dg.job(
        owners=OWNERS,
        description=f"Clone {settings.database} for a pull request, without copying data. A deployment works on the "
        f"clone with NETFLIX_SNOWFLAKE_DATABASE={settings.database}_PR_<number>.",
    )
    def create_branch_database() -> None:
        create_clone_of_database()

    @dg.job(owners=OWNERS, description="Drop the clone that was made for a pull request.")
    def drop_branch_database() -> None:
        drop_clone_of_database()

    @dg.job(
        owners=OWNERS,
        description="Drop the clones of closed pull requests: all but those of a list that is given, else those that "
        f"are older than {settings.clone_days} days (NETFLIX_SNOWFLAKE_CLONE_DAYS).",
    )
    def drop_closed_branch_databases() -> None:
        drop_clones_of_closed()

    daily = dg.ScheduleDefinition(
        name="drop_closed_branch_databases_daily",
        job=drop_closed_branch_databases,
        cron_schedule="0 5 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day, 05:00 UTC; knows the clones' age alone.",
    )
    return dg.Definitions(
        jobs=[create_branch_database, drop_branch_database, drop_closed_branch_databases], schedules=[daily]
    )


def rebuild_views(settings: SnowflakeSettings, clone: str, opened: Session) -> None:
    """Make every view of a clone that reads production again, so that it reads the clone.

    Args:
        settings: The account, with the production database.
        clone: The clone.
        opened: A session of the transformer, who owns the views.

    Raises:
        InfraError: A view still names production, or its text does not show.
    """

    def reading() -> dict[str, str | None]:
        views = {f"{clone}.{schema}.{name}": text for schema, name, text in opened.run(views_of(clone)).rows}
        return {name: text for name, text in views.items() if not text or names_database(text, settings.database)}

    found = reading()
    for name, text in found.items():
        if text:
            opened.run(rebuilt_view(name, text, settings, clone))
    if not found:
        return
    if any(name.upper().startswith(f"{clone}.REPORTING.") for name in found):
        opened.run(let_reporter_read(settings, clone))
    if left := sorted(reading()):
        raise InfraError(
            f"view {left[0]} (of {len(left)}) reads {settings.database} or does not show its text to role "
            f"{settings.users[Duty.TRANSFORMER].role}, so that the clone would show production's rows; drop it with "
            "drop_branch_database, or have dbt make the view again with "
            f"NETFLIX_SNOWFLAKE_DATABASE={clone}"
        )


def _as_sql(statements: Sequence[str]) -> str:
    return "```sql\n" + ";\n".join(statements) + ";\n```"

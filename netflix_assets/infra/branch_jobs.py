"""Two Dagster jobs: make the clone of the database that a pull request's run works on, and drop it."""

from collections.abc import Sequence
from dataclasses import replace

import dagster as dg

from netflix_assets.errors import InfraError
from netflix_assets.infra.clones import (
    create_clone,
    drop_clone,
    let_reporter_read,
    names_database,
    rebuilt_view,
    views_of,
)
from netflix_assets.infra.names import Names
from netflix_assets.infra.service import SignIn, cloner, sign_in
from netflix_assets.loading.snowflake_connection import QueryTag, Session
from netflix_assets.settings import Duty, SnowflakeSettings


def branch_jobs(settings: SnowflakeSettings, sign_in: SignIn = sign_in) -> list[dg.JobDefinition]:
    """`create_branch_database` and `drop_branch_database`."""

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

    @dg.job(
        description=f"Clone {settings.database} for a pull request, without copying data. A deployment works on the "
        f"clone with NETFLIX_SNOWFLAKE_DATABASE={settings.database}_PR_<number>.",
    )
    def create_branch_database() -> None:
        create_clone_of_database()

    @dg.job(description="Drop the clone that was made for a pull request.")
    def drop_branch_database() -> None:
        drop_clone_of_database()

    return [create_branch_database, drop_branch_database]


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

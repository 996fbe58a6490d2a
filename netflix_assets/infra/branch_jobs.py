"""Two Dagster jobs: make the clone of the database that a pull request's run works on, and drop it."""

from collections.abc import Sequence

import dagster as dg

from netflix_assets.infra.clones import create_clone, drop_clone
from netflix_assets.infra.names import Names
from netflix_assets.infra.service import SignIn, cloner, sign_in
from netflix_assets.loading.snowflake_connection import QueryTag
from netflix_assets.settings import SnowflakeSettings


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
        run(context, Names.of(settings).clone(number), create_clone(settings, number))

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


def _as_sql(statements: Sequence[str]) -> str:
    return "```sql\n" + ";\n".join(statements) + ";\n```"

"""Run the scripts in an account, one statement after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netflix_assets.errors import InfraError
from netflix_assets.infra.connection import Connection, Refused, execute
from netflix_assets.infra.scripts import Statement


def apply(
    connection: Connection, statements: Sequence[Statement], *, on_statement: Callable[[Statement], None]
) -> None:
    """Run every statement; each leaves alone what is already as it should be, so that it is safe to repeat.

    Args:
        connection: An administrator's.
        statements: In the order to run them.
        on_statement: Called with each before it runs.

    Raises:
        InfraError: Snowflake refused one; those before it have run, those after it have not.
    """
    for number, statement in enumerate(statements):
        on_statement(statement)
        try:
            execute(connection, statement.sql)
        except Refused as error:
            raise InfraError(
                f"{statement.where} was refused to role {statement.role}: {error}; {number} of {len(statements)} "
                "statements have run; put that right and apply again, which leaves alone what is done"
            ) from error

"""Writes a database as an older Dagster made it, for the test that migrates it.

1.9.11 is the last release whose tables on PostgreSQL are others than those of the locked one. Once more, or of another:

    uv venv old && uv pip install --python old dagster==1.9.11 dagster-postgres==0.25.11 'sqlalchemy<2.1'
    old/bin/python -m netflix_assets_tests.deploy.predecessor > netflix_assets_tests/deploy/predecessor.sql
"""

from __future__ import annotations

import sys
import tempfile

import dagster as dg
import yaml

from netflix_assets_tests.deploy import postgres

# What the test looks at; the other events are as many lines and say no more.
_KEPT = "('PIPELINE_START', 'ASSET_MATERIALIZATION', 'PIPELINE_SUCCESS')"


@dg.asset(key_prefix=["raw"])
def raw_movies() -> None: ...


def main() -> None:
    programs = postgres.programs()
    assert programs is not None, "PostgreSQL is needed"
    with postgres.running(programs) as server, tempfile.TemporaryDirectory() as home:
        where = {
            "hostname": "127.0.0.1",
            "port": server.port,
            "username": postgres.USER,
            "password": postgres.PASSWORD,
            "db_name": "postgres",
        }
        with open(f"{home}/dagster.yaml", "w") as config:  # noqa: PTH123
            yaml.safe_dump({"storage": {"postgres": {"postgres_db": where}}}, config)
        with dg.DagsterInstance.from_config(home) as instance:
            instance.event_log_storage.set_concurrency_slots("warehouse", 1)
            dg.materialize([raw_movies], instance=instance)
        server.sql(f"delete from event_logs where dagster_event_type not in {_KEPT}")
        dump = server.client("pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments", "postgres")
        lines = [line for line in dump.splitlines() if line and not line.startswith("--")]
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Which tests of a suite in several processes share one, and which come first."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Files whose tests share no fixture that is dear: any process may run each of their tests.
SPREAD = (
    "automation/test_arrivals.py",
    "automation/test_main_job.py",
    "automation/test_unchanged.py",
)
# Files that share one process: what dbt parses for an emulated account is of use to no other process's.
TOGETHER = (
    "automation/test_job_on_snowflake.py",
    "transform/test_dbt_on_snowflake.py",
    "transform/test_transactions_on_snowflake.py",
)
# What takes longest, first: nothing is left for one process alone at the end. Others follow in their own order.
FIRST = ("browser/", "deploy/", "loading/test_load_contract.py", "cli/", "transform/", "automation/", "loading/")


def scope(test: str) -> str:
    """Return what the test has in common with all tests that must run in its process: files, its file, or itself."""
    file = test.partition("::")[0]
    if file.endswith(TOGETHER):
        return "dbt on Snowflake"
    return test if file.endswith(SPREAD) else file


def turn(test: str) -> int:
    """Return the place of a test in the order in which tests are given to processes."""
    return next((place for place, path in enumerate(FIRST) if f"/{path}" in test), len(FIRST))


class Distribution(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process one scope after the other, as they were collected.

    The plug-in's own `loadgroup` writes the group into a test's name, which the pytest that is pinned does not let it.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)

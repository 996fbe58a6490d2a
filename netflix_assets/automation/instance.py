"""Dagster's own state: the folder, its configuration, and the instance that lives there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from netflix_assets.automation.runs import end_runs_of_dead_processes, free_slots_of_ended_runs
from netflix_assets.errors import SettingsError
from netflix_assets.pools import WAREHOUSE_POOL
from netflix_assets.settings import Settings

# Not in the checkout's root: there Dagster warns, wherever DAGSTER_HOME is, that it does not use it.
_CONFIGURATION = Path(__file__).with_name("dagster.yaml")


def make_dagster_home(settings: Settings) -> Path:
    """Make the folder that `DAGSTER_HOME` names, with the project's `dagster.yaml` in it.

    Raises:
        SettingsError: The folder cannot be written.
    """
    home = settings.dagster_home
    configuration, own = _CONFIGURATION.read_bytes(), home / _CONFIGURATION.name
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not own.exists() or own.read_bytes() != configuration:
            own.write_bytes(configuration)
    except OSError as error:
        raise SettingsError(
            f"{error.filename} cannot be written ({error.strerror}); "
            "make it writable or set NETFLIX_HOME to a folder that is"
        ) from error
    return home


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance that `dagster dev` shows as well, with the warehouse's pool limited to one step."""
    home = make_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    # Dagster then stores the events of a range of partitions, and those that plan a run, in one call.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        # On a fresh home the default limit is not yet in force for the first runs.
        storage = instance.event_log_storage
        if WAREHOUSE_POOL not in storage.get_concurrency_keys():
            storage.set_concurrency_slots(WAREHOUSE_POOL, 1)
        end_runs_of_dead_processes(instance)
        free_slots_of_ended_runs(instance)
        yield instance

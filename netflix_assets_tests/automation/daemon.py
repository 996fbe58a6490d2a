"""What Dagster's daemons do, step by step, so that tests can count the runs: tick, record, run, evaluate."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process

from netflix_assets.automation.instance import dagster_instance
from netflix_assets.automation.sensors import tick
from netflix_assets.definitions import build_defs
from netflix_assets.landing.bucket_watch import BucketWatch
from netflix_assets.landing.s3_events import EventQueue, Hints
from netflix_assets.reporting.store import report_store
from netflix_assets.targets import SENSOR_WAIT_SECONDS, warehouse_from
from netflix_assets_tests.pipeline import Pipeline


@dataclass
class Look:
    """What one tick of the sensor gave."""

    run: dg.RunRequest | None
    observed: list[tuple[str, str | None]]
    reason: str

    @property
    def assets(self) -> set[str]:
        """Names of the assets to materialize, without their schemas."""
        assert self.run is not None, self.reason
        return {key.path[-1] for key in self.run.asset_selection or ()}

    @property
    def months(self) -> set[str]:
        """First and last month of the range, and those beside it."""
        assert self.run is not None
        range_ = {self.run.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end")} - {None}
        config = self.run.run_config["ops"].get("raw__raw_ratings", {}).get("config", {})
        return {str(month) for month in range_} | set(config.get("other_months", ()))


class Seen(NamedTuple):
    """What the daemons keep between their ticks."""

    cursor: str | None
    conditions_cursor: object


@dataclass
class Daemon:
    """Sensor and conditions on one pipeline."""

    pipeline: Pipeline
    instance: dg.DagsterInstance
    defs: dg.Definitions
    cursor: str | None = None
    conditions_cursor: object = None
    runs: list[Look] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    queue: Notifying | None = None

    @property
    def knows(self) -> Seen:
        """For another daemon of the same home to go on with."""
        return Seen(self.cursor, self.conditions_cursor)

    def look(self, *, reconcile: bool = False) -> Look:
        """One tick of the sensor; its observations and cursor are kept, its run is not started.

        Args:
            reconcile: It is time to list everything, whatever the events told.
        """
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.defs.get_repository_def()
        )
        settings, bucket = self.pipeline.settings, self.pipeline.bucket
        if reconcile:
            settings = replace(settings, reconcile_minutes=0)
        warehouse = warehouse_from(settings, wait_seconds=SENSOR_WAIT_SECONDS[settings.target])
        result = tick(context, BucketWatch(settings, bucket, self.queue), warehouse, report_store(settings, bucket))
        if isinstance(result, dg.SkipReason):
            return Look(None, [], result.skip_message or "")
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        self.cursor = result.cursor
        run = result.run_requests[0] if result.run_requests else None
        assert len(result.run_requests or ()) <= 1
        observed = [
            (event.asset_key.path[-1], event.partition)
            for event in result.asset_events
            if isinstance(event, dg.AssetObservation)
        ]
        return Look(run, observed, result.skip_reason.skip_message or "" if result.skip_reason else "")

    def execute(self, look: Look, *, on_event: Callable[[dg.DagsterEvent], None] | None = None) -> bool:
        """Run what a tick requested; False if it failed."""
        request = look.run
        assert request is not None
        job = self.defs.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection=set(request.asset_selection or ()),
            asset_check_selection=None if request.asset_check_keys is None else set(request.asset_check_keys),
        )
        run_id = f"{len(self.runs):08}-0000-4000-8000-{id(self) % 10**12:012}"
        if on_event is not None:
            listener = on_event
            self.instance.add_event_listener(
                run_id, lambda entry: listener(entry.dagster_event) if entry.dagster_event else None
            )
        with redirect_stdout(io.StringIO()):
            # As the daemon does, the run records what it is to materialize; `execute_in_process` of a job does not.
            result = core_execute_in_process(
                job=InMemoryJob(job.as_ephemeral_job(resource_defs={}, input_values={})),
                instance=self.instance,
                run_id=run_id,
                run_config=dict(request.run_config or {}),
                run_tags=dict(request.tags),
                asset_selection=frozenset(request.asset_selection or ()),
                output_capturing_enabled=False,
                raise_on_error=False,
            )
        self.runs.append(look)
        self.failed += [event.step_key or "" for event in result.all_events if event.is_step_failure]
        return result.success

    def conditions(self) -> set[str]:
        """One evaluation of the conditions; names of what they request."""
        result = dg.evaluate_automation_conditions(
            self.defs,
            instance=self.instance,
            cursor=self.conditions_cursor,  # type: ignore[arg-type]
        )
        self.conditions_cursor = result.cursor
        return {
            key.path[-1]
            for key in self.defs.resolve_asset_graph().materializable_asset_keys
            if result.get_num_requested(key)
        }

    def settle(self) -> list[Look]:
        """Tick and run until nothing more is requested; the runs that took. The conditions must ask for nothing."""
        before = len(self.runs)
        for _ in range(8):
            look = self.look()
            assert self.conditions() == set()
            if look.run is None:
                return self.runs[before:]
            self.execute(look)
            assert self.conditions() == set()
        raise AssertionError(f"the runs do not end: {[sorted(look.assets) for look in self.runs]}")


class Notifying(EventQueue):
    """A queue that tells what changed in a pipeline's bucket since it was last read, as S3 would have."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._times = {version: version.last_modified for version in pipeline.bucket.versions()}

    def lose(self) -> None:
        """Never tell of what changed until now."""
        self.receive(0)

    def receive(self, deadline: float) -> Hints:
        now = {version: version.last_modified for version in self._pipeline.bucket.versions()}
        changed = {version.key for version, _ in now.items() ^ self._times.items()}
        self._times = now
        return Hints(changed, sorted(changed))

    def delete(self, handles: Sequence[str], deadline: float) -> list[str]:
        return list(handles)


@contextmanager
def daemon(pipeline: Pipeline, *, events: bool = False, seen: Seen | None = None) -> Iterator[Daemon]:
    """Sensor and conditions that have seen the pipeline as it is; told of its changes by events, or listing it.

    Args:
        pipeline: In the state in which it was then, or in one that came of it, if it has been seen already.
        events: Whether events tell.
        seen: What another daemon of this home knew when it began, to go on with.
    """
    with dagster_instance(pipeline.settings) as instance:
        queue = Notifying(pipeline) if events else None
        one = Daemon(pipeline, instance, build_defs(pipeline.settings), queue=queue)
        if seen is None:
            assert one.conditions() == set()
        else:
            one.cursor, one.conditions_cursor = seen
        assert one.look().run is None
        yield one

"""What Dagster recorded: newest materializations and check results, and what the last runs came to.

Dagster on the concept: https://docs.dagster.io/guides/build/assets/metadata-and-tags
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import dagster as dg
from dagster import AssetCheckKey, AssetKey

from netflix_assets.errors import BucketError, LoadError, UserError, WarehouseError
from netflix_assets.loading.raw_assets import LOAD_ID_METADATA
from netflix_assets.private_apis import ErrorSource
from netflix_assets.transform.dbt_assets import PROJECT_VERSION

CODE_VERSION_TAG = "dagster/code_version"
SECONDS_METADATA = ("seconds", "Execution Duration")
"""Under which our loads and dagster-dbt's events record how long they took."""

_RUNS_LOOKED_AT = 25
_TERMINAL_COLOUR = re.compile(r"\x1b\[\d*m")

_BUILD_ERRORS = {"DagsterDbtCliRuntimeError", "Failure", "ReportError"}
# What dbt says, in its own words only, when it is the warehouse that fails and not the model.
_OUTAGE_IN_DBT = re.compile(
    r"Could not set lock|Conflicting lock|No space left|cannot (?:connect|open|be reached)|Could not connect|"
    r"Failed to connect|timed? ?out|[Cc]onnection (?:refused|reset|aborted)|250001|Out of Memory",
)


@dataclass(frozen=True)
class Records:
    """What Dagster recorded of assets and checks.

    Attributes:
        materialized: Storage id (grows with time) of each asset's newest materialization.
        made_at: When that was, in seconds since 1970.
        seconds: What it took.
        code_versions: The code version it was made from.
        load_ids: Of raw tables, the load that it recorded.
        outcomes: The newest result of each check: "passed", "warned" or "failed".
        evaluated_at: When that was, in seconds since 1970.
        project_versions: Of unit tests, the version of the dbt project that was tested.
    """

    materialized: dict[AssetKey, int] = field(default_factory=dict)
    made_at: dict[AssetKey, float] = field(default_factory=dict)
    seconds: dict[AssetKey, float] = field(default_factory=dict)
    code_versions: dict[AssetKey, str] = field(default_factory=dict)
    load_ids: dict[AssetKey, int] = field(default_factory=dict)
    outcomes: dict[AssetCheckKey, str] = field(default_factory=dict)
    evaluated_at: dict[AssetCheckKey, float] = field(default_factory=dict)
    project_versions: dict[AssetCheckKey, str] = field(default_factory=dict)

    @classmethod
    def read(cls, instance: dg.DagsterInstance, graph: dg.AssetGraph) -> Records:
        """Read them all in two queries."""
        records = cls()
        for record in instance.get_asset_records(list(graph.materializable_asset_keys)):
            records._add_materialization(record.asset_entry)
        # A check that is planned and has no result counts as one without: its newest build was not checked.
        executions = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
        for key, execution in executions.items():
            records._add_check(key, execution)
        return records

    def _add_materialization(self, entry: Any) -> None:
        newest = entry.last_materialization_record
        if newest is None:
            return
        materialization = newest.asset_materialization
        self.materialized[entry.asset_key] = newest.storage_id
        self.made_at[entry.asset_key] = newest.timestamp
        self.code_versions[entry.asset_key] = (materialization.tags or {}).get(CODE_VERSION_TAG, "")
        if LOAD_ID_METADATA in materialization.metadata:
            self.load_ids[entry.asset_key] = int(materialization.metadata[LOAD_ID_METADATA].value)
        for name in SECONDS_METADATA:
            if name in materialization.metadata:
                self.seconds[entry.asset_key] = float(materialization.metadata[name].value)

    def _add_check(self, key: AssetCheckKey, execution: Any) -> None:
        event = execution.event.dagster_event if execution.event else None
        if event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            return
        evaluation = event.asset_check_evaluation_data
        warned = evaluation.severity is dg.AssetCheckSeverity.WARN
        self.outcomes[key] = "passed" if evaluation.passed else "warned" if warned else "failed"
        self.evaluated_at[key] = execution.event.timestamp
        if PROJECT_VERSION in evaluation.metadata:
            self.project_versions[key] = str(evaluation.metadata[PROJECT_VERSION].value)

    def is_pending(self, check: AssetCheckKey) -> bool:
        """Whether the newest build of the check's asset has no result of it: its run ended before it came to that."""
        made_at = self.made_at.get(check.asset_key)
        return made_at is not None and self.evaluated_at.get(check, 0.0) < made_at


class Fault(Enum):
    """Why a run, or a step of it, ended without success."""

    BAD_DATA = "bad data"
    """Only other objects help."""

    OUTAGE = "outage"
    """Time may mend it: something was out of reach, in use or full."""

    BUILD = "build"
    """A model or a test failed: other data or other code helps."""

    LOST = "lost"
    """Its process was killed or interrupted."""

    STOPPED = "stopped"
    """A person terminated it."""


@dataclass(frozen=True)
class PastRun:
    """A run that has ended.

    Attributes:
        run_id: Its id.
        ended_at: When, in seconds since 1970.
        tags: Its tags.
        selected: Assets it was to make.
        fault: Why it ended without success as a whole, if it did; None also where a step's fault tells more.
        faults: Of each step that failed, why.
        texts: Of each step that failed, what it said.
    """

    run_id: str
    ended_at: float
    tags: Mapping[str, str]
    selected: frozenset[AssetKey] = frozenset()
    fault: Fault | None = None
    faults: Mapping[str, Fault] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, instance: dg.DagsterInstance) -> list[PastRun]:
        """Read the last runs that have ended, newest first."""
        ended = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
        )
        return [cls._of(instance, record) for record in instance.get_run_records(ended, limit=_RUNS_LOOKED_AT)]

    @classmethod
    def _of(cls, instance: dg.DagsterInstance, record: Any) -> PastRun:
        run = record.dagster_run
        fault: Fault | None = None
        faults: dict[str, Fault] = {}
        texts: dict[str, str] = {}
        if run.status is dg.DagsterRunStatus.CANCELED:
            fault = Fault.STOPPED
        elif run.status is dg.DagsterRunStatus.FAILURE:
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
                event = entry.dagster_event
                if event is not None and event.step_key is not None:
                    faults[event.step_key] = fault_of(event)
                    texts[event.step_key] = error_text(event)
            fault = None if faults else Fault.LOST
        ended_at = record.end_time or record.update_timestamp.timestamp()
        return cls(run.run_id, ended_at, run.tags, frozenset(run.asset_selection or ()), fault, faults, texts)


def fault_of(event: dg.DagsterEvent) -> Fault:
    """Classify a failed step by the classes of the errors it recorded; what is not known may pass with time."""
    failure = event.step_failure_data
    if failure.error_source is ErrorSource.INTERRUPT:
        return Fault.LOST
    names, texts = set(), []
    error = failure.error
    while error is not None:
        names.add(error.cls_name)
        texts.append(error.message)
        error = error.cause
    if names & _names(LoadError) and not names & (_names(BucketError) | _names(WarehouseError)):
        return Fault.BAD_DATA
    if names & _BUILD_ERRORS and not any(_OUTAGE_IN_DBT.search(text) for text in texts):
        return Fault.BUILD
    return Fault.OUTAGE


def _names(base: type[Exception]) -> set[str]:
    """Return the names of an error's class and of all below it, as far as their modules are imported."""
    return {base.__name__}.union(*(_names(one) for one in base.__subclasses__()))


def error_text(event: dg.DagsterEvent) -> str:
    """What a failed step said: our own sentence if there is one, else its first cause, without class and traceback."""
    error = event.step_failure_data.error
    if error is None:
        return event.message or "failed without a message"
    ours = _names(UserError) - {UserError.__name__}
    while error.cause is not None and error.cls_name not in ours:
        error = error.cause
    _, _, text = error.message.strip().partition(": ")
    _, _, from_dbt = text.partition("Errors parsed from dbt logs:")
    return _TERMINAL_COLOUR.sub("", from_dbt or text or error.message).strip()

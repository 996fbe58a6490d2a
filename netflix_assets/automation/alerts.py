"""Telling people what went wrong: failed runs, failed checks and overdue tables, along routes or in the log.

One message a failed run, one for the checks of a run that failed otherwise, one for all tables that became overdue
at once; a warning is told when it begins, not each time it is repeated; and one message when what was told is well
again. A route that does not take a message is sent it again with the next tick, the others meanwhile go on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
from dagster import AssetCheckKey

from netflix_assets.automation.alert_delivery import Message, deliver
from netflix_assets.automation.records import error_text
from netflix_assets.automation.sensors import default_status
from netflix_assets.errors import AlertError
from netflix_assets.settings import Route, Settings

_AT_MOST = 200
_SECONDS_BETWEEN_LOOKS = 30
_WILL_RETRY = "dagster/will_retry"


@dataclass
class Problem:
    """One thing that is not well.

    Attributes:
        times: How many times in a row it was found so.
        at: When it was last found so, in seconds since 1970.
        partitions: Of an asset with partitions, those that failed.
        told: Names of the routes that were told.
    """

    times: int = 0
    at: float = 0
    partitions: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def again(self, at: float) -> None:
        """It was found so once more."""
        self.times += 1
        self.at = at


@dataclass
class AlertsCursor:
    """Up to which event people were told, what is not well, and what is still to be sent.

    Attributes:
        failures: Storage id of the last run failure.
        freshness: Storage id of the last change of freshness.
        runs: What failed in runs: assets (`schema/table`), or jobs without assets.
        checks: Checks (`asset/check`) that do not pass.
        overdue: Assets that are overdue.
        unsent: Messages by the name of the route that did not take them, oldest first.
    """

    failures: int = 0
    freshness: int = 0
    runs: dict[str, Problem] = field(default_factory=dict)
    checks: dict[str, Problem] = field(default_factory=dict)
    overdue: dict[str, Problem] = field(default_factory=dict)
    unsent: dict[str, list[Message]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The cursor that Dagster keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> AlertsCursor:
        """Read what `to_json` wrote."""
        kept = json.loads(text)
        problems = {
            kind: {
                name: Problem(**problem) for name, problem in kept.get(kind, {}).items() if isinstance(problem, dict)
            }
            for kind in ("runs", "checks", "overdue")
        }
        unsent = {route: [Message(**one) for one in messages] for route, messages in kept.get("unsent", {}).items()}
        return cls(kept["failures"], kept["freshness"], **problems, unsent=unsent)


@dataclass(frozen=True)
class News:
    """One message, and what it is of.

    Attributes:
        message: To send.
        assets: Those concerned, by which routes choose.
        problems: Those told of; with good news, those that are over.
        once: A route is told of the same problem only once.
    """

    message: Message
    assets: Sequence[dg.AssetKey]
    problems: Sequence[Problem]
    once: bool = False


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that reads Dagster's events and tells of the bad ones."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
        default_status=default_status(settings),
        description="Tells of failed runs, failed checks and overdue tables, and when they are well again: along the "
        "routes that are set (Slack, e-mail, ...), else in the log.",
    )
    def _alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        repository = context.repository_def
        assert repository is not None, "a sensor is evaluated with its repository"
        graph = repository.asset_graph
        if context.cursor is None:
            start = newest(context.instance, graph.asset_check_keys)
            return dg.SensorResult(skip_reason="from now on people are told", cursor=start.to_json())
        cursor = AlertsCursor.from_json(context.cursor)
        routes = settings.alerts.routes
        patience = max((route.after for route in routes), default=1)
        news = read(context.instance, graph.asset_check_keys, cursor, settings.alerts.ui_url, patience)
        for one in news:
            if not one.message.good and not any(concerns(route, one, graph) for route in routes):
                context.log.error(str(one.message))
        to_send = {route: [*cursor.unsent.get(route.name, ()), *choose(route, news, graph)] for route in routes}
        failures = send_all(to_send, cursor)
        for failure in failures:
            context.log.error(failure)
        reason = "; ".join(failures) or (f"told of {len(news)}" if news else "nothing went wrong")
        return dg.SensorResult(skip_reason=reason, cursor=cursor.to_json())

    return _alerts


def concerns(route: Route, news: News, graph: dg.AssetGraph) -> bool:
    """Whether a route is for what a message is of; one without conditions is for everything."""
    if not (route.groups or route.owners):
        return True
    nodes = [graph.get(key) for key in news.assets if graph.has(key)]
    return any(
        (not route.groups or node.group_name in route.groups)
        and (not route.owners or bool(set(route.owners) & set(node.owners)))
        for node in nodes
    )


def choose(route: Route, news: Iterable[News], graph: dg.AssetGraph) -> Iterator[Message]:
    """The messages for a route; notes in the problems that it is told."""
    for one in news:
        if one.message.good:
            if any(route.name in problem.told for problem in one.problems):
                yield one.message
            continue
        often = max(problem.times for problem in one.problems) >= route.after
        known = one.once and all(route.name in problem.told for problem in one.problems)
        if often and not known and concerns(route, one, graph):
            for problem in one.problems:
                if route.name not in problem.told:
                    problem.told.append(route.name)
            yield one.message


def send_all(to_send: Mapping[Route, Sequence[Message]], cursor: AlertsCursor) -> list[str]:
    """Send each route its messages, oldest first; keep in the cursor what one does not take.

    Returns:
        What each route that did not take its messages said.

    Raises:
        AlertError: No message at all could be sent: the tick fails, and the next one does all of it again.
    """
    cursor.unsent = {}
    failures = []
    sent = 0
    for route, messages in to_send.items():
        for index, message in enumerate(messages):
            try:
                deliver(route, message)
            except AlertError as error:
                failures.append(str(error))
                cursor.unsent[route.name] = list(messages[index:])[-_AT_MOST:]
                break
            sent += 1
    if failures and not sent:
        raise AlertError("; ".join(failures))
    return failures


def newest(instance: dg.DagsterInstance, checks: Collection[AssetCheckKey]) -> AlertsCursor:
    """Where to begin: nobody wants to be told of last year."""

    def last(kind: dg.DagsterEventType) -> int:
        return next((record.storage_id for record in _records(instance, kind, None, ascending=False, limit=1)), 0)

    start = AlertsCursor(last(dg.DagsterEventType.RUN_FAILURE), last(dg.DagsterEventType.FRESHNESS_STATE_CHANGE))
    list(_checks(instance, checks, start, "", 0))
    return start


def read(
    instance: dg.DagsterInstance,
    checks: Collection[AssetCheckKey],
    cursor: AlertsCursor,
    ui_url: str,
    patience: int = 1,
) -> list[News]:
    """Return what there is to tell since; move the cursor on.

    Args:
        instance: Whose events to read.
        checks: The checks to look at.
        cursor: What was told so far.
        ui_url: Where the UI is.
        patience: How many times in a row a warning is found before the most patient route hears of it.
    """
    return [
        *_failures(instance, cursor, ui_url),
        *_mended(instance, cursor, ui_url),
        *_checks(instance, checks, cursor, ui_url, patience),
        *_overdue(instance, cursor, ui_url),
    ]


def _records(
    instance: dg.DagsterInstance,
    kind: dg.DagsterEventType,
    after: int | None,
    *,
    ascending: bool = True,
    limit: int = _AT_MOST,
) -> Sequence[Any]:
    if kind is dg.DagsterEventType.RUN_FAILURE:
        return instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(kind, after_storage_id=after), limit=limit, ascending=ascending
        ).records
    return instance.event_log_storage.get_event_records(
        dg.EventRecordsFilter(event_type=kind, after_cursor=after), limit=limit, ascending=ascending
    )


def _failures(instance: dg.DagsterInstance, cursor: AlertsCursor, ui_url: str) -> Iterator[News]:
    """A message for each run that failed, but for those that Dagster runs again by itself."""
    for record in _records(instance, dg.DagsterEventType.RUN_FAILURE, cursor.failures):
        cursor.failures = max(cursor.failures, record.storage_id)
        entry = record.event_log_entry
        run = instance.get_run_by_id(entry.run_id)
        if run is None or run.tags.get(_WILL_RETRY) == "true":
            continue
        steps, assets = _what_failed(instance, run.run_id)
        what, why = f"run {run.run_id[:8]} failed", entry.dagster_event.message or "it ended without an error"
        if steps:
            what = f"{', '.join(dict.fromkeys(step.step_key or '' for step in steps))} failed in run {run.run_id[:8]}"
            why = error_text(steps[0])
        problems = []
        for name, partitions in assets.items() or {f"job {run.job_name}": []}.items():
            problem = cursor.runs.setdefault(name, Problem())
            problem.again(entry.timestamp)
            problem.partitions = sorted({*problem.partitions, *partitions})
            problems.append(problem)
        keys = [dg.AssetKey(name.split("/")) for name in assets]
        yield News(Message(what, _first_line(why), f"{ui_url}/runs/{run.run_id}"), keys, problems)


def _what_failed(instance: dg.DagsterInstance, run_id: str) -> tuple[list[dg.DagsterEvent], dict[str, list[str]]]:
    """The failures of a run's steps, and the partitions, by asset, that these steps should have made and did not."""
    kinds = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    }
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds) if entry.dagster_event]
    failed = [event for event in events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    steps = {event.step_key for event in failed}
    made = {(event.asset_key, event.partition) for event in events if event.is_step_materialization}
    assets: dict[str, list[str]] = {}
    for event in events:
        planned = event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
        # Of a run that was killed no step says that it failed.
        if planned and (not steps or event.step_key in steps) and (event.asset_key, event.partition) not in made:
            partitions = assets.setdefault("/".join(event.asset_key.path), [])  # type: ignore[union-attr]
            partitions += [event.partition] if event.partition else []
    return failed, assets


def _mended(instance: dg.DagsterInstance, cursor: AlertsCursor, ui_url: str) -> Iterator[News]:
    """One message for the assets and jobs whose failed runs were told and that were made since."""
    well = [name for name, problem in cursor.runs.items() if _is_mended(instance, name, problem)]
    yield from _well_again(cursor.runs, well, f"{ui_url}/runs", [name.split("/") for name in well])


def _is_mended(instance: dg.DagsterInstance, name: str, problem: Problem) -> bool:
    if name.startswith("job "):
        succeeded = dg.RunsFilter(job_name=name.removeprefix("job "), statuses=[dg.DagsterRunStatus.SUCCESS])
        records = instance.get_run_records(succeeded, limit=1)
        return bool(records) and (records[0].end_time or 0) > problem.at
    made = dg.AssetRecordsFilter(
        dg.AssetKey(name.split("/")), asset_partitions=problem.partitions or None, after_timestamp=problem.at
    )
    records_since = instance.fetch_materializations(made, limit=max(1, len(problem.partitions))).records
    return {record.partition_key for record in records_since} >= set(problem.partitions) and bool(records_since)


def _well_again(problems: dict[str, Problem], names: Sequence[str], link: str, paths: Iterable[Any]) -> Iterator[News]:
    """One message for what is over, and forget it; none if nobody was told."""
    over = {name: problems.pop(name) for name in names}
    told = [name for name, problem in over.items() if problem.told]
    if told:
        message = Message(f"well again: {', '.join(told)}", "the last run, check or load was good", link, good=True)
        yield News(message, [dg.AssetKey(path) for path in paths], [over[name] for name in told])


def _checks(
    instance: dg.DagsterInstance, checks: Collection[AssetCheckKey], cursor: AlertsCursor, ui_url: str, patience: int
) -> Iterator[News]:
    """A message for each run in which checks did not pass, and one for those that pass again."""
    by_run: dict[str, list[Any]] = {}
    passed = {}
    for key, execution in instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks)).items():
        entry = execution.event
        event = entry.dagster_event if entry else None
        if entry is None or event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        evaluation, name = event.asset_check_evaluation_data, _name(key)
        if evaluation.passed:
            passed[name] = key.asset_key.path
            continue
        problem = cursor.checks.setdefault(name, Problem())
        if problem.at != entry.timestamp:
            problem.again(entry.timestamp)
            by_run.setdefault(execution.run_id, []).append(evaluation)
    over = [name for name in cursor.checks if name in passed]
    yield from _well_again(cursor.checks, over, f"{ui_url}/asset-groups", [passed[name] for name in over])
    for evaluations in by_run.values():
        yield from _failed_checks(evaluations, cursor, ui_url, patience)


def _failed_checks(evaluations: Sequence[Any], cursor: AlertsCursor, ui_url: str, patience: int) -> Iterator[News]:
    """A message for the checks of one run: errors each time, and with them the warnings that somebody may not know."""
    errors = [one for one in evaluations if one.severity is dg.AssetCheckSeverity.ERROR]
    warnings = [one for one in evaluations if one.severity is dg.AssetCheckSeverity.WARN]
    told = [*errors, *(one for one in warnings if cursor.checks[_name(one.asset_check_key)].times <= patience)]
    if not told:
        return
    what = f"{'check failed' if errors else 'check warns'}: {', '.join(_name(one.asset_check_key) for one in told)}"
    first = told[0]
    details = "; ".join(f"{name}: {value.value}" for name, value in first.metadata.items() if value.value is not None)
    link = f"{ui_url}/assets/{'/'.join(first.asset_key.path)}?view=checks"
    yield News(
        Message(what, _first_line(details) or "see the check", link),
        [one.asset_key for one in told],
        [cursor.checks[_name(one.asset_check_key)] for one in told],
        once=not errors,
    )


def _overdue(instance: dg.DagsterInstance, cursor: AlertsCursor, ui_url: str) -> Iterator[News]:
    """One message for all tables that became overdue since, and one for those that are loaded again."""
    overdue: dict[str, str] = {}
    fresh = set()
    for record in _records(instance, dg.DagsterEventType.FRESHNESS_STATE_CHANGE, cursor.freshness):
        cursor.freshness = max(cursor.freshness, record.storage_id)
        change = record.event_log_entry.dagster_event.event_specific_data
        name = "/".join(change.key.path)
        overdue.pop(name, None)
        fresh.discard(name)
        if change.new_state.name in ("WARN", "FAIL"):
            overdue[name] = change.new_state.name
        elif change.new_state.name == "PASS":
            fresh.add(name)
    over = [name for name in cursor.overdue if name in fresh]
    yield from _well_again(cursor.overdue, over, f"{ui_url}/asset-groups", [name.split("/") for name in over])
    if overdue:
        # A state, not one of a row of failures: every route hears of it at once.
        problems = [cursor.overdue.setdefault(name, Problem(times=_AT_MOST)) for name in overdue]
        worst = "overdue" if "FAIL" in overdue.values() else "nearly overdue"
        message = Message(
            f"{worst}: {', '.join(overdue)}",
            "not loaded or built for longer than expected",
            f"{ui_url}/assets/{next(iter(overdue))}",
        )
        yield News(message, [dg.AssetKey(name.split("/")) for name in overdue], problems)


def _name(key: AssetCheckKey) -> str:
    return f"{'/'.join(key.asset_key.path)}/{key.name}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:500]

"""Telling people what went wrong: failed runs, failed checks and overdue tables, to Slack, by e-mail, or in the log.

One message a failed run, one for the checks of a run that failed otherwise, one for all tables that became overdue
at once; a warning is told when it begins, not each time it is repeated. If a message cannot be delivered the tick
fails and the next one tries again, so that none is lost.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import dagster as dg
from dagster import AssetCheckKey
from dagster._core.definitions.freshness import FreshnessState

from netflix_assets.automation.materialize import error_text
from netflix_assets.automation.sensors import default_status
from netflix_assets.errors import AlertError
from netflix_assets.settings import Alerts, Settings

_TIMEOUT_SECONDS = 10
_AT_MOST = 200
_SECONDS_BETWEEN_LOOKS = 30


@dataclass(frozen=True)
class Message:
    """One thing to tell.

    Attributes:
        what: What happened, and to what.
        why: The first line of the error, or what is known.
        link: Where to look in the UI.
    """

    what: str
    why: str
    link: str

    def __str__(self) -> str:
        """As a text of three lines."""
        return f"{self.what}\n{self.why}\n{self.link}"


@dataclass
class Told:
    """The cursor: up to which event people were told, and of which warnings.

    Attributes:
        failures: Storage id of the last run failure.
        freshness: Storage id of the last change of freshness.
        checks: Checks (`asset/check`) that do not pass, and when they were last found so, in seconds since 1970.
    """

    failures: int = 0
    freshness: int = 0
    checks: dict[str, float] = field(default_factory=dict)


def send(alerts: Alerts, message: Message) -> bool:
    """Deliver a message wherever it is configured to go; False if that is nowhere.

    Raises:
        AlertError: It could not be delivered; the text holds no address that is a secret.
    """
    if alerts.slack_webhook:
        _to_slack(alerts.slack_webhook, message)
    if alerts.email_to:
        _by_mail(alerts, message)
    return bool(alerts.slack_webhook or alerts.email_to)


def _to_slack(webhook: str, message: Message) -> None:
    request = urllib.request.Request(
        webhook, json.dumps({"text": str(message)}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        raise AlertError(
            f"Slack refused an alert ({error.code} {error.reason}); is NETFLIX_ALERT_SLACK_WEBHOOK right?"
        ) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise AlertError(f"Slack cannot be reached for an alert ({reason}); it is sent again") from None


def _by_mail(alerts: Alerts, message: Message) -> None:
    mail = EmailMessage()
    mail["Subject"] = f"netflix-assets: {message.what}"
    mail["From"] = alerts.email_from
    mail["To"] = ", ".join(alerts.email_to)
    mail.set_content(str(message))
    server = urlsplit(alerts.smtp_url)
    host = server.hostname or ""
    try:
        if server.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, server.port or 465, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(host, server.port or 25, timeout=_TIMEOUT_SECONDS)
        with connection:
            if server.scheme == "smtp" and connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
            if server.username:
                connection.login(unquote(server.username), unquote(server.password or ""))
            connection.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise AlertError(
            f"the mail server {host} did not take an alert ({type(error).__name__}); "
            "is NETFLIX_ALERT_SMTP_URL right? It is sent again"
        ) from None


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that reads Dagster's events and tells of the bad ones."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
        default_status=default_status(settings),
        description="Tells of failed runs, failed checks and overdue tables: to Slack or by e-mail if that is set, "
        "else in the log.",
    )
    def _alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        repository = context.repository_def
        assert repository is not None, "a sensor is evaluated with its repository"
        checks = repository.asset_graph.asset_check_keys
        if context.cursor is None:
            start = newest(context.instance, checks)
            return dg.SensorResult(skip_reason="from now on people are told", cursor=_dump(start))
        told = Told(**json.loads(context.cursor))
        messages = read(context.instance, checks, told, settings.alerts.ui_url)
        for message in messages:
            if not send(settings.alerts, message):
                context.log.error(str(message))
        reason = f"told of {len(messages)}" if messages else "nothing went wrong"
        return dg.SensorResult(skip_reason=reason, cursor=_dump(told))

    return _alerts


def _dump(told: Told) -> str:
    return json.dumps(asdict(told))


def newest(instance: dg.DagsterInstance, checks: Collection[AssetCheckKey]) -> Told:
    """Where to begin: nobody wants to be told of last year."""

    def last(kind: dg.DagsterEventType) -> int:
        return next((record.storage_id for record in _records(instance, kind, None, ascending=False, limit=1)), 0)

    start = Told(last(dg.DagsterEventType.RUN_FAILURE), last(dg.DagsterEventType.FRESHNESS_STATE_CHANGE))
    _checks(instance, checks, start, "")
    return start


def read(instance: dg.DagsterInstance, checks: Collection[AssetCheckKey], told: Told, ui_url: str) -> list[Message]:
    """What there is to tell since; moves `told` on."""
    return [
        *_failures(instance, told, ui_url),
        *_checks(instance, checks, told, ui_url),
        *_overdue(instance, told, ui_url),
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


def _failures(instance: dg.DagsterInstance, told: Told, ui_url: str) -> list[Message]:
    messages = []
    for record in _records(instance, dg.DagsterEventType.RUN_FAILURE, told.failures):
        told.failures = max(told.failures, record.storage_id)
        run_id = record.event_log_entry.run_id
        steps = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        failed = [entry.dagster_event for entry in steps if entry.dagster_event]
        what = f"run {run_id[:8]} failed"
        why = record.event_log_entry.dagster_event.message or "it ended without an error"
        if failed:
            what = f"{', '.join(dict.fromkeys(event.step_key or '' for event in failed))} failed in run {run_id[:8]}"
            why = error_text(failed[0])
        messages.append(Message(what, _first_line(why), f"{ui_url}/runs/{run_id}"))
    return messages


def _checks(instance: dg.DagsterInstance, checks: Collection[AssetCheckKey], told: Told, ui_url: str) -> list[Message]:
    by_run: dict[str, list[Any]] = {}
    for key, execution in instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks)).items():
        entry = execution.event
        event = entry.dagster_event if entry else None
        if entry is None or event is None or event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        evaluation, when, name = event.asset_check_evaluation_data, entry.timestamp, _name(key)
        known = told.checks.pop(name, None)
        if evaluation.passed:
            continue
        told.checks[name] = when
        if known is None or (known != when and evaluation.severity is dg.AssetCheckSeverity.ERROR):
            by_run.setdefault(execution.run_id, []).append(evaluation)
    messages = []
    for evaluations in by_run.values():
        first = min(evaluations, key=lambda evaluation: evaluation.severity is dg.AssetCheckSeverity.WARN)
        kind = "check failed" if first.severity is dg.AssetCheckSeverity.ERROR else "check warns"
        what = f"{kind}: {', '.join(_name(evaluation.asset_check_key) for evaluation in evaluations)}"
        details = "; ".join(
            f"{name}: {value.value}" for name, value in first.metadata.items() if value.value is not None
        )
        asset = "/".join(first.asset_key.path)
        messages.append(Message(what, _first_line(details) or "see the check", f"{ui_url}/assets/{asset}?view=checks"))
    return messages


def _overdue(instance: dg.DagsterInstance, told: Told, ui_url: str) -> list[Message]:
    overdue = []
    for record in _records(instance, dg.DagsterEventType.FRESHNESS_STATE_CHANGE, told.freshness):
        told.freshness = max(told.freshness, record.storage_id)
        change = record.event_log_entry.dagster_event.event_specific_data
        if change.new_state in (FreshnessState.WARN, FreshnessState.FAIL):
            overdue.append(change)
    if not overdue:
        return []
    names = ", ".join("/".join(change.key.path) for change in overdue)
    worst = "overdue" if any(change.new_state is FreshnessState.FAIL for change in overdue) else "nearly overdue"
    first = "/".join(overdue[0].key.path)
    return [Message(f"{worst}: {names}", "not loaded or built for longer than expected", f"{ui_url}/assets/{first}")]


def _name(key: AssetCheckKey) -> str:
    return f"{'/'.join(key.asset_key.path)}/{key.name}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:500]

"""People are told of failed runs, failed checks and overdue tables, each once, wherever that is configured."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from netflix_assets.automation.alerts import Message, alerts_sensor, send
from netflix_assets.errors import AlertError
from netflix_assets.settings import Alerts, Settings

MESSAGE = Message("raw__raw_movies failed in run 12345678", "raw/movies.csv, line 1: ...", "http://ui/runs/1")


@dataclass
class Inbox:
    """What a local receiver was sent."""

    port: int
    received: list[str] = field(default_factory=list)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def slack() -> Iterator[Inbox]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            inbox.received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200 if self.path == "/hook" else 403)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(server.server_port)
    with serving(server):
        yield inbox


@pytest.fixture
def smtp() -> Iterator[Inbox]:
    class Handler(socketserver.StreamRequestHandler):
        """As much of RFC 5321 as one mail takes."""

        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().decode().strip().upper():
                if line == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mail = []
                    while (row := self.rfile.readline().decode()) != ".\r\n":
                        mail.append(row)
                    inbox.received.append("".join(mail))
                self.wfile.write(b"221 bye\r\n" if line == "QUIT" else b"250 ok\r\n")
                if line == "QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(server.server_address[1])
    with serving(server):
        yield inbox


def test_a_message_goes_to_slack_and_by_mail(slack: Inbox, smtp: Inbox) -> None:
    alerts = Alerts(
        slack_webhook=f"http://127.0.0.1:{slack.port}/hook",
        email_to=("a@example.org", "b@example.org"),
        smtp_url=f"smtp://127.0.0.1:{smtp.port}",
    )
    assert send(alerts, MESSAGE)
    assert [json.loads(text)["text"] for text in slack.received] == [str(MESSAGE)]
    (mail,) = smtp.received
    assert "Subject: netflix-assets: raw__raw_movies failed in run 12345678" in mail
    assert "To: a@example.org, b@example.org" in mail
    assert "http://ui/runs/1" in mail


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        (Alerts(slack_webhook="http://127.0.0.1:9/secret-hook"), "Slack cannot be reached"),
        (
            Alerts(email_to=("a@example.org",), smtp_url="smtp://u:secret@127.0.0.1:9"),
            "127.0.0.1 did not take an alert",
        ),
    ],
)
def test_what_cannot_be_delivered_is_an_error_without_secrets(alerts: Alerts, said: str) -> None:
    with pytest.raises(AlertError, match=said) as error:
        send(alerts, MESSAGE)
    assert "secret" not in str(error.value)
    assert "secret" not in repr(alerts)


def test_a_refused_webhook_is_an_error(slack: Inbox) -> None:
    with pytest.raises(AlertError, match="Slack refused an alert \\(403"):
        send(Alerts(slack_webhook=f"http://127.0.0.1:{slack.port}/wrong"), MESSAGE)


@dg.asset
def broken() -> None:
    raise ValueError("the first line\nand another")


@dg.asset_check(asset="checked", name="is_right")
def is_right() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, metadata={"rows": 3})


@dg.asset_check(asset="checked", name="is_pretty")
def is_pretty() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset
def checked() -> None: ...


@dataclass
class Watch:
    """The sensor, tick by tick, on an instance of its own."""

    settings: Settings
    slack: Inbox
    instance: dg.DagsterInstance
    cursor: str | None = None

    def told(self) -> list[list[str]]:
        """Lines of the messages that the next tick sends."""
        before = len(self.slack.received)
        repository = dg.Definitions([broken, checked], asset_checks=[is_right, is_pretty]).get_repository_def()
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=repository)
        result = alerts_sensor(self.settings)(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return [json.loads(text)["text"].splitlines() for text in self.slack.received[before:]]


@pytest.fixture
def watch(settings: Settings, slack: Inbox) -> Iterator[Watch]:
    alerts = Alerts(slack_webhook=f"http://127.0.0.1:{slack.port}/hook", ui_url="http://ui")
    with dg.instance_for_test() as instance:
        one = Watch(replace(settings, alerts=alerts), slack, instance)
        dg.materialize([broken], instance=instance, raise_on_error=False)
        assert one.told() == []
        yield one


def test_a_failed_run_is_told_once_with_step_first_line_and_link(watch: Watch) -> None:
    run = dg.materialize([broken], instance=watch.instance, raise_on_error=False).dagster_run
    assert watch.told() == [
        [f"broken failed in run {run.run_id[:8]}", "the first line", f"http://ui/runs/{run.run_id}"]
    ]
    assert watch.told() == []


def test_a_failed_check_is_told_each_time_and_a_warning_once(watch: Watch) -> None:
    for expected in ("check failed: checked/is_right, checked/is_pretty", "check failed: checked/is_right"):
        dg.materialize([checked, is_right, is_pretty], instance=watch.instance, raise_on_error=False)
        ((what, why, link),) = watch.told()
        assert sorted(what.replace(",", "").split()) == sorted(expected.replace(",", "").split())
        assert link == "http://ui/assets/checked?view=checks"
    assert why == "rows: 3"


def test_tables_that_become_overdue_together_are_one_message(watch: Watch) -> None:
    for name, state in (("raw_tags", FreshnessState.FAIL), ("raw_ratings", FreshnessState.WARN)):
        watch.instance._report_runless_asset_event(
            FreshnessStateChange(
                key=dg.AssetKey(["raw", name]),
                new_state=state,
                previous_state=FreshnessState.PASS,
                state_change_timestamp=time.time(),
            )
        )
    ((what, _, link),) = watch.told()
    assert what == "overdue: raw/raw_tags, raw/raw_ratings"
    assert link == "http://ui/assets/raw/raw_tags"


def test_an_alert_that_could_not_be_sent_is_sent_again(watch: Watch) -> None:
    dg.materialize([broken], instance=watch.instance, raise_on_error=False)
    settings = watch.settings
    watch.settings = replace(settings, alerts=replace(settings.alerts, slack_webhook="http://127.0.0.1:9/"))
    with pytest.raises(AlertError):
        watch.told()
    watch.settings = settings
    assert len(watch.told()) == 1


def test_without_configuration_the_log_is_told(settings: Settings, watch: Watch) -> None:
    dg.materialize([broken], instance=watch.instance, raise_on_error=False)
    watch.settings = settings
    assert watch.told() == []
    assert watch.told() == []

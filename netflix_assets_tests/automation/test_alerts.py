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
from typing import Any

import apprise
import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from netflix_assets.automation.alert_delivery import Message, deliver
from netflix_assets.automation.alerts import AlertsCursor, Problem, alerts_sensor
from netflix_assets.errors import AlertError, SettingsError
from netflix_assets.settings import Alerts, Route, Settings

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


def environment(slack: Inbox, smtp: Inbox) -> dict[str, str]:
    return {
        "NETFLIX_ALERT_SLACK_WEBHOOK": f"http://127.0.0.1:{slack.port}/hook",
        "NETFLIX_ALERT_EMAIL_TO": "a@example.org, b@example.org",
        "NETFLIX_ALERT_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}",
    }


def alerts(**settings: str) -> Alerts:
    return Settings.from_environment({f"NETFLIX_{name}": value for name, value in settings.items()}).alerts


def test_a_message_goes_to_slack_and_by_mail(slack: Inbox, smtp: Inbox) -> None:
    for route in Settings.from_environment(environment(slack, smtp)).alerts.routes:
        deliver(route, MESSAGE)
    assert [json.loads(text) for text in slack.received] == [{"text": str(MESSAGE)}]
    mails = "".join(smtp.received)
    assert "Subject: netflix-assets: raw__raw_movies failed in run 12345678" in mails
    assert "a@example.org" in mails and "b@example.org" in mails
    assert "http://ui/runs/1" in mails


def test_a_route_of_any_service_that_apprise_knows_is_one_setting(slack: Inbox) -> None:
    (route,) = alerts(
        ALERT_ROUTE_HOOK=f"group=raw,mart owner=team:data after=3 json://127.0.0.1:{slack.port}/hook"
    ).routes
    assert (route.groups, route.owners, route.after) == (("raw", "mart"), ("team:data",), 3)
    deliver(route, MESSAGE)
    assert json.loads(slack.received[0])["message"] == str(MESSAGE)


def test_slack_and_mail_are_told_with_what_their_old_settings_say() -> None:
    slack, mail = alerts(
        ALERT_SLACK_WEBHOOK="https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        ALERT_EMAIL_TO="a@example.org",
        ALERT_SMTP_URL="smtp://us%40er:p%25a%40s@mail.example.org:587",
    ).routes
    assert type(apprise.Apprise.instantiate(slack.url)).__name__ == "NotifySlack"
    server: Any = apprise.Apprise.instantiate(mail.url)
    assert (server.user, server.password) == ("us@er", "p%a@s")
    assert (server.smtp_host, server.port, server.secure_mode) == ("mail.example.org", 587, "starttls")


@pytest.mark.parametrize(
    "value",
    [
        "nonsense://secret",
        "secret",
        "grop=raw json://secret",
        "after=0 json://secret",
        "json://secret json://b",
        "group=",
    ],
)
def test_a_wrong_route_is_named_without_its_address(value: str) -> None:
    with pytest.raises(SettingsError, match=r"NETFLIX_ALERT_ROUTE_X (has|is)") as error:
        alerts(ALERT_ROUTE_X=value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "setting",
    [
        {"ALERT_SLACK_WEBHOOK": "http://127.0.0.1:9/secret-hook"},
        {"ALERT_EMAIL_TO": "a@example.org", "ALERT_SMTP_URL": "smtp://u:secret@127.0.0.1:9"},
        {"ALERT_ROUTE_ONCALL": "json://u:secret@127.0.0.1:9/secret"},
    ],
)
def test_what_cannot_be_delivered_is_an_error_without_secrets(
    setting: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    (route,) = alerts(**setting).routes
    with pytest.raises(AlertError, match=f"NETFLIX_{next(iter(setting))} did not take an alert") as error:
        deliver(route, MESSAGE)
    assert "secret" not in "".join([str(error.value), repr(route), *capfd.readouterr()])


def test_a_refused_webhook_is_an_error(slack: Inbox) -> None:
    with pytest.raises(AlertError, match="HTTP status 403"):
        deliver(Route("NETFLIX_ALERT_ROUTE_X", f"json://127.0.0.1:{slack.port}/wrong"), MESSAGE)


FAILING = {"broken", "is_right"}
"""What fails in the tests; emptied by those in which it is mended."""


@dg.asset(group_name="landing", owners=["team:ops"])
def broken() -> None:
    if "broken" in FAILING:
        raise ValueError("the first line\nand another")


@dg.asset_check(asset="checked", name="is_right")
def is_right() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed="is_right" not in FAILING, metadata={"rows": 3})


@dg.asset_check(asset="checked", name="is_pretty")
def is_pretty() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(group_name="mart", owners=["team:data"])
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
        return [json.loads(text)["message"].splitlines() for text in self.slack.received[before:]]

    def fail(self, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        return dg.materialize([broken], instance=self.instance, raise_on_error=False, tags=tags).dagster_run

    def check(self) -> None:
        dg.materialize([checked, is_right, is_pretty], instance=self.instance, raise_on_error=False)

    def routed(self, *conditions: str, port: int | None = None) -> None:
        """Route to the receiver, once for each of these conditions."""
        url = f"json://127.0.0.1:{port or self.slack.port}/hook"
        routes = {f"NETFLIX_ALERT_ROUTE_{n}": f"{condition} {url}" for n, condition in enumerate(conditions)}
        self.settings = replace(
            self.settings, alerts=Settings.from_environment({**routes, "NETFLIX_UI_URL": "http://ui"}).alerts
        )


@pytest.fixture
def watch(settings: Settings, slack: Inbox) -> Iterator[Watch]:
    FAILING.update({"broken", "is_right"})
    with dg.DagsterInstance.ephemeral() as instance:
        one = Watch(settings, slack, instance)
        one.routed("")
        one.fail()
        assert one.told() == []
        yield one


def test_a_failed_run_is_told_once_with_step_first_line_and_link(watch: Watch) -> None:
    run = watch.fail()
    assert watch.told() == [
        [f"broken failed in run {run.run_id[:8]}", "the first line", f"http://ui/runs/{run.run_id}"]
    ]
    assert watch.told() == []


def test_a_failed_run_that_dagster_will_retry_is_not_told(watch: Watch) -> None:
    watch.fail({"dagster/will_retry": "true"})
    assert watch.told() == []


def test_a_failed_check_is_told_each_time_and_a_warning_once(watch: Watch) -> None:
    for expected in ("check failed: checked/is_right, checked/is_pretty", "check failed: checked/is_right"):
        watch.check()
        ((what, why, link),) = watch.told()
        assert sorted(what.replace(",", "").split()) == sorted(expected.replace(",", "").split())
        assert link == "http://ui/assets/checked?view=checks"
    assert why == "rows: 3"


def test_what_was_told_is_told_once_more_when_it_is_well_again(watch: Watch) -> None:
    watch.fail()
    watch.check()
    assert len(watch.told()) == 2
    FAILING.clear()
    watch.fail()
    watch.check()
    assert [lines[0] for lines in watch.told()] == ["well again: broken", "well again: checked/is_right"]
    assert watch.told() == []


def test_a_patient_route_hears_of_the_third_failure_in_a_row_and_not_of_one_that_passed(watch: Watch) -> None:
    watch.routed("after=2")
    watch.fail()
    assert watch.told() == []
    FAILING.clear()
    watch.fail()
    assert watch.told() == []
    FAILING.add("broken")
    told = []
    for _ in range(3):
        watch.fail()
        told.append(len(watch.told()))
    assert told == [0, 1, 1]


@pytest.mark.parametrize(
    ("conditions", "told"),
    [("group=landing", ["broken"]), ("owner=team:data", ["check"]), ("group=landing owner=team:data", [])],
)
def test_a_route_tells_of_its_groups_and_owners(watch: Watch, conditions: str, told: list[str]) -> None:
    watch.routed(conditions)
    watch.fail()
    watch.check()
    assert [lines[0].split()[0] for lines in watch.told()] == told


def test_tables_that_become_overdue_together_are_one_message_and_one_when_they_are_loaded(watch: Watch) -> None:
    def change(**states: FreshnessState) -> None:
        for name, state in states.items():
            watch.instance._report_runless_asset_event(
                FreshnessStateChange(
                    key=dg.AssetKey(["raw", name]),
                    new_state=state,
                    previous_state=FreshnessState.PASS,
                    state_change_timestamp=time.time(),
                )
            )

    watch.routed("after=3")
    change(raw_tags=FreshnessState.FAIL, raw_ratings=FreshnessState.WARN)
    ((what, _, link),) = watch.told()
    assert what == "overdue: raw/raw_tags, raw/raw_ratings"
    assert link == "http://ui/assets/raw/raw_tags"
    change(raw_tags=FreshnessState.PASS)
    assert [lines[0] for lines in watch.told()] == ["well again: raw/raw_tags"]


def test_an_alert_that_no_route_took_fails_the_tick_and_is_sent_again(watch: Watch) -> None:
    watch.fail()
    watch.routed("", port=9)
    with pytest.raises(AlertError):
        watch.told()
    watch.routed("")
    assert len(watch.told()) == 1


def test_a_route_that_is_down_is_sent_its_alerts_later_and_the_others_hear_of_them_once(watch: Watch) -> None:
    watch.routed("", "")
    up, down = watch.settings.alerts.routes
    dead = replace(down, url="json://127.0.0.1:9/hook")
    watch.settings = replace(watch.settings, alerts=replace(watch.settings.alerts, routes=(dead, up)))
    runs = [watch.fail().run_id[:8] for _ in range(2)]
    assert [lines[0][-8:] for lines in watch.told()] == runs
    watch.settings = replace(watch.settings, alerts=replace(watch.settings.alerts, routes=(down, up)))
    assert [lines[0][-8:] for lines in watch.told()] == runs
    assert watch.told() == []


def test_without_a_route_for_it_the_log_is_told(
    settings: Settings, watch: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    watch.routed("group=mart")
    for alerts in (settings.alerts, watch.settings.alerts):
        run = watch.fail()
        watch.settings = replace(settings, alerts=alerts)
        assert watch.told() == []
        assert f"broken failed in run {run.run_id[:8]}" in capfd.readouterr().err


def test_a_cursor_of_the_release_before_is_read() -> None:
    old = '{"failures": 7, "freshness": 8, "checks": {"checked/is_right": 1.5}}'
    assert AlertsCursor.from_json(old) == AlertsCursor(failures=7, freshness=8)
    cursor = AlertsCursor(1, 2, {"a": Problem(1, 2.5, ["2015-03"], ["X"])}, unsent={"X": [MESSAGE]})
    assert AlertsCursor.from_json(cursor.to_json()) == cursor

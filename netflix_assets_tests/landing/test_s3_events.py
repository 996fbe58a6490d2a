"""Events of S3 as they really come: moto's server notifies, the real client receives; and every odd message."""

from __future__ import annotations

import io
import json
import textwrap
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import InfraError, QueueError
from netflix_assets.infra.aws import EventsQueue
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.bucket_watch import BucketWatch
from netflix_assets.landing.s3_events import EventQueue, UnknownMessage, keys_of, prefixes_of
from netflix_assets.settings import PROJECT_ROOT, Settings

RATINGS = next(file for file in RAW_FILES if file.name == "ratings")
MARCH = "raw/ratings/month=2015-03/"
KEY = f"{MARCH}a b+c ü.csv"
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of an AWS of moto's."""
    from moto import server

    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@dataclass
class Aws:
    """A bucket and a queue of a test's own."""

    settings: Settings
    address: str

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        return boto3.client(service, endpoint_url=self.address, region_name="us-east-1", **keys)

    @property
    def name(self) -> str:
        return self.settings.bucket

    @property
    def queue_arn(self) -> str:
        return f"arn:aws:sqs:us-east-1:123456789012:{self.name}"

    @property
    def url(self) -> str:
        return f"{self.address}/123456789012/{self.name}"

    def notify(self, **configuration: Any) -> None:
        self.client("s3").put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration=configuration
        )

    def notify_queue(self) -> None:
        rules = [{"Name": "prefix", "Value": "raw/"}]
        told = {"QueueArn": self.queue_arn, "Events": EVENTS, "Filter": {"Key": {"FilterRules": rules}}}
        self.notify(QueueConfigurations=[told])

    def notify_topic(self) -> None:
        topic = self.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=self.queue_arn)
        self.notify(TopicConfigurations=[{"TopicArn": topic, "Events": EVENTS}])

    def notify_event_bridge(self) -> None:
        events = self.client("events")
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [self.name]}}}
        events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=self.name, Targets=[{"Id": "1", "Arn": self.queue_arn}])
        self.notify(EventBridgeConfiguration={})

    def send(self, *bodies: str) -> None:
        sqs = self.client("sqs")
        for body in bodies:
            sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def counts(self) -> tuple[int, int]:
        """Messages that wait, and messages that were received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(told[names[0]]), int(told[names[1]])

    def queue(self, **settings: Any) -> EventQueue:
        return EventQueue(replace(self.settings, **settings), self.url, wait_seconds=0)

    def received(self) -> set[str]:
        return self.queue().receive(time.monotonic() + 5).keys


@pytest.fixture
def aws(address: str, tmp_path: Path) -> Aws:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    own = {"NETFLIX_HOME": str(tmp_path), "NETFLIX_S3_BUCKET": name, "NETFLIX_S3_ENDPOINT": address}
    one = Aws(Settings.from_environment(own), address)
    one.client("s3").create_bucket(Bucket=name)
    one.client("sqs").create_queue(QueueName=name)
    return one


@pytest.mark.parametrize("way", ["notify_queue", "notify_topic", "notify_event_bridge"])
def test_an_object_put_is_told_by_its_key_however_the_event_comes(aws: Aws, way: str) -> None:
    getattr(aws, way)()
    LandingBucket(aws.settings).put(KEY, io.BytesIO(b"x"))
    assert aws.received() == {KEY}


def test_ticks_take_an_object_in_and_out_by_its_events_and_empty_the_queue(aws: Aws) -> None:
    bucket = LandingBucket(aws.settings)
    bucket.put("raw/movies.csv", io.BytesIO(b"x"))
    aws.notify_queue()
    watch = BucketWatch(aws.settings, bucket, aws.queue())
    observed, seen = None, []
    for change in ("nothing", "put", "delete", "nothing"):
        if change == "put":
            bucket.put(KEY, io.BytesIO(b"x"))
        elif change == "delete":
            bucket.delete(KEY)
        with watch.opened() as watching:
            look = watching.look(observed, 1000.0)
            seen.append(watching.overview().all_of(RATINGS).objects)
        assert look.listing is not None
        observed = look.listing.fingerprint
    assert seen == [0, 1, 0, 0]
    assert aws.counts() == (0, 0)


def test_messages_of_another_bucket_or_of_something_else_are_told_and_left(aws: Aws) -> None:
    record = {"s3": {"bucket": {"name": "other"}, "object": {"key": "raw/movies.csv"}}}
    aws.send(json.dumps({"Records": [record]}), "hello", json.dumps({"Records": [{}]}), "[]")
    hints = aws.queue().receive(time.monotonic() + 5)
    assert (hints.keys, hints.handles) == (set(), [])
    assert hints.note == (
        f"; left in the queue (1): messages of bucket 'other', not {aws.name!r}"
        "; left in the queue (3): messages that are not S3's events"
    )
    assert sum(aws.counts()) == 4


def test_what_is_told_of_other_folders_is_nothing_to_list(aws: Aws) -> None:
    record = {"s3": {"bucket": {"name": aws.name}, "object": {"key": "reports/report.html"}}}
    aws.send(json.dumps({"Records": [record]}))
    hints = aws.queue().receive(time.monotonic() + 5)
    assert hints.keys == set()
    assert len(hints.handles) == 1


def test_a_flood_is_received_until_the_time_is_over_and_the_rest_waits(aws: Aws) -> None:
    record = {"s3": {"bucket": {"name": aws.name}, "object": {"key": "raw/movies.csv"}}}
    aws.send(*[json.dumps({"Records": [record]})] * 25)
    queue = aws.queue()
    assert len(queue.receive(0).handles) == 10
    rest = queue.receive(time.monotonic() + 5).handles
    assert len(rest) == 15
    assert queue.delete(rest, 0) == []
    assert queue.delete(rest, time.monotonic() + 5) == rest
    assert aws.counts() == (0, 10)


def test_a_queue_that_is_not_there_is_one_sentence_with_the_setting(aws: Aws) -> None:
    queue = EventQueue(aws.settings, f"{aws.url}-other", wait_seconds=0)
    with pytest.raises(QueueError, match=r"does not let itself be read \(.*; set NETFLIX_S3_EVENTS_QUEUE"):
        queue.receive(0)


def test_a_queue_out_of_reach_is_one_sentence() -> None:
    queue = EventQueue(Settings.from_environment({}), "http://127.0.0.1:9/123456789012/q", wait_seconds=0)
    with pytest.raises(QueueError, match=r"cannot be reached to be read \(EndpointConnectionError\)"):
        queue.receive(0)


def test_a_test_message_names_nothing() -> None:
    assert keys_of(json.dumps({"Event": "s3:TestEvent", "Bucket": "movielens"}), "movielens") == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "1",
        '"text"',
        "{}",
        '{"Records": null}',
        '{"Records": [{"s3": {"bucket": {"name": "movielens"}, "object": {"key": 1}}}]}',
        '{"Records": [{"s3": {"bucket": {"name": "movielens"}, "object": {"key": "raw/%ff"}}}]}',
        '{"Type": "Notification", "Message": "no JSON"}',
        '{"source": "aws.s3", "detail": {"bucket": {"name": "movielens"}, "object": {}}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_event_is_said_to_be_none(body: str) -> None:
    with pytest.raises(UnknownMessage, match="that are not S3's events"):
        keys_of(body, "movielens")


def test_a_months_folder_is_listed_once_and_other_keys_by_themselves() -> None:
    keys = {f"{MARCH}1.csv", f"{MARCH}2.csv", f"{MARCH}deeper/3.csv", "raw/movies.csv", "raw/ratings/odd.csv"}
    found = prefixes_of(keys)
    assert MARCH in found
    assert {"raw/movies.csv", "raw/ratings/odd.csv"} <= found
    assert "raw/ratings/" not in found


# What AWS is told: `netflix-assets infra render`.


@pytest.fixture
def rendered(aws: Aws) -> EventsQueue:
    return EventsQueue.of(f"https://sqs.us-east-1.amazonaws.com/123456789012/{aws.name}", aws.name)


def test_the_rendered_queue_and_notification_bring_an_event_and_the_policy_allows_what_is_asked_for(
    aws: Aws, rendered: EventsQueue
) -> None:
    documents = rendered.documents()
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=aws.url)
    sqs.create_queue(QueueName=aws.name, Attributes=documents["aws_events_queue.json"])
    aws.notify(**documents["aws_bucket_notification.json"])
    queue, asked = aws.queue(), set()
    # The action that allows an operation: https://docs.aws.amazon.com/service-authorization.
    actions = {"ReceiveMessage": "sqs:ReceiveMessage", "DeleteMessageBatch": "sqs:DeleteMessage"}
    queue._client.meta.events.register("before-parameter-build.sqs", lambda model, **_: asked.add(actions[model.name]))
    bucket = LandingBucket(aws.settings)
    bucket.put(KEY, io.BytesIO(b"x"))
    bucket.put("reports/report.html", io.BytesIO(b"x"))
    hints = queue.receive(time.monotonic() + 5)
    assert hints.keys == {KEY}
    queue.delete(hints.handles, time.monotonic() + 5)
    (statement,) = documents["aws_events_machine_policy.json"]["Statement"]
    assert set(statement["Action"]) == asked
    assert statement["Resource"] == aws.queue_arn


def test_nobody_but_the_bucket_of_the_account_may_send_to_the_queue(aws: Aws, rendered: EventsQueue) -> None:
    (statement,) = json.loads(rendered.attributes()["Policy"])["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": aws.queue_arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{aws.name}"},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        },
    }


def test_the_guide_shows_what_is_rendered_for_the_machine() -> None:
    queue = EventsQueue.of("https://sqs.eu-central-1.amazonaws.com/123456789012/movielens-events", "acme-movielens")
    shown = textwrap.indent(json.dumps(queue.machine_policy(), indent=2), "   ")
    assert shown in (PROJECT_ROOT / "docs" / "snowflake.md").read_text()


def test_a_queue_of_no_account_of_amazons_is_not_rendered() -> None:
    with pytest.raises(InfraError, match="tells no region, account and name"):
        EventsQueue.of("http://127.0.0.1:5000/123456789012/q", "movielens")

"""What S3 tells of its objects, read from an SQS queue: which keys were put, replaced or deleted.

Hints only: what is in the bucket is listed. Bodies come as S3 sends them to the queue itself, through an SNS topic, or
through EventBridge; see https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from netflix_assets import catalog
from netflix_assets.errors import QueueError
from netflix_assets.landing.bucket import direct_to, isolated_session
from netflix_assets.settings import Settings

_AT_ONCE = 10
_HIDDEN_SECONDS = 300
"""How long a message that was received is not given out again: longer than two ticks."""


@dataclass
class Hints:
    """What messages name.

    Attributes:
        keys: Object keys under `raw/` of the bucket.
        handles: The messages that are to be deleted once what they name is observed.
        left: Why the other messages are left in the queue, each reason with a number of messages.
    """

    keys: set[str] = field(default_factory=set)
    handles: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What to say of the messages that are left; empty if there are none."""
        return "".join(f"; left in the queue ({number:,}): messages {why}" for why, number in self.left.items())


class UnknownMessage(ValueError):
    """A message is not one of S3's about this bucket; the text says what it is."""


def keys_of(body: str, bucket: str) -> list[str]:
    """Return the keys that a message names; none for S3's test message.

    Args:
        body: Of the message, in any of the three shapes.
        bucket: Name of the bucket.

    Raises:
        UnknownMessage: It is of another bucket, or not of S3.
    """
    try:
        return _keys_of(json.loads(body), bucket)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, UnknownMessage):
            raise
        raise UnknownMessage("that are not S3's events") from error


def _keys_of(told: Any, bucket: str) -> list[str]:
    if told.get("Type") == "Notification":
        # Of a topic, without raw message delivery.
        return _keys_of(json.loads(told["Message"]), bucket)
    if told.get("Event") == "s3:TestEvent":
        _refuse_other(told["Bucket"], bucket)
        return []
    if told.get("source") == "aws.s3":
        # EventBridge tells keys as they are.
        _refuse_other(told["detail"]["bucket"]["name"], bucket)
        return [_text(told["detail"]["object"]["key"])]
    for record in told["Records"]:
        _refuse_other(record["s3"]["bucket"]["name"], bucket)
    return [unquote_plus(record["s3"]["object"]["key"], errors="strict") for record in told["Records"]]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _refuse_other(told: object, bucket: str) -> None:
    if told != bucket:
        raise UnknownMessage(f"of bucket {told!r}, not {bucket!r}")


def prefixes_of(keys: Collection[str]) -> set[str]:
    """Return the prefixes to list for keys: a month's folder, else the key itself."""
    found = set()
    for key in keys:
        place = catalog.place_of(key)
        found.add(key if place is None or place.month is None else key[: key.rindex("/") + 1])
    return found


class EventQueue:
    """The queue, through a boto3 client that is made when it is first needed."""

    def __init__(self, settings: Settings, url: str, *, wait_seconds: int = 1) -> None:
        """Name the queue; nothing is connected yet.

        Args:
            settings: The bucket, its region, and the keys to sign with.
            url: Address of the queue.
            wait_seconds: How long an empty queue is waited for. 0 asks some of its servers only.
        """
        self._settings = settings
        self._wait_seconds = wait_seconds
        self.url = url

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = self._settings
        address = urlsplit(self.url)
        endpoint = f"{address.scheme}://{address.netloc}"
        session = isolated_session() if settings.s3_access_key else boto3.Session()
        return session.client(
            "sqs",
            endpoint_url=endpoint,
            aws_access_key_id=settings.s3_access_key or None,
            aws_secret_access_key=settings.s3_secret_key or None,
            # S3 tells queues of its own region alone.
            region_name=settings.s3_region,
            config=Config(
                retries={"max_attempts": 2, "mode": "standard"},
                connect_timeout=3,
                read_timeout=5,
                **direct_to(endpoint),
            ),
        )

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise QueueError(
                f"the queue {self.url} does not let itself be {what} ({code or error}); set NETFLIX_S3_EVENTS_QUEUE to "
                "its address, and let this machine do what `netflix-assets infra render` prints for it"
            ) from error
        except BotoCoreError as error:
            raise QueueError(
                f"the queue {self.url} cannot be reached to be {what} ({type(error).__name__}); check the network and "
                "NETFLIX_S3_EVENTS_QUEUE"
            ) from error

    def receive(self, deadline: float) -> Hints:
        """Receive what waits in the queue, until it is empty or the time is over.

        Args:
            deadline: By `time.monotonic`.

        Raises:
            QueueError: It cannot be reached or refuses.
        """
        hints = Hints()
        with self._reporting("read"):
            while True:
                answer = self._client.receive_message(
                    QueueUrl=self.url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    WaitTimeSeconds=self._wait_seconds,
                )
                messages = answer.get("Messages", ())
                for message in messages:
                    self._read(message, hints)
                if len(messages) < _AT_ONCE or time.monotonic() >= deadline:
                    return hints

    def _read(self, message: dict[str, str], hints: Hints) -> None:
        try:
            keys = keys_of(message["Body"], self._settings.bucket)
        except UnknownMessage as error:
            hints.left[str(error)] = hints.left.get(str(error), 0) + 1
            return
        hints.keys.update(key for key in keys if key.startswith(catalog.PREFIX))
        hints.handles.append(message["ReceiptHandle"])

    def delete(self, handles: Sequence[str], deadline: float) -> list[str]:
        """Delete messages until the time is over; returns those that are deleted, or were given out again since.

        Raises:
            QueueError: The queue cannot be reached or refuses.
        """
        done: list[str] = []
        with self._reporting("emptied"):
            for start in range(0, len(handles), _AT_ONCE):
                if time.monotonic() >= deadline:
                    break
                some = handles[start : start + _AT_ONCE]
                entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(some)]
                # What cannot be deleted by an old handle comes again, under a new one.
                self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)
                done += some
        return done

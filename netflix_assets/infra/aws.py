"""The AWS side: what Snowflake's role and the machines that run Dagster may do, who is that role, and the events."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from netflix_assets.catalog import PREFIX
from netflix_assets.errors import InfraError
from netflix_assets.infra.connection import Connection, execute, rows
from netflix_assets.infra.names import Names

_VERSION = "2012-10-17"
_REPORTS = "reports/"


def read_policy(bucket: str) -> dict[str, Any]:
    """The permissions of the role: read what is under `raw/` of the bucket, and nothing else."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": _VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"{arn}/{PREFIX}*"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": arn,
                "Condition": {"StringLike": {"s3:prefix": f"{PREFIX}*"}},
            },
            {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": arn},
        ],
    }


def machine_policy(bucket: str) -> dict[str, Any]:
    """Return what the machines that run Dagster, and `netflix-assets upload`, may do in the bucket: what they do."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": arn,
                "Condition": {"StringLike": {"s3:prefix": [f"{PREFIX}*", f"{_REPORTS}*"]}},
            },
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": [f"{arn}/{PREFIX}*", f"{arn}/{_REPORTS}*"],
            },
            # An upload that replaces, and months cut from a whole export that are in it no longer.
            {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": [f"{arn}/{PREFIX}*"]},
        ],
    }


@dataclass(frozen=True)
class EventsQueue:
    """The SQS queue that the bucket's events come to.

    Attributes:
        region: AWS region of queue and bucket.
        account: AWS account of the queue.
        name: Its name.
        bucket: Name of the bucket.
    """

    region: str
    account: str
    name: str
    bucket: str

    @classmethod
    def of(cls, url: str, bucket: str) -> EventsQueue:
        """Take the address of the queue apart.

        Raises:
            InfraError: It is not one of Amazon's.
        """
        found = re.fullmatch(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com/(\d{12})/([\w-]+)", url)
        if found is None:
            raise InfraError(
                f"NETFLIX_S3_EVENTS_QUEUE is {url!r}, which tells no region, account and name of a standard queue; set "
                "one like https://sqs.eu-central-1.amazonaws.com/123456789012/movielens-events"
            )
        return cls(found[1], found[2], found[3], bucket)

    @property
    def arn(self) -> str:
        """The queue as policies name it."""
        return f"arn:aws:sqs:{self.region}:{self.account}:{self.name}"

    def policy(self) -> dict[str, Any]:
        """Who may send to the queue: S3, for this bucket of this account."""
        return {
            "Version": _VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn,
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{self.bucket}"},
                        "StringEquals": {"aws:SourceAccount": self.account},
                    },
                }
            ],
        }

    def attributes(self) -> dict[str, str]:
        """For `aws sqs create-queue --attributes`: messages are kept for four days, encrypted by SQS itself."""
        return {
            "MessageRetentionPeriod": str(4 * 24 * 60 * 60),
            "SqsManagedSseEnabled": "true",
            "Policy": json.dumps(self.policy()),
        }

    def notification_configuration(self) -> dict[str, Any]:
        """For `aws s3api put-bucket-notification-configuration`: what is put and deleted under `raw/`."""
        return {
            "QueueConfigurations": [
                {
                    "Id": self.name,
                    "QueueArn": self.arn,
                    "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}},
                }
            ]
        }

    def machine_policy(self) -> dict[str, Any]:
        """Return what the machine that evaluates the sensor may do besides `machine_policy`."""
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]
        return {"Version": _VERSION, "Statement": [{"Effect": "Allow", "Action": actions, "Resource": self.arn}]}

    def documents(self) -> dict[str, dict[str, Any]]:
        """All of it, by file name."""
        return {
            "aws_events_queue.json": self.attributes(),
            "aws_bucket_notification.json": self.notification_configuration(),
            "aws_events_machine_policy.json": self.machine_policy(),
        }


def trust_policy(user_arn: str, external_id: str) -> dict[str, Any]:
    """Who may take the role on: Snowflake's user, for this account's integration only."""
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": user_arn},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ],
    }


def trust_of(connection: Connection, names: Names) -> dict[str, Any]:
    """The trust policy for the storage integration of the account, which `apply` has made.

    Raises:
        Refused: There is no integration, or the connection may not see it.
    """
    # The scripts give it USAGE; the role that `apply` ends in may not look.
    execute(connection, "use role sysadmin")
    described = {
        str(row["property"]).upper(): str(row["property_value"])
        for row in rows(connection, f"desc integration {names.storage_integration}")
    }
    return trust_policy(described["STORAGE_AWS_IAM_USER_ARN"], described["STORAGE_AWS_EXTERNAL_ID"])

"""The AWS side: what Snowflake's role and the machines that run Dagster may do in the bucket, and who is that role."""

from __future__ import annotations

from typing import Any

from netflix_assets.catalog import PREFIX
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

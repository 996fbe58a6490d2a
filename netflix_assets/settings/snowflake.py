"""The Snowflake account: what the pipeline uses of it, and what the scripts that set it up are filled in with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from netflix_assets.settings.reader import Reader

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_SYSTEM_ROLES = {"ACCOUNTADMIN", "ORGADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN"}
_PREFIX = "NETFLIX_SNOWFLAKE"


class Duty(Enum):
    """What a service user of Snowflake is for; each has its own role, warehouse and key pair."""

    LOADER = "loader"
    TRANSFORMER = "transformer"
    REPORTER = "reporter"


_WAREHOUSES = {Duty.LOADER: "LOADING", Duty.TRANSFORMER: "TRANSFORMING", Duty.REPORTER: "REPORTING"}


@dataclass(frozen=True)
class ServiceUser:
    """How one duty signs in to Snowflake.

    Attributes:
        duty: What it is for.
        user: User name, an unquoted identifier in upper case.
        role: The role that it works in.
        warehouse: The warehouse that it computes on.
        private_key_path: File with the private key, PEM (PKCS #8).
        private_key_passphrase: Of that file, or None; never shown.
    """

    duty: Duty
    user: str
    role: str
    warehouse: str
    private_key_path: Path
    private_key_passphrase: str | None = field(repr=False)

    @classmethod
    def read(cls, reader: Reader, duty: Duty) -> ServiceUser:
        """Read the variables of a duty."""
        prefix = f"{_PREFIX}_{duty.name}"
        return cls(
            duty=duty,
            user=reader.identifier(f"{prefix}_USER", f"MOVIELENS_{duty.name}"),
            role=reader.identifier(f"{prefix}_ROLE", f"MOVIELENS_{duty.name}"),
            warehouse=reader.identifier(f"{prefix}_WAREHOUSE", f"MOVIELENS_{_WAREHOUSES[duty]}"),
            private_key_path=Path(
                reader.required(f"{prefix}_PRIVATE_KEY_PATH", default=f"~/.snowflake/movielens_{duty.value}.p8")
            ).expanduser(),
            private_key_passphrase=reader.get(f"{prefix}_PRIVATE_KEY_PASSPHRASE"),
        )


@dataclass(frozen=True)
class SnowflakeSettings:
    """The Snowflake account, and what of it the pipeline uses.

    Attributes:
        account: Account identifier, `organization-account`.
        host: Address other than the one that follows from the account (private connectivity), or None.
        port: Of that address.
        protocol: `https`, or `http` for a server on this machine.
        database: Where everything is built.
        stage: The external stage over the bucket, in schema raw of the database.
        statement_seconds: How long a statement of a load or a model may run.
        clone_days: Age in days at which a clone for a pull request is taken for forgotten.
        users: The service user of each duty.
    """

    account: str
    host: str | None
    port: int
    protocol: str
    database: str
    stage: str
    statement_seconds: int
    clone_days: int
    users: Mapping[Duty, ServiceUser] = field(hash=False)

    @classmethod
    def read(cls, reader: Reader) -> SnowflakeSettings:
        """Read the variables of the account."""
        return cls(
            account=reader.matching(
                f"{_PREFIX}_ACCOUNT", _ACCOUNT, "an account identifier such as myorg-myaccount", default=None
            ),
            host=reader.get(f"{_PREFIX}_HOST"),
            port=reader.port(f"{_PREFIX}_PORT", 443),
            protocol=reader.matching(f"{_PREFIX}_PROTOCOL", r"https?", "https or http", default="https"),
            database=reader.identifier(f"{_PREFIX}_DATABASE", "MOVIELENS"),
            stage=reader.identifier(f"{_PREFIX}_STAGE", "LANDING"),
            statement_seconds=reader.whole_number(f"{_PREFIX}_STATEMENT_SECONDS", 3600),
            clone_days=reader.whole_number(f"{_PREFIX}_CLONE_DAYS", 14),
            users={duty: ServiceUser.read(reader, duty) for duty in Duty},
        )


@dataclass(frozen=True)
class InfraSettings:
    """What the scripts that set up the Snowflake account are filled in with.

    Attributes:
        snowflake: The account and the names in it.
        bucket: Name of the S3 bucket with the raw files.
        storage_role_arn: The IAM role of yours as which Snowflake reads the bucket.
        reporter_networks: IPv4 ranges (CIDR) that the reporter may sign in from.
        monthly_credits: Snowflake credits that the warehouses may use a month.
        events_queue: Address of the SQS queue that the bucket's events are to come to; None without one.
    """

    snowflake: SnowflakeSettings
    bucket: str
    storage_role_arn: str
    reporter_networks: tuple[str, ...]
    monthly_credits: int
    events_queue: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> InfraSettings:
        """Read the `NETFLIX_*` variables, whatever the target is.

        Raises:
            SettingsError: Names every variable that is missing or malformed, all at once.
        """
        reader = Reader(os.environ if environment is None else environment)
        settings = cls(
            snowflake=SnowflakeSettings.read(reader),
            bucket=reader.matching("NETFLIX_S3_BUCKET", _BUCKET, "a bucket name such as acme-movielens", default=None),
            storage_role_arn=reader.matching(
                f"{_PREFIX}_STORAGE_ROLE_ARN",
                r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
                "an ARN such as arn:aws:iam::123456789012:role/snowflake-movielens",
                default=None,
            ),
            reporter_networks=reader.networks(f"{_PREFIX}_REPORTER_NETWORKS"),
            monthly_credits=reader.whole_number(f"{_PREFIX}_MONTHLY_CREDITS", 20),
            events_queue=reader.queue("NETFLIX_S3_EVENTS_QUEUE"),
        )
        _separate_duties(reader, settings.snowflake.users)
        reader.refuse_if_wrong()
        return settings


def _separate_duties(reader: Reader, users: Mapping[Duty, ServiceUser]) -> None:
    """Each duty has a user and a role of its own, and none that administers the account."""
    for what, names in (("USER", [u.user for u in users.values()]), ("ROLE", [u.role for u in users.values()])):
        if len(set(names)) < len(names):
            shared = max(names, key=names.count)
            reader.wrong(f"two of {_PREFIX}_<DUTY>_{what} are {shared!r}; give each duty its own")
    for duty, user in users.items():
        if user.role in _SYSTEM_ROLES:
            reader.wrong(f"{_PREFIX}_{duty.name}_ROLE is {user.role!r}, a role of Snowflake's own")

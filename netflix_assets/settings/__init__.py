"""The environment, read once into one typed object.

Nothing else in the package reads `os.environ`, and this folder imports nothing else of the package but
its errors and the catalogue.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from netflix_assets.catalog import RAW_FILES, HeaderDrift
from netflix_assets.settings.alerts import Alerts, Route
from netflix_assets.settings.environment import child_environment
from netflix_assets.settings.looker_studio import LOOKER_PARAMETERS, LookerStudioSettings
from netflix_assets.settings.reader import Reader
from netflix_assets.settings.snowflake import Duty, InfraSettings, ServiceUser, SnowflakeSettings

__all__ = [
    "DEFAULT_MAX_SHRINK",
    "DEFAULT_REJECT_LIMIT",
    "LOOKER_PARAMETERS",
    "PROJECT_ROOT",
    "Alerts",
    "Duty",
    "InfraSettings",
    "LookerStudioSettings",
    "RejectLimit",
    "Route",
    "ServiceUser",
    "Settings",
    "SnowflakeSettings",
    "Target",
    "child_environment",
]

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent


class Target(Enum):
    """Where the graph runs."""

    LOCAL = "local"
    SNOWFLAKE = "snowflake"


@dataclass(frozen=True)
class RejectLimit:
    """How many rows of an object, and of a month, may be bad; the rule itself is in `loading/reject_limit.py`.

    Attributes:
        fraction: Share of rows (0..1) that may be.
        rows: Number of rows that may be in any case.
    """

    fraction: float = 0.01
    rows: int = 10


DEFAULT_REJECT_LIMIT = RejectLimit()
DEFAULT_MAX_SHRINK = 0.3


@dataclass(frozen=True)
class Settings:
    """Everything that differs from one environment to the next.

    Attributes:
        target: Where the graph runs.
        home: Folder that holds all local state: `s3/`, `warehouse.duckdb`, `dagster/`, `dbt/`,
            `report/`, `logs/`, `bucket_listing.sqlite`.
        bucket: Name of the S3 bucket with the raw files.
        s3_endpoint: Address of the S3 server: the local one, or Amazon's.
        s3_region: AWS region of the bucket.
        s3_access_key: Access key; empty for what the machine is given (role, profile).
        s3_secret_key: Secret key that goes with it.
        s3_events_queue: Address of the SQS queue that the bucket's events come to; None without one.
        reconcile_minutes: How often the bucket is listed as a whole where events come.
        tick_seconds: How long one look of the sensor at the bucket may take; a longer listing goes on with the next.
        reject_limit: How many rows of an object or month may be bad before it is refused.
        by_name: The raw files whose columns are found by their names, in any order and among others.
        max_shrink: Share (0..1) of the rows or keys of a file or month that a load may take away unasked.
        max_runtime_seconds: A run that takes longer is ended.
        schema_prefix: Put before every schema that dbt builds, for a developer's own copy.
        looker_studio: The dashboard in Looker Studio.
        snowflake: The account, with target `snowflake`; else None.
        branch_deployment: This is a copy that Dagster+ runs for a branch: nothing starts by itself.
        alerts: Whom to tell when something goes wrong.
        given: Names of the variables of this process that were set; empty where they were read from elsewhere.
    """

    target: Target
    home: Path
    bucket: str
    s3_endpoint: str
    s3_region: str
    s3_access_key: str
    s3_secret_key: str
    s3_events_queue: str | None
    reconcile_minutes: int
    tick_seconds: int
    reject_limit: RejectLimit
    by_name: frozenset[str]
    max_shrink: float
    max_runtime_seconds: int
    schema_prefix: str
    looker_studio: LookerStudioSettings
    snowflake: SnowflakeSettings | None = None
    branch_deployment: bool = False
    alerts: Alerts = field(default_factory=Alerts)
    given: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Leave the secret out, so that no log or traceback shows it."""
        return f"Settings(target={self.target.value!r}, home={str(self.home)!r}, bucket={self.bucket!r})"

    @property
    def s3_root(self) -> Path:
        """Folder that the local S3 server serves; one sub-folder a bucket."""
        return self.home / "s3"

    @property
    def listing_path(self) -> Path:
        """The listing of the bucket that the sensor keeps between ticks."""
        return self.home / "bucket_listing.sqlite"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own state: runs, events, schedules."""
        return self.home / "dagster"

    @property
    def dbt_target_path(self) -> Path:
        """Dbt's manifest, partial-parse cache and run results."""
        return self.home / "dbt"

    @property
    def report_path(self) -> Path:
        """The report page; a copy of it where the report is kept in S3."""
        return self.home / "report" / "report.html"

    @property
    def log_path(self) -> Path:
        """Logs of the servers that we start."""
        return self.home / "logs"

    def with_s3_endpoint(self, endpoint: str) -> Settings:
        """The same settings, talking to a local S3 server at another address."""
        return replace(self, s3_endpoint=endpoint)

    def dbt_environment(self) -> dict[str, str]:
        """What dbt's profile and Dagster's child processes read, by variable name."""
        environment = {
            "NETFLIX_TARGET": self.target.value,
            "NETFLIX_WAREHOUSE_PATH": str(self.warehouse_path),
            "NETFLIX_SCHEMA_PREFIX": self.schema_prefix,
            "NETFLIX_LOOKER_DASHBOARD_URL": self.looker_studio.dashboard_url,
        }
        if self.snowflake is not None:
            transformer = self.snowflake.users[Duty.TRANSFORMER]
            environment |= {
                "NETFLIX_SNOWFLAKE_ACCOUNT": self.snowflake.account,
                "NETFLIX_SNOWFLAKE_HOST": self.snowflake.host or "",
                "NETFLIX_SNOWFLAKE_PORT": str(self.snowflake.port),
                "NETFLIX_SNOWFLAKE_PROTOCOL": self.snowflake.protocol,
                "NETFLIX_SNOWFLAKE_DATABASE": self.snowflake.database,
                "NETFLIX_SNOWFLAKE_STATEMENT_SECONDS": str(self.snowflake.statement_seconds),
                "NETFLIX_SNOWFLAKE_TRANSFORMER_USER": transformer.user,
                "NETFLIX_SNOWFLAKE_TRANSFORMER_ROLE": transformer.role,
                "NETFLIX_SNOWFLAKE_TRANSFORMER_WAREHOUSE": transformer.warehouse,
                "NETFLIX_SNOWFLAKE_TRANSFORMER_PRIVATE_KEY_PATH": str(transformer.private_key_path),
                "NETFLIX_SNOWFLAKE_TRANSFORMER_PRIVATE_KEY_PASSPHRASE": transformer.private_key_passphrase or "",
                "NETFLIX_SNOWFLAKE_REPORTER_ROLE": self.snowflake.users[Duty.REPORTER].role,
            }
        return environment

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the `NETFLIX_*` variables; an empty one counts as not set.

        Raises:
            SettingsError: Names every variable that is missing or malformed, all at once.
        """
        reader = Reader(os.environ if environment is None else environment)
        target = _target(reader)
        local = target is Target.LOCAL
        region = reader.matching(
            "NETFLIX_S3_REGION", r"[a-z0-9-]+", "an AWS region such as us-east-1", default="us-east-1"
        )
        endpoint = "http://127.0.0.1:9000" if local else f"https://s3.{region}.amazonaws.com"
        settings = cls(
            target=target,
            home=Path(reader.get("NETFLIX_HOME") or PROJECT_ROOT / ".netflix").expanduser().absolute(),
            bucket=reader.required("NETFLIX_S3_BUCKET", default="movielens" if local else None),
            s3_endpoint=reader.matching(
                "NETFLIX_S3_ENDPOINT", r"https?://.+", "an address with http:// or https://", default=endpoint
            ),
            s3_region=region,
            s3_access_key=reader.get("NETFLIX_S3_ACCESS_KEY") or ("netflix-local" if local else ""),
            s3_secret_key=reader.get("NETFLIX_S3_SECRET_KEY") or ("netflix-local-secret" if local else ""),
            s3_events_queue=reader.queue("NETFLIX_S3_EVENTS_QUEUE"),
            reconcile_minutes=reader.whole_number("NETFLIX_S3_RECONCILE_MINUTES", 60),
            tick_seconds=reader.whole_number("NETFLIX_TICK_SECONDS", 20),
            reject_limit=RejectLimit(
                reader.fraction("NETFLIX_MAX_REJECTED_FRACTION", RejectLimit.fraction),
                reader.count("NETFLIX_ALWAYS_ALLOWED_REJECTS", RejectLimit.rows),
            ),
            by_name=_by_name(reader),
            max_shrink=reader.fraction("NETFLIX_MAX_SHRINK", DEFAULT_MAX_SHRINK),
            max_runtime_seconds=reader.whole_number("NETFLIX_MAX_RUNTIME_SECONDS", 7200),
            schema_prefix=reader.matching(
                "NETFLIX_SCHEMA_PREFIX", r"[A-Za-z0-9_]*", "only letters, digits and _", default=""
            ),
            looker_studio=LookerStudioSettings.read(reader),
            snowflake=None if local else SnowflakeSettings.read(reader),
            branch_deployment=reader.get("DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT") == "1",
            alerts=Alerts.read(reader),
            given=tuple(reader.names_with_prefix("NETFLIX_")) if environment is None else (),
        )
        reader.refuse_if_wrong()
        return settings


def _by_name(reader: Reader) -> frozenset[str]:
    """Read NETFLIX_HEADER_DRIFT: one choice for all raw files, or some of them as `name=choice`."""
    choices = {choice.value: choice for choice in HeaderDrift}
    of_file = {file.name: file.header_drift for file in RAW_FILES}
    text = reader.get("NETFLIX_HEADER_DRIFT") or ""
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, given, choice = (word.strip() for word in part.rpartition("="))
        if choice not in choices or (given and name not in of_file):
            reader.wrong(
                f"NETFLIX_HEADER_DRIFT has {part!r}; it must be {' or '.join(choices)}, for all files or for some "
                f"(ratings={HeaderDrift.BY_NAME.value},movies={HeaderDrift.BY_NAME.value}) of {', '.join(of_file)}"
            )
            continue
        of_file |= dict.fromkeys([name] if given else of_file, choices[choice])
    return frozenset(name for name, choice in of_file.items() if choice is HeaderDrift.BY_NAME)


def _target(reader: Reader) -> Target:
    name = reader.required("NETFLIX_TARGET", default=Target.LOCAL.value)
    known = {target.value: target for target in Target}
    if name not in known:
        reader.wrong(f"NETFLIX_TARGET is {name!r}; known targets: {', '.join(known)}")
    # Never used where the name is unknown: `refuse_if_wrong` comes first.
    return known.get(name, Target.LOCAL)

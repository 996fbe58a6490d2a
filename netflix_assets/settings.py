"""The environment, read once into one typed object.

Nothing else in the package reads `os.environ`, and this module imports nothing else of the package but
its errors.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from netflix_assets.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Target(Enum):
    """Where the graph runs."""

    LOCAL = "local"
    SNOWFLAKE = "snowflake"


class Duty(Enum):
    """What a service user of Snowflake is for; each has its own role, warehouse and key pair."""

    LOADER = "loader"
    TRANSFORMER = "transformer"
    REPORTER = "reporter"


_WAREHOUSES = {Duty.LOADER: "LOADING", Duty.TRANSFORMER: "TRANSFORMING", Duty.REPORTER: "REPORTING"}
_IDENTIFIER = re.compile(r"[A-Z_][A-Z0-9_$]*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SYSTEM_ROLES = {"ACCOUNTADMIN", "ORGADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN"}
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


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
        users: The service user of each duty.
    """

    account: str
    host: str | None
    port: int
    protocol: str
    database: str
    stage: str
    users: Mapping[Duty, ServiceUser]


@dataclass(frozen=True)
class InfraSettings:
    """What the scripts that set up the Snowflake account are filled in with.

    Attributes:
        snowflake: The account and the names in it.
        bucket: Name of the S3 bucket with the raw files.
        storage_role_arn: The IAM role of yours as which Snowflake reads the bucket.
        reporter_networks: IPv4 ranges (CIDR) that the reporter may sign in from.
        monthly_credits: Snowflake credits that the warehouses may use a month.
    """

    snowflake: SnowflakeSettings
    bucket: str
    storage_role_arn: str
    reporter_networks: tuple[str, ...]
    monthly_credits: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> InfraSettings:
        """Read the `NETFLIX_*` variables, whatever the target is.

        Raises:
            SettingsError: Names every variable that is missing or malformed, all at once.
        """
        reader = _Reader(os.environ if environment is None else environment)
        settings = cls(
            snowflake=reader.snowflake(),
            bucket=reader.matching("NETFLIX_S3_BUCKET", _BUCKET, "a bucket name such as acme-movielens", default=None),
            storage_role_arn=reader.matching(
                "NETFLIX_SNOWFLAKE_STORAGE_ROLE_ARN",
                r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
                "an ARN such as arn:aws:iam::123456789012:role/snowflake-movielens",
                default=None,
            ),
            reporter_networks=reader.networks("NETFLIX_SNOWFLAKE_REPORTER_NETWORKS"),
            monthly_credits=reader.whole_number("NETFLIX_SNOWFLAKE_MONTHLY_CREDITS", 20),
        )
        reader.separate_duties(settings.snowflake.users)
        reader.refuse_if_wrong()
        return settings


@dataclass(frozen=True)
class LookerStudioSettings:
    """What of Looker Studio is known only to those who set it up.

    Attributes:
        url: Address of Looker Studio, without a slash at its end.
        dashboard_url: Address of the finished dashboard, for people to find it; `url` until there is one.
        report_id: Id of the template report, or empty.
        connector_id: Id of the Snowflake connector, or empty.
        parameters: The connector's own name of each of LOOKER_PARAMETERS, or nothing.
    """

    url: str
    dashboard_url: str
    report_id: str
    connector_id: str
    parameters: Mapping[str, str] = field(hash=False)


LOOKER_PARAMETERS = ("account", "role", "warehouse", "database", "schema", "query")


@dataclass(frozen=True)
class Alerts:
    """Whom to tell when something goes wrong; nobody means the log.

    Attributes:
        slack_webhook: Address of an incoming webhook of Slack, or None; never shown.
        email_to: Addresses that get a mail.
        email_from: Address that it comes from.
        smtp_url: Mail server, `smtp://user:password@host:port` or `smtps://...`; never shown.
        ui_url: Where the Dagster UI is, for links.
    """

    slack_webhook: str | None = field(default=None, repr=False)
    email_to: tuple[str, ...] = ()
    email_from: str = "netflix-assets@localhost"
    smtp_url: str = field(default="smtp://localhost", repr=False)
    ui_url: str = "http://127.0.0.1:3000"


@dataclass(frozen=True)
class Settings:
    """Everything that differs from one environment to the next.

    Attributes:
        target: Where the graph runs.
        home: Folder that holds all local state: `s3/`, `warehouse.duckdb`, `dagster/`, `dbt/`,
            `report/`, `logs/`.
        bucket: Name of the S3 bucket with the raw files.
        s3_endpoint: Address of the S3 server: the local one, or Amazon's.
        s3_region: AWS region of the bucket.
        s3_access_key: Access key; empty for what the machine is given (role, profile).
        s3_secret_key: Secret key that goes with it.
        max_rejected_fraction: Share of rows (0..1) a load may reject before it fails as a whole.
        schema_prefix: Put before every schema that dbt builds, for a developer's own copy.
        looker_studio: The dashboard in Looker Studio.
        snowflake: The account, with target `snowflake`; else None.
        branch_deployment: This is a copy that Dagster+ runs for a branch: nothing starts by itself.
        alerts: Whom to tell when something goes wrong.
    """

    target: Target
    home: Path
    bucket: str
    s3_endpoint: str
    s3_region: str
    s3_access_key: str
    s3_secret_key: str
    max_rejected_fraction: float
    schema_prefix: str
    looker_studio: LookerStudioSettings
    snowflake: SnowflakeSettings | None = None
    branch_deployment: bool = False
    alerts: Alerts = Alerts()

    def __repr__(self) -> str:
        """Leave the secret out, so that no log or traceback shows it."""
        return f"Settings(target={self.target.value!r}, home={str(self.home)!r}, bucket={self.bucket!r})"

    @property
    def s3_root(self) -> Path:
        """Folder that the local S3 server serves; one sub-folder a bucket."""
        return self.home / "s3"

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
        reader = _Reader(os.environ if environment is None else environment)
        target = reader.target()
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
            max_rejected_fraction=reader.fraction("NETFLIX_MAX_REJECTED_FRACTION", 0.01),
            schema_prefix=reader.matching(
                "NETFLIX_SCHEMA_PREFIX", r"[A-Za-z0-9_]*", "only letters, digits and _", default=""
            ),
            looker_studio=reader.looker_studio(),
            snowflake=None if local else reader.snowflake(),
            branch_deployment=reader.get("DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT") == "1",
            alerts=reader.alerts(),
        )
        reader.refuse_if_wrong()
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them, so that all of it is told at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []

    def get(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def required(self, name: str, *, default: str | None = None) -> str:
        value = self.get(name) or default
        if value is None:
            self._problems.append(f"{name} is not set")
        return value or ""

    def matching(self, name: str, pattern: str | re.Pattern[str], what: str, *, default: str | None) -> str:
        value = self.required(name, default=default)
        if self.get(name) is not None and not re.fullmatch(pattern, value):
            self._problems.append(f"{name} is {value!r}; it must be {what}")
        return value

    def fraction(self, name: str, default: float) -> float:
        text = self.required(name, default=str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            self._problems.append(f"{name} is {text!r}; it must be a number from 0 to 1")
        return value

    def target(self) -> Target:
        name = self.required("NETFLIX_TARGET", default=Target.LOCAL.value)
        known = {target.value: target for target in Target}
        if name not in known:
            self._problems.append(f"NETFLIX_TARGET is {name!r}; known targets: {', '.join(known)}")
        # Never used where the name is unknown: `refuse_if_wrong` comes first.
        return known.get(name, Target.LOCAL)

    def snowflake(self) -> SnowflakeSettings:
        prefix = "NETFLIX_SNOWFLAKE"
        return SnowflakeSettings(
            account=self.matching(
                f"{prefix}_ACCOUNT", _ACCOUNT, "an account identifier such as myorg-myaccount", default=None
            ),
            host=self.get(f"{prefix}_HOST"),
            port=self.port(f"{prefix}_PORT", 443),
            protocol=self.matching(f"{prefix}_PROTOCOL", r"https?", "https or http", default="https"),
            database=self.identifier(f"{prefix}_DATABASE", "MOVIELENS"),
            stage=self.identifier(f"{prefix}_STAGE", "LANDING"),
            users={duty: self.service_user(duty, f"{prefix}_{duty.name}") for duty in Duty},
        )

    def looker_studio(self) -> LookerStudioSettings:
        prefix = "NETFLIX_LOOKER"
        address = r"https?://.+[^/]"
        url = self.matching(
            f"{prefix}_URL", address, "an address with https://", default="https://lookerstudio.google.com"
        )
        return LookerStudioSettings(
            url=url,
            dashboard_url=self.matching(f"{prefix}_DASHBOARD_URL", address, "an address with https://", default=url),
            report_id=self.get(f"{prefix}_REPORT_ID") or "",
            connector_id=self.get(f"{prefix}_CONNECTOR_ID") or "",
            parameters=self.looker_parameters(f"{prefix}_PARAMETERS"),
        )

    def looker_parameters(self, name: str) -> dict[str, str]:
        text = self.get(name)
        given = dict(re.findall(r"(\w+)=([\w.-]+)", text or ""))
        if text and set(given) != set(LOOKER_PARAMETERS):
            self._problems.append(
                f"{name} is {text!r}; it must give the connector's name of each of {', '.join(LOOKER_PARAMETERS)}, "
                "as in account=ACCOUNT_URL,role=ROLE and so on"
            )
        return given

    def alerts(self) -> Alerts:
        default = Alerts()
        return Alerts(
            slack_webhook=self.secret("NETFLIX_ALERT_SLACK_WEBHOOK", r"https?://\S+", "an http(s) address"),
            email_to=tuple(to.strip() for to in (self.get("NETFLIX_ALERT_EMAIL_TO") or "").split(",") if to.strip()),
            email_from=self.required("NETFLIX_ALERT_EMAIL_FROM", default=default.email_from),
            smtp_url=self.secret("NETFLIX_ALERT_SMTP_URL", r"smtps?://\S+", "smtp://user:password@host:port")
            or default.smtp_url,
            ui_url=self.matching(
                "NETFLIX_UI_URL", r"https?://\S+", "an address with http:// or https://", default=default.ui_url
            ).rstrip("/"),
        )

    def secret(self, name: str, pattern: str, what: str) -> str | None:
        value = self.get(name)
        if value is not None and not re.fullmatch(pattern, value):
            self._problems.append(f"{name} is malformed; it must be {what}")
        return value

    def port(self, name: str, default: int) -> int:
        text = self.matching(name, r"[1-9]\d{0,4}", "a port number", default=str(default))
        return int(text) if text.isdigit() else default

    def whole_number(self, name: str, default: int) -> int:
        text = self.matching(name, r"[1-9]\d{0,8}", "a whole number from 1 on", default=str(default))
        return int(text) if text.isdigit() else default

    def networks(self, name: str) -> tuple[str, ...]:
        texts = [text.strip() for text in self.required(name).split(",") if text.strip()]
        for text in texts:
            try:
                everywhere = ipaddress.IPv4Network(text).prefixlen == 0
            except ValueError as error:
                self._problems.append(f"{name} has {text!r} ({error}); give ranges such as 203.0.113.0/24")
            else:
                if everywhere:
                    self._problems.append(f"{name} has {text!r}, which is everywhere; give the ranges that are used")
        return tuple(texts)

    def separate_duties(self, users: Mapping[Duty, ServiceUser]) -> None:
        """Each duty has a user and a role of its own, and none that administers the account."""
        for what, names in (("USER", [u.user for u in users.values()]), ("ROLE", [u.role for u in users.values()])):
            if len(set(names)) < len(names):
                shared = max(names, key=names.count)
                self._problems.append(f"two of NETFLIX_SNOWFLAKE_<DUTY>_{what} are {shared!r}; give each duty its own")
        for duty, user in users.items():
            if user.role in _SYSTEM_ROLES:
                self._problems.append(f"NETFLIX_SNOWFLAKE_{duty.name}_ROLE is {user.role!r}, a role of Snowflake's own")

    def identifier(self, name: str, default: str) -> str:
        return self.matching(
            name, _IDENTIFIER, "a Snowflake identifier in upper case (letters, digits, _, $)", default=default
        )

    def service_user(self, duty: Duty, prefix: str) -> ServiceUser:
        return ServiceUser(
            duty=duty,
            user=self.identifier(f"{prefix}_USER", f"MOVIELENS_{duty.name}"),
            role=self.identifier(f"{prefix}_ROLE", f"MOVIELENS_{duty.name}"),
            warehouse=self.identifier(f"{prefix}_WAREHOUSE", f"MOVIELENS_{_WAREHOUSES[duty]}"),
            private_key_path=Path(
                self.required(f"{prefix}_PRIVATE_KEY_PATH", default=f"~/.snowflake/movielens_{duty.value}.p8")
            ).expanduser(),
            private_key_passphrase=self.get(f"{prefix}_PRIVATE_KEY_PASSPHRASE"),
        )

    def refuse_if_wrong(self) -> None:
        if self._problems:
            raise SettingsError("; ".join(self._problems) + " (see .env.example)")

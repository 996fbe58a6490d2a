"""A Snowflake account that exists in memory: it takes the scripts' statements and answers SHOW and DESC.

The shapes of the answers are those of Snowflake's documentation. That a real account gives them is not shown by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from snowflake.connector.errors import ProgrammingError

from netflix_assets.infra.inventory import Inventory, Key, Thing, apply_statement
from netflix_assets.infra.scripts import Statement
from netflix_assets.loading.snowflake_connection import QueryTag, Session
from netflix_assets.settings import ServiceUser, SnowflakeSettings
from netflix_assets_tests.infra.role_powers import may_run, may_see

Row = dict[str, Any]


class FakeAccount:
    """A connection to it, and its state.

    Attributes:
        inventory: What it holds.
        executed: Every statement given to it.
        refuse: A statement that it refuses, or None.
    """

    def __init__(self, organization: str = "ACME", name: str = "PROD") -> None:
        self.inventory = Inventory()
        self.executed: list[str] = []
        self.refuse: str | None = None
        self.users_with_keys: set[str] = set()
        self.owned: list[tuple[str, str, str]] = []
        self._identity = {"ORGANIZATION": organization, "NAME": name, "LOCATOR": "XY12345"}
        self._role = "PUBLIC"

    def cursor(self, cursor_class: Any = None) -> FakeCursor:
        return FakeCursor(self)

    def close(self) -> None:
        self.executed.append("closed")

    def run(self, sql: str) -> list[Row]:
        self.executed.append(sql)
        if sql == self.refuse:
            raise ProgrammingError(msg="SQL access control error:\nInsufficient privileges", errno=3001)
        text = " ".join(sql.split())
        if used := re.fullmatch(r"use role (\S+)", text, re.IGNORECASE):
            self._role = used[1].upper()
            return []
        if text.startswith("select current_organization_name()"):
            return [self._identity]
        if key := re.fullmatch(r"alter user (\w+) set rsa_public_key = '\w.*'", text):
            self.users_with_keys.add(key[1])
            return []
        for pattern, answer in self._answers():
            if match := re.fullmatch(pattern, text):
                return answer(*(group.upper() for group in match.groups()))
        statement = Statement("test", 1, self._role, sql)
        if not may_run(self.inventory, statement):
            raise ProgrammingError(msg=f"Insufficient privileges of role {self._role}", errno=3001)
        apply_statement(self.inventory, statement)
        return [{"status": "Statement executed successfully."}]

    def change(self, sql: str) -> None:
        """What somebody does by hand who may."""
        apply_statement(self.inventory, Statement("by hand", 1, "ACCOUNTADMIN", sql))

    def _answers(self) -> list[tuple[str, Callable[..., list[Row]]]]:
        return [
            (r"show (\w+(?: \w+)?)s like '([\w$]+)'", self._show),
            (r"show (schema)s like '([\w$]+)' in database (\S+)", self._show),
            (r"show (\w+(?: \w+)?)s like '([\w$]+)' in schema (\S+)", self._show),
            (r"show network (policie)s", lambda _: self._rows("NETWORK POLICY", self._named)),
            (r"show parameters in (warehouse|database|user) (\w+)", self._parameters),
            (r"desc (integration|network policy) (\w+)", self._described),
            (r"show columns in table (\S+)", self._columns),
            (r"show grants to role (\w+)", self._grants_to),
            (r"show grants of role (\w+)", self._grants_of),
            (r"show future grants to role (\w+)", self._future_grants),
        ]

    def _rows(self, kind: str, row: Callable[[str, Thing], Row]) -> list[Row]:
        return [row(name, thing) for name, thing in self.inventory.of(kind).items()]

    def _named(self, name: str, thing: Thing) -> Row:
        return {"name": name.rpartition(".")[2]}

    def _show(self, kind: str, pattern: str, container: str = "") -> list[Row]:
        like = re.compile(pattern.replace("_", ".").replace("%", ".*"), re.IGNORECASE)
        found = []
        for full, thing in self.inventory.of(kind).items():
            schema, _, name = full.rpartition(".")
            visible = may_see(self.inventory, self._role, Key(kind, full))
            if schema == container and like.fullmatch(name) and visible:
                row = {"name": name, "owner": thing.owner, **_COLUMNS[kind](thing.properties)}
                if kind == "USER":
                    row["has_rsa_public_key"] = str(name in self.users_with_keys).lower()
                if kind == "INTEGRATION":
                    del row["owner"]
                found.append(row)
        return found

    def _thing(self, kind: str, name: str) -> Thing:
        if Key(kind, name) not in self.inventory.things:
            raise ProgrammingError(msg=f"{kind} '{name}' does not exist or not authorized.", errno=2003)
        return self.inventory.things[Key(kind, name)]

    def _parameters(self, kind: str, name: str) -> list[Row]:
        return [{"key": key, "value": value} for key, value in self._thing(kind, name).properties.items()]

    def _described(self, kind: str, name: str) -> list[Row]:
        if not may_see(self.inventory, self._role, Key(kind, name)):
            raise ProgrammingError(msg=f"{kind} '{name}' does not exist or not authorized.", errno=2003)
        properties = dict(self._thing(kind, name).properties)
        if kind == "NETWORK POLICY":
            return [{"name": "ALLOWED_IP_LIST", "value": properties["ALLOWED_IP_LIST"].replace(" ", "")}]
        properties |= {
            "ENABLED": properties["ENABLED"].lower(),
            "STORAGE_AWS_IAM_USER_ARN": "arn:aws:iam::999999999999:user/snow",
            "STORAGE_AWS_EXTERNAL_ID": "ACME_SFCRole=2_abc=",
        }
        return [{"property": key, "property_value": value} for key, value in properties.items()]

    def _columns(self, table: str) -> list[Row]:
        rows = []
        for name, type_ in self._thing("TABLE", table).properties.items():
            fixed = re.fullmatch(r"FIXED\((\d+),(\d+)\)", type_)
            told = {"type": "FIXED", "precision": int(fixed[1]), "scale": int(fixed[2])} if fixed else {"type": type_}
            rows.append({"column_name": name.removeprefix("COLUMN "), "data_type": json.dumps(told)})
        return rows

    def _grants_to(self, role: str) -> list[Row]:
        rows = [
            {"privilege": "USAGE", "granted_on": "ROLE", "name": m.role}
            for m in self.inventory.memberships
            if (m.kind, m.member) == ("ROLE", role)
        ]
        rows += [
            {"privilege": "OWNERSHIP", "granted_on": kind, "name": name} for r, kind, name in self.owned if r == role
        ]
        for p in self.inventory.privileges:
            if p.role != role or p.scope == "FUTURE":
                continue
            names = [p.name or self._identity["NAME"]]
            if p.scope == "ALL":
                names = [name for name in self.inventory.of(p.kind) if name.rpartition(".")[0] == p.name]
            kind = p.kind.replace(" ", "_")
            rows += [{"privilege": p.privilege, "granted_on": kind, "name": name} for name in names]
        return rows

    def _grants_of(self, role: str) -> list[Row]:
        return [
            {"role": role, "granted_to": m.kind, "grantee_name": m.member}
            for m in self.inventory.memberships
            if m.role == role
        ]

    def _future_grants(self, role: str) -> list[Row]:
        return [
            {"privilege": p.privilege, "grant_on": p.kind, "name": f"{p.name}.<{p.kind}>"}
            for p in self.inventory.privileges
            if (p.role, p.scope) == (role, "FUTURE")
        ]


class FakeSession:
    """Stands in for a service user's session: notes who signs in as what, answers every statement alike.

    Attributes:
        signed_in: User, role and asset of each session.
        executed: The statements, in order.
    """

    def __init__(self, rows: list[Row] | None = None, *, refusal: int | None = None) -> None:
        self.signed_in: list[tuple[str, str, str]] = []
        self.executed: list[str] = []
        self._rows = rows or []
        self._refusal = refusal

    @contextmanager
    def sign_in(self, settings: SnowflakeSettings, user: ServiceUser, tag: QueryTag) -> Iterator[Session]:
        self.signed_in.append((user.user, user.role, tag.asset))
        yield Session(self, settings, user)

    def cursor(self) -> FakeSession:
        return self

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    rowcount, sfqid = 0, "01b"

    @property
    def description(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in (self._rows[0] if self._rows else {"STATUS": ""})]

    def execute(self, sql: str, *, timeout: int) -> None:
        self.executed.append(sql)
        if self._refusal is not None:
            raise ProgrammingError(msg="it does not exist or not authorized", errno=self._refusal)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._rows]


class FakeCursor:
    """A cursor whose rows are mappings."""

    def __init__(self, account: FakeAccount) -> None:
        self._account = account
        self._rows: list[Row] = []

    def execute(self, sql: str) -> None:
        self._rows = self._account.run(sql)

    def fetchall(self) -> list[Row]:
        return self._rows

    def close(self) -> None:
        self._rows = []


def _warehouse(p: dict[str, str]) -> Row:
    return {
        "auto_suspend": int(p["AUTO_SUSPEND"]),
        "auto_resume": p["AUTO_RESUME"].lower(),
        "resource_monitor": p.get("RESOURCE_MONITOR", "null"),
    }


def _monitor(p: dict[str, str]) -> Row:
    return {
        "credit_quota": f"{p['CREDIT_QUOTA']}.00",
        "frequency": p["FREQUENCY"],
        "notify_at": f"{p['NOTIFY_AT']}%",
        "suspend_at": f"{p['SUSPEND_AT']}%",
        "suspend_immediately_at": f"{p['SUSPEND_IMMEDIATE_AT']}%",
    }


def _file_format(p: dict[str, str]) -> Row:
    told: dict[str, object] = dict(p)
    for name in ("SKIP_BLANK_LINES", "TRIM_SPACE", "EMPTY_FIELD_AS_NULL", "REPLACE_INVALID_CHARACTERS"):
        told[name] = p[name] == "TRUE"
    told |= {"SKIP_HEADER": int(p["SKIP_HEADER"]), "NULL_IF": [], "RECORD_DELIMITER": "\n", "COMPRESSION": "AUTO"}
    return {"type": p["TYPE"], "format_options": json.dumps(told)}


def _user(p: dict[str, str]) -> Row:
    return {
        "type": p["TYPE"],
        "default_role": p["DEFAULT_ROLE"],
        "default_warehouse": p["DEFAULT_WAREHOUSE"],
        "default_secondary_roles": json.dumps([p["DEFAULT_SECONDARY_ROLES"]] if p["DEFAULT_SECONDARY_ROLES"] else []),
        "has_password": "false",
        "disabled": "false",
    }


_COLUMNS: dict[str, Callable[[dict[str, str]], Row]] = {
    "ROLE": lambda p: {},
    "WAREHOUSE": _warehouse,
    "RESOURCE MONITOR": _monitor,
    "DATABASE": lambda p: {"options": "TRANSIENT" if p["TRANSIENT"] == "TRUE" else ""},
    "SCHEMA": lambda p: {"options": "MANAGED ACCESS" if p["MANAGED ACCESS"] == "TRUE" else ""},
    "INTEGRATION": lambda p: {"type": p["TYPE"]},
    "FILE FORMAT": _file_format,
    "STAGE": lambda p: {"url": p["URL"], "storage_integration": p["STORAGE_INTEGRATION"]},
    "TABLE": lambda p: {},
    "VIEW": lambda p: {"is_secure": "true"},
    "USER": _user,
}

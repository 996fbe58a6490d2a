"""Reads an account back with SHOW and DESC, as an inventory to compare with the scripts'.

Only what the scripts name is read, each as the role that owns it. No warehouse runs for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from netflix_assets.infra.connection import Connection, Refused, execute, rows
from netflix_assets.infra.inventory import Inventory, Membership, Privilege, Thing

_Row = Mapping[str, Any]


def read_account(connection: Connection, wanted: Inventory) -> Inventory:
    """What the account holds of what the scripts name, and every privilege of their roles.

    Raises:
        Refused: Snowflake does not let the connection look.
    """
    return _Reader(connection).read(wanted)


class _Reader:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._role = ""

    def read(self, wanted: Inventory) -> Inventory:
        actual = Inventory()
        for key, thing in wanted.things.items():
            found = _READERS[key.kind](self, key.name, thing.owner or "")
            if found is not None:
                actual.things[key] = found
        for role in {*wanted.of("ROLE"), *(privilege.role for privilege in wanted.privileges)}:
            self._read_role(actual, role)
        return actual

    def ask(self, role: str, sql: str) -> list[dict[str, Any]]:
        """Rows as this role sees them, column names in lower case; none where what it is about is not there."""
        try:
            if role != self._role:
                execute(self._connection, f"use role {role}")
                self._role = role
            return [{name.lower(): value for name, value in row.items()} for row in rows(self._connection, sql)]
        except Refused as error:
            if error.missing:
                return []
            raise

    def one(self, role: str, sql: str, name: str) -> _Row | None:
        """The row of the object of exactly this name; LIKE takes _ for any letter, and any case."""
        return next((row for row in self.ask(role, sql) if row["name"] == name), None)

    def show(self, kinds: str, name: str, role: str) -> _Row | None:
        """The row of SHOW for an object of the account, a database or a schema."""
        container, _, last = name.rpartition(".")
        where = f" in {'schema' if '.' in container else 'database'} {container}" if container else ""
        return self.one(role, f"show {kinds} like '{last}'{where}", last)

    def properties(self, role: str, sql: str, name: str, value: str) -> dict[str, str]:
        """What DESC or SHOW PARAMETERS gives, one row a property."""
        return {str(row[name]).upper(): str(row[value]) for row in self.ask(role, sql)}

    def _read_role(self, actual: Inventory, role: str) -> None:
        for row in self.ask("SECURITYADMIN", f"show grants to role {role}"):
            kind = str(row["granted_on"]).upper().replace("_", " ")
            name = _unquoted(row["name"])
            if kind == "ROLE":
                actual.memberships.add(Membership(name, "ROLE", role))
            else:
                actual.privileges.add(
                    Privilege(str(row["privilege"]).upper(), kind, "" if kind == "ACCOUNT" else name, role)
                )
        for row in self.ask("SECURITYADMIN", f"show future grants to role {role}"):
            schema = _unquoted(row["name"]).rpartition(".")[0]
            kind = str(row["grant_on"]).upper().replace("_", " ")
            actual.privileges.add(Privilege(str(row["privilege"]).upper(), kind, schema, role, "FUTURE"))
        for row in self.ask("SECURITYADMIN", f"show grants of role {role}"):
            member = Membership(role, str(row["granted_to"]).upper(), _unquoted(row["grantee_name"]))
            actual.memberships.add(member)


def _unquoted(name: object) -> str:
    return str(name).replace('"', "")


def _owned(row: _Row, properties: Mapping[str, object]) -> Thing:
    return Thing(row.get("owner") or None, {name: str(value) for name, value in properties.items()})


def _yes(value: object) -> str:
    """TRUE or FALSE for the many ways in which SHOW says so."""
    return str(str(value).lower() in ("true", "yes", "y", "on")).upper()


def _parameter(value: str) -> str:
    """The value of a parameter as `inventory.plain` has it."""
    return value.upper() if value.lower() in ("true", "false") else value


def _listed(value: object) -> str:
    """A list as `inventory.plain` has it, from `a,b` or `["a","b"]`."""
    text = str(value or "").strip()
    items = json.loads(text) if text.startswith("[") else text.split(",")
    return ", ".join(sorted(str(item).strip() for item in items if str(item).strip()))


def _role(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("roles", name, owner)
    return None if row is None else _owned(row, {})


def _warehouse(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("warehouses", name, owner)
    if row is None:
        return None
    parameters = reader.properties(
        owner, f"show parameters like 'STATEMENT%TIMEOUT_IN_SECONDS' in warehouse {name}", "key", "value"
    )
    return _owned(
        row,
        {
            "AUTO_SUSPEND": row["auto_suspend"],
            "AUTO_RESUME": _yes(row["auto_resume"]),
            "RESOURCE_MONITOR": row["resource_monitor"],
            **parameters,
        },
    )


def _resource_monitor(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("resource monitors", name, owner)
    if row is None:
        return None
    return _owned(
        row,
        {
            "CREDIT_QUOTA": f"{float(row['credit_quota'] or 0):g}",
            "FREQUENCY": row["frequency"],
            "NOTIFY_AT": str(row["notify_at"]).rstrip("%"),
            "SUSPEND_AT": str(row["suspend_at"]).rstrip("%"),
            "SUSPEND_IMMEDIATE_AT": str(row["suspend_immediately_at"]).rstrip("%"),
        },
    )


def _database(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("databases", name, owner)
    if row is None:
        return None
    collation = reader.properties(
        owner, f"show parameters like 'DEFAULT_DDL_COLLATION' in database {name}", "key", "value"
    )
    return _owned(row, {"TRANSIENT": str("TRANSIENT" in str(row["options"])).upper(), **collation})


def _schema(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("schemas", name, owner)
    return (
        None if row is None else _owned(row, {"MANAGED ACCESS": str("MANAGED ACCESS" in str(row["options"])).upper()})
    )


def _integration(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("integrations", name, owner)
    if row is None:
        return None
    found = reader.properties(owner, f"desc integration {name}", "property", "property_value")
    return _owned(
        row,
        {
            "TYPE": row["type"],
            "STORAGE_PROVIDER": found.get("STORAGE_PROVIDER", ""),
            "ENABLED": _yes(found.get("ENABLED")),
            "STORAGE_AWS_ROLE_ARN": found.get("STORAGE_AWS_ROLE_ARN", ""),
            "STORAGE_ALLOWED_LOCATIONS": _listed(found.get("STORAGE_ALLOWED_LOCATIONS")),
        },
    )


def _file_format(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("file formats", name, owner)
    if row is None:
        return None
    options = json.loads(row["format_options"])
    return _owned(
        row, {option: _option(value) for option, value in options.items()} | {"TYPE": str(row["type"]).upper()}
    )


def _option(value: object) -> str:
    """An option of a file format as `inventory.plain` has it, a line end as the scripts write it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value)))
    return str(value).replace("\n", "\\n")


def _stage(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("stages", name, owner)
    return None if row is None else _owned(row, {"URL": row["url"], "STORAGE_INTEGRATION": row["storage_integration"]})


def _table(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("tables", name, owner)
    if row is None:
        return None
    columns = reader.ask(owner, f"show columns in table {name}")
    return _owned(row, {f"COLUMN {column['column_name']}": _type(column["data_type"]) for column in columns})


def _type(data_type: str) -> str:
    told = json.loads(data_type)
    if told["type"] == "FIXED":
        return f"FIXED({told['precision']},{told['scale']})"
    return str(told["type"])


def _view(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("views", name, owner)
    return None if row is None else _owned(row, {"SECURE": _yes(row["is_secure"])})


def _user(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.show("users", name, owner)
    if row is None:
        return None
    parameters = reader.properties(owner, f"show parameters in user {name}", "key", "value")
    return _owned(
        row,
        {
            "TYPE": row["type"],
            "DEFAULT_ROLE": row["default_role"],
            "DEFAULT_WAREHOUSE": row["default_warehouse"],
            "DEFAULT_SECONDARY_ROLES": _listed(row["default_secondary_roles"]),
            "PUBLIC KEY": _yes(row["has_rsa_public_key"]),
            "PASSWORD": _yes(row["has_password"]),
            "DISABLED": _yes(row["disabled"]),
            **{parameter: _parameter(value) for parameter, value in parameters.items()},
        },
    )


def _network_policy(reader: _Reader, name: str, owner: str) -> Thing | None:
    row = reader.one(owner, "show network policies", name)
    if row is None:
        return None
    found = reader.properties(owner, f"desc network policy {name}", "name", "value")
    return _owned(row, {"ALLOWED_IP_LIST": _listed(found.get("ALLOWED_IP_LIST"))})


_READERS: Mapping[str, Callable[[_Reader, str, str], Thing | None]] = {
    "ROLE": _role,
    "WAREHOUSE": _warehouse,
    "RESOURCE MONITOR": _resource_monitor,
    "DATABASE": _database,
    "SCHEMA": _schema,
    "INTEGRATION": _integration,
    "FILE FORMAT": _file_format,
    "STAGE": _stage,
    "TABLE": _table,
    "VIEW": _view,
    "USER": _user,
    "NETWORK POLICY": _network_policy,
}

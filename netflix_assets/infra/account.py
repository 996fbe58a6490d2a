"""Reads an account back with SHOW and DESC, as an inventory to compare with the scripts'.

Only what the scripts name is read, each as the role that owns it. No warehouse runs for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from netflix_assets.infra.connection import Connection, Refused, execute, rows
from netflix_assets.infra.inventory import Inventory, Membership, Privilege, Thing


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
            found = self.thing(key.kind, key.name, thing.owner or "")
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

    def thing(self, kind: str, name: str, owner: str) -> Thing | None:
        """An object with all that SHOW, DESC and SHOW PARAMETERS tell of it; None if it is not there."""
        shown, questions = _KINDS[kind]
        container, _, last = name.rpartition(".")
        where = f" in {'schema' if '.' in container else 'database'} {container}" if container else ""
        like = "" if shown == "network policies" else f" like '{last}'{where}"
        # LIKE takes _ for any letter, and any case.
        row = next((row for row in self.ask(owner, f"show {shown}{like}") if row["name"] == last), None)
        if row is None:
            return None
        told = {_NAMES.get(column, column.upper()): text(value) for column, value in row.items()}
        options = str(row.get("options"))
        told |= {word: str(word in options).upper() for word in ("TRANSIENT", "MANAGED ACCESS")}
        if kind == "FILE FORMAT":
            told |= {option: text(value) for option, value in json.loads(row["format_options"]).items()}
        if kind == "TABLE":
            columns = self.ask(owner, f"show columns in table {name}")
            told = {f"COLUMN {column['column_name']}": _type(column["data_type"]) for column in columns}
        for question, key, value in questions:
            answer = self.ask(owner, f"{question} {name}")
            told |= {str(property[key]).upper(): text(property[value]) for property in answer}
        return Thing(row.get("owner") or None, told)

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


def text(value: object) -> str:
    """A value as `inventory.plain` has it, from the many ways in which SHOW and DESC write it."""
    said = json.dumps(value) if isinstance(value, list) else "" if value is None else str(value)
    if said.lower() in ("true", "false"):
        return said.upper()
    if re.fullmatch(r"[0-9]+([.]0+)?%?", said):
        return said.rstrip("%").partition(".")[0]
    items = map(str, json.loads(said)) if said.startswith("[") else said.replace("\n", "\\n").split(",")
    return ", ".join(sorted(item.strip(" ") for item in items))


def _type(data_type: str) -> str:
    told = json.loads(data_type)
    if told["type"] == "FIXED":
        return f"FIXED({told['precision']},{told['scale']})"
    return str(told["type"])


_NAMES = {
    "has_rsa_public_key": "PUBLIC KEY",
    "has_password": "PASSWORD",
    "is_secure": "SECURE",
    "suspend_immediately_at": "SUSPEND_IMMEDIATE_AT",
}
"""Columns of SHOW that the scripts, or people, call otherwise."""

_KINDS: Mapping[str, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "ROLE": ("roles", ()),
    "WAREHOUSE": ("warehouses", (("show parameters in warehouse", "key", "value"),)),
    "RESOURCE MONITOR": ("resource monitors", ()),
    "DATABASE": ("databases", (("show parameters in database", "key", "value"),)),
    "SCHEMA": ("schemas", ()),
    "INTEGRATION": ("integrations", (("desc integration", "property", "property_value"),)),
    "FILE FORMAT": ("file formats", ()),
    "STAGE": ("stages", ()),
    "TABLE": ("tables", ()),
    "VIEW": ("views", ()),
    "USER": ("users", (("show parameters in user", "key", "value"),)),
    "NETWORK POLICY": ("network policies", (("desc network policy", "name", "value"),)),
}
"""What SHOW calls the objects of a kind, and the questions that tell more: columns of a property's name and value."""

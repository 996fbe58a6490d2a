"""What an account holds, as far as this project goes: objects, privileges, and who has which role.

`wanted` reads it out of the statements of the scripts; `account.py` reads it out of an account. Names are in
upper case, as Snowflake keeps unquoted ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netflix_assets.errors import InfraError
from netflix_assets.infra.scripts import Statement

_NAME = r"[\w$.]+"
_VALUE = r"'(?:[^']|'')*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[\w$.]+"
_PROPERTY = re.compile(rf"(\w+)\s*=\s*({_VALUE})", re.IGNORECASE)
_TRIGGER = re.compile(r"on\s+(\d+)\s+percent\s+do\s+(\w+)", re.IGNORECASE)
_COLUMN = re.compile(r"\s*(\"[^\"]+\"|\w+)\s+([\w]+(?:\s*\([\d\s,]+\))?)\s*(?:,|$)", re.IGNORECASE)
_TYPES = {
    "INTEGER": "FIXED(38,0)",
    "BIGINT": "FIXED(38,0)",
    "VARCHAR": "TEXT",
    "DOUBLE": "REAL",
    "TIMESTAMP": "TIMESTAMP_NTZ",
}


class Key(NamedTuple):
    """What an object is, and its name; a column's table is part of its table's properties."""

    kind: str
    name: str

    def __str__(self) -> str:
        """As one would say it."""
        return f"{self.kind.lower()} {self.name}"


@dataclass
class Thing:
    """An object of the account.

    Attributes:
        owner: The role that owns it, or None where Snowflake does not tell.
        properties: Values by name, both as text; columns are `COLUMN <name>`.
    """

    owner: str | None
    properties: dict[str, str] = field(default_factory=dict)


class Privilege(NamedTuple):
    """A privilege of a role.

    Attributes:
        privilege: Such as SELECT, or CREATE TABLE.
        kind: What it is on: DATABASE, SCHEMA, TABLE, ..., ACCOUNT, or DATABASE ROLE.
        name: The object; of ALL and FUTURE objects the schema that they are in; empty for ACCOUNT.
        role: Who has it.
        scope: ONE object, ALL that there are in a schema, or all FUTURE ones.
    """

    privilege: str
    kind: str
    name: str
    role: str
    scope: str = "ONE"

    def __str__(self) -> str:
        """As in a GRANT, without the word."""
        scope = {"ONE": "", "ALL": "all ", "FUTURE": "future "}[self.scope]
        where = " in schema" if scope else ""
        kind = f"{self.kind.lower()}s" if scope else self.kind.lower()
        return f"{self.privilege.lower()} on {scope}{kind}{where} {self.name}".strip() + f" to role {self.role}"


class Membership(NamedTuple):
    """A role granted to a role or a user."""

    role: str
    kind: str
    member: str

    def __str__(self) -> str:
        """As in a GRANT, without the word."""
        return f"role {self.role} to {self.kind.lower()} {self.member}"


@dataclass
class Inventory:
    """Objects, privileges, and who has which role."""

    things: dict[Key, Thing] = field(default_factory=dict)
    privileges: set[Privilege] = field(default_factory=set)
    memberships: set[Membership] = field(default_factory=set)

    def of(self, kind: str) -> Mapping[str, Thing]:
        """The objects of one kind, by name."""
        return {key.name: thing for key, thing in self.things.items() if key.kind == kind}

    def roles_of(self, role: str) -> set[str]:
        """The role and all that it inherits from."""
        found, waiting = set(), {role}
        while waiting:
            current = waiting.pop()
            found.add(current)
            waiting |= {m.role for m in self.memberships if (m.kind, m.member) == ("ROLE", current)} - found
        return found

    def privileges_of(self, role: str) -> set[Privilege]:
        """What a role may do, by itself and by the roles granted to it; what it owns is not listed."""
        roles = self.roles_of(role)
        return {privilege for privilege in self.privileges if privilege.role in roles}


def wanted(statements: Iterable[Statement]) -> Inventory:
    """What an account holds once these statements have run.

    Raises:
        InfraError: A statement is of a form that is not known here, so that it could not be checked either.
    """
    inventory = Inventory()
    for statement in statements:
        apply_statement(inventory, statement)
    return inventory


def apply_statement(inventory: Inventory, statement: Statement) -> None:
    """Change the inventory as the statement changes the account.

    Raises:
        InfraError: The form of the statement is not known.
    """
    for pattern, change in _FORMS:
        match = pattern.fullmatch(statement.sql)
        if match:
            change(inventory, statement, match)
            return
    raise InfraError(
        f"{statement.where} has a statement of a form that `infra check` does not know, and so could not check: "
        f"{' '.join(statement.sql.split())[:80]}; use a form of the other scripts, or add it to infra/inventory.py"
    )


def properties_of(text: str) -> dict[str, str]:
    """`name = value` pairs of a CREATE or ALTER, values as `plain` has them; of a monitor also its triggers."""
    found = {name.upper(): plain(value) for name, value in _PROPERTY.findall(text)}
    for percent, action in _TRIGGER.findall(text):
        found[f"{action.upper()}_AT"] = percent
    return found


def plain(value: str) -> str:
    """A value as text: strings without quotes, words in upper case, lists sorted and joined by commas."""
    if value.startswith("'"):
        return value[1:-1].replace("''", "'")
    if value.startswith("("):
        inside = value[1:-1].strip()
        return inside if "=" in inside else ", ".join(sorted(plain(item.strip()) for item in inside.split(",") if item))
    return value.upper()


def columns_of(text: str) -> dict[str, str]:
    """The columns of a CREATE TABLE as properties: types as SHOW COLUMNS tells them.

    Raises:
        ValueError: Something in the list is not a name and a type.
    """
    found, position = {}, 0
    while position < len(text.rstrip()):
        match = _COLUMN.match(text, position)
        if match is None:
            raise ValueError(f"no column at {text[position:][:40]!r}")
        name = match[1][1:-1] if match[1].startswith('"') else match[1].upper()
        type_ = re.sub(r"\s", "", match[2].upper())
        found[f"COLUMN {name}"] = _TYPES.get(type_, type_.replace("DECIMAL", "FIXED"))
        position = match.end()
    return found


_Change = Callable[[Inventory, Statement, "re.Match[str]"], None]


def _words(text: str) -> str:
    return " ".join(text.upper().split())


def _kind(match: re.Match[str]) -> str:
    kind = _words(match["kind"])
    return {"STORAGE INTEGRATION": "INTEGRATION", "TRANSIENT DATABASE": "DATABASE"}.get(kind, kind)


def _use_role(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    """Changes nothing in the account."""


def _create(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    kind, rest = _kind(match), match["rest"]
    properties = properties_of(rest)
    if kind == "DATABASE":
        properties["TRANSIENT"] = str(match["kind"].lower().startswith("transient")).upper()
    if kind == "SCHEMA":
        properties["MANAGED ACCESS"] = str("with managed access" in rest.lower()).upper()
    # What is there already is left as it is.
    inventory.things.setdefault(Key(kind, match["name"].upper()), Thing(statement.role, properties))


def _create_table(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    key = Key("TABLE", match["name"].upper())
    inventory.things.setdefault(key, Thing(statement.role, columns_of(match["columns"])))


def _create_view(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    inventory.things[Key("VIEW", match["name"].upper())] = Thing(statement.role, {"SECURE": "TRUE"})


def _alter(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    key = Key(_kind(match), match["name"].upper())
    if key not in inventory.things:
        raise InfraError(f"{statement.where} alters {key}, which no statement before it creates")
    properties = inventory.things[key].properties
    if key.kind == "TABLE":
        properties |= columns_of(match["rest"]) | properties
    else:
        properties |= properties_of(match["rest"])


def _grant_role(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    inventory.memberships.add(Membership(match["role"].upper(), match["kind"].upper(), match["member"].upper()))


def _grant(inventory: Inventory, statement: Statement, match: re.Match[str]) -> None:
    said = {"privileges": "usage", "kind": "account", "name": "", "scope": "one"} | match.groupdict()
    given = {name: _words(value) for name, value in said.items()}
    kind = given["kind"] if given["scope"] == "ONE" else given["kind"].removesuffix("S")
    for privilege in given["privileges"].split(","):
        inventory.privileges.add(Privilege(privilege.strip(), kind, given["name"], given["role"], given["scope"]))


def _form(pattern: str, change: _Change) -> tuple[re.Pattern[str], _Change]:
    """A form of statement; a blank of the pattern stands for any white space."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL), change


_CREATED = (
    r"role|warehouse|resource monitor|(?:transient )?database|schema|storage integration|file format|stage|user|"
    r"network policy"
)
_ALTERED = r"database|warehouse|resource monitor|storage integration|stage|user|network policy"
_ON = r"warehouse|database|schema|stage|file format|integration|table|view"
_PRIVILEGES = r"(?P<privileges>\w+(?: \w+)*(?:\s*,\s*\w+(?: \w+)*)*)"

_FORMS = (
    _form(rf"use role {_NAME}", _use_role),
    _form(rf"create (?P<kind>{_CREATED}) if not exists (?P<name>{_NAME})(?P<rest>\b.*)", _create),
    _form(rf"create table if not exists (?P<name>{_NAME})\s*\((?P<columns>.*)\)", _create_table),
    _form(rf"create or replace secure view (?P<name>{_NAME}) copy grants as .*", _create_view),
    _form(rf"alter (?P<kind>table) (?P<name>{_NAME}) add column if not exists (?P<rest>.*)", _alter),
    _form(rf"alter (?P<kind>{_ALTERED}) (?P<name>{_NAME}) set (?P<rest>.*)", _alter),
    _form(rf"grant role (?P<role>{_NAME}) to (?P<kind>role|user) (?P<member>{_NAME})", _grant_role),
    _form(rf"grant (?P<kind>database role) (?P<name>{_NAME}) to role (?P<role>{_NAME})", _grant),
    _form(rf"grant {_PRIVILEGES} on account to role (?P<role>{_NAME})", _grant),
    _form(
        rf"grant {_PRIVILEGES} on (?P<scope>all|future) (?P<kind>tables|views) in schema (?P<name>{_NAME}) "
        rf"to role (?P<role>{_NAME})",
        _grant,
    ),
    _form(rf"grant {_PRIVILEGES} on (?P<kind>{_ON}) (?P<name>{_NAME}) to role (?P<role>{_NAME})", _grant),
)

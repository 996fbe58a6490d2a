"""What differs between the account and the scripts, in words."""

from __future__ import annotations

from collections.abc import Iterator

from netflix_assets.infra.inventory import Inventory, Key, Privilege, Thing
from netflix_assets.infra.names import Names

NOT_COMPARED = {"COMMENT", "WAREHOUSE_SIZE", "INITIALLY_SUSPENDED", "START_TIMESTAMP", "FILE_FORMAT"}
"""Properties that only matter when the object is made, or that are the administrator's to change."""

_SERVICE_USER = {"PUBLIC KEY": "TRUE", "PASSWORD": "FALSE", "DISABLED": "FALSE"}


def differences(wanted: Inventory, actual: Inventory, names: Names) -> list[str]:
    """Everything in which the account is not as the scripts make it; empty if it is.

    Clones for pull requests, who is a developer, and what roles own because they may create it are no difference.
    """
    found = [text for key in wanted.things for text in _of_thing(key, wanted, actual.things.get(key))]
    for privilege in sorted(_each(wanted)):
        if privilege not in actual.privileges:
            found.append(f"missing: grant {privilege}")
    for membership in sorted(wanted.memberships - actual.memberships):
        found.append(f"missing: grant {membership}")
    ours = set(wanted.of("ROLE"))
    for privilege in sorted(actual.privileges):
        if privilege.role in ours and not _explained(privilege, wanted, names):
            found.append(f"not in the scripts: grant {privilege}")
    for membership in sorted(actual.memberships - wanted.memberships):
        is_a_developer = membership.role == names.developer_role and membership.kind == "USER"
        if {membership.role, membership.member} & ours and not is_a_developer:
            found.append(f"not in the scripts: grant {membership}")
    return found


def _of_thing(key: Key, inventory: Inventory, actual: Thing | None) -> Iterator[str]:
    wanted = inventory.things[key]
    if actual is None:
        yield f"missing: {key}"
        return
    # A load makes the table of a raw file that is new before the scripts are applied again.
    makers = {p.role for p in inventory.privileges if p[:3] == (f"CREATE {key.kind}", "SCHEMA", _schema_of(key.name))}
    if actual.owner is not None and actual.owner not in {wanted.owner, *makers}:
        yield f"{key} is owned by {actual.owner}, not by {wanted.owner}"
    expected = {name: value for name, value in wanted.properties.items() if name not in NOT_COMPARED}
    if key.kind == "USER":
        expected |= _SERVICE_USER
    for name, value in expected.items():
        if name not in actual.properties:
            yield f"{key} has no {_said(name)}; it should be {value}"
        elif actual.properties[name] != value:
            yield f"{key} has {_said(name)} {actual.properties[name] or 'empty'}, not {value or 'empty'}"
    if key.kind == "USER" and not wanted.properties.get("NETWORK_POLICY") and actual.properties.get("NETWORK_POLICY"):
        yield f"{key} has network_policy {actual.properties['NETWORK_POLICY']}, which the scripts do not give it"
    if key.kind == "TABLE":
        for name in actual.properties.keys() - wanted.properties.keys():
            yield f"{key} has a {_said(name)} that the scripts do not know"


def _schema_of(name: str) -> str:
    return name.rpartition(".")[0]


def _said(name: str) -> str:
    """The name of a property; that of a column as it is spelt."""
    word, _, column = name.partition(" ")
    return f"column {column}" if word == "COLUMN" else name.lower()


def _each(wanted: Inventory) -> Iterator[Privilege]:
    """The privileges as SHOW GRANTS lists them: those on all tables of a schema one by one."""
    for privilege in wanted.privileges:
        if privilege.scope != "ALL":
            yield privilege
            continue
        for name in wanted.of(privilege.kind):
            if _schema_of(name) == privilege.name:
                yield privilege._replace(name=name, scope="ONE")


def _explained(privilege: Privilege, wanted: Inventory, names: Names) -> bool:
    """Whether the scripts give the privilege, or it follows from what they give."""
    if privilege in wanted.privileges:
        return True
    database, schema = privilege.name.partition(".")[0], _schema_of(privilege.name)
    if names.is_clone_name(database):
        return True
    given = {(p.privilege, p.kind, p.name) for p in wanted.privileges if p.role == privilege.role and p.scope == "ONE"}
    if ("CREATE SCHEMA", "DATABASE", database) in given:
        return True
    if privilege.privilege == "OWNERSHIP":
        thing = wanted.things.get(Key(privilege.kind, privilege.name))
        owns = thing is not None and thing.owner == privilege.role
        return owns or (f"CREATE {privilege.kind}", "SCHEMA", schema) in given
    return privilege.scope == "ONE" and any(
        privilege._replace(name=schema, scope=scope) in wanted.privileges for scope in ("ALL", "FUTURE")
    )

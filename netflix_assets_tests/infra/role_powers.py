"""Whether a role may run a statement of the scripts, by the privileges that Snowflake documents for its form."""

from __future__ import annotations

import re

from netflix_assets.infra.inventory import Inventory, Key
from netflix_assets.infra.scripts import Statement

_SYSTEM = {"ACCOUNTADMIN": {"SYSADMIN", "SECURITYADMIN"}, "SECURITYADMIN": {"USERADMIN"}}
_CREATED_BY = {
    "ROLE": "USERADMIN",
    "USER": "USERADMIN",
    "WAREHOUSE": "SYSADMIN",
    "DATABASE": "SYSADMIN",
    "NETWORK POLICY": "SECURITYADMIN",
    "RESOURCE MONITOR": "ACCOUNTADMIN",
    "INTEGRATION": "ACCOUNTADMIN",
}
_CREATE = re.compile(
    r"create (?:or replace )?(?:secure |transient |storage )?(\w+(?: format| policy| monitor)?) "
    r"(?:if not exists )?([\w.]+)"
)
_ALTER = re.compile(r"alter (?:storage )?(\w+(?: policy| monitor)?) ([\w.]+) (?:set|add column if not exists) (.*)")
_GRANT_ROLE = re.compile(r"grant role (\w+) to \w+ \w+")
_GRANT = re.compile(r"grant [\w ,]+ on (?:(?:all|future) \w+ in )?(\w+(?: format)?)(?: ([\w.]+))? to role \w+")
_INTEGRATION = re.compile(r"storage_integration = (\w+)")


def roles_of(inventory: Inventory, role: str) -> set[str]:
    """The role and all that it inherits from, Snowflake's own included."""
    roles, waiting = set[str](), {role}
    while waiting:
        current = waiting.pop()
        found = inventory.roles_of(current)
        roles |= found
        waiting |= {inherited for name in found for inherited in _SYSTEM.get(name, set())} - roles
    return roles


def may_see(inventory: Inventory, role: str, key: Key) -> bool:
    """Whether the role owns the object or has any privilege on it."""
    roles = roles_of(inventory, role)
    thing = inventory.things.get(key)
    return thing is not None and (
        thing.owner in roles or any(p.role in roles and (p.kind, p.name) == key for p in inventory.privileges)
    )


def may_run(inventory: Inventory, statement: Statement) -> bool:
    """Whether the statement's role may run it in an account that holds this."""
    roles = roles_of(inventory, statement.role)
    sql = " ".join(statement.sql.split())

    def owns(kind: str, name: str) -> bool:
        thing = inventory.things.get(Key(kind.upper(), name.upper()))
        return thing is not None and thing.owner in roles

    def has(privilege: str, kind: str, name: str) -> bool:
        return any((p.privilege, p.kind, p.name) == (privilege, kind, name.upper()) and p.role in roles for p in given)

    given = inventory.privileges
    used = _INTEGRATION.search(sql)
    if used and not (owns("INTEGRATION", used[1]) or has("USAGE", "INTEGRATION", used[1])):
        return False
    if created := _CREATE.match(sql):
        kind, name = created[1].upper(), created[2]
        if kind in _CREATED_BY:
            return _CREATED_BY[kind] in roles or has(f"CREATE {kind}", "ACCOUNT", "")
        container = name.rpartition(".")[0]
        where = "DATABASE" if kind == "SCHEMA" else "SCHEMA"
        return owns(where, container) or has(f"CREATE {kind}", where, container)
    if altered := _ALTER.fullmatch(sql):
        if "resource_monitor" in altered[3]:
            return "ACCOUNTADMIN" in roles
        policy = re.search(r"network_policy = (\w+)", altered[3])
        return owns(altered[1], altered[2]) and (policy is None or owns("NETWORK POLICY", policy[1]))
    if granted := _GRANT_ROLE.fullmatch(sql):
        return "SECURITYADMIN" in roles or owns("ROLE", granted[1])
    if sql.startswith("grant database role snowflake."):
        return "ACCOUNTADMIN" in roles
    if on := _GRANT.fullmatch(sql):
        return "SECURITYADMIN" in roles or (on[2] is not None and owns(on[1], on[2]))
    return sql.startswith("use role ")

"""Who may do what, computed from the scripts; and each rule notices a statement that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

from netflix_assets.infra.inventory import Inventory, Membership, Privilege, wanted
from netflix_assets.infra.scripts import Statement

Rule = Callable[[list[Statement], Inventory], Iterable[object]]
"""Gives what breaks it; nothing if it holds."""

LOADER, TRANSFORMER, REPORTER = "MOVIELENS_LOADER", "MOVIELENS_TRANSFORMER", "MOVIELENS_REPORTER"
DEVELOPER, CLONER, COSTS = "MOVIELENS_DEVELOPER", "MOVIELENS_CLONER", "MOVIELENS_COSTS"
ADMINISTRATORS = {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN"}
BUILT_BY_DBT = {
    f"MOVIELENS.{schema}" for schema in ("STAGING", "DIM", "FACT", "MART", "SNAPSHOTS", "SEEDS", "REPORTING")
}


def place(privilege: Privilege) -> str:
    """The schema that a privilege is on, or whose tables and views it is on; else the object."""
    one_of_many = privilege.kind in ("TABLE", "VIEW") and privilege.scope == "ONE"
    return privilege.name.rpartition(".")[0] if one_of_many else privilege.name


def outside(inventory: Inventory, role: str, allowed: Iterable[tuple[str, str]]) -> set[Privilege]:
    """What a role may do beyond (privilege, place) pairs."""
    pairs = set(allowed)
    return {p for p in inventory.privileges_of(role) if (p.privilege, place(p)) not in pairs}


def the_reporter_reads_schema_reporting_and_nothing_else(_: list[Statement], inventory: Inventory) -> set[Privilege]:
    schema = "MOVIELENS.REPORTING"
    allowed = [("USAGE", "MOVIELENS"), ("USAGE", "MOVIELENS_REPORTING"), ("USAGE", schema), ("SELECT", schema)]
    return outside(inventory, REPORTER, allowed)


def the_loader_writes_schema_raw_and_touches_nothing_else(_: list[Statement], inventory: Inventory) -> set[Privilege]:
    rows = ("USAGE", "CREATE TABLE", "SELECT", "INSERT", "UPDATE", "DELETE")
    used = ("MOVIELENS", "MOVIELENS_LOADING", "MOVIELENS.RAW.LANDING", "MOVIELENS.RAW.CSV_LINES")
    allowed = [(privilege, "MOVIELENS.RAW") for privilege in rows] + [("USAGE", name) for name in used]
    return outside(inventory, LOADER, allowed)


def the_transformer_reads_raw_and_writes_what_dbt_builds(_: list[Statement], inventory: Inventory) -> set[Privilege]:
    made = [(p, schema) for schema in BUILT_BY_DBT for p in ("USAGE", "CREATE TABLE", "CREATE VIEW")]
    read = [(p, schema) for schema in ("MOVIELENS.RAW", "MOVIELENS_ADMIN.OPERATIONS") for p in ("USAGE", "SELECT")]
    used = [("USAGE", name) for name in ("MOVIELENS", "MOVIELENS_ADMIN", "MOVIELENS_TRANSFORMING")]
    return outside(inventory, TRANSFORMER, [*used, *made, *read])


def developers_have_nothing_in_production(_: list[Statement], inventory: Inventory) -> list[Privilege]:
    return [
        privilege
        for privilege in inventory.privileges_of(DEVELOPER)
        if privilege.name != "MOVIELENS_DEVELOPING" and privilege.name.partition(".")[0] != "MOVIELENS_DEV"
    ]


def the_cloner_makes_databases_and_reads_no_table(_: list[Statement], inventory: Inventory) -> set[Privilege]:
    return outside(inventory, CLONER, [("CREATE DATABASE", ""), ("USAGE", "MOVIELENS")])


def only_the_role_of_costs_sees_what_the_whole_account_runs(
    _: list[Statement], inventory: Inventory
) -> list[Privilege]:
    views = [p for p in inventory.privileges if p.name.startswith("SNOWFLAKE") and p.role != COSTS]
    return views + [p for p in outside(inventory, COSTS, [("USAGE", "MOVIELENS_ADMIN")]) if not _is_of_costs(p)]


def _is_of_costs(privilege: Privilege) -> bool:
    return place(privilege) == "MOVIELENS_ADMIN.OPERATIONS" or privilege.name == "SNOWFLAKE.GOVERNANCE_VIEWER"


def every_role_is_granted_up_to_sysadmin(_: list[Statement], inventory: Inventory) -> set[str]:
    return set(inventory.of("ROLE")) - inventory.roles_of("SYSADMIN")


def no_role_gets_another_ones_privileges(_: list[Statement], inventory: Inventory) -> list[Membership]:
    return [m for m in inventory.memberships if m.kind == "ROLE" and m.member != "SYSADMIN"]


def each_user_has_the_roles_of_its_duty(_: list[Statement], inventory: Inventory) -> set[Membership]:
    allowed = {
        Membership(role, "USER", user)
        for role, user in (
            (LOADER, LOADER),
            (TRANSFORMER, TRANSFORMER),
            (CLONER, TRANSFORMER),
            (REPORTER, REPORTER),
        )
    }
    return {m for m in inventory.memberships if m.kind == "USER"} ^ allowed


def only_administrators_own_users_and_roles(_: list[Statement], inventory: Inventory) -> list[object]:
    owned = [
        (kind, name, thing.owner)
        for kind in ("USER", "ROLE")
        for name, thing in inventory.of(kind).items()
        if thing.owner != "USERADMIN"
    ]
    return owned + [p for p in inventory.privileges if p.privilege in ("OWNERSHIP", "ALL", "ALL PRIVILEGES")]


def nobody_gets_powers_over_the_account(_: list[Statement], inventory: Inventory) -> list[Privilege]:
    allowed = Privilege("CREATE DATABASE", "ACCOUNT", "", CLONER)
    return [p for p in inventory.privileges if p.kind == "ACCOUNT" and p != allowed]


def nothing_is_granted_to_everybody(_: list[Statement], inventory: Inventory) -> list[object]:
    privileges = [p for p in inventory.privileges if p.role == "PUBLIC"]
    return privileges + [m for m in inventory.memberships if m.member == "PUBLIC" or m.role in ADMINISTRATORS]


def accountadmin_does_what_only_it_can(statements: list[Statement], _: Inventory) -> list[str]:
    needed = (
        r"use role accountadmin",
        r"(create|alter) resource monitor .*",
        r"alter warehouse \w+ set resource_monitor = \w+",
        r"(create|alter) storage integration .*",
        r"grant database role snowflake\.governance_viewer to role \w+",
    )
    own = [" ".join(s.sql.split()) for s in statements if s.role == "ACCOUNTADMIN"]
    return [sql for sql in own if not any(re.fullmatch(pattern, sql) for pattern in needed)]


def every_statement_says_as_whom_it_runs(statements: list[Statement], inventory: Inventory) -> list[Statement]:
    known = {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", COSTS}
    return [statement for statement in statements if statement.role not in known]


def no_secret_is_in_a_statement(statements: list[Statement], _: Inventory) -> list[str]:
    secret = re.compile(r"password|aws_key_id|aws_secret_key|aws_token|credentials|private_key|\bkey\b", re.IGNORECASE)
    return [statement.sql for statement in statements if secret.search(statement.sql)]


def users_are_services_without_secondary_roles(_: list[Statement], inventory: Inventory) -> list[str]:
    return [
        name
        for name, user in inventory.of("USER").items()
        if (user.properties.get("TYPE"), user.properties.get("DEFAULT_SECONDARY_ROLES")) != ("SERVICE", "")
        or not user.properties.get("DEFAULT_ROLE")
    ]


def the_reporter_alone_is_held_to_a_network(_: list[Statement], inventory: Inventory) -> set[str]:
    held = {name for name, user in inventory.of("USER").items() if user.properties.get("NETWORK_POLICY")}
    everywhere = {
        name
        for name, policy in inventory.of("NETWORK POLICY").items()
        if not policy.properties.get("ALLOWED_IP_LIST") or "0.0.0.0/0" in policy.properties["ALLOWED_IP_LIST"]
    }
    return (held ^ {REPORTER}) | everywhere


def warehouses_are_small_suspend_after_a_minute_and_have_limits(_: list[Statement], inventory: Inventory) -> list[str]:
    fixed = {
        "WAREHOUSE_SIZE": "XSMALL",
        "AUTO_SUSPEND": "60",
        "AUTO_RESUME": "TRUE",
        "INITIALLY_SUSPENDED": "TRUE",
        "RESOURCE_MONITOR": "MOVIELENS_MONTHLY",
    }
    return [
        name
        for name, warehouse in inventory.of("WAREHOUSE").items()
        if not fixed.items() <= warehouse.properties.items()
        or not 0 < int(warehouse.properties.get("STATEMENT_TIMEOUT_IN_SECONDS", 0)) <= 3600
        or not 0 < int(warehouse.properties.get("STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", 0)) <= 1800
    ]


def each_duty_has_a_warehouse_of_its_own(_: list[Statement], inventory: Inventory) -> list[str]:
    users = [p.name for p in inventory.privileges if p.kind == "WAREHOUSE"]
    return [name for name in inventory.of("WAREHOUSE") if users.count(name) != 1]


def the_credits_of_a_month_are_limited(_: list[Statement], inventory: Inventory) -> list[str]:
    limit = {"FREQUENCY": "MONTHLY", "NOTIFY_AT": "80", "SUSPEND_AT": "100", "SUSPEND_IMMEDIATE_AT": "110"}
    monitors = inventory.of("RESOURCE MONITOR")
    return [name for name, monitor in monitors.items() if not limit.items() <= monitor.properties.items()]


def sysadmin_decides_who_reads_production(_: list[Statement], inventory: Inventory) -> list[str]:
    return [
        name
        for name, schema in inventory.of("SCHEMA").items()
        if name.startswith(("MOVIELENS.", "MOVIELENS_ADMIN."))
        and name != "MOVIELENS.REPORTING"
        and (schema.owner, schema.properties["MANAGED ACCESS"]) != ("SYSADMIN", "TRUE")
    ]


def snowflake_reads_only_under_raw_of_the_bucket(_: list[Statement], inventory: Inventory) -> list[str]:
    allowed = [thing.properties["STORAGE_ALLOWED_LOCATIONS"] for thing in inventory.of("INTEGRATION").values()]
    stages = [thing.properties["URL"] for thing in inventory.of("STAGE").values()]
    return [location for location in allowed + stages if location != "s3://acme-movielens/raw/"]


def nothing_that_is_there_is_replaced_or_dropped(statements: list[Statement], _: Inventory) -> list[str]:
    harmful = re.compile(r"\b(or replace|drop|truncate|undrop|revoke|transfer)\b", re.IGNORECASE)
    found = [statement.sql for statement in statements if harmful.search(statement.sql)]
    return [sql for sql in found if not sql.startswith("create or replace secure view")]


BROKEN_BY: list[tuple[Rule, str, str]] = [
    (the_reporter_reads_schema_reporting_and_nothing_else, "SECURITYADMIN", sql)
    for sql in (
        f"grant select on all tables in schema MOVIELENS.mart to role {REPORTER}",
        f"grant select on future views in schema MOVIELENS.fact to role {REPORTER}",
        f"grant usage on schema MOVIELENS.raw to role {REPORTER}",
        f"grant insert on future tables in schema MOVIELENS.reporting to role {REPORTER}",
        f"grant create view on schema MOVIELENS.reporting to role {REPORTER}",
        f"grant select on view MOVIELENS_ADMIN.operations.query_costs to role {REPORTER}",
        f"grant role {TRANSFORMER} to role {REPORTER}",
        f"grant usage on warehouse MOVIELENS_LOADING to role {REPORTER}",
    )
]
BROKEN_BY += [
    (the_loader_writes_schema_raw_and_touches_nothing_else, "SECURITYADMIN", sql)
    for sql in (
        f"grant insert on all tables in schema MOVIELENS.mart to role {LOADER}",
        f"grant create table on schema MOVIELENS.mart to role {LOADER}",
        f"grant create schema on database MOVIELENS to role {LOADER}",
        f"grant ownership on schema MOVIELENS.raw to role {LOADER}",
        f"grant select on table MOVIELENS.fact.fact_ratings to role {LOADER}",
        f"grant role {CLONER} to role {LOADER}",
    )
]
BROKEN_BY += [
    (the_transformer_reads_raw_and_writes_what_dbt_builds, "SECURITYADMIN", sql)
    for sql in (
        f"grant insert, delete on future tables in schema MOVIELENS.raw to role {TRANSFORMER}",
        f"grant create table on schema MOVIELENS.raw to role {TRANSFORMER}",
        f"grant delete on table MOVIELENS.raw.raw_movies to role {TRANSFORMER}",
        f"grant usage on stage MOVIELENS.raw.LANDING to role {TRANSFORMER}",
        f"grant create schema on database MOVIELENS to role {TRANSFORMER}",
        f"grant role {LOADER} to role {TRANSFORMER}",
    )
]
BROKEN_BY += [
    (developers_have_nothing_in_production, "SECURITYADMIN", f"grant usage on database MOVIELENS to role {DEVELOPER}"),
    (
        developers_have_nothing_in_production,
        "SECURITYADMIN",
        f"grant select on all tables in schema MOVIELENS.raw to role {DEVELOPER}",
    ),
    (
        the_cloner_makes_databases_and_reads_no_table,
        "SECURITYADMIN",
        f"grant select on all tables in schema MOVIELENS.mart to role {CLONER}",
    ),
    (
        only_the_role_of_costs_sees_what_the_whole_account_runs,
        "ACCOUNTADMIN",
        f"grant database role snowflake.governance_viewer to role {TRANSFORMER}",
    ),
    (
        only_the_role_of_costs_sees_what_the_whole_account_runs,
        "SECURITYADMIN",
        f"grant select on all tables in schema MOVIELENS.fact to role {COSTS}",
    ),
    (every_role_is_granted_up_to_sysadmin, "USERADMIN", "create role if not exists MOVIELENS_ANALYST"),
    (no_role_gets_another_ones_privileges, "USERADMIN", f"grant role {LOADER} to role MOVIELENS_ANALYST"),
    (each_user_has_the_roles_of_its_duty, "USERADMIN", f"grant role {LOADER} to user {REPORTER}"),
    (only_administrators_own_users_and_roles, LOADER, "create user if not exists BACKDOOR type = service"),
    (only_administrators_own_users_and_roles, LOADER, "create role if not exists BACKDOOR"),
    (
        only_administrators_own_users_and_roles,
        "SECURITYADMIN",
        f"grant ownership on database MOVIELENS to role {DEVELOPER}",
    ),
    (
        only_administrators_own_users_and_roles,
        "SECURITYADMIN",
        f"grant all privileges on schema MOVIELENS.mart to role {TRANSFORMER}",
    ),
    (nobody_gets_powers_over_the_account, "SECURITYADMIN", f"grant create user on account to role {TRANSFORMER}"),
    (nobody_gets_powers_over_the_account, "SECURITYADMIN", f"grant manage grants on account to role {CLONER}"),
    (
        nothing_is_granted_to_everybody,
        "SECURITYADMIN",
        "grant select on future tables in schema MOVIELENS.mart to role public",
    ),
    (nothing_is_granted_to_everybody, "SECURITYADMIN", f"grant role sysadmin to user {LOADER}"),
    (accountadmin_does_what_only_it_can, "ACCOUNTADMIN", "create schema if not exists MOVIELENS.extra"),
    (accountadmin_does_what_only_it_can, "ACCOUNTADMIN", f"grant usage on database MOVIELENS to role {REPORTER}"),
    (accountadmin_does_what_only_it_can, "ACCOUNTADMIN", "grant usage on integration MOVIELENS_S3 to role sysadmin"),
    (every_statement_says_as_whom_it_runs, "", "create schema if not exists MOVIELENS.extra with managed access"),
    (no_secret_is_in_a_statement, "USERADMIN", f"alter user {LOADER} set password = 'hunter2'"),
    (
        no_secret_is_in_a_statement,
        "SYSADMIN",
        "create stage if not exists MOVIELENS.raw.other credentials = (aws_key_id = 'A' aws_secret_key = 'B')",
    ),
    (users_are_services_without_secondary_roles, "USERADMIN", "create user if not exists PERSON type = legacy_service"),
    (
        users_are_services_without_secondary_roles,
        "USERADMIN",
        f"alter user {TRANSFORMER} set default_secondary_roles = ('ALL')",
    ),
    (
        the_reporter_alone_is_held_to_a_network,
        "SECURITYADMIN",
        "alter network policy MOVIELENS_REPORTER_NETWORK set allowed_ip_list = ('0.0.0.0/0')",
    ),
    (
        the_reporter_alone_is_held_to_a_network,
        "SECURITYADMIN",
        f"alter user {LOADER} set network_policy = MOVIELENS_REPORTER_NETWORK",
    ),
    *(
        (
            warehouses_are_small_suspend_after_a_minute_and_have_limits,
            "SYSADMIN",
            f"alter warehouse MOVIELENS_LOADING set {setting}",
        )
        for setting in (
            "auto_suspend = 600",
            "statement_timeout_in_seconds = 172800",
            "statement_queued_timeout_in_seconds = 0",
            "resource_monitor = other",
            "warehouse_size = xlarge",
        )
    ),
    (
        each_duty_has_a_warehouse_of_its_own,
        "SECURITYADMIN",
        f"grant usage on warehouse MOVIELENS_LOADING to role {COSTS}",
    ),
    (
        the_credits_of_a_month_are_limited,
        "ACCOUNTADMIN",
        "create resource monitor if not exists OTHER with credit_quota = 5 frequency = monthly",
    ),
    (sysadmin_decides_who_reads_production, "SYSADMIN", "create schema if not exists MOVIELENS.extra"),
    (
        sysadmin_decides_who_reads_production,
        TRANSFORMER,
        "create schema if not exists MOVIELENS.extra with managed access",
    ),
    (
        snowflake_reads_only_under_raw_of_the_bucket,
        "ACCOUNTADMIN",
        "alter storage integration MOVIELENS_S3 set storage_allowed_locations = ('*')",
    ),
    (
        snowflake_reads_only_under_raw_of_the_bucket,
        "SYSADMIN",
        "alter stage MOVIELENS.raw.LANDING set url = 's3://elsewhere/'",
    ),
    (nothing_that_is_there_is_replaced_or_dropped, "SYSADMIN", "grant usage on schema a.b to role drop"),
]
RULES = list(dict.fromkeys(rule for rule, _, _ in BROKEN_BY))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_scripts_keep_the_rule(rule: Rule, scripted: list[Statement]) -> None:
    assert not list(rule(scripted, wanted(scripted)))


@pytest.mark.parametrize(("rule", "role", "sql"), BROKEN_BY, ids=[f"{r.__name__}-{s[:60]}" for r, _, s in BROKEN_BY])
def test_a_statement_that_breaks_a_rule_is_noticed(rule: Rule, role: str, sql: str, scripted: list[Statement]) -> None:
    planted = [*scripted, Statement("planted.sql", 1, role, sql)]
    assert list(rule(planted, wanted(planted)))

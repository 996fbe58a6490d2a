"""`infra check` on an account in memory: silent on what the scripts made, and it names every difference."""

import pytest

from netflix_assets.errors import InfraError
from netflix_assets.infra.account import read_account, text
from netflix_assets.infra.check import differences
from netflix_assets.infra.inventory import Inventory, Key, Membership, Privilege
from netflix_assets.infra.names import Names
from netflix_assets_tests.infra.fake_account import FakeAccount

NAMES = Names("MOVIELENS")


def check(account: FakeAccount, inventory: Inventory) -> list[str]:
    return differences(inventory, read_account(account, inventory), NAMES)


def test_an_account_as_the_scripts_make_it_has_no_difference(account: FakeAccount, inventory: Inventory) -> None:
    assert check(account, inventory) == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ("[]", ""),
        (True, "TRUE"),
        ("false", "FALSE"),
        (60, "60"),
        ("20.00", "20"),
        ("80%", "80"),
        (2592000, "2592000"),
        ("0.5", "0.5"),
        ('["B","A"]', "A, B"),
        ("203.0.113.0/24,198.51.100.7/32", "198.51.100.7/32, 203.0.113.0/24"),
        ("\n", "\\n"),
        ("s3://acme/raw/", "s3://acme/raw/"),
        ("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM"),
    ],
)
def test_values_are_compared_however_the_account_writes_them(shown: object, said: str) -> None:
    assert text(shown) == said


def test_it_only_reads(account: FakeAccount, inventory: Inventory) -> None:
    account.executed.clear()
    check(account, inventory)
    assert {sql.split()[0] for sql in account.executed} == {"use", "show", "desc"}


def test_in_an_empty_account_everything_is_missing(inventory: Inventory) -> None:
    found = check(FakeAccount(), inventory)
    assert {str(key) for key in inventory.things} == {
        text.removeprefix("missing: ") for text in found if not text.startswith("missing: grant ")
    }
    assert "missing: grant role MOVIELENS_LOADER to role SYSADMIN" in found
    assert "missing: grant select on future tables in schema MOVIELENS.REPORTING to role MOVIELENS_REPORTER" in found


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        (
            "alter warehouse MOVIELENS_LOADING set auto_suspend = 600",
            "warehouse MOVIELENS_LOADING has auto_suspend 600, not 60",
        ),
        (
            "alter warehouse MOVIELENS_REPORTING set statement_timeout_in_seconds = 172800",
            "warehouse MOVIELENS_REPORTING has statement_timeout_in_seconds 172800, not 120",
        ),
        (
            "alter resource monitor MOVIELENS_MONTHLY set credit_quota = 500",
            "resource monitor MOVIELENS_MONTHLY has credit_quota 500, not 20",
        ),
        (
            "alter storage integration MOVIELENS_S3 set storage_allowed_locations = ('*')",
            "integration MOVIELENS_S3 has storage_allowed_locations *, not s3://acme-movielens/raw/",
        ),
        (
            "alter stage MOVIELENS.RAW.LANDING set url = 's3://elsewhere/'",
            "stage MOVIELENS.RAW.LANDING has url s3://elsewhere/, not s3://acme-movielens/raw/",
        ),
        (
            "alter network policy MOVIELENS_REPORTER_NETWORK set allowed_ip_list = ('0.0.0.0/0')",
            "network policy MOVIELENS_REPORTER_NETWORK has allowed_ip_list 0.0.0.0/0, "
            "not 198.51.100.7/32, 203.0.113.0/24",
        ),
        (
            "alter user MOVIELENS_TRANSFORMER set timestamp_type_mapping = 'TIMESTAMP_LTZ'",
            "user MOVIELENS_TRANSFORMER has timestamp_type_mapping TIMESTAMP_LTZ, not TIMESTAMP_NTZ",
        ),
        (
            "alter database MOVIELENS set default_ddl_collation = 'en-ci'",
            "database MOVIELENS has default_ddl_collation en-ci, not empty",
        ),
        ("alter user MOVIELENS_LOADER set type = person", "user MOVIELENS_LOADER has type PERSON, not SERVICE"),
        (
            "alter user MOVIELENS_LOADER set default_secondary_roles = ('ALL')",
            "user MOVIELENS_LOADER has default_secondary_roles ALL, not empty",
        ),
        (
            "alter user MOVIELENS_LOADER set network_policy = OTHER",
            "user MOVIELENS_LOADER has network_policy OTHER, which the scripts do not give it",
        ),
        (
            "grant select on table MOVIELENS.MART.MOVIE_ANALYSIS to role MOVIELENS_REPORTER",
            "not in the scripts: grant select on table MOVIELENS.MART.MOVIE_ANALYSIS to role MOVIELENS_REPORTER",
        ),
        (
            "grant select on future views in schema MOVIELENS.MART to role MOVIELENS_REPORTER",
            "not in the scripts: grant select on future views in schema MOVIELENS.MART to role MOVIELENS_REPORTER",
        ),
        (
            "grant create user on account to role MOVIELENS_LOADER",
            "not in the scripts: grant create user on account to role MOVIELENS_LOADER",
        ),
        (
            "grant role MOVIELENS_LOADER to user JANE",
            "not in the scripts: grant role MOVIELENS_LOADER to user JANE",
        ),
        (
            "grant role MOVIELENS_LOADER to role MOVIELENS_REPORTER",
            "not in the scripts: grant role MOVIELENS_LOADER to role MOVIELENS_REPORTER",
        ),
    ],
)
def test_a_change_by_hand_is_named(account: FakeAccount, inventory: Inventory, changed: str, difference: str) -> None:
    account.change(changed)
    assert check(account, inventory) == [difference]


def test_what_is_lost_is_named(account: FakeAccount, inventory: Inventory) -> None:
    lost = account.inventory
    del lost.things[Key("TABLE", "MOVIELENS.RAW.RAW_TAGS")]
    lost.things[Key("TABLE", "MOVIELENS.RAW.RAW_LINKS")].properties.pop("COLUMN imdbId")
    lost.things[Key("TABLE", "MOVIELENS.RAW.RAW_LINKS")].properties["COLUMN extra"] = "TEXT"
    lost.things[Key("SCHEMA", "MOVIELENS.MART")].properties["MANAGED ACCESS"] = "FALSE"
    lost.things[Key("DATABASE", "MOVIELENS_DEV")].owner = "ACCOUNTADMIN"
    lost.privileges.discard(
        Privilege("SELECT", "VIEW", "MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS", "MOVIELENS_TRANSFORMER")
    )
    lost.memberships.discard(Membership("MOVIELENS_REPORTER", "USER", "MOVIELENS_REPORTER"))
    account.users_with_keys.discard("MOVIELENS_REPORTER")
    on_tags = "on table MOVIELENS.RAW.RAW_TAGS to role"
    assert sorted(check(account, inventory)) == sorted(
        [
            "missing: table MOVIELENS.RAW.RAW_TAGS",
            *(f"missing: grant {p} {on_tags} MOVIELENS_LOADER" for p in ("delete", "insert", "select", "update")),
            f"missing: grant select {on_tags} MOVIELENS_TRANSFORMER",
            "table MOVIELENS.RAW.RAW_LINKS has no column imdbId; it should be TEXT",
            "table MOVIELENS.RAW.RAW_LINKS has a column extra that the scripts do not know",
            "schema MOVIELENS.MART has managed access FALSE, not TRUE",
            "database MOVIELENS_DEV is owned by ACCOUNTADMIN, not by SYSADMIN",
            "user MOVIELENS_REPORTER has public key FALSE, not TRUE",
            "missing: grant select on view MOVIELENS_ADMIN.OPERATIONS.QUERY_COSTS to role MOVIELENS_TRANSFORMER",
            "missing: grant role MOVIELENS_REPORTER to user MOVIELENS_REPORTER",
        ]
    )


def test_what_the_pipeline_and_people_make_is_no_difference(account: FakeAccount, inventory: Inventory) -> None:
    account.owned += [
        ("MOVIELENS_TRANSFORMER", "TABLE", "MOVIELENS.MART.MOVIE_ANALYSIS"),
        ("MOVIELENS_TRANSFORMER", "VIEW", "MOVIELENS.STAGING.SRC_MOVIES"),
        ("MOVIELENS_LOADER", "TABLE", "MOVIELENS.RAW.LANDING_7"),
        ("MOVIELENS_DEVELOPER", "SCHEMA", "MOVIELENS_DEV.JANE_MART"),
        ("MOVIELENS_DEVELOPER", "TABLE", "MOVIELENS_DEV.JANE_MART.MOVIE_ANALYSIS"),
        ("MOVIELENS_CLONER", "DATABASE", "MOVIELENS_PR_7"),
        ("MOVIELENS_TRANSFORMER", "TABLE", "MOVIELENS_PR_7.MART.MOVIE_ANALYSIS"),
    ]
    for sql in (
        "grant select on table MOVIELENS.REPORTING.MOVIES to role MOVIELENS_REPORTER",
        "grant select on table MOVIELENS.RAW.LANDING_7 to role MOVIELENS_TRANSFORMER",
        "grant usage on database MOVIELENS_PR_7 to role MOVIELENS_LOADER",
        "grant role MOVIELENS_DEVELOPER to user JANE",
    ):
        account.change(sql)
    assert check(account, inventory) == []


def test_a_raw_table_that_a_load_made_first_is_no_difference(account: FakeAccount, inventory: Inventory) -> None:
    account.inventory.things[Key("TABLE", "MOVIELENS.RAW.RAW_TAGS")].owner = "MOVIELENS_LOADER"
    assert check(account, inventory) == []
    account.inventory.things[Key("TABLE", "MOVIELENS.RAW.RAW_TAGS")].owner = "MOVIELENS_TRANSFORMER"
    assert check(account, inventory) == [
        "table MOVIELENS.RAW.RAW_TAGS is owned by MOVIELENS_TRANSFORMER, not by SYSADMIN"
    ]


def test_what_a_role_should_not_own_is_named(account: FakeAccount, inventory: Inventory) -> None:
    account.owned += [
        ("MOVIELENS_LOADER", "TABLE", "MOVIELENS.MART.MOVIE_ANALYSIS"),
        ("MOVIELENS_TRANSFORMER", "TABLE", "MOVIELENS.RAW.RAW_EXTRA"),
        ("MOVIELENS_CLONER", "DATABASE", "MOVIELENS_COPY"),
    ]
    assert check(account, inventory) == [
        "not in the scripts: grant ownership on database MOVIELENS_COPY to role MOVIELENS_CLONER",
        "not in the scripts: grant ownership on table MOVIELENS.MART.MOVIE_ANALYSIS to role MOVIELENS_LOADER",
        "not in the scripts: grant ownership on table MOVIELENS.RAW.RAW_EXTRA to role MOVIELENS_TRANSFORMER",
    ]


def test_an_account_that_may_not_be_looked_at_is_an_error(account: FakeAccount, inventory: Inventory) -> None:
    account.refuse = "use role USERADMIN"
    with pytest.raises(InfraError, match="Insufficient privileges"):
        check(account, inventory)

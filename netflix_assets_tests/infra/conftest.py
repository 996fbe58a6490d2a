"""Settings of an account, the scripts filled in from them, and an account that they have been applied to."""

import pytest

from netflix_assets.infra.apply import apply
from netflix_assets.infra.inventory import Inventory, wanted
from netflix_assets.infra.scripts import Statement, render, statements
from netflix_assets.settings import InfraSettings
from netflix_assets_tests.infra.fake_account import FakeAccount
from netflix_assets_tests.test_settings import INFRA


@pytest.fixture(scope="session")
def infra_settings() -> InfraSettings:
    return InfraSettings.from_environment(INFRA)


@pytest.fixture(scope="session")
def scripted(infra_settings: InfraSettings) -> list[Statement]:
    """Every statement of the scripts."""
    return statements(render(infra_settings))


@pytest.fixture
def inventory(scripted: list[Statement]) -> Inventory:
    """What the scripts make."""
    return wanted(scripted)


@pytest.fixture
def account(scripted: list[Statement], infra_settings: InfraSettings) -> FakeAccount:
    """An account with the scripts applied and public keys set."""
    made = FakeAccount()
    apply(made, scripted, on_statement=lambda statement: None)
    made.users_with_keys = {user.user for user in infra_settings.snowflake.users.values()}
    return made

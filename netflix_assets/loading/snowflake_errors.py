"""What Snowflake says when it refuses, as one sentence: what, where, what to do.

Numbers are Snowflake's and its client's (`snowflake.connector.network`, `.errorcode`). Where one number has several
meanings, or where no documentation gives it, the text decides as well.
"""

from __future__ import annotations

from typing import Any

from netflix_assets.errors import WarehouseError
from netflix_assets.loading.snowflake_parameters import LOCK_SECONDS
from netflix_assets.settings import ServiceUser, SnowflakeSettings

_ACCESS_DENIED = 3001
_MISSING = (2003, 2043)
_NO_WAREHOUSE = 606
_CANCELLED = 604
_TIMED_OUT = 630
_WAITERS = 625
_ABORTED = "57014"
_MONITOR = 90073
_SESSION_GONE = (390111, 390112, 390113, 390114, 390115)
_FILE_MISSING = 91016
_DATA_ERRORS = range(100000, 101000)
"""Of values that cannot be read, converted or decompressed: 100038, 100080, 100144, ..."""

_UNREACHABLE = (250001, 250003, 250006)
_FORBIDDEN = 290403
_NOT_FOUND = 290404
_CLOCK = (394301, 394302, 394303)
_KEY_REFUSED = (390144, 394300, 394304, 394305, 394306)
_ROLE_REFUSED = 390189
_NETWORK_REFUSED = (390420, 390422)
_DISABLED = (390101, 390102)


class SnowflakeError(WarehouseError):
    """Snowflake refused a statement.

    Attributes:
        number: Snowflake's number of the error.
    """

    def __init__(self, sentence: str, number: int | None) -> None:
        super().__init__(sentence)
        self.number = number

    @property
    def is_of_the_data(self) -> bool:
        """Whether the bytes that the statement reads are at fault.

        Anything else, a cancelled statement or a warehouse without credits, says nothing of them.
        """
        return self.number in _DATA_ERRORS

    @property
    def is_missing_file(self) -> bool:
        """Whether an object that a COPY names is not there."""
        return self.number == _FILE_MISSING

    @property
    def is_missing_object(self) -> bool:
        """Whether something that the statement names does not exist, or may not be seen."""
        return self.number in _MISSING


def refused_statement(error: Any, settings: SnowflakeSettings, user: ServiceUser) -> SnowflakeError:
    """Say why a statement of an open session was refused.

    Args:
        error: Of the client.
        settings: The account.
        user: Whose session it is.
    """
    account, said, text = settings.account, _said(error), str(error.msg or "").lower()
    if error.errno == _ACCESS_DENIED:
        sentence = (
            f"Snowflake account {account} does not let role {user.role} do this ({said}); "
            "give it the privilege (`netflix-assets infra apply`)"
        )
    elif error.errno in _MISSING:
        sentence = (
            f"Snowflake account {account} does not hold, or does not show to role {user.role}, what a "
            f"statement names ({said}); create it or give the role the privilege (`netflix-assets infra apply`)"
        )
    elif error.errno == _NO_WAREHOUSE:
        sentence = (
            f"Snowflake warehouse {user.warehouse} does not exist, role {user.role} may not use it, or it is suspended "
            "and does not resume by itself; create it, give the role USAGE on it and set its AUTO_RESUME "
            "(`netflix-assets infra apply`)"
        )
    elif error.errno == _MONITOR or "resource monitor" in text:
        sentence = (
            f"Snowflake warehouse {user.warehouse} does not run, because its resource monitor has used up the month's "
            f"credits ({said}); raise NETFLIX_SNOWFLAKE_MONTHLY_CREDITS and run `netflix-assets infra apply`, or wait "
            "for the next month"
        )
    elif error.errno == _WAITERS or (error.sqlstate == _ABORTED and "lock" in text):
        sentence = (
            f"another transaction in Snowflake account {account} did not release its lock within "
            f"{LOCK_SECONDS} s ({said}); let that load finish, or find it with SHOW LOCKS and end it, then load again"
        )
    elif error.errno == _TIMED_OUT or (error.errno == _CANCELLED and "timeout" in text):
        sentence = (
            f"a statement took longer on Snowflake warehouse {user.warehouse} than it may ({said}); raise "
            "NETFLIX_SNOWFLAKE_STATEMENT_SECONDS and run `netflix-assets infra apply`, or give the warehouse a bigger "
            "size"
        )
    elif error.errno == _CANCELLED or (error.sqlstate == _ABORTED and "cancel" in text):
        sentence = (
            f"somebody or something cancelled a statement of user {user.user} on Snowflake warehouse {user.warehouse} "
            f"({said}), such as an administrator or the warehouse's suspension; try again"
        )
    elif error.errno in _SESSION_GONE:
        sentence = (
            f"Snowflake account {account} ended the session of user {user.user} ({said}) and with it what was not "
            "committed; try again"
        )
    elif error.errno in _UNREACHABLE:
        sentence = f"{_unreachable(settings, 'in mid-statement')}; check the network, then try again"
    else:
        sentence = f"Snowflake account {account} refused a statement ({said})"
    return SnowflakeError(sentence, error.errno)


def refused_sign_in(error: Any, settings: SnowflakeSettings, user: ServiceUser, seconds: int) -> str:
    """Say why a user could not sign in.

    Args:
        error: Of the client.
        settings: The account.
        user: Who was to sign in.
        seconds: How long that was tried.
    """
    account, said, text = settings.account, _said(error), str(error.msg or "").lower()
    setting = f"NETFLIX_SNOWFLAKE_{user.duty.name}"
    if error.errno in _CLOCK:
        return (
            f"Snowflake account {account} finds the token of user {user.user} expired or not valid yet ({said}); the "
            "clock of this machine is wrong, so set it"
        )
    if error.errno in _KEY_REFUSED:
        return (
            f"Snowflake account {account} refused the key {user.private_key_path} of user {user.user}: there is no "
            "such user, or the key is another's or was replaced; set RSA_PUBLIC_KEY of that user to its public half "
            f"(`netflix-assets infra keys --show {user.duty.value}` prints the statement)"
        )
    if error.errno in (_FORBIDDEN, _NOT_FOUND) or "verify the account name" in text:
        return (
            f"there is no Snowflake account {account} at its address ({said}); set NETFLIX_SNOWFLAKE_ACCOUNT to "
            "organization-account (`select current_organization_name() || '-' || current_account_name()`), or in the "
            "older form to locator.region, such as xy12345.eu-central-1"
        )
    if error.errno in _UNREACHABLE:
        return (
            f"{_unreachable(settings, f'within {seconds} s')}; check NETFLIX_SNOWFLAKE_ACCOUNT, NETFLIX_SNOWFLAKE_HOST "
            "and the network, then try again"
        )
    if "authentication policy" in text or "multi-factor" in text or "mfa" in text.split():
        return (
            f"an authentication policy of Snowflake account {account} does not let user {user.user} sign in with a "
            f"key alone ({said}); make it a service user (`alter user {user.user} set type = service`) and give it a "
            "policy that allows KEYPAIR"
        )
    if error.errno in _NETWORK_REFUSED or "is not allowed to access snowflake" in text:
        return (
            f"a network policy of Snowflake account {account} does not let user {user.user} sign in from here "
            f"({said}); add this machine's address to the policy"
        )
    if error.errno == _ROLE_REFUSED:
        return (
            f"Snowflake account {account} has no role {user.role}, or did not grant it to user {user.user}; run "
            f"`netflix-assets infra apply` or set {setting}_ROLE"
        )
    if error.errno in _DISABLED:
        return (
            f"user {user.user} of Snowflake account {account} is disabled or locked ({said}); enable it with "
            f"`alter user {user.user} set disabled = false`"
        )
    return f"Snowflake account {account} did not let user {user.user} sign in with role {user.role} ({said})"


def _unreachable(settings: SnowflakeSettings, when: str) -> str:
    where = f" at {settings.host}:{settings.port}" if settings.host else ""
    return f"Snowflake account {settings.account}{where} could not be reached {when}"


def _said(error: Any) -> str:
    """What Snowflake said, on one line."""
    return " ".join(str(error.raw_msg or error.msg or "no reason given").split())[:300]

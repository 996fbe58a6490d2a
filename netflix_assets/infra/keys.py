"""Key pairs for the service users: the private half into a file, the public half as a statement to run."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from netflix_assets.errors import InfraError
from netflix_assets.settings import Duty, ServiceUser

_BITS = 2048


def make_keys(users: Mapping[Duty, ServiceUser], *, second: bool = False) -> list[str]:
    """Write a new private key to the file that each user's settings name (PKCS #8, PEM, mode 0600).

    Args:
        users: Whose.
        second: The public half becomes the second one of the user, so that the old key stays good.

    Returns:
        For each user, the statement that tells Snowflake the public half.

    Raises:
        InfraError: A file is there already, or cannot be written; then none has been made.
    """
    paths = [user.private_key_path for user in users.values()]
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise InfraError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already and never overwritten; "
            "move it away, or set NETFLIX_SNOWFLAKE_..._PRIVATE_KEY_PATH to a new one to rotate the key"
        )
    if len(set(paths)) < len(paths):
        raise InfraError(f"two users share the key file {max(paths, key=paths.count)}; give each a file of its own")
    made: list[Path] = []
    try:
        return [set_public_key(user.user, _make(user, made), second=second) for user in users.values()]
    except OSError as error:
        for path in made:
            path.unlink()
        raise InfraError(
            f"{error.filename} cannot be written ({error.strerror}), so no key was made; make its folder writable or "
            "set NETFLIX_SNOWFLAKE_..._PRIVATE_KEY_PATH to another"
        ) from error


def show_keys(users: Mapping[Duty, ServiceUser], *, second: bool = False) -> list[str]:
    """The same statements as `make_keys`, for the keys that are there.

    Raises:
        InfraError: A key cannot be read.
    """
    return [set_public_key(user.user, _public_half(_read(user)), second=second) for user in users.values()]


def _read(user: ServiceUser) -> PrivateKeyTypes:
    passphrase = user.private_key_passphrase
    try:
        return load_pem_private_key(user.private_key_path.read_bytes(), passphrase.encode() if passphrase else None)
    except (OSError, TypeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no PEM file, or another passphrase"
        raise InfraError(
            f"the private key {user.private_key_path} of {user.user} cannot be read ({reason}); set "
            f"NETFLIX_SNOWFLAKE_{user.duty.name}_PRIVATE_KEY_PATH and _PASSPHRASE to a key and its passphrase"
        ) from error


def _public_half(key: PrivateKeyTypes) -> str:
    """As Snowflake takes it: base64 without header and line ends."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _make(user: ServiceUser, made: list[Path]) -> str:
    """Write one private key; returns its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    encryption: KeySerializationEncryption = NoEncryption()
    if user.private_key_passphrase is not None:
        encryption = BestAvailableEncryption(user.private_key_passphrase.encode())
    path = user.private_key_path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Never readable by others, not even for the moment before a chmod; never over a file that is there.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        made.append(path)
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return _public_half(key)


def set_public_key(user: str, public_key: str, *, second: bool) -> str:
    """The statement that gives a user a public key, as its first or its second one."""
    return f"alter user {user} set rsa_public_key{'_2' if second else ''} = '{public_key}';"

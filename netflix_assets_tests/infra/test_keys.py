"""Key pairs: only the public halves are shown, only the owner can read the private ones, none is overwritten."""

import base64
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from netflix_assets.errors import InfraError
from netflix_assets.infra.keys import make_keys, show_keys
from netflix_assets.settings import Duty, InfraSettings, ServiceUser


@pytest.fixture
def users(infra_settings: InfraSettings, tmp_path: Path) -> dict[Duty, ServiceUser]:
    """The service users, with their key files in a folder that is not there yet."""
    return {
        duty: replace(user, private_key_path=tmp_path / "keys" / f"{duty.value}.p8")
        for duty, user in infra_settings.snowflake.users.items()
    }


def public_half(user: ServiceUser) -> str:
    passphrase = user.private_key_passphrase
    key = load_pem_private_key(user.private_key_path.read_bytes(), passphrase.encode() if passphrase else None)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def test_each_user_gets_a_key_and_only_public_halves_are_told(users: dict[Duty, ServiceUser]) -> None:
    statements = make_keys(users)
    assert statements == [
        f"alter user {user.user} set rsa_public_key = '{public_half(user)}';" for user in users.values()
    ]


def test_private_keys_are_pkcs8_that_their_owner_alone_can_read(users: dict[Duty, ServiceUser]) -> None:
    make_keys(users)
    for user in users.values():
        assert stat.S_IMODE(user.private_key_path.stat().st_mode) == 0o600
        assert user.private_key_path.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert stat.S_IMODE(users[Duty.LOADER].private_key_path.parent.stat().st_mode) == 0o700


def test_a_passphrase_encrypts_the_private_key(users: dict[Duty, ServiceUser]) -> None:
    loader = replace(users[Duty.LOADER], private_key_passphrase="open sesame")
    (statement,) = make_keys({Duty.LOADER: loader})
    assert loader.private_key_path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert public_half(loader) in statement
    with pytest.raises(TypeError):
        load_pem_private_key(loader.private_key_path.read_bytes(), None)


def test_a_key_that_is_there_is_never_overwritten_and_none_is_made(users: dict[Duty, ServiceUser]) -> None:
    taken = users[Duty.REPORTER].private_key_path
    taken.parent.mkdir()
    taken.write_text("precious")
    with pytest.raises(InfraError, match=f"{taken} is there already and never overwritten"):
        make_keys(users)
    assert taken.read_text() == "precious"
    assert list(taken.parent.iterdir()) == [taken]


def test_keys_that_cannot_be_written_leave_none_behind(users: dict[Duty, ServiceUser], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    users[Duty.REPORTER] = replace(users[Duty.REPORTER], private_key_path=tmp_path / "file" / "reporter.p8")
    with pytest.raises(InfraError, match="so no key was made"):
        make_keys(users)
    assert list((tmp_path / "keys").iterdir()) == []


def test_two_users_cannot_share_a_key_file(users: dict[Duty, ServiceUser]) -> None:
    users[Duty.LOADER] = replace(users[Duty.LOADER], private_key_path=users[Duty.REPORTER].private_key_path)
    with pytest.raises(InfraError, match=r"two users share the key file .*reporter\.p8"):
        make_keys(users)


def test_a_second_key_leaves_the_first_one_good(users: dict[Duty, ServiceUser]) -> None:
    loader = users[Duty.LOADER]
    (statement,) = make_keys({Duty.LOADER: loader}, second=True)
    assert statement == f"alter user MOVIELENS_LOADER set rsa_public_key_2 = '{public_half(loader)}';"


def test_the_statements_of_keys_that_are_there_can_be_shown_again(users: dict[Duty, ServiceUser]) -> None:
    users[Duty.LOADER] = replace(users[Duty.LOADER], private_key_passphrase="open sesame")
    made = make_keys(users)
    assert show_keys(users) == made


@pytest.mark.parametrize(("passphrase", "content"), [("wrong", None), (None, None), ("open sesame", "no key")])
def test_a_key_that_cannot_be_read_is_one_sentence(
    users: dict[Duty, ServiceUser], passphrase: str | None, content: str | None
) -> None:
    loader = replace(users[Duty.LOADER], private_key_passphrase="open sesame")
    make_keys({Duty.LOADER: loader})
    if content is not None:
        loader.private_key_path.write_text(content)
    with pytest.raises(InfraError, match=r"cannot be read \(no PEM file, or another passphrase\)"):
        show_keys({Duty.LOADER: replace(loader, private_key_passphrase=passphrase)})
    with pytest.raises(InfraError, match="No such file"):
        show_keys({Duty.REPORTER: users[Duty.REPORTER]})

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from storage.api.accounts import Credential, CredentialKind, Role, Scope, User
from storage.api.errors import LastAdminError, NotFoundError, TakenError
from storage.records.accounts import SqliteAccounts, create
from storage.records.store import Records

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


@pytest.fixture
def accounts(records: Records) -> SqliteAccounts:
    return records.accounts


async def ada(accounts: SqliteAccounts) -> User:
    return await accounts.add_user("ada", Role.ADMIN, "$argon2id$1", NOW_MS)


async def log_in(
    accounts: SqliteAccounts, user: User, secret_hash: str, now_ms: int = NOW_MS
) -> Credential:
    return await accounts.add_credential(
        user.id, CredentialKind.SESSION, secret_hash, "Firefox", now_ms, now_ms + HOUR_MS
    )


async def test_added_user_is_found_after_reopening(records: Records, tmp_path: Path) -> None:
    added = await ada(records.accounts)
    await asyncio.to_thread(records.close)
    again = Records(tmp_path / "records.db")
    await asyncio.to_thread(again.open)
    try:
        assert await again.accounts.user("ada") == added
        assert added.role is Role.ADMIN
    finally:
        await asyncio.to_thread(again.close)


async def test_users_are_listed_by_name(accounts: SqliteAccounts) -> None:
    for name in ("grace", "ada", "edsger"):
        await accounts.add_user(name, Role.VIEWER, "hash", NOW_MS)
    assert [user.name for user in await accounts.users()] == ["ada", "edsger", "grace"]


async def test_second_user_with_a_name_is_rejected(accounts: SqliteAccounts) -> None:
    await ada(accounts)
    with pytest.raises(TakenError, match="name: a user 'ada' exists already"):
        await accounts.add_user("ada", Role.VIEWER, "other", NOW_MS)


async def test_unknown_user_is_none(accounts: SqliteAccounts) -> None:
    assert await accounts.user("nobody") is None


async def test_valid_credential_is_found_with_its_user(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    credential = await log_in(accounts, user, "aa")
    assert await accounts.credential("aa", NOW_MS) == (credential, user)
    assert credential.kind is CredentialKind.SESSION


async def test_credential_ends_at_its_expiry(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    credential = await log_in(accounts, user, "aa")
    assert await accounts.credential("aa", credential.expires_ms - 1) is not None
    assert await accounts.credential("aa", credential.expires_ms) is None
    assert list(await accounts.credentials(user.id, credential.expires_ms)) == []


async def test_credentials_are_listed_newest_first(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    first = await log_in(accounts, user, "aa")
    second = await log_in(accounts, user, "bb")
    assert list(await accounts.credentials(user.id, NOW_MS)) == [second, first]


async def test_new_login_deletes_the_expired_credentials_of_the_user(
    accounts: SqliteAccounts,
) -> None:
    user = await ada(accounts)
    other = await accounts.add_user("grace", Role.VIEWER, "hash", NOW_MS)
    await log_in(accounts, user, "old")
    await log_in(accounts, other, "theirs")
    later_ms = NOW_MS + 2 * HOUR_MS
    fresh = await log_in(accounts, user, "new", later_ms)
    # At this earlier time the old credentials were valid: they must be gone from the table.
    assert list(await accounts.credentials(user.id, NOW_MS)) == [fresh]
    assert len(await accounts.credentials(other.id, NOW_MS)) == 1


async def test_credential_for_an_unknown_user_is_rejected(accounts: SqliteAccounts) -> None:
    with pytest.raises(NotFoundError, match="no user 7"):
        await accounts.add_credential(
            7, CredentialKind.BEARER, "aa", "script", NOW_MS, NOW_MS + HOUR_MS
        )


async def test_new_password_revokes_every_credential(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    await log_in(accounts, user, "aa")
    await accounts.set_password("ada", "$argon2id$2")
    assert await accounts.credential("aa", NOW_MS) is None
    changed = await accounts.user("ada")
    assert changed is not None
    assert changed.password_hash == "$argon2id$2"


async def test_credentials_of_a_removed_user_are_deleted(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    await accounts.add_user("grace", Role.ADMIN, "hash", NOW_MS)
    await log_in(accounts, user, "aa")
    await accounts.remove_user("ada")
    assert await accounts.user("ada") is None
    assert await accounts.credential("aa", NOW_MS) is None


async def test_id_of_a_removed_user_is_not_reused(accounts: SqliteAccounts) -> None:
    await accounts.add_user("grace", Role.ADMIN, "hash", NOW_MS)
    user = await ada(accounts)
    await accounts.remove_user("ada")
    again = await ada(accounts)
    assert again.id > user.id


async def test_changes_to_unknown_users_are_rejected(accounts: SqliteAccounts) -> None:
    with pytest.raises(NotFoundError):
        await accounts.set_password("nobody", "hash")
    with pytest.raises(NotFoundError):
        await accounts.remove_user("nobody")


async def test_last_use_moves_forward_only(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    credential = await log_in(accounts, user, "aa")
    await accounts.touch_credential(credential.id, NOW_MS + 500)
    await accounts.touch_credential(credential.id, NOW_MS + 100)
    [now] = await accounts.credentials(user.id, NOW_MS)
    assert now.last_used_ms == NOW_MS + 500


async def test_revoked_credential_ends_at_once_and_unknown_ones_are_ignored(
    accounts: SqliteAccounts,
) -> None:
    user = await ada(accounts)
    credential = await log_in(accounts, user, "aa")
    await accounts.revoke_credential("aa")
    await accounts.revoke_credential("aa")
    await accounts.touch_credential(credential.id, NOW_MS)
    assert await accounts.credential("aa", NOW_MS) is None


async def test_scopes_of_a_credential_are_kept(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    scopes = frozenset({Scope.READ, Scope.PUSH})
    await accounts.add_credential(
        user.id, CredentialKind.BEARER, "aa", "device", NOW_MS, NOW_MS + HOUR_MS, scopes
    )
    found = await accounts.credential("aa", NOW_MS)
    assert found is not None
    assert found[0].scopes == scopes


def test_credentials_of_an_older_version_keep_all_rights(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    with closing(sqlite3.connect(path)) as old:
        database = Database(old)
        first = Migrations("accounts")
        first()(create)
        first.apply(database)
        database.execute("insert into users values (1, 'ada', 'admin', 'hash', 0)")
        database.execute("insert into credentials values (1, 1, 'bearer', 'aa', 'x', 0, 9, 0)")
        old.commit()
    records = Records(path)
    records.open()
    try:
        found = asyncio.run(records.accounts.credential("aa", 1))
        assert found is not None
        assert found[0].scopes == {Scope.WRITE}
    finally:
        records.close()


async def test_last_admin_is_neither_removed_nor_degraded(accounts: SqliteAccounts) -> None:
    await ada(accounts)
    await accounts.add_user("grace", Role.EDITOR, "hash", NOW_MS)
    with pytest.raises(LastAdminError, match="ada is the last admin"):
        await accounts.remove_user("ada")
    with pytest.raises(LastAdminError):
        await accounts.set_role("ada", Role.EDITOR)
    await accounts.set_role("ada", Role.ADMIN)
    await accounts.set_role("grace", Role.ADMIN)
    await accounts.set_role("ada", Role.VIEWER)
    with pytest.raises(LastAdminError):
        await accounts.remove_user("grace")
    assert [user.role for user in await accounts.users()] == [Role.VIEWER, Role.ADMIN]


async def test_of_two_admins_who_degrade_each_other_one_stays(accounts: SqliteAccounts) -> None:
    await ada(accounts)
    await accounts.add_user("grace", Role.ADMIN, "hash", NOW_MS)
    outcomes = await asyncio.gather(
        accounts.set_role("ada", Role.VIEWER),
        accounts.remove_user("grace"),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(LastAdminError) == 1


async def test_role_of_an_unknown_user_is_rejected(accounts: SqliteAccounts) -> None:
    with pytest.raises(NotFoundError):
        await accounts.set_role("nobody", Role.ADMIN)


async def test_all_credentials_but_one_are_revoked(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    other = await accounts.add_user("grace", Role.VIEWER, "hash", NOW_MS)
    for secret_hash in ("aa", "bb"):
        await log_in(accounts, user, secret_hash)
    await log_in(accounts, other, "theirs")
    kept = await log_in(accounts, user, "cc")
    assert await accounts.revoke_credentials(user.id, kept.id) == 2
    assert list(await accounts.credentials(user.id, NOW_MS)) == [kept]
    assert await accounts.revoke_credentials(user.id) == 1
    assert len(await accounts.credentials(other.id, NOW_MS)) == 1


async def test_cached_credential_is_found_only_while_it_is_valid(
    accounts: SqliteAccounts,
) -> None:
    user = await ada(accounts)
    kept = await log_in(accounts, user, "h1")
    for _ in range(2):
        assert await accounts.credential("h1", NOW_MS) == (kept, user)
    assert await accounts.credential("h1", NOW_MS + HOUR_MS) is None
    await accounts.touch_credential(kept.id, NOW_MS + 7)
    found = await accounts.credential("h1", NOW_MS)
    assert found is not None
    assert found[0].last_used_ms == NOW_MS + 7
    await accounts.revoke_credential("h1")
    assert await accounts.credential("h1", NOW_MS) is None


async def test_credential_revoked_during_its_read_is_not_cached(accounts: SqliteAccounts) -> None:
    user = await ada(accounts)
    for number in range(20):
        name = f"h{number}"
        await log_in(accounts, user, name)
        await asyncio.gather(
            accounts.credential(name, NOW_MS),
            accounts.revoke_credential(name),
            accounts.credential(name, NOW_MS),
        )
        assert await accounts.credential(name, NOW_MS) is None

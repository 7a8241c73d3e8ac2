import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result

from daemon.commands.user import user
from daemon.data_directory import DataDirectory
from storage.api.accounts import CredentialKind, Role
from storage.records.store import Records
from web.identity.keys import KeyRing

NOW_MS = 1_763_820_000_000
T = TypeVar("T")


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Allow blocking calls: the command's event loop has no other task."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that no server uses, with the admin ann and the editor bo."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "data"
    directory.mkdir()

    async def fill(records: Records) -> None:
        ann = await records.accounts.add_user("ann", Role.ADMIN, "old hash", NOW_MS)
        await records.accounts.add_user("bo", Role.EDITOR, "old hash", NOW_MS)
        await records.accounts.add_credential(
            ann.id, CredentialKind.SESSION, "aa", "Firefox", NOW_MS, 2**50
        )
        await records.second_factors.begin(ann.id, "sealed")
        await records.second_factors.confirm(ann.id, 1, [], NOW_MS)

    in_records(directory, fill)
    return directory


def in_records(directory: Path, work: Callable[[Records], Awaitable[T]]) -> T:
    records = Records(directory / "records.db")
    records.open()

    async def run() -> T:
        return await work(records)

    try:
        return asyncio.run(run())
    finally:
        records.close()


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(user, [*arguments, "--data-dir", str(data)])


def test_password_is_set_offline(data: Path) -> None:
    result = run(data, "password", "ann", "--password", "a brand new one")
    assert (result.exit_code, result.output) == (0, "ann has a new password\n")
    ann = in_records(data, lambda records: records.accounts.user("ann"))
    assert ann is not None
    assert ann.password_hash.startswith("$argon2id$")
    assert in_records(data, lambda records: records.accounts.credentials(ann.id, NOW_MS)) == []


def test_short_password_is_refused_offline(data: Path) -> None:
    result = run(data, "password", "ann", "--password", "short")
    assert result.exit_code == 1
    assert "password: must have at least 10 characters" in result.output


def test_role_second_factor_and_sessions_are_changed_offline(data: Path) -> None:
    assert run(data, "role", "bo", "admin").output == "bo is admin\n"
    assert run(data, "role", "ann", "viewer").output == "ann is viewer\n"
    assert run(data, "reset-second-factor", "ann").exit_code == 0
    assert run(data, "end-sessions", "ann").output == "1 sessions and tokens of ann ended\n"
    users = in_records(data, lambda records: records.accounts.users())
    assert [each.role for each in users] == [Role.VIEWER, Role.ADMIN]
    assert in_records(data, lambda records: records.second_factors.users()) == frozenset()
    entries = in_records(data, lambda records: records.audit.entries(10))
    assert {each.actor for each in entries} == {"command line"}
    assert [(each.action, each.subject) for each in reversed(entries)] == [
        ("user.role", "bo"),
        ("user.role", "ann"),
        ("second-factor.off", "ann"),
        ("credential.revoke-all", "ann"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("role", "ann", "viewer"), "ann is the last admin"),
        (("role", "nobody", "viewer"), "no user 'nobody'"),
        (("password", "nobody", "--password", "long enough for it"), "no user 'nobody'"),
        (("reset-second-factor", "bo"), "no second factor of user 'bo'"),
        (("end-sessions", "nobody"), "no user 'nobody'"),
        (("list",), "no server runs"),
    ],
)
def test_refused_change_is_reported_in_one_line(
    data: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(data, *arguments)
    assert result.exit_code == 1
    assert message in result.output


def test_keys_are_rotated_offline(data: Path) -> None:
    keys = KeyRing.open(data / "keys.json", NOW_MS)
    token = keys.sign({}, "x", NOW_MS, 60)
    assert run(data, "rotate-keys").exit_code == 0
    file = json.loads((data / "keys.json").read_text())
    assert len(file["signing"]) == 2
    assert KeyRing.open(data / "keys.json", NOW_MS).claims(token, "x", NOW_MS) is not None
    assert "all signed tokens have ended" in run(data, "rotate-keys", "--at-once").output
    assert KeyRing.open(data / "keys.json", NOW_MS).claims(token, "x", NOW_MS) is None


def test_directory_of_a_running_server_is_not_changed_offline(data: Path) -> None:
    with DataDirectory(data).locked():
        result = run(data, "password", "ann", "--password", "a brand new one")
    # The directory is locked but has no control socket, so there is no server to call.
    assert result.exit_code == 1
    assert "no server runs" in result.output


def test_directory_without_records_is_reported_and_unchanged(tmp_path: Path) -> None:
    result = run(tmp_path, "password", "ann", "--password", "a brand new one")
    assert result.exit_code == 1
    assert "is no data directory" in result.output
    assert not (tmp_path / "records.db").exists()
    missing = run(tmp_path / "nowhere", "role", "ann", "viewer")
    assert "there is no data directory" in missing.output

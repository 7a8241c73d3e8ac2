"""Receivers that were added in the UI, beside those of the configuration."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerting.settings import AlertingSettings, LogReceiverSettings, WebhookReceiverSettings
from daemon.server.management.stored_receivers import MOST, StoredReceivers
from storage.api.errors import NotFoundError, TakenError
from storage.records.store import Records
from web.http.errors import BadRequestError
from web.identity.keys import KeyRing

NOW_MS = 1_763_820_000_000
URL = "https://hooks.example/secret-token"


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


async def opened(records: Records, folder: Path) -> StoredReceivers:
    keys = await asyncio.to_thread(KeyRing.open, folder / "keys.json", NOW_MS)
    receivers = StoredReceivers(records.added_receivers, keys, lambda: NOW_MS)
    await receivers.load()
    return receivers


async def test_added_receiver_survives_a_restart_and_is_encrypted(
    records: Records, tmp_path: Path
) -> None:
    await (await opened(records, tmp_path)).add("chat", "webhook", URL)
    (row,) = await records.added_receivers.all()
    assert "secret-token" not in row.sealed_url
    joined = (await opened(records, tmp_path)).joined(AlertingSettings())
    log, chat = joined.receivers
    assert isinstance(log, LogReceiverSettings)
    assert isinstance(chat, WebhookReceiverSettings)
    assert (chat.name, chat.url.get_secret_value()) == ("chat", URL)


async def test_change_is_applied_at_once(records: Records, tmp_path: Path) -> None:
    receivers = await opened(records, tmp_path)
    applied: list[list[str]] = []

    async def apply() -> None:
        applied.append([each.name for each in receivers.joined(AlertingSettings()).receivers])

    receivers.follow(AlertingSettings, apply)
    await receivers.add("chat", "webhook", URL)
    await receivers.remove("chat")
    assert applied == [["log", "chat"], ["log"]]


async def test_added_receiver_joins_a_configured_route(records: Records, tmp_path: Path) -> None:
    receivers = await opened(records, tmp_path)
    await receivers.add("chat", "webhook", URL)
    settings = AlertingSettings(route=("log",))
    assert [each.name for each in receivers.joined(settings).routed] == ["log", "chat"]


async def test_receiver_of_the_file_keeps_its_name(records: Records, tmp_path: Path) -> None:
    receivers = await opened(records, tmp_path)
    with pytest.raises(TakenError):
        await receivers.add("log", "webhook", URL)
    await receivers.add("chat", "webhook", URL)
    # The file may get one of this name later.
    settings = AlertingSettings(receivers=(LogReceiverSettings(name="chat"),))
    assert receivers.joined(settings) is settings


async def test_receiver_that_cannot_be_decrypted_is_left_out(
    records: Records, tmp_path: Path
) -> None:
    await (await opened(records, tmp_path)).add("chat", "webhook", URL)
    await asyncio.to_thread((tmp_path / "keys.json").unlink)
    receivers = await opened(records, tmp_path)
    assert receivers.joined(AlertingSettings()) == AlertingSettings()
    # It is still listed, so that it can be removed.
    assert [each.name for each in receivers.added()] == ["chat"]


async def test_successful_test_is_remembered(records: Records, tmp_path: Path) -> None:
    receivers = await opened(records, tmp_path)
    await receivers.add("chat", "webhook", URL)
    await receivers.confirm("chat")
    await receivers.confirm("another")
    assert [each.tested_ms for each in receivers.added()] == [NOW_MS]
    assert [each.tested_ms for each in (await opened(records, tmp_path)).added()] == [NOW_MS]


async def test_number_of_receivers_is_limited(records: Records, tmp_path: Path) -> None:
    receivers = await opened(records, tmp_path)
    for number in range(MOST):
        await receivers.add(f"chat {number}", "webhook", URL)
    with pytest.raises(BadRequestError, match="are the most"):
        await receivers.add("one more", "webhook", URL)
    with pytest.raises(NotFoundError):
        await receivers.remove("one more")

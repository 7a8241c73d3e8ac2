"""Links that acknowledge: signed, for one use, and expiring."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerting.errors import BadLinkError
from alerting.notifications.acknowledge_links import AcknowledgeLink, AcknowledgeLinks
from alerting.receivers.webhook_body import WebhookBody
from alerting.settings import AlertingSettings
from tests.alerting.alerting_doubles import HOST_DOWN_BODY, NOW_MS, WatchedAlerts, open_records

DAY_MS = 86_400_000
LINK = AcknowledgeLink("id", 7, "ops", NOW_MS + DAY_MS)


def code(text: str) -> str:
    """Return a code that only the test knows."""
    return hashlib.sha256(b"secret" + text.encode()).hexdigest()


def links_of(records: WatchedAlerts, now_ms: int = NOW_MS, **more: object) -> AcknowledgeLinks:
    """Return links that count for a day."""
    document = {"acknowledge_links": "1d", "external_url": "http://redshank.test/"} | more
    settings = AlertingSettings.model_validate(document)
    return AcknowledgeLinks(settings, records, code, lambda: now_ms)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


async def test_link_says_what_was_signed_until_it_expires(records: WatchedAlerts) -> None:
    token = links_of(records).token(LINK)
    assert links_of(records, NOW_MS + DAY_MS - 1).read(token) == LINK
    with pytest.raises(BadLinkError, match="expired"):
        links_of(records, NOW_MS + DAY_MS).read(token)


async def test_link_counts_once(records: WatchedAlerts) -> None:
    links = links_of(records)
    await links.use(LINK)
    with pytest.raises(BadLinkError, match="used already"):
        await links.use(LINK)
    # A used link is forgotten when it has expired, and is refused as expired then.
    other = AcknowledgeLink("other", 7, "ops", NOW_MS + 3 * DAY_MS)
    await links_of(records, NOW_MS + 2 * DAY_MS).use(other)
    assert await records.use_link("id", NOW_MS + 3 * DAY_MS, NOW_MS + 2 * DAY_MS)


@given(st.text(max_size=60), st.integers(0, 200), st.sampled_from("aB3-_.\u00e9"))
def test_changed_link_is_refused(text: str, place: int, char: str) -> None:
    links = links_of(None)  # type: ignore[arg-type]
    token = links.token(LINK)
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    for each in {text, changed, token[:-1], f"{token}0"} - {token}:
        with pytest.raises(BadLinkError):
            links.read(each)


async def test_link_of_another_server_is_refused(records: WatchedAlerts) -> None:
    settings = AlertingSettings()
    unsigned = AcknowledgeLinks(settings, records, None, lambda: NOW_MS)
    for token in (unsigned.token(LINK), links_of(records).token(LINK)):
        with pytest.raises(BadLinkError):
            unsigned.read(token)


async def test_firing_alerts_of_ours_get_a_link_each(records: WatchedAlerts) -> None:
    body, links = WebhookBody.model_validate_json(HOST_DOWN_BODY), links_of(records)
    found = links.added(body, (7,))
    url = found.alerts[0].annotations["acknowledge_url"]
    assert found.common_annotations["acknowledge_url"] == url
    base, _, token = url.rpartition("/")
    assert base == "http://redshank.test/acknowledge"
    assert links.read(token).alert_id == 7
    assert links.read(token).receiver == body.receiver
    # A second notification has a link of its own, and an alert of a peer has none.
    assert links.added(body, (7,)) != found
    assert links.added(body, (None,)) == body
    assert links_of(records, acknowledge_links="0s").added(body, (7,)) == body
    two = body.model_copy(update={"alerts": body.alerts * 2})
    assert "acknowledge_url" not in links.added(two, (7, 8)).common_annotations


def test_links_need_the_address_of_the_server() -> None:
    with pytest.raises(ValidationError, match="give external_url too"):
        AlertingSettings.model_validate({"acknowledge_links": "1d"})

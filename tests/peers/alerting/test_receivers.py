"""The receivers of an alertmanager.yml send the requests that Alertmanager sends.

Alertmanager's own webhook says what a notification holds; our receivers get the same body.
"""

import datetime as dt
import json
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from alerting.errors import DeliveryError
from alerting.receivers.file_receivers import integration_receivers
from alerting.receivers.receiver import Receiver
from alerting.routing.files.routing_file import read_routing_file
from daemon.configuration.receiver_http import http_problems
from daemon.receiver_clients import receiver_clients
from tests.certificates import Authority
from tests.patience import PATIENCE_S
from tests.peers.alerting.recorder import Recorded, Recorder, running_recorder
from tests.peers.test_alertmanager import running_alertmanager
from tests.programs import skip_before_version
from tests.system.processes import until

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(900)]

MAILS = 3
FURTHER_OF_EXCHANGES = (9, 4)
"""The requests of Jira and WeChat besides one for each receiver, for alerts and for their ends."""
RECEIVERS = Path(__file__).with_name("receivers.yml")
NAMES = ("secure.test", "api.pushover.net", "events.pagerduty.com")


def alerts(started: dt.datetime, ended: dt.datetime | None) -> list[dict[str, Any]]:
    """Return two alerts; Alertmanager waits for group_wait only if they are new."""
    times = {"startsAt": started.isoformat()}
    if ended is not None:
        times["endsAt"] = ended.isoformat()
    return [
        {
            "labels": {"alertname": "Down", "team": "db", "severity": "critical", "instance": name},
            "annotations": {"summary": f"<{name}> is down & out", "empty": ""},
            "generatorURL": "http://prometheus.test/graph?g0.expr=up",
        }
        | times
        for name in ("a", "b")
    ]


def now() -> dt.datetime:
    """Return the current time in whole milliseconds, as Redshank keeps times."""
    at = dt.datetime.now(dt.UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def server_context(folder: Path) -> ssl.SSLContext:
    """Return the TLS context of the services, whose authority is `ca.pem`."""
    pair = Authority(folder).issue("services", *NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    return context


def configuration(folder: Path, recorder: Recorder) -> str:
    """Return the alertmanager.yml of all kinds of receivers."""
    url = f"http://127.0.0.1:{recorder.port}"
    (folder / "secret").write_text("from-file\n")
    (folder / "url").write_text(f"{url}/webhook/url-file\n")
    text = RECEIVERS.read_text()
    for name, value in (
        ("URL", url),
        ("PORT", str(recorder.port)),
        ("MAIL", str(recorder.mail_port)),
        ("FOLDER", str(folder)),
    ):
        text = text.replace(name, value)
    return text


def by_receiver(requests: list[Recorded]) -> dict[str, list[Recorded]]:
    """Return the requests by host and path, those of one receiver in order."""
    found: dict[str, list[Recorded]] = {}
    for each in requests:
        if each.path == "/token":
            continue
        parts = urlsplit(each.url)
        # Two receivers use Pushover.
        user = next((item for item in parts.query.split("&") if item.startswith("user=")), "")
        found.setdefault(f"{parts.netloc}{parts.path}{user}", []).append(each)
    return found


def mail_content(mail: EmailMessage) -> dict[str, Any]:
    """Return what a reader sees of a mail."""
    parts = {
        part.get_content_type(): part.get_content().replace("\r\n", "\n").strip()
        for part in mail.walk()
        if not part.is_multipart()
    }
    names = ("Subject", "From", "To", "X-Team", "References", "In-Reply-To", "X-Said")
    return {"type": mail.get_content_type(), "parts": parts} | {name: mail[name] for name in names}


async def recorded(recorder: Recorder, count: int) -> tuple[list[Recorded], list[EmailMessage]]:
    """Return so many requests, tokens not counted, and the mails; the recorder is empty then."""

    async def complete() -> bool:
        found = [each for each in recorder.requests if each.path != "/token"]
        return len(found) >= count and len(recorder.mails) >= MAILS

    await until(complete, "the notifications")
    found = list(recorder.requests), list(recorder.mails)
    recorder.requests.clear()
    recorder.mails.clear()
    return found


def body_for(name: str, requests: list[Recorded]) -> str:
    """Return Alertmanager's body of the notification that a receiver got."""
    wanted = "/webhook/template/Down" if name == "all/webhook[1]" else "/webhook/plain"
    (found,) = [each for each in requests if each.path == wanted]
    return json.dumps(found.body)


async def check_same(
    theirs: tuple[list[Recorded], list[EmailMessage]],
    receivers: Mapping[str, Receiver],
    recorder: Recorder,
) -> set[str]:
    """Check that our receivers send what Alertmanager has sent, and return their paths."""
    for name, receiver in receivers.items():
        await receiver.send(body_for(name, theirs[0]))
    expected, found = by_receiver(theirs[0]), by_receiver(recorder.requests)
    assert found.keys() == expected.keys()
    differences = {
        key: (found[key], requests) for key, requests in expected.items() if found[key] != requests
    }
    assert differences == {}
    ours = sorted(recorder.mails, key=lambda each: str(each["X-Team"]))
    their_mails = sorted(theirs[1], key=lambda each: str(each["X-Team"]))
    assert list(map(mail_content, ours)) == list(map(mail_content, their_mails))
    recorder.requests.clear()
    recorder.mails.clear()
    return set(expected)


async def test_requests_are_those_of_alertmanager(tmp_path: Path) -> None:
    skip_before_version("amtool", (0, 33, 0))
    (tmp_path / "theirs").mkdir()
    async with (
        running_recorder(server_context(tmp_path)) as recorder,
        aiohttp.ClientSession() as session,
        receiver_clients() as clients,
    ):
        text = configuration(tmp_path, recorder)
        (tmp_path / "alertmanager.yml").write_text(text)
        file = read_routing_file(tmp_path / "alertmanager.yml", http_problems)
        receivers = integration_receivers(file, clients, lambda: 0, PATIENCE_S)
        sections = {each.name: each.section for each in file.configuration.integrations["all"]}
        ends = {name: one for name, one in receivers.items() if sections[name].send_resolved}
        async with running_alertmanager(tmp_path / "theirs", text) as url:
            started = now()

            async def report(ended: dt.datetime | None) -> None:
                body = alerts(started, ended)
                async with session.post(f"{url}/api/v2/alerts", json=body) as answer:
                    assert answer.status == 200

            await report(None)
            # A redirect and two changes at Opsgenie come on top; mails are no requests.
            further = 3 + FURTHER_OF_EXCHANGES[0] - MAILS
            theirs = await recorded(recorder, len(receivers) + further)
            assert len(await check_same(theirs, receivers, recorder)) > 55
            await report(now())
            theirs = await recorded(recorder, len(ends) + 1 + FURTHER_OF_EXCHANGES[1] - MAILS)
            assert len(await check_same(theirs, ends, recorder)) > 35


async def test_redirect_that_drops_the_body_is_an_error(tmp_path: Path) -> None:
    async with running_recorder(server_context(tmp_path)) as recorder, receiver_clients() as made:
        url = f"http://127.0.0.1:{recorder.port}/found/secret-path"
        receivers = f"[{{name: a, webhook_configs: [{{url: '{url}'}}]}}]"
        text = f"route: {{receiver: a}}\nreceivers: {receivers}"
        (tmp_path / "alertmanager.yml").write_text(text)
        file = read_routing_file(tmp_path / "alertmanager.yml", http_problems)
        (receiver,) = integration_receivers(file, made, lambda: 0, PATIENCE_S).values()
        with pytest.raises(DeliveryError, match="redirects to a request without a body") as refused:
            await receiver.send(BODY)
        assert "secret-path" not in str(refused.value)


BODY = """{"receiver": "a", "status": "firing", "alerts": [], "groupLabels": {}, "commonLabels": {},
"commonAnnotations": {}, "externalURL": "", "groupKey": "{}:{}"}"""

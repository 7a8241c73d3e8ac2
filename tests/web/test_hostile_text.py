"""Hostile text never becomes markup on any page."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.errors import DeliveryError
from model.labels import Labels
from model.targets import Health
from scraper.fetching.targets import DroppedTarget
from storage.api.accounts import CredentialKind, Role
from storage.api.alerts import AlertState
from storage.api.audit import AuditRetention, NewAuditEntry
from storage.api.sample_stats import MetricSize, StoreStats, WindowStats
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS, target_status, vector
from tests.web.world import World, world_at
from web.http.host_paths import host_path

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>{{7*7}}"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


class Tags(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.inline_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        # A browser runs no script of this type: it holds data for the scripts of the page.
        is_data = ("type", "application/json") in attrs
        if tag == "script" and not is_data and not any(name == "src" for name, _ in attrs):
            self.inline_scripts += 1


async def fill_with_markup(world: World) -> None:
    """Put markup into every text that a page shows."""
    world.statuses += [
        target_status(HOSTILE, HOSTILE, Health.DOWN, error=HOSTILE),
        target_status("up", "u:1"),
    ]
    world.discovered.names = [HOSTILE]
    world.discovered.dropped_targets = [DroppedTarget(HOSTILE, Labels.of(x=HOSTILE), HOSTILE)]
    world.discovered.refused_targets = [DroppedTarget(HOSTILE, Labels.of({HOSTILE: "x"}), HOSTILE)]
    world.samples.known = [Labels.of(__name__=HOSTILE)]
    size = (MetricSize(HOSTILE, 1, 1),)
    window = WindowStats(HOSTILE, 0, 1, 1, 1)
    world.samples.state = StoreStats(
        1, 1, 1, 0, 0, 0, 0, 0, 1, (window,), size, failed_writes=1, heaviest=size
    )
    for state in (AlertState.FIRING, AlertState.FIRING, AlertState.RESOLVED):
        stored = await world.alerting.put(
            an_alert(state, name=HOSTILE, instance=HOSTILE, severity=HOSTILE, summary=HOSTILE)
        )
        world.alerting.held[stored.id] = HOSTILE
    await world.alerting.acknowledge(1, HOSTILE)
    told = NewAuditEntry(NOW_MS, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    await world.services.audit.add(told, AuditRetention(9, 9, 9))
    await world.services.alerts.failed(1, HOSTILE, NOW_MS, None)
    world.alerting.failure = DeliveryError(HOSTILE)
    mount = Labels.of(instance="u:1", mountpoint=HOSTILE, device=HOSTILE, fstype=HOSTILE)
    world.engine.answers["node_filesystem"] = vector({mount: 0.5})
    info = dict.fromkeys(("sysname", "release", "machine", "pretty_name"), HOSTILE)
    uname = Labels.of(info, __name__="node_uname_info", instance="u:1")
    world.engine.answers["node_uname_info"] = vector({uname: 1.0})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&sort=%22%3E%3Cscript%3E&state=%3Cb%3E",
        "/host/u:1",
        host_path(HOSTILE),
        "/alerts",
        "/alerts?view=resolved",
        "/alerts?view=history",
        "/alerts?view=notifications",
        "/alerts?view=%3Cscript%3E",
        "/alerts/1",
        "/targets",
        "/targets?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&job=%22%3E%3Cscript%3E",
        "/discovery",
        "/discovery?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&show=%3Cb%3E",
        "/store",
        "/add-host",
        "/account",
        "/account/second-factor",
        "/users",
        f"/users/{quote(HOSTILE, safe='')}",
        "/audit",
        "/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?notice=%3Cscript%3E",
    ],
)
async def test_hostile_text_never_becomes_markup(world: World, path: str) -> None:
    await fill_with_markup(world)
    await world.accounts.add_user(HOSTILE, Role.VIEWER, "x", NOW_MS)
    user = await world.user("the-admin")
    await world.accounts.add_credential(
        user.id, CredentialKind.BEARER, "h", HOSTILE, NOW_MS, NOW_MS + 1000
    )
    text = await world.page(path)
    tags = Tags()
    tags.feed(text)
    assert tags.inline_scripts == 0
    assert "img" not in tags.names
    assert "49" not in re.findall(r"&gt;(\d+)", text)
    for name, value in tags.attributes:
        assert not name.startswith("on"), name
        assert name != "style", value
        if name in ("href", "action", "src"):
            assert value.startswith(("/", "#")), value

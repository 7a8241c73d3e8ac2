import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from alerting.errors import DeliveryError
from model.labels import Labels
from model.targets import Health, TargetStatus
from scraper.fetching.targets import DroppedTarget
from storage.api.accounts import CredentialKind, Role
from storage.api.alerts import AlertState
from storage.api.audit import AuditRetention, NewAuditEntry
from storage.api.sample_stats import MetricSize, StoreStats, WindowStats
from tests.web.web_doubles import (
    NOW_MS,
    PASSWORD,
    World,
    an_alert,
    target_status,
    vector,
    world_at,
)
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
        if tag == "script" and not any(name == "src" for name, _ in attrs):
            self.inline_scripts += 1


async def get(world: World, path: str, status: int = 200, role: Role = Role.ADMIN) -> str:
    url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
    answer = await world.client.session.get(url, headers=await world.cookie(role))
    text = await answer.text()
    assert answer.status == status, text
    return text


async def fill_with_markup(world: World) -> None:
    """Put markup wherever a stranger's text can reach a page."""
    world.statuses += [
        target_status(HOSTILE, HOSTILE, Health.DOWN, error=HOSTILE),
        target_status("up", "u:1"),
    ]
    world.finds.names = [HOSTILE]
    world.finds.dropped_targets = [DroppedTarget(HOSTILE, Labels.of(x=HOSTILE), HOSTILE)]
    world.finds.refused_targets = [DroppedTarget(HOSTILE, Labels.of({HOSTILE: "x"}), HOSTILE)]
    world.samples.known = [Labels.of(__name__=HOSTILE)]
    size = (MetricSize(HOSTILE, 1, 1),)
    window = WindowStats(HOSTILE, 0, 1, 1, 1)
    world.samples.state = StoreStats(
        1, 1, 1, 0, 0, 0, 0, 0, 1, (window,), size, failed_writes=1, heaviest=size
    )
    for state in (AlertState.FIRING, AlertState.FIRING, AlertState.RESOLVED):
        stored = await world.desk.put(
            an_alert(state, name=HOSTILE, instance=HOSTILE, severity=HOSTILE, summary=HOSTILE)
        )
        world.desk.held[stored.id] = HOSTILE
    await world.desk.acknowledge(1, HOSTILE)
    told = NewAuditEntry(NOW_MS, HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    await world.services.audit.add(told, AuditRetention(9, 9, 9))
    await world.services.alerts.failed(1, HOSTILE, NOW_MS, None)
    world.desk.failure = DeliveryError(HOSTILE)
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
async def test_strangers_text_never_becomes_markup(world: World, path: str) -> None:
    await fill_with_markup(world)
    await world.accounts.add_user(HOSTILE, Role.VIEWER, "x", NOW_MS)
    user = await world.user("the-admin")
    await world.accounts.add_credential(
        user.id, CredentialKind.BEARER, "h", HOSTILE, NOW_MS, NOW_MS + 1000
    )
    text = await get(world, path)
    tags = Tags()
    tags.feed(text)
    assert tags.inline_scripts == 0
    assert "img" not in tags.names
    assert "49" not in re.findall(r"&gt;(\d+)", text)
    for name, value in tags.attributes:
        assert not name.startswith("on"), name
        assert name != "style", value
        if name in ("href", "action", "src", "hx-get"):
            assert value.startswith(("/", "#")), value


async def test_unknown_page_is_told_in_html(world: World) -> None:
    answer = await world.client.get("/host/nobody", headers=await world.cookie())
    assert answer.status == 404
    assert "Not found" in await answer.text()
    assert answer.content_type == "text/html"


async def test_login_page_is_shown_before_the_page_that_was_wanted(world: World) -> None:
    answer = await world.client.get("/alerts?view=history", allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/login?next=/alerts?view%3Dhistory"


async def test_who_is_logged_in_needs_no_login_page(world: World) -> None:
    answer = await world.client.get(
        "/login?next=/targets", headers=await world.cookie(), allow_redirects=False
    )
    assert answer.headers["Location"] == "/targets"


async def test_failed_login_keeps_the_name_and_says_why(world: World) -> None:
    form = {"username": "ann", "password": "wrong", "next": "/targets"}
    answer = await world.client.post("/login", data=form)
    text = await answer.text()
    assert answer.status == 401
    assert "Wrong user name or password." in text
    assert 'value="ann"' in text
    assert 'name="next" value="/targets"' in text


async def test_api_information_is_for_whoever_asks_for_json(world: World) -> None:
    answer = await world.client.get("/", headers={"Accept": "application/json"})
    assert answer.status == 200
    assert (await answer.json())["name"] == "Redshank"
    answer = await world.client.get("/dashboard", headers={"Accept": "application/json"})
    assert answer.status == 401


async def test_empty_fleet_invites_to_add_a_host(world: World) -> None:
    text = await get(world, "/")
    assert "No hosts yet" in text
    assert 'href="/add-host"' in text
    assert 'href="/add-host"' not in await get(world, "/", role=Role.VIEWER)


async def test_fleet_shows_figures_with_their_units(world: World) -> None:
    world.statuses += [
        target_status("web-1", "a:9100"),
        target_status("db-1", "b:9100", Health.DOWN, "connection refused"),
        target_status("new-1", "c:9100", Health.UNKNOWN),
    ]
    a = Labels.of(instance="a:9100")
    world.engine.answers = {
        "node_cpu_seconds_total{mode=~": vector({a: 0.873}),
        "node_network_receive": vector({a: 1_234_567.0}),
        "node_boot_time": vector({a: 3 * 86_400.0}),
        "node_load1": vector({a: 1.5}),
    }
    text = await get(world, "/")
    assert "87<small>%</small>" in text
    assert 'data-level="warning"' in text
    assert "1.2 MB/s" in text
    assert "3 d" in text
    assert "1.50" in text
    assert "connection refused" in text
    assert "Waiting for the first scrape" in text
    assert "<b>1</b> down" in text


async def test_search_and_state_are_kept_in_the_address(world: World) -> None:
    world.statuses += [target_status(name, f"{name}:9100") for name in ("web-1", "web-2", "db-1")]
    text = await get(world, "/?q=web&sort=cpu&order=desc")
    assert 'value="web"' in text
    assert "db-1" not in text
    assert "2 of 3 hosts" in text
    assert "q=web&amp;sort=cpu&amp;order=asc" in text
    assert "No host matches" in await get(world, "/?q=nothing")


async def test_host_page_serves_records_and_configured_hosts(world: World) -> None:
    world.statuses += [
        target_status("configured", "a:9100"),
        target_status("registered", "b:9100", host_id=7),
    ]
    assert "configured" in await get(world, "/host/a:9100")
    registered = await get(world, "/host/7")
    assert "registered" in registered
    assert 'href="/host/b:9100/remove"' in registered
    assert "it cannot be removed here" in await get(world, "/host/a:9100")


async def test_host_is_added_by_the_form_and_leads_to_its_page(world: World) -> None:
    form = {"name": "db-1", "url": "10.0.0.7", "labels": "site=home\nrole = db", "interval_s": ""}
    answer = await world.client.post(
        "/add-host", data=form, headers=await world.cookie(Role.EDITOR), allow_redirects=False
    )
    assert answer.status == 303
    (host,) = await world.services.hosts.all()
    assert answer.headers["Location"] == f"/host/{host.id}"
    assert dict(host.labels) == {"site": "home", "role": "db"}
    assert "Waiting for the first scrape" in await get(world, f"/host/{host.id}")
    again = await world.client.post("/add-host", data=form, headers=await world.cookie())
    assert again.status == 409
    assert "another host has this name already" in await again.text()


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "", "url": "a"}, "name"),
        ({"name": "a", "url": "ftp://a"}, "url"),
        ({"name": "a", "url": "a", "labels": "no equals sign"}, "labels"),
        ({"name": "a", "url": "a", "interval_s": "soon"}, "interval_s"),
    ],
)
async def test_wrong_field_of_the_form_says_so_and_keeps_the_rest(
    world: World, form: dict[str, str], field: str
) -> None:
    answer = await world.client.post("/add-host", data=form, headers=await world.cookie())
    text = await answer.text()
    assert answer.status == 400
    problem = re.search(r'id="hint-(\w+)"><span class="problem">', text)
    assert problem is not None
    assert problem[1] == field
    if field != "url":
        assert 'name="url" type="text" value="a"' in text


async def test_removal_asks_first_and_then_leads_home(world: World) -> None:
    added = await world.client.post(
        "/api/hosts", json={"name": "db-1", "url": "10.0.0.7"}, headers=await world.bearer()
    )
    key = (await added.json())["id"]
    assert "Remove db-1?" in await get(world, f"/host/{key}/remove")
    answer = await world.client.post(
        f"/host/{key}/remove", headers=await world.cookie(), allow_redirects=False
    )
    assert answer.headers["Location"] == "/?notice=host-removed"
    assert list(await world.services.hosts.all()) == []


async def test_check_is_changed_on_the_host_page(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    form = {"enabled": "on", "warning": "50", "critical": "60", "recovery": "", "for_s": "30"}
    path = "/host/a:9100/checks/cpu"
    headers = await world.cookie(Role.EDITOR)
    answer = await world.client.post(path, data=form, headers=headers, allow_redirects=False)
    assert answer.status == 303
    (own,) = await world.services.alerts.overrides()
    assert (own.enabled, own.warning, own.recovery, own.for_s) == (True, 50.0, None, 30.0)
    for wrong, problem in (
        ({"critical": "40"}, "warning must not be above critical"),
        ({"warning": "", "critical": "40"}, "warning 85 is above critical 40"),
        ({"warning": "much"}, "should be a valid number"),
    ):
        refused = await world.client.post(path, data=form | wrong, headers=headers)
        assert refused.status == 400
        assert problem in await refused.text()
    del form["enabled"]
    await world.client.post(path, data=form, headers=headers, allow_redirects=False)
    (own,) = await world.services.alerts.overrides()
    assert own.enabled is False
    await world.client.post(path, data={"action": "reset"}, headers=headers, allow_redirects=False)
    assert list(await world.services.alerts.overrides()) == []


async def test_viewer_sees_checks_but_no_form(world: World) -> None:
    world.statuses.append(target_status("web-1", "a:9100"))
    text = await get(world, "/host/a:9100", role=Role.VIEWER)
    assert "85 %" in text
    assert 'name="warning"' not in text


async def test_open_alert_is_acknowledged_on_its_page(world: World) -> None:
    stored = await world.desk.put(an_alert(summary="No answer for 2 min"))
    text = await get(world, "/alerts")
    assert "No answer for 2 min" in text
    assert f'action="/alerts/{stored.id}/acknowledge"' in text
    answer = await world.client.post(
        f"/alerts/{stored.id}/acknowledge",
        data={"next": "//evil.example"},
        headers=await world.cookie(Role.EDITOR),
        allow_redirects=False,
    )
    assert answer.headers["Location"] == "/"
    assert "the-editor" in await get(world, "/alerts")
    assert "<b>Acknowledged</b> by the-editor" in await get(world, f"/alerts/{stored.id}")


async def test_alert_that_is_held_back_says_why(world: World) -> None:
    stored = await world.desk.put(an_alert())
    world.desk.held[stored.id] = "the host is not up"
    assert "Held back: the host is not up" in await get(world, "/alerts")


async def test_receiver_is_tested_on_the_notifications_page(world: World) -> None:
    assert "Send a test" in await get(world, "/alerts?view=notifications")
    headers = await world.cookie(Role.EDITOR)
    path = "/alerts/receivers/phone/test?view=notifications"
    assert "Accepted." in await (await world.client.post(path, headers=headers)).text()
    assert world.desk.tested == ["phone"]
    world.desk.failure = DeliveryError("answered 500")
    assert "answered 500" in await (await world.client.post(path, headers=headers)).text()


async def test_quiet_alerts_page_says_that_nothing_is_wrong(world: World) -> None:
    assert "Nothing is wrong" in await get(world, "/alerts")


async def test_own_password_is_changed_and_the_browser_stays_logged_in(world: World) -> None:
    await world.user("ann")
    login = {"username": "ann", "password": PASSWORD}
    await world.client.post("/login", data=login, allow_redirects=False)
    form = {
        "current_password": PASSWORD,
        "new_password": "a new long one",
        "repeat_password": "a new long one",
    }
    unlike = await world.client.post("/account/password", data=form | {"repeat_password": "x"})
    assert "is not the same as above" in await unlike.text()
    wrong = await world.client.post("/account/password", data=form | {"current_password": "x"})
    assert "the current password is wrong" in await wrong.text()
    answer = await world.client.post("/account/password", data=form)
    assert "Your password is changed" in await answer.text()


async def test_token_is_shown_once(world: World) -> None:
    headers = await world.cookie()
    form = {"label": "grafana", "lifetime_days": "30"}
    text = await (await world.client.post("/account/tokens", data=form, headers=headers)).text()
    secret = re.search(r'data-copy="([^"]{43})"', text)
    assert secret is not None
    bearer = {"Authorization": f"Bearer {secret[1]}"}
    assert (await world.client.get("/api/session", headers=bearer)).status == 200
    assert secret[1] not in await get(world, "/account")


async def test_admin_manages_users_on_their_page(world: World) -> None:
    headers = await world.cookie()
    form = {"name": "b/ob", "role": "editor", "password": "long enough for us"}
    added = await world.client.post("/users", data=form, headers=headers)
    assert "The user is added" in await added.text()
    taken = await world.client.post("/users", data=form, headers=headers)
    assert (taken.status, "is taken" in await taken.text()) == (409, True)
    path = "/users/b%2Fob"
    root = str(world.client.make_url("/")).rstrip("/")
    for action, data, notice in (
        ("password", {"password": "another long one"}, "The password is reset"),
        ("remove", {}, "The user is removed"),
    ):
        url = URL(f"{root}{path}/{action}", encoded=True)
        answer = await world.client.session.post(url, data=data, headers=headers)
        assert notice in await answer.text()
    assert await world.accounts.user("b/ob") is None


async def test_chosen_theme_is_written_into_the_page(world: World) -> None:
    for cookie, expected in (("dark", 'data-theme="dark"'), ('"><b>', '<html lang="en">')):
        answer = await world.client.get("/login", headers={"Cookie": f"redshank_theme={cookie}"})
        assert expected in await answer.text()


def in_job(job: str, instance: str, health: Health = Health.UP) -> TargetStatus:
    status = target_status(instance=instance, health=health)
    return replace(status, target=replace(status.target, pool=job))


async def test_targets_are_grouped_by_job_and_narrowed_to_one(world: World) -> None:
    world.statuses += [in_job("web", "w:1", Health.DOWN), in_job("db", "d:1"), in_job("web", "w:2")]
    text = await get(world, "/targets")
    assert text.index(">db</a>") < text.index(">web</a>")
    assert "1 of 2 up" in text
    assert "1 of 1 up" in text
    assert "11 s" in text  # until the next scrape
    text = await get(world, "/targets?job=web&health=down")
    assert "w:1/metrics" in text
    assert "w:2/metrics" not in text
    assert "d:1/metrics" not in text
    assert 'href="/targets?health=down"' in text  # the way back to every job


async def test_discovery_shows_labels_around_relabelling_and_reasons(world: World) -> None:
    world.statuses.append(in_job("web", "w:1"))
    world.finds.names = ["web"]
    world.finds.dropped_targets = [
        DroppedTarget("web", Labels.of(__address__="old:1"), "relabel rule 2: drop [env]")
    ]
    world.finds.refused_targets = [
        DroppedTarget("web", Labels.of(__address__="bad:1"), "&quot;ftp&quot; is no scheme")
    ]
    text = await get(world, "/discovery")
    for expected in (
        "__address__=w:1",
        "instance=w:1",
        "__address__=old:1",
        "relabel rule 2: drop [env]",
        "<b>3</b> found",
        "Refused",
    ):
        assert expected in text
    text = await get(world, "/discovery?show=dropped")
    assert "old:1" in text
    assert "w:1" not in text
    assert "No target matches" in await get(world, "/discovery?q=nowhere")


async def test_discovery_of_thousands_shows_the_first_and_says_so(world: World) -> None:
    world.statuses += [in_job("web", f"w{number:04}:1") for number in range(400)]
    text = await get(world, "/discovery")
    assert text.count("Scraped</span>") == 300
    assert "100 more match" in text


async def test_store_shows_what_takes_the_most(world: World) -> None:
    world.statuses += [in_job("web", "w:1"), in_job("web", "w:2", Health.DOWN)]
    world.samples.known = [Labels.of(__name__="x", cpu="0")]
    large, heavy = MetricSize("large_metric", 2000, 10), MetricSize("heavy_metric", 3, 5 * 2**20)
    world.samples.state = StoreStats(
        *(204_800, 400, 3, 5_000, 2**20, 3 * 2**20, 12_345_678, NOW_MS - 86_400_000, NOW_MS),
        windows=(WindowStats("2025-11-20.db", NOW_MS - 10**8, NOW_MS, 10 * 2**20, 20 * 2**20),),
        metrics=(large, heavy),
        heaviest=(heavy, large),
    )
    text = await get(world, "/store")
    for expected in ("204,800", "12.3 M", "0.50", "10.0 MiB", "2025-11-20.db", "of 730d", "cpu=0"):
        assert expected in text
    assert ">34<small>samples" in text  # 507 every 15 s
    most_disk = text.index("take the most disk")
    assert text.index("heavy_metric", most_disk) < text.index("large_metric", most_disk)

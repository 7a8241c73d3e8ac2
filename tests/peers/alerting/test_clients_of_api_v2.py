"""amtool, Prometheus and vmalert use Redshank as their Alertmanager.

amtool's output and exit codes are compared with those that Alertmanager itself gives it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.alerting.switch import Switch, running_switch
from tests.peers.test_alertmanager import running_alertmanager
from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import Server, redshank_server, running, until

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(900)]

ROUTES = """
global: {resolve_timeout: 10m}
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1h
  routes:
  - {receiver: db, matchers: ['team="db"'], continue: true}
  - {receiver: web, matchers: ['team=~"web|db"']}
receivers:
- name: default
- name: db
  webhook_configs: [{url: "http://user:secret@127.0.0.1:9/x"}]
- name: web
  slack_configs: [{api_url: "http://127.0.0.1:9/secret", channel: x}]
inhibit_rules:
- {source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [host]}
"""
# Words that differ between two runs: times, ids of silences, addresses in memory.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"0x[0-9a-f]+")


def bearer(server: Server) -> str:
    """Return the token of the server's administrator."""
    return server.session.headers["Authorization"].removeprefix("Bearer ")


class Amtool:
    """Runs amtool against an Alertmanager."""

    def __init__(self, url: str, directory: Path, token: str = "") -> None:
        self._options = ["--no-version-check", f"--alertmanager.url={url}"]
        self._home = directory
        if token:
            file = directory / "http.json"
            file.write_text(json.dumps({"authorization": {"credentials": token}}))
            self._options.append(f"--http.config.file={file}")
        self.ids: list[str] = []

    async def __call__(self, *arguments: str, given: str = "") -> tuple[int, str]:
        """Return the exit code and the output of a command."""
        process = await asyncio.create_subprocess_exec(
            program("amtool"),
            *self._options,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(self._home)},
        )
        output, _ = await process.communicate(given.encode())
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def shown(self, *arguments: str, given: str = "") -> tuple[int, Any]:
        """Return exit code and output without what differs between two runs.

        `@0` in an argument is the first silence that a command has named.
        """
        known = [re.sub(r"@(\d+)", lambda at: self.ids[int(at[1])], each) for each in arguments]
        code, text = await self(*known, given=given)
        for found in _ID.findall(text):
            if found not in self.ids:
                self.ids.append(found)
        text = _ID.sub(lambda found: f"@{self.ids.index(found[0])}", text)
        text = _ADDRESS.sub("0x", _TIME.sub("TIME", text))
        lines = [line.rstrip() for line in text.splitlines() if "level=WARN" not in line]
        if "--output=json" in arguments:
            return code, sorted(json.loads(text), key=lambda each: json.dumps(each["labels"]))
        return code, lines


ALERTS = (
    ("alert", "add", "Down", "run=1", "team=db", "host=h1", "severity=critical",
     "--annotation=summary=it is down", "--generator-url=http://prometheus/graph"),
    ("alert", "add", "Slow", "run=1", "team=web", "host=h1", "severity=warning",
     "--start=2026-01-01T00:00:00Z", "--end=2126-01-01T00:00:00Z"),
    ("alert", "add", "run=1", "a=b"),
    ("alert", "add", "Ended", "run=1", "--end=2026-01-01T00:00:00Z"),
    ("alert", "add", "Named", "run=1", "0 of.a-name=3", 'quoted="a\\"b é"'),
    ("alert", "query", "run=1"),
    ("alert", "query", "run=1", "--inhibited", "--silenced", "--active", "--unprocessed"),
    ("alert", "query", "run=1", "--inhibited"),
    ("alert", "query", "run=1", "--output=extended"),
    ("alert", "query", "run=1", "--output=json"),
    ("alert", "query", "Down"),
    ("alert", "query", "run=1", "--receiver=d.*"),
    ("alert", "query", "run=1", "--receiver=d.*b", "team!=web"),
    ("alert", "query", "run=1", 'alertname=~"D.*|S.*"', "-i", "-a"),
)  # fmt: skip
SILENCES = (
    ("silence", "add", "Down", "run=1", "--comment=why", "--author=me"),
    ("silence", "add", 'team=~"w.*"', "host=h1", "--comment=why two", "--author=you",
     "--annotation=ticket=T-1", "--duration=2h"),
    ("silence", "add", "Down"),
    ("silence", "add", "--comment=x"),
    ("silence", "add", "Down", "--comment=x", "--author=me", "--end=2020-01-01T00:00:00Z"),
    ("silence", "add", "Later", "--comment=x", "--author=me", "--start=2126-01-01T00:00:00Z",
     "--end=2126-01-02T00:00:00Z"),
    ("silence", "query"),
    ("silence", "query", "--quiet"),
    ("silence", "query", "--output=extended"),
    ("silence", "query", "Down"),
    ("silence", "query", "--created-by=me", "--quiet"),
    ("silence", "query", "--within=90m"),
    ("silence", "query", "--id=@1"),
    ("alert", "query", "run=1"),
    ("alert", "query", "run=1", "--silenced"),
    ("alert", "query", "Down", "--silenced", "--output=json"),
    ("silence", "update", "@0", "--duration=3h", "--comment=longer"),
    ("silence", "update"),
    ("silence", "update", "@1", "--start=2126-01-01T00:00:00Z", "--end=2020-01-01T00:00:00Z"),
    ("silence", "query", "--created-by=me"),
    ("silence", "expire", "@0"),
    ("silence", "expire", "@0"),
    ("silence", "expire"),
    ("silence", "expire", "11111111-2222-4333-8444-555555555555"),
    ("silence", "query", "--quiet"),
    ("silence", "query", "--expired"),
    ("silence", "query", "--expired", "--within=1h", "--quiet"),
    ("alert", "query", "Down"),
)  # fmt: skip
ROUTING = (
    ("config", "routes", "show"),
    ("config", "routes", "test", "team=db"),
    ("config", "routes", "test", "team=db", "--tree"),
    ("config", "routes", "test", "team=db", "--verify.receivers=db,web"),
    ("config", "routes", "test", "team=x", "--verify.receivers=db,web"),
    ("cluster", "show"),
)


def import_of(**more: Any) -> str:
    """Return silences as `silence import` reads them."""
    matchers = [{"name": "a", "value": "b", "isRegex": False, "isEqual": True}]
    silence = {
        "comment": "imported",
        "createdBy": "them",
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2126-01-01T00:00:00Z",
        "matchers": matchers,
    }
    return json.dumps([silence | more])


@asynccontextmanager
async def both(directory: Path) -> AsyncIterator[tuple[Amtool, Amtool, Server]]:
    """Run Alertmanager and Redshank with one alertmanager.yml; yield an amtool for each."""
    for name in ("theirs", "ours"):
        (directory / name).mkdir()
    (directory / "alertmanager.yml").write_text(ROUTES)
    settings = {"alerting": {"alertmanager_file": "alertmanager.yml", "start_delay": "1d"}}
    async with (
        running_alertmanager(directory / "theirs", ROUTES) as theirs,
        redshank_server(directory / "data", settings) as server,
    ):
        ours = Amtool(server.url, directory / "ours", bearer(server))
        yield Amtool(theirs, directory / "theirs"), ours, server


async def test_amtool_prints_what_it_prints_for_alertmanager(tmp_path: Path) -> None:
    skip_before_version("amtool", (0, 33, 0))
    async with both(tmp_path) as (theirs, ours, server):
        for command in (*ALERTS, *SILENCES, *ROUTING):
            expected = await theirs.shown(*command)
            assert (command, await ours.shown(*command)) == (command, expected)
        # An import says what is wrong, in the words of whoever refuses it.
        accepted: tuple[dict[str, Any], ...]
        accepted = ({}, {"annotations": {"ticket": "T-2"}}, {"createdBy": ""})
        for more in accepted:
            expected = await theirs.shown("silence", "import", given=import_of(**more))
            assert await ours.shown("silence", "import", given=import_of(**more)) == expected
        pattern = [{"name": "a", "value": "(", "isRegex": True}]
        refused: tuple[tuple[dict[str, Any], str], ...] = (
            ({"matchers": [{"name": "a", "value": "", "isRegex": False}]}, "matchers: "),
            ({"matchers": pattern}, "matchers.0.value: "),
            ({"endsAt": "2020-01-01T00:00:00Z"}, "endsAt: "),
        )
        for more, reason in refused:
            given = import_of(**more)
            assert (await theirs("silence", "import", given=given))[0] == 1
            code, output = await ours("silence", "import", given=given)
            assert code == 1
            assert reason in output
        code, output = await ours("alert", "query", "--receiver=(")
        assert code == 1
        assert 'getAlertsBadRequest "receiver: ' in output
        await _export_and_import(ours)
        code, output = await ours("config", "show")
        assert code == 0
        assert "receiver: " in output
        assert "secret" not in output
        kept = await server.get("/api/v2/silences")
        assert {"ticket": "T-1"} in [each.get("annotations") for each in kept]


async def _export_and_import(amtool: Amtool) -> None:
    """Check that all silences that amtool exports can be imported after they have expired."""
    before = json.loads((await amtool("silence", "query", "--output=json"))[1])
    assert len(before) >= 3
    assert (await amtool("silence", "expire", *(each["id"] for each in before)))[0] == 0
    assert (await amtool("silence", "query", "--quiet"))[1] == ""
    code, output = await amtool("silence", "import", given=json.dumps(before))
    assert (code, len(_ID.findall(output))) == (0, len(before))
    after = json.loads((await amtool("silence", "query", "--output=json"))[1])
    for key in ("matchers", "comment", "createdBy", "endsAt", "annotations"):
        assert sorted(json.dumps(each.get(key)) for each in after) == sorted(
            json.dumps(each.get(key)) for each in before
        )


RULES = """
groups:
- name: of a peer
  interval: 1s
  rules:
  - alert: Switched
    expr: switch{job="switch", name="s 1"} > 0
    labels: {severity: page, team: "db{{ $value }}"}
    annotations: {summary: "{{ $labels.name }} is at {{ $value }}"}
"""


@asynccontextmanager
async def alerted_server(directory: Path) -> AsyncIterator[tuple[Server, Switch]]:
    """Run a server that scrapes a switch and sends the alerts of peers to a webhook."""
    async with running_switch() as switch:
        await asyncio.to_thread(write_files, directory, switch.address)
        settings = {
            "scrape": {"config_file": str(directory / "scrape.yml")},
            "alerting": {"alertmanager_file": "alertmanager.yml"},
        }
        async with redshank_server(directory / "data", settings) as server:
            yield server, switch


def write_files(directory: Path, target: str) -> None:
    """Write the routes of the server, its scrape configuration, and the rules of the peer."""
    routes = {
        "route": {
            "receiver": "nobody",
            "routes": [
                {
                    "receiver": "hook",
                    "matchers": ['region=~".+"'],
                    "group_by": ["region"],
                    "group_wait": "0s",
                    "group_interval": "1s",
                }
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {"name": "hook", "webhook_configs": [{"url": f"http://{target}/webhook"}]},
        ],
    }
    scrape = {
        "scrape_configs": [
            {
                "job_name": "switch",
                "scrape_interval": "1s",
                "static_configs": [{"targets": [target]}],
            }
        ]
    }
    (directory / "alertmanager.yml").write_text(json.dumps(routes))
    (directory / "scrape.yml").write_text(json.dumps(scrape))
    (directory / "rules.yml").write_text(RULES)


async def check_delivered(server: Server, switch: Switch, region: str) -> None:
    """Check that the alert of a sender is listed, delivered, and resolved when it ends."""

    async def listed() -> list[dict[str, Any]]:
        found = await server.get("/api/v2/alerts", filter=f'region="{region}"')
        assert isinstance(found, list)
        return found

    (alert,) = await until(listed, f"the alert of {region}")
    labels = alert["labels"]
    assert (labels["alertname"], labels["team"]) == ("Switched", "db1")
    assert (labels["severity"], labels["name"], labels["job"]) == ("page", "s 1", "switch")
    assert alert["annotations"] == {"summary": "s 1 is at 1"}
    assert [each["name"] for each in alert["receivers"]] == ["hook"]
    assert alert["generatorURL"]

    async def delivered() -> bool:
        return bool(switch.statuses(region))

    await until(delivered, "the notification")
    switch.value = 0

    async def ended() -> bool:
        return len(switch.statuses(region)) > 1

    await until(ended, "the notification of the end")
    texts = {"summary": "s 1 is at 1"}
    assert switch.statuses(region) == [("firing", texts), ("resolved", texts)]

    async def gone() -> bool:
        return not await listed()

    await until(gone, "the end of the alert")


async def test_alerts_of_prometheus_are_listed_delivered_and_resolved(tmp_path: Path) -> None:
    skip_before_version("prometheus", (3, 5, 0))
    async with alerted_server(tmp_path) as (server, switch):
        document = json.loads(await asyncio.to_thread((tmp_path / "scrape.yml").read_text))
        document |= {
            "global": {"evaluation_interval": "1s", "external_labels": {"region": "prometheus"}},
            "rule_files": ["rules.yml"],
            "alerting": {
                "alertmanagers": [
                    {
                        "static_configs": [{"targets": [server.url.removeprefix("http://")]}],
                        "authorization": {"credentials": bearer(server)},
                        "timeout": "30s",
                    }
                ]
            },
        }
        file = tmp_path / "prometheus.yml"
        await asyncio.to_thread(file.write_text, json.dumps(document))
        async with running(
            program("prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{free_port()}",
        ):
            await check_delivered(server, switch, "prometheus")


async def test_alerts_of_vmalert_are_listed_delivered_and_resolved(tmp_path: Path) -> None:
    async with alerted_server(tmp_path) as (server, switch):
        token = tmp_path / "token"
        await asyncio.to_thread(token.write_text, bearer(server))
        # Redshank holds the samples too: vmalert asks it, and sends it what fires.
        async with running(
            program("vmalert"),
            f"-rule={tmp_path / 'rules.yml'}",
            f"-datasource.url={server.url}",
            f"-datasource.bearerTokenFile={token}",
            f"-notifier.url={server.url}",
            f"-notifier.bearerTokenFile={token}",
            "-notifier.sendTimeout=30s",
            "-external.label=region=vmalert",
            "-evaluationInterval=1s",
            f"-httpListenAddr=127.0.0.1:{free_port()}",
        ):
            await check_delivered(server, switch, "vmalert")

"""Alertmanager and the router send the same notifications for 200 generated trees.

Alertmanager runs in real time with one file that holds all trees; the dispatcher gets the same
alerts and silences in simulated time. Reports come at the start of a round, and groups are due
whole ticks later, so that no notification races with a report. What a run measured on a machine
that stalled for most of a tick is thrown away, and repeated with longer ticks.
"""

import asyncio
import datetime as dt
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from alerting.notifications.acknowledge_links import AcknowledgeLinks
from alerting.notifications.router import AlertRouter
from alerting.receivers.group_body import group_body
from alerting.routing.alerts import RoutedAlert
from alerting.routing.files.loader import parse_routing
from alerting.routing.groups import AlertGroup
from alerting.routing.silences import Silence
from alerting.settings import AlertingSettings
from model.labels import Labels
from model.matchers import Matcher, matches_all
from tests.peers.alerting.routing_trees import (
    ROUND_TICKS,
    ROUNDS,
    Report,
    SilenceOrder,
    TreeGenerator,
)
from tests.peers.test_alertmanager import running_alertmanager
from tests.programs import skip_before_version

pytestmark = [pytest.mark.peer, pytest.mark.slow]

TREES, SEED = 200, 20261129
TICKS_S = (5, 15, 30)

Key = tuple[str, str]
"""The webhook's path, and the group's key."""
Sent = dict[Key, list[tuple[int, dict[str, Any]]]]
"""By key: the tick and the body of each notification."""


class StalledError(Exception):
    """The machine stood still for so long that times mean nothing."""


@dataclass
class Course:
    """One run: when it starts, and what is reported in it."""

    tick_s: int
    start_s: int
    text: str
    rounds: list[list[Report]]
    silences: list[SilenceOrder]

    def round_s(self, number: int) -> int:
        """Return when a round starts; the last one is the end."""
        return self.start_s + number * ROUND_TICKS * self.tick_s


@dataclass
class Hooks:
    """The webhooks of all receivers: what they got, and when."""

    url: str = ""
    bodies: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Keep a body."""
        self.bodies.append((time.time(), request.path, await request.json()))
        return web.Response()

    def sent(self, course: Course) -> Sent:
        """Return what arrived, by webhook and group.

        Raises:
            StalledError: a body came so late that its tick is not certain.
        """
        sent: Sent = defaultdict(list)
        for at_s, path, body in self.bodies:
            tick, late = divmod((at_s - course.start_s) / course.tick_s, 1)
            if late > 0.8:
                raise StalledError
            sent[path, body["groupKey"]].append((int(tick), shown(body)))
        return sent


@asynccontextmanager
async def running_hooks() -> AsyncIterator[Hooks]:
    hooks = Hooks()
    application = web.Application()
    application.router.add_post("/{name}/{number}", hooks.take)
    server = TestServer(application)
    await server.start_server()
    hooks.url = str(server.make_url("")).rstrip("/")
    yield hooks
    await server.close()


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """Return what of a body must be equal: all but links, and the moment of a time-out."""
    alerts = [
        {key: value for key, value in alert.items() if key not in ("endsAt", "generatorURL")}
        for alert in body["alerts"]
    ]
    return {**body, "alerts": alerts, "externalURL": ""}


def rfc3339(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).isoformat()


class Simulation:
    """Our router in simulated time."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._now_ms = course.start_s * 1000
        self._router = AlertRouter(
            parse_routing(course.text, Path("a.yml")),
            cast("Any", None),
            lambda: self._now_ms,
            lambda names: None,
            has_tree=True,
            external_url="",
            links=AcknowledgeLinks(AlertingSettings(), cast("Any", None), None, lambda: 0),
        )
        self.sent: Sent = defaultdict(list)
        self.kept: dict[Key, int] = {}
        """Since which tick a difference that we keep makes a group's notifications differ."""

    def run(self) -> None:
        """Run all rounds."""
        for number in range(ROUNDS):
            self._now_ms = self._course.round_s(number) * 1000
            self._silence(number)
            self._router.report([self._alert(each) for each in self._course.rounds[number]])
            self._until(self._course.round_s(number + 1) * 1000)

    def _silence(self, number: int) -> None:
        silences = self._router.dispatcher.silences
        for index, order in enumerate(self._course.silences):
            if order.first_round <= number < order.last_round:
                matchers = tuple(Matcher.of(*each) for each in order.matchers)
                at_ms = self._now_ms
                silences.put(Silence(f"{index}", matchers, at_ms, at_ms + 10**9, at_ms, "", ""))
            else:
                silences.forget(f"{index}")

    def _alert(self, report: Report) -> RoutedAlert:
        ends_ms = None if report.ends_s is None else report.ends_s * 1000
        labels = Labels.of(report.labels)
        return RoutedAlert(labels, Labels(), report.starts_s * 1000, ends_ms, self._now_ms)

    def _until(self, end_ms: int) -> None:
        dispatcher = self._router.dispatcher
        while (next_ms := dispatcher.next_ms()) is not None and next_ms < end_ms:
            self._now_ms = next_ms
            tick = (next_ms // 1000 - self._course.start_s) // self._course.tick_s
            for group in dispatcher.groups:
                if group.next_ms == next_ms:
                    self._note_kept(group, tick)
            for due in list(dispatcher.due(next_ms)):
                dispatcher.commit(due)
                if due.alerts:
                    own = due.integration.section
                    body = json.loads(group_body(due, "", own.max_alerts).to_json())
                    path = own.url[own.url.index("/", len("http://")) :]
                    self.sent[path, due.group_key].append((tick, shown(body)))

    def _note_kept(self, group: AlertGroup, tick: int) -> None:
        """Note where we differ on purpose: see docs/alerting.md, "Routing"."""
        dispatcher = self._router.dispatcher
        shadowed = any(map(self._is_shadowed, group.alerts.values()))
        for number, each in enumerate(dispatcher.configuration.integrations[group.route.receiver]):
            entry = dispatcher.log.get(group.key, each.name)
            ends_muted = entry is not None and any(
                alert.fingerprint in entry.firing
                and alert.is_resolved(self._now_ms)
                and dispatcher.muting(alert, group.route, self._now_ms) is not None
                for alert in group.alerts.values()
            )
            if shadowed or ends_muted:
                self.kept.setdefault((f"/{each.receiver}/{number}", group.key), tick)

    def _is_shadowed(self, target: RoutedAlert) -> bool:
        """Return whether Alertmanager may overlook a source that inhibits an alert.

        It knows one source for each set of equal labels, and ignores it if source and target
        match both sides of the rule; another source is not looked for.
        """
        for rule in self._router.dispatcher.configuration.inhibit_rules:
            if not matches_all((*rule.sources, *rule.targets), target.labels):
                continue
            sources = {
                matches_all(rule.targets, alert.labels)
                for alert in self._router.dispatcher.alerts
                if rule.key(alert.labels) == rule.key(target.labels)
                and matches_all(rule.sources, alert.labels)
            }
            if len(sources) == 2:
                return True
        return False


async def drive(course: Course, peer: str) -> None:
    """Send the reports of all rounds to Alertmanager when their time comes."""
    ids: dict[int, str] = {}
    async with aiohttp.ClientSession(f"{peer}/api/v2/", raise_for_status=True) as session:

        async def post(path: str, document: Any) -> Any:
            async with session.post(path, json=document) as answer:
                return json.loads(await answer.read() or b"null")

        async def silence(index: int, order: SilenceOrder, number: int) -> None:
            if order.first_round == number:
                ids[index] = (await post("silences", silence_document(order)))["silenceID"]
            elif order.last_round == number:
                await session.delete(f"silence/{ids[index]}")

        for number, reports in enumerate(course.rounds):
            await asyncio.sleep(course.round_s(number) - time.time())
            await post("alerts", [posted(each) for each in reports])
            await asyncio.gather(
                *(silence(index, order, number) for index, order in enumerate(course.silences))
            )
            if time.time() > course.round_s(number) + course.tick_s / 3:
                raise StalledError
        await asyncio.sleep(course.round_s(ROUNDS) - time.time())


def posted(report: Report) -> dict[str, Any]:
    """Return a report as API v2 takes it."""
    document: dict[str, Any] = {"labels": report.labels, "startsAt": rfc3339(report.starts_s)}
    return document if report.ends_s is None else document | {"endsAt": rfc3339(report.ends_s)}


def silence_document(order: SilenceOrder) -> dict[str, Any]:
    """Return a silence as API v2 takes it."""
    matchers = [
        {"name": name, "value": value, "isRegex": "~" in how, "isEqual": "!" not in how}
        for name, how, value in order.matchers
    ]
    now_s = time.time()
    document = {"matchers": matchers, "createdBy": "test", "comment": "test"}
    return document | {"startsAt": rfc3339(now_s), "endsAt": rfc3339(now_s + 10**6)}


async def measured(directory: Path, tick_s: int) -> tuple[Sent, Simulation]:
    """Run Alertmanager and the simulation once.

    Raises:
        StalledError: the machine was too slow for the length of a tick.
    """
    generator = TreeGenerator(SEED, TREES, tick_s)
    # The minute begins with the third round.
    before_s = 2 * ROUND_TICKS * tick_s
    async with running_hooks() as hooks:
        boundary_s = (int(time.time() + before_s + 15) // 60 + 1) * 60
        text = json.dumps(generator.document(hooks.url, boundary_s))
        start_s = boundary_s - before_s
        rounds, silences = generator.rounds(start_s), generator.silences()
        course = Course(tick_s, start_s, text, rounds, silences)
        async with running_alertmanager(directory, text) as peer:
            if time.time() > start_s:
                raise StalledError
            await drive(course, peer)
        theirs = hooks.sent(course)
    simulation = Simulation(course)
    simulation.run()
    return theirs, simulation


def differences(theirs: Sent, simulation: Simulation) -> dict[Key, Any]:
    """Return both sequences of each group that differs, up to a difference that we keep."""
    ours = simulation.sent
    found = {}
    for key in theirs.keys() | ours.keys():
        end = simulation.kept.get(key, 10**9)
        pair = [[each for each in sent.get(key, ()) if each[0] < end] for sent in (ours, theirs)]
        if pair[0] != pair[1]:
            found[key] = pair
    return found


def total(sent: Sent) -> int:
    return sum(map(len, sent.values()))


def reasons(sent: Sent) -> Sequence[str]:
    return sorted({body["notification_reason"] for each in sent.values() for _, body in each})


@pytest.mark.timeout(2400)
async def test_groups_are_those_of_alertmanager(tmp_path: Path) -> None:
    skip_before_version("prometheus-alertmanager", (0, 33, 0))
    for tick_s in TICKS_S:
        (directory := tmp_path / str(tick_s)).mkdir()
        try:
            theirs, simulation = await measured(directory, tick_s)
        except StalledError:
            continue
        assert differences(theirs, simulation) == {}
        assert total(theirs) > 1000
        # The comparison must not skip much.
        assert len(simulation.kept) < len(theirs) / 10
        assert len(reasons(theirs)) == 5
        return
    pytest.fail("the machine stalled in every run; run the test on an idle one")

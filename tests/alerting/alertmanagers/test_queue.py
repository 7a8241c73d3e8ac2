"""The queue of one Alertmanager loses nothing that still matters, and stays bounded."""

import asyncio
import json
from collections.abc import Iterable

import pytest

from alerting.alertmanagers.outgoing import OutgoingAlert
from alerting.alertmanagers.queue import CAPACITY, AlertmanagerEndpoint, AlertmanagerQueue
from alerting.errors import DeliveryError
from model.labels import Labels
from tests.alerting.alertmanagers.sent_alerts import T0


def outgoing(host: str, ends_ms: int = T0) -> OutgoingAlert:
    return OutgoingAlert(Labels.of(host=host), Labels(), T0, ends_ms, "")


class Peer:
    """An Alertmanager that fails as often as it is ordered to."""

    def __init__(self, failures: Iterable[DeliveryError] = ()) -> None:
        self.failures = list(failures)
        self.bodies: list[list[tuple[str, str]]] = []
        self.sleeps: list[float] = []
        self.queue = AlertmanagerQueue(
            AlertmanagerEndpoint("http://am", lambda labels: labels, self.post),
            lambda: T0,
            self.sleep,
        )

    async def post(self, body: bytes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.bodies.append([(a["labels"]["host"], a["endsAt"]) for a in json.loads(body)])

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    async def drained(self) -> None:
        """Run the queue until it is empty."""
        task = asyncio.create_task(self.queue.run())
        # Nothing in the queue waits for the world outside: each turn of the loop moves it on.
        for _ in range(1000):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    @property
    def hosts(self) -> list[list[str]]:
        return [[host for host, _ in body] for body in self.bodies]


async def test_alerts_are_sent_in_order_in_batches() -> None:
    peer = Peer()
    peer.queue.put(outgoing(f"{number}") for number in range(600))
    await peer.drained()
    assert [len(body) for body in peer.bodies] == [256, 256, 88]
    assert [host for body in peer.hosts for host in body] == [f"{n}" for n in range(600)]
    assert peer.queue.statistics.sent == 600


async def test_newer_report_replaces_a_waiting_one() -> None:
    peer = Peer()
    peer.queue.put([outgoing("a"), outgoing("b")])
    peer.queue.put([outgoing("a", T0 + 1000)])
    await peer.drained()
    assert peer.bodies == [
        [("b", "2023-11-14T22:13:20Z"), ("a", "2023-11-14T22:13:21Z")],
    ]


async def test_failed_alerts_are_sent_again_after_growing_waits() -> None:
    peer = Peer([DeliveryError("answered 500")] * 7)
    peer.queue.put([outgoing("a"), outgoing("b")])
    await peer.drained()
    assert peer.hosts == [["a", "b"]]
    longest = (1, 2, 4, 8, 16, 30, 30)
    assert all(most / 2 <= wait <= most for wait, most in zip(peer.sleeps, longest, strict=True))
    statistics = peer.queue.statistics
    assert (statistics.sent, statistics.errors, statistics.dropped) == (2, 14, 0)


async def test_refused_alerts_are_dropped() -> None:
    peer = Peer([DeliveryError("answered 400", retryable=False)])
    peer.queue.put([outgoing("a")])
    await peer.drained()
    peer.queue.put([outgoing("b")])
    await peer.drained()
    assert peer.hosts == [["b"]]
    assert peer.queue.statistics.dropped == 1


async def test_oldest_alerts_are_dropped_beyond_the_capacity() -> None:
    peer = Peer()
    peer.queue.put(outgoing(f"{number}") for number in range(CAPACITY + 5))
    assert len(peer.queue) == CAPACITY
    await peer.drained()
    assert peer.hosts[0][0] == "5"
    assert peer.queue.statistics.dropped == 5


@pytest.mark.parametrize("newer", [True, False])
async def test_report_that_arrives_during_a_failing_request_is_kept(newer: bool) -> None:
    peer = Peer()
    original = peer.post

    async def failing(body: bytes) -> None:
        peer.queue.endpoint = AlertmanagerEndpoint("http://am", lambda labels: labels, original)
        peer.queue.put([outgoing("a" if newer else "b", T0 + 1000)])
        raise DeliveryError("answered 503")

    peer.queue.endpoint = AlertmanagerEndpoint("http://am", lambda labels: labels, failing)
    peer.queue.put([outgoing("a")])
    await peer.drained()
    late = "2023-11-14T22:13:21Z"
    early = "2023-11-14T22:13:20Z"
    assert peer.bodies == [[("a", late)] if newer else [("a", early), ("b", late)]]

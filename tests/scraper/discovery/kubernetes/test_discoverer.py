import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scraper.discovery.engine import backoff
from scraper.discovery.engine.feed import Feed, MechanismStatistics
from scraper.discovery.groups import TargetGroup
from scraper.discovery.kubernetes.client import ObjectSelector
from scraper.discovery.kubernetes.cluster import ApiServer, Cluster, ClusterSource, InCluster
from scraper.discovery.kubernetes.discoverer import KubernetesDiscoverer
from scraper.fetching.http_access import Authorization, HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.secrets import Secret
from tests.patience import PATIENCE_S
from tests.scraper.discovery.kubernetes import sample_objects as sample
from tests.scraper.discovery.kubernetes.fake_cluster import FakeCluster, metadata


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff.Backoff, "next_s", lambda _: 0.01)


@dataclass(frozen=True)
class OwnCluster:
    """A cluster in which this process runs in the namespace `mine`."""

    url: str

    def find(self) -> Cluster:
        return Cluster(self.url, HttpAccess(), "mine")


class Found:
    """The addresses that a discoverer has published last."""

    def __init__(self) -> None:
        self.groups: list[TargetGroup] = []
        self.statistics = MechanismStatistics()
        self.publications = 0
        self._changed = asyncio.Event()

    def publish(self, groups: Sequence[TargetGroup]) -> None:
        self.groups = list(groups)
        self.publications += 1
        self._changed.set()

    @property
    def addresses(self) -> list[str]:
        return sorted(address for group in self.groups for address in group.addresses)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_addresses(self, *addresses: str) -> None:
        await self.until(lambda: self.addresses == sorted(addresses))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of the fake cluster, which has no event for it."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def discovering(discoverer: KubernetesDiscoverer) -> AsyncIterator[Found]:
    found, session = Found(), HttpSession()
    await session.open()
    feed = Feed("kubernetes", found.publish, found.statistics)
    task = asyncio.ensure_future(discoverer.run(session, feed))
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await session.close()


def pods(source: str | ClusterSource, **options: object) -> KubernetesDiscoverer:
    source = ApiServer(source, HttpAccess()) if isinstance(source, str) else source
    options = {"role": "pod", "publish_s": 0.01} | options
    return KubernetesDiscoverer(source, **options)  # type: ignore[arg-type]


async def test_events_of_a_watch_change_the_targets() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80")
        cluster.put("pods", sample.bare_pod("b", "10.0.0.2"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")
        cluster.put("pods", sample.bare_pod("a", "10.0.0.3"))
        await found.until_addresses("10.0.0.2:80", "10.0.0.3:80")
        cluster.delete("pods", "default/b")
        await found.until_addresses("10.0.0.3:80")
    listed = [parameters for _, parameters in cluster.requests if "watch" not in parameters]
    assert len(listed) == 1


async def test_long_lists_are_read_in_pages() -> None:
    cluster = FakeCluster(page_objects=3)
    cluster.put("pods", *(sample.bare_pod(f"p{n}", f"10.0.0.{n}") for n in range(10)))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses(*(f"10.0.0.{n}:80" for n in range(10)))
    assert sum("watch" not in parameters for _, parameters in cluster.requests) == 4


async def test_a_new_watch_begins_at_the_version_of_the_last_bookmark() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80")
        cluster.bookmark("pods")
        cluster.put("pods", sample.bare_pod("b", "10.0.0.2"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")
        cluster.bookmark("pods")
        # The bookmark is sent at once, and the end of the watch follows it.
        await asyncio.sleep(0.05)
        cluster.disconnect()
        await until(lambda: len(cluster.requests) == 3)
    versions = [parameters.get("resourceVersion") for _, parameters in cluster.requests]
    assert versions == [None, "101", "104"]
    assert cluster.requests[2][1]["allowWatchBookmarks"] == "true"


@pytest.mark.parametrize("by_event", [True, False])
async def test_an_expired_version_is_listed_again_and_lost_objects_vanish(by_event: bool) -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"), sample.bare_pod("b", "10.0.0.2"))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")
        cluster.forget("pods", "default/a")
        cluster.expire()
        if not by_event:
            cluster.disconnect()
        await found.until_addresses("10.0.0.2:80")
        cluster.put("pods", sample.bare_pod("c", "10.0.0.3"))
        await found.until_addresses("10.0.0.2:80", "10.0.0.3:80")


async def test_targets_stay_while_the_server_fails() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80")
        cluster.failing = True
        cluster.disconnect()
        await until(lambda: found.statistics.failures >= 2)
        assert found.addresses == ["10.0.0.1:80"]
        cluster.failing = False
        cluster.put("pods", sample.bare_pod("b", "10.0.0.2"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")


async def test_a_rotated_token_is_read_again(tmp_path: Path) -> None:
    cluster = FakeCluster(tokens={"old"})
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    token = tmp_path / "token"
    await asyncio.to_thread(token.write_text, "old")
    access = HttpAccess(Authorization("Bearer", Secret(file=token)))
    async with cluster.serving() as url, discovering(pods(ApiServer(url, access))) as found:
        await found.until_addresses("10.0.0.1:80")
        await until(lambda: len(cluster.requests) == 2)
        cluster.tokens = {"new"}
        cluster.put("pods", sample.bare_pod("b", "10.0.0.2"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")
        cluster.disconnect()
        await until(lambda: found.statistics.failures > 0)
        await asyncio.to_thread(token.write_text, "new")
        cluster.put("pods", sample.bare_pod("c", "10.0.0.3"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")


@pytest.mark.parametrize(
    "garbage",
    [
        b"{",
        b"[]",
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": 5}',
        b'{"type": "ADDED", "object": {"metadata": {}}}',
        b'{"type": "ADDED", "object": {"metadata": {"name": "x", "labels": 5}}}',
        b'{"type": "ERROR", "object": {"code": 500, "message": "no"}}',
        b"\xff\xfe",
    ],
)
async def test_garbage_in_a_watch_is_counted_and_targets_stay(garbage: bytes) -> None:
    cluster = FakeCluster(garbage=[garbage])
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80")
        await until(lambda: found.statistics.failures > 0)
        cluster.garbage = []
        cluster.put("pods", sample.bare_pod("b", "10.0.0.2"))
        await found.until_addresses("10.0.0.1:80", "10.0.0.2:80")


async def test_a_malformed_object_of_a_list_is_left_out() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    cluster.put("pods", {"metadata": metadata("bad"), "spec": 5})
    async with cluster.serving() as url, discovering(pods(url)) as found:
        await found.until_addresses("10.0.0.1:80")
        assert found.statistics.failures == 1


async def test_endpoints_follow_their_services_pods_and_nodes() -> None:
    cluster = sample.filled()
    async with (
        cluster.serving() as url,
        discovering(pods(url, role="endpoints", attach_node=True)) as found,
    ):
        prefix = "__meta_kubernetes_"

        def value(name: str) -> str:
            return next(
                group.labels.get(prefix + name)
                for group in found.groups
                if group.addresses == ("10.0.0.1:8080",)
            )

        await found.until(lambda: bool(found.groups) and value("service_label_s") == "1")
        service = sample.service()
        service["metadata"]["labels"] = {"s": "2"}
        cluster.put("services", service)
        await found.until(lambda: value("service_label_s") == "2")
        pod = sample.pod()
        pod["status"]["phase"] = "Failed"
        cluster.put("pods", pod)
        await found.until(lambda: value("pod_phase") == "Failed")
        node = sample.node()
        node["metadata"]["labels"] = {"zone": "b"}
        cluster.put("nodes", node)
        await found.until(lambda: value("node_label_zone") == "b")
        cluster.delete("pods", "default/web-0")
        await found.until(lambda: value("pod_phase") == "")
        publications = found.publications
        cluster.put("pods", sample.bare_pod("stranger", "10.5.5.5"))
        cluster.delete("endpoints", "default/web")
        await found.until_addresses()
        assert found.publications == publications + 1


async def test_namespaces_and_selectors_restrict_the_objects() -> None:
    cluster = FakeCluster()
    for namespace in ("a", "b", "c"):
        cluster.put("pods", sample.pod(namespace, namespace, f"10.0.0.{ord(namespace)}"))
    other = sample.bare_pod("other", "10.0.0.9")
    other["metadata"]["namespace"] = "a"
    cluster.put("pods", other)
    selector = ObjectSelector("app.kubernetes.io/name=web", "status.phase=Running")
    async with cluster.serving() as url:
        discoverer = pods(url, namespaces=("a", "b"), selectors=(("pod", selector),))
        async with discovering(discoverer) as found:
            await found.until(lambda: len(found.groups) == 8)
            hosts = {address.split(":")[0] for address in found.addresses}
            assert hosts == {"10.0.0.97", "10.0.0.98"}
            cluster.forget("pods", "a/a")
            cluster.expire()
            await found.until(lambda: len(found.groups) == 4)
    assert {path for path, _ in cluster.requests} == {
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/b/pods",
    }
    assert all(
        parameters["labelSelector"] == "app.kubernetes.io/name=web"
        and parameters["fieldSelector"] == "status.phase=Running"
        for _, parameters in cluster.requests
    )


async def test_many_events_are_published_together() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.bare_pod("a", "10.0.0.1"))
    async with cluster.serving() as url, discovering(pods(url, publish_s=0.5)) as found:
        await found.until_addresses("10.0.0.1:80")
        for n in range(200):
            cluster.put("pods", sample.bare_pod(f"p{n}", f"10.0.1.{n}"))
            if n % 20 == 0:
                await asyncio.sleep(0)
        await found.until(lambda: len(found.groups) == 201)
    assert found.publications <= 3


def test_in_cluster_access_is_the_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "namespace").write_text("mine\n")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    cluster = InCluster(tmp_path).find()
    assert (cluster.server, cluster.namespace) == ("https://[fd00::1]:6443", "mine")
    assert cluster.access.auth == Authorization("Bearer", Secret(file=tmp_path / "token"))
    assert cluster.access.tls is not None
    assert cluster.access.tls.ca.file == tmp_path / "ca.crt"


async def test_outside_of_a_cluster_the_failure_says_what_to_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.startswith("KUBERNETES_")]:
        monkeypatch.delenv(name)
    async with discovering(pods(InCluster(Path("/nonexistent")))) as found:
        await until(lambda: found.statistics.failures > 1)
    assert found.publications == 0


async def test_own_namespace_is_watched_beside_the_others() -> None:
    cluster = FakeCluster()
    cluster.put("pods", sample.pod("a", "mine", "10.0.0.1"))
    async with cluster.serving() as url:
        discoverer = pods(OwnCluster(url), own_namespace=True, namespaces=("x",))
        async with discovering(discoverer) as found:
            await found.until(lambda: len(found.groups) == 4)
    assert {path.split("/")[4] for path, _ in cluster.requests} == {"mine", "x"}

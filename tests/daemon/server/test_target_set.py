from collections.abc import Sequence

from daemon.configuration.configuration import Configuration
from daemon.configuration.settings import Settings
from daemon.server.target_set import TargetSet
from model.labels import Labels
from scraper.configuration.settings import JobSettings, ScrapeSettings
from scraper.discovery.groups import TargetGroup
from scraper.discovery.jobs import ScrapeJob
from scraper.discovery.manager import DiscoveryManager
from scraper.relabel import RelabelAction, RelabelRule
from storage.api.hosts import Host, NewHost


class Hosts:
    """Registered hosts in memory."""

    def __init__(self) -> None:
        self.registered: list[Host] = []

    async def add(self, host: NewHost, now_ms: int) -> Host:
        raise NotImplementedError

    async def remove(self, host_id: int) -> Host:
        raise NotImplementedError

    async def relabel(self, host_id: int, labels: Labels) -> Host:
        raise NotImplementedError

    async def all(self) -> Sequence[Host]:
        return self.registered


async def nothing_changes() -> None:
    return None


def target_set(settings: ScrapeSettings, hosts: Hosts, *jobs: ScrapeJob) -> TargetSet:
    configuration = Configuration(Settings(scrape=settings), jobs=jobs)
    return TargetSet(configuration, hosts, DiscoveryManager(nothing_changes))


async def test_registered_configured_and_built_in_targets_are_joined() -> None:
    hosts = Hosts()
    hosts.registered.append(Host("web-1", "http://10.0.0.5:9100/metrics", id=7))
    jobs = (JobSettings(name="db", targets=("10.0.0.6:9187",)),)
    targets = target_set(ScrapeSettings(jobs=jobs), hosts)
    targets.add_self("127.0.0.1:9190")
    targets.add_local_host("laptop", "127.0.0.1:9100")
    found = [(target.job, target.instance, target.host) for target in await targets.refresh()]
    assert found == [
        ("node", "10.0.0.5:9100", "web-1"),
        ("db", "10.0.0.6:9187", None),
        ("redshank", "127.0.0.1:9190", None),
        ("node", "127.0.0.1:9100", "laptop"),
    ]
    assert targets.hosts() == [
        ("web-1", "node", "10.0.0.5:9100"),
        ("laptop", "node", "127.0.0.1:9100"),
    ]


async def test_host_added_later_appears_with_the_next_refresh() -> None:
    hosts = Hosts()
    targets = target_set(ScrapeSettings(), hosts)
    assert list(await targets.refresh()) == []
    hosts.registered.append(Host("web-1", "http://10.0.0.5:9100/metrics", id=7))
    assert [target.host_id for target in await targets.refresh()] == [7]


async def test_local_exporter_is_not_scraped_less_often_than_configured() -> None:
    targets = target_set(ScrapeSettings(interval=2, timeout=2), Hosts())
    targets.add_local_host("laptop", "127.0.0.1:9100")
    assert [target.interval_s for target in await targets.refresh()] == [2]


async def test_jobs_of_a_prometheus_file_join_the_others() -> None:
    drop = RelabelRule(RelabelAction.DROP, ("__address__",), regex="old.*")
    group = TargetGroup(("new:9100", "old:9100"))
    job = ScrapeJob("node", 30.0, 10.0, static=(group,), relabel_rules=(drop,))
    empty = ScrapeJob("empty", 30.0, 10.0)
    hosts = Hosts()
    hosts.registered.append(Host("web-1", "http://10.0.0.5:9100/metrics", id=7))
    targets = target_set(ScrapeSettings(), hosts, job, empty)
    assert [target.instance for target in await targets.refresh()] == ["10.0.0.5:9100", "new:9100"]
    assert targets.hosts()[1] == ("new", "node", "new:9100")
    assert targets.pools() == ["empty", "node"]
    assert targets.dropped_counts() == {"empty": 0, "node": 1}
    assert [each.discovered.get("__address__") for each in targets.dropped()] == ["old:9100"]


async def test_new_configuration_keeps_unchanged_targets() -> None:
    targets = target_set(ScrapeSettings(), Hosts())
    targets.add_self("127.0.0.1:9190")
    before = await targets.refresh()
    group = TargetGroup(("a:1",), Labels.of(x="y"))
    jobs = (ScrapeJob("a", 30.0, 10.0, static=(group,)),)
    targets.apply(Configuration(Settings(), jobs=jobs))
    after = await targets.refresh()
    assert [target.job for target in after] == ["a", "redshank"]
    assert after[1] == before[0]

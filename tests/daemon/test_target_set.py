from collections.abc import Sequence

from daemon.target_set import TargetSet
from scraper.settings import JobSettings, ScrapeSettings
from storage.api.hosts import Host, NewHost


class Hosts:
    """Registered hosts in memory."""

    def __init__(self) -> None:
        self.registered: list[Host] = []

    async def add(self, host: NewHost, now_ms: int) -> Host:
        raise NotImplementedError

    async def remove(self, host_id: int) -> Host:
        raise NotImplementedError

    async def all(self) -> Sequence[Host]:
        return self.registered


async def test_registered_configured_and_own_targets_come_together() -> None:
    hosts = Hosts()
    hosts.registered.append(Host("web-1", "http://10.0.0.5:9100/metrics", id=7))
    jobs = (JobSettings(name="db", targets=("10.0.0.6:9187",)),)
    targets = TargetSet(ScrapeSettings(jobs=jobs), hosts)
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
    targets = TargetSet(ScrapeSettings(), hosts)
    assert list(await targets.refresh()) == []
    hosts.registered.append(Host("web-1", "http://10.0.0.5:9100/metrics", id=7))
    assert [target.host_id for target in await targets.refresh()] == [7]


async def test_own_machine_is_scraped_as_often_as_the_settings_allow() -> None:
    targets = TargetSet(ScrapeSettings(interval=2, timeout=2), Hosts())
    targets.add_local_host("laptop", "127.0.0.1:9100")
    assert [target.interval_s for target in await targets.refresh()] == [2]

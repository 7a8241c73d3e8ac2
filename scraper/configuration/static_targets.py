"""The targets of Redshank's own configuration, and those of registered hosts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from model.labels import Labels
from model.targets import HOST_JOB, instance_of_url
from scraper.configuration.settings import JobSettings, ScrapeSettings, check_url
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeTarget, host_name
from scraper.fetching.tls import TlsAccess
from storage.api.errors import TakenError
from storage.api.hosts import Host, with_own_instance

log = structlog.get_logger(__name__)


def instance_of(url: str) -> str:
    """Return the `instance` label of a URL: its host and port.

    Raises:
        ValueError: it is not an HTTP URL.
    """
    check_url(url)
    return instance_of_url(url)


def targets_of_job(job: JobSettings, settings: ScrapeSettings) -> list[ScrapeTarget]:
    """Return the targets of one job; targets with the same address are distinguished by path."""
    interval_s = job.interval or settings.interval
    limits = (job.limits or settings.limits).limits()
    urls = {
        address: address if "://" in address else f"{job.scheme}://{address}{job.metrics_path}"
        for address in job.targets
    }
    shared = Counter(instance_of(url) for url in urls.values())
    targets = []
    for address, url in urls.items():
        instance = instance_of(url)
        if shared[instance] > 1:
            instance += urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
        labels = Labels.of({"job": job.name, "instance": instance} | job.labels)
        targets.append(
            ScrapeTarget(
                url,
                labels,
                interval_s,
                min(job.timeout or settings.timeout, interval_s),
                discovered=Labels.of(__address__=address, job=job.name),
                limits=limits,
                host=host_name(instance) if job.hosts else None,
                honor_labels=job.honor_labels,
                honor_timestamps=job.honor_timestamps,
                access=job.access(Path()),
            )
        )
    return targets


def _target_of_host(host: Host, settings: ScrapeSettings) -> ScrapeTarget:
    """Return the target of a registered host.

    Raises:
        ValueError: its URL is not an HTTP URL.
    """
    interval_s = host.interval_s or settings.interval
    instance = instance_of(host.url)
    return ScrapeTarget(
        host.url,
        Labels.of({"job": HOST_JOB, "instance": host.instance} | dict(host.labels)),
        interval_s,
        min(host.timeout_s or settings.timeout, interval_s),
        discovered=Labels.of(__address__=instance, __meta_host=host.name),
        limits=settings.limits.limits(),
        access=HttpAccess(address_policy=settings.added_hosts.policy()),
        host=host.name,
        host_id=host.id,
    )


def _with_own_instance(host: Host, taken: dict[str, str]) -> Host:
    """Return the host with its name as `instance` if another one has its address.

    Only hosts registered by an older version share an address.
    """
    try:
        host = replace(host, labels=with_own_instance(host, taken).labels)
    except TakenError:
        # Two hosts were given the same `instance` on purpose.
        return host
    taken[host.instance] = host.name
    return host


def with_mtls(targets: Sequence[ScrapeTarget], tls: TlsAccess) -> list[ScrapeTarget]:
    """Return the targets; those with an https URL and no TLS options of their own get `tls`."""
    return [
        replace(target, access=replace(target.access, tls=tls))
        if target.access.tls is None and target.url.startswith("https://")
        else target
        for target in targets
    ]


def static_targets(settings: ScrapeSettings, hosts: Sequence[Host]) -> list[ScrapeTarget]:
    """Return the targets of registered hosts, then those of each job.

    Hosts that push are left out.
    """
    targets = []
    taken: dict[str, str] = {}
    for host in sorted(hosts, key=lambda host: host.id):
        try:
            own = _with_own_instance(host, taken)
            if not own.pushes:
                targets.append(_target_of_host(own, settings))
        except ValueError as exc:
            # A record that another program wrote must not stop the other hosts.
            log.warning("host_skipped", host=host.name, error=str(exc))
    for job in settings.jobs:
        targets += targets_of_job(job, settings)
    return targets

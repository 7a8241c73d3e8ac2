"""The targets of Redshank's own configuration, and those of registered hosts."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from model.labels import Labels
from model.targets import HOST_JOB
from scraper.configuration.settings import DEFAULT_PORTS, JobSettings, ScrapeSettings, check_url
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeTarget, host_name
from storage.api.hosts import Host

log = structlog.get_logger(__name__)


def instance_of(url: str) -> str:
    """Return the `instance` label of a URL: its host and port.

    Raises:
        ValueError: it is not an HTTP URL.
    """
    check_url(url)
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or DEFAULT_PORTS[parts.scheme]}"


def targets_of_job(job: JobSettings, settings: ScrapeSettings) -> list[ScrapeTarget]:
    """Return the targets of one job."""
    interval_s = job.interval or settings.interval
    limits = (job.limits or settings.limits).limits()
    targets = []
    for address in job.targets:
        url = address if "://" in address else f"{job.scheme}://{address}{job.metrics_path}"
        instance = instance_of(url)
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
        Labels.of({"job": HOST_JOB, "instance": instance} | dict(host.labels)),
        interval_s,
        min(host.timeout_s or settings.timeout, interval_s),
        discovered=Labels.of(__address__=instance, __meta_host=host.name),
        limits=settings.limits.limits(),
        access=HttpAccess(address_policy=settings.added_hosts.policy()),
        host=host.name,
        host_id=host.id,
    )


def static_targets(settings: ScrapeSettings, hosts: Sequence[Host]) -> list[ScrapeTarget]:
    """Return the targets of registered hosts, then those of each job.

    Hosts that push are left out.
    """
    targets = []
    for host in hosts:
        if host.pushes:
            continue
        try:
            targets.append(_target_of_host(host, settings))
        except ValueError as exc:
            # A record that another program wrote must not stop the other hosts.
            log.warning("host_skipped", host=host.name, error=str(exc))
    for job in settings.jobs:
        targets += targets_of_job(job, settings)
    return targets

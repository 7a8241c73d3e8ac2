"""What to scrape, as Redshank's own configuration says it.

Prometheus's own scrape configuration is read by `prometheus_config`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.labels import METRIC_NAME, Labels
from model.quantities import Bytes, PositiveSeconds
from model.targets import HOST_JOB
from scraper.configuration.http_settings import HttpSettings
from scraper.fetching.address_policy import AddressPolicySettings
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from storage.api.hosts import Host

log = structlog.get_logger(__name__)

_PORTS = {"http": 80, "https": 443}

Count = Annotated[int, Field(ge=0)]


class LimitSettings(BaseModel):
    """Bounds of one scrape; 0 is no bound. Beyond one, the whole scrape fails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_size: Bytes = 64 * 2**20
    # 100,000: a hundred times what a host's exporter has, and still little enough that
    # a target gone wild does not hold up the others.
    samples: Count = 100_000
    labels: Count = 64
    label_name_length: Count = 512
    label_value_length: Count = 16 * 2**10

    def limits(self) -> ScrapeLimits:
        """Return the bounds as a target holds them."""
        return ScrapeLimits(
            self.body_size,
            self.samples,
            self.labels,
            self.label_name_length,
            self.label_value_length,
        )


class JobSettings(HttpSettings):
    """A group of targets that are scraped alike; how they are reached is HttpSettings'.

    Attributes:
        name: the `job` label.
        targets: `host:port`, or whole URLs.
        hosts: whether each target is a machine: it has a row in the fleet and the
            host checks.
        interval, timeout, limits: None takes the server's.
    """

    name: Annotated[str, Field(min_length=1)]
    targets: tuple[str, ...] = ()
    hosts: bool = False
    interval: PositiveSeconds | None = None
    timeout: PositiveSeconds | None = None
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    labels: dict[str, str] = Field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    limits: LimitSettings | None = None

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if not name or name == METRIC_NAME:
                raise ValueError(f'"{name}" cannot be the name of a label')
        return labels

    @field_validator("targets")
    @classmethod
    def _check_targets(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        for target in targets:
            _check_url(target if "://" in target else f"http://{target}")
        return targets


class ScrapeSettings(BaseModel):
    """How targets are scraped unless their job says otherwise.

    Attributes:
        config_file: a configuration of Prometheus whose jobs are scraped as well,
            relative to the file that names it.
        host_jobs: jobs of it whose targets are machines, by their `job` label.
        added_hosts: where hosts that people add may be; targets of the configuration
            may be anywhere.
        start_times: whether `_created` series tell since when counters count: `rate`
            and its kin then see restarts that values hide. The series stay as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval: PositiveSeconds = 15.0
    timeout: PositiveSeconds = 10.0
    limits: LimitSettings = Field(default_factory=LimitSettings)
    jobs: tuple[JobSettings, ...] = ()
    config_file: Path | None = None
    host_jobs: tuple[str, ...] = (HOST_JOB, "node_exporter")
    added_hosts: AddressPolicySettings = Field(default_factory=AddressPolicySettings)
    start_times: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timeout > self.interval:
            raise ValueError("timeout must not be longer than interval")
        names = [job.name for job in self.jobs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f'job "{twice}" stands twice')
        for job in self.jobs:
            if job.timeout is not None and job.timeout > (job.interval or self.interval):
                raise ValueError(f'job "{job.name}": timeout must not be longer than interval')
        return self


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f'"{url}" is not an address such as host:9100 or an HTTP URL')
    # Raises ValueError where the port is no number.
    _ = parts.port


def instance_of(url: str) -> str:
    """Return the `instance` label of a URL: its host and port.

    Raises:
        ValueError: it is no HTTP URL.
    """
    _check_url(url)
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _PORTS[parts.scheme]}"


def _host_name(instance: str) -> str:
    # The exporter's usual port says nothing; any other tells two on one machine apart.
    return instance.removesuffix(":9100")


def job_targets(job: JobSettings, settings: ScrapeSettings) -> list[ScrapeTarget]:
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
                host=_host_name(instance) if job.hosts else None,
                honor_labels=job.honor_labels,
                honor_timestamps=job.honor_timestamps,
                access=job.access(Path()),
            )
        )
    return targets


def host_target(host: Host, settings: ScrapeSettings) -> ScrapeTarget:
    """Return the target of a registered host.

    Raises:
        ValueError: its URL is no HTTP URL.
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


def all_targets(settings: ScrapeSettings, hosts: Sequence[Host]) -> list[ScrapeTarget]:
    """Return every target: the registered hosts first, then the jobs in their order.

    Hosts that push are none.
    """
    targets = []
    for host in hosts:
        if host.pushes:
            continue
        try:
            targets.append(host_target(host, settings))
        except ValueError as exc:
            # One record that something else wrote must not stop the others.
            log.warning("host_skipped", host=host.name, error=str(exc))
    for job in settings.jobs:
        targets += job_targets(job, settings)
    return targets

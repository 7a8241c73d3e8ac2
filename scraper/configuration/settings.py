"""Redshank's own scrape settings; `prometheus_config` reads a `prometheus.yml`."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from model.label_limits import LabelLimits
from model.labels import METRIC_NAME
from model.quantities import Bytes, PositiveSeconds, TextMap
from model.targets import HOST_JOB
from scraper.configuration.http_settings import HttpSettings
from scraper.configuration.sections import Count
from scraper.fetching.address_policy import AddressPolicySettings
from scraper.fetching.targets import ScrapeLimits

DEFAULT_PORTS = {"http": 80, "https": 443}


class LimitSettings(BaseModel):
    """Limits of one scrape; 0 means no limit. Exceeding one fails the whole scrape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    body_size: Bytes = 64 * 2**20
    # 1,000,000: more than a body of 64 MiB has in lines of the usual length. It bounds the
    # memory that a body of very short lines costs.
    samples: Count = 1_000_000
    labels: Count = 0
    label_name_length: Count = 0
    label_value_length: Count = 0

    def limits(self) -> ScrapeLimits:
        """Return the limits of a target with these settings."""
        return ScrapeLimits(
            self.body_size,
            self.samples,
            LabelLimits(self.labels, self.label_name_length, self.label_value_length),
        )


class JobSettings(HttpSettings):
    """A group of targets with the same scrape options.

    Attributes:
        name: the `job` label.
        targets: `host:port`, or complete URLs.
        hosts: whether each target is a machine, with a row in the fleet table and host
            checks.
        interval, timeout, limits: None for the values of `ScrapeSettings`.
    """

    name: Annotated[str, Field(min_length=1)]
    targets: tuple[str, ...] = ()
    hosts: bool = False
    interval: PositiveSeconds | None = None
    timeout: PositiveSeconds | None = None
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    labels: TextMap = Field(default_factory=dict)
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
            check_url(target if "://" in target else f"http://{target}")
        return targets


class ScrapeSettings(BaseModel):
    """The section `scrape`: jobs, and the scrape options of jobs that set none.

    Attributes:
        config_file: a `prometheus.yml` whose jobs are scraped as well, relative to the
            configuration file.
        host_jobs: `job` labels of its targets that are machines.
        added_hosts: allowed addresses of hosts that users add; targets in the
            configuration may have any address.
        mtls: whether https targets of these jobs and added https hosts are scraped with
            this server's certificate, and must have one of its authority; a job's own
            `tls_config` takes precedence.
        start_times: whether `_created` series give the start times of counters, so that
            `rate` and similar functions see restarts that the values hide. The series
            are stored unchanged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval: PositiveSeconds = 15.0
    timeout: PositiveSeconds = 10.0
    limits: LimitSettings = Field(default_factory=LimitSettings)
    jobs: tuple[JobSettings, ...] = ()
    config_file: Path | None = None
    host_jobs: tuple[str, ...] = (HOST_JOB, "node_exporter")
    added_hosts: AddressPolicySettings = Field(default_factory=AddressPolicySettings)
    mtls: bool = False
    start_times: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.timeout > self.interval:
            raise ValueError("timeout must not be longer than interval")
        names = [job.name for job in self.jobs]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f'job "{repeated}" is defined twice')
        for job in self.jobs:
            if job.timeout is not None and job.timeout > (job.interval or self.interval):
                raise ValueError(f'job "{job.name}": timeout must not be longer than interval')
        return self


def check_url(url: str) -> None:
    """Check that a URL can be scraped.

    Raises:
        ValueError: it is not an HTTP URL, or its port is not a number.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f'"{url}" is not an address such as host:9100 or an HTTP URL')
    # The property raises ValueError for an invalid port.
    _ = parts.port

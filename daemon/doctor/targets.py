"""Examines every target: whether it answers, and whether its clock is right."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp

from daemon.configuration.configuration import Configuration
from daemon.control import ServerAddress, with_control
from daemon.data_directory import DataDirectory
from daemon.doctor.findings import Finding, Verdict
from daemon.errors import ControlError
from daemon.store_access import opened_records
from scraper.configuration.static_targets import static_targets
from scraper.discovery.job_targets import job_targets
from storage.api.hosts import Host

_TIMEOUT_S = 5.0
_CONNECTIONS = 20
# With a larger skew, `rate` over two hosts and the times of alerts become misleading.
_MAX_SKEW_S = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target to fetch: its job and instance, and its URL."""

    name: str
    url: str


async def scraped_endpoints(
    configuration: Configuration, directory: DataDirectory
) -> Sequence[Endpoint]:
    """Return the targets of the running server, or those of the configuration without one."""
    address = ServerAddress(directory)
    try:
        document = await with_control(
            address, lambda control: control.request("GET", "/api/v1/targets")
        )
    except ControlError:
        return await _configured_endpoints(configuration, directory)
    return [
        Endpoint(f"{target['labels']['job']} {target['labels']['instance']}", target["scrapeUrl"])
        for target in document["data"]["activeTargets"]
    ]


async def _configured_endpoints(
    configuration: Configuration, directory: DataDirectory
) -> Sequence[Endpoint]:
    registered = await _registered_hosts(directory)
    targets = static_targets(configuration.settings.scrape, registered)
    # Static targets only: other discovery needs the running server.
    targets += [each for job in configuration.jobs for each in job_targets(job, job.static).targets]
    return [Endpoint(f"{target.job} {target.instance}", target.url) for target in targets]


async def _registered_hosts(directory: DataDirectory) -> Sequence[Host]:
    if not directory.records.exists():
        return ()
    # Only one process may write the database: the lock keeps a server from starting.
    with directory.locked():
        async with opened_records(directory.records) as records:
            return await records.hosts.all()


async def examine_target(session: aiohttp.ClientSession, target: Endpoint) -> Sequence[Finding]:
    """Fetch a target once and compare its clock, from the `Date` header, with ours."""
    subject = f"target {target.name}"
    began_s = time.time()
    try:
        async with session.get(target.url) as response:
            date = response.headers.get("Date")
            await response.read()
            ended_s = time.time()
            if response.status != 200:
                return [
                    Finding(
                        Verdict.BAD,
                        subject,
                        f"{target.url} answered HTTP {response.status}",
                        "open that URL: is it the exporter's, and does it need a login?",
                    )
                ]
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        return [
            Finding(
                Verdict.BAD,
                subject,
                f"{target.url}: {exc or 'no answer in time'}",
                "is the exporter running there, and does its firewall let this machine in?",
            )
        ]
    findings = [Finding(Verdict.GOOD, subject, f"answered in {(ended_s - began_s) * 1000:.0f} ms")]
    skew_s = _skew_s(date, began_s, ended_s)
    if skew_s is not None and abs(skew_s) > _MAX_SKEW_S:
        findings.append(
            Finding(
                Verdict.WARNING,
                subject,
                f"its clock differs from this machine's by {skew_s:+.0f} s",
                "run a time service (chrony, systemd-timesyncd) on both",
            )
        )
    return findings


def _skew_s(date: str | None, began_s: float, ended_s: float) -> float | None:
    """Return by how many seconds the other clock is ahead; the header has whole seconds."""
    if date is None:
        return None
    try:
        theirs_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    if theirs_s + 1 < began_s:
        return theirs_s + 1 - began_s
    return max(theirs_s - ended_s, 0.0)


async def examine_targets(targets: Sequence[Endpoint]) -> Sequence[Finding]:
    """Fetch every target once, up to 20 at a time."""
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        rows = await asyncio.gather(*(examine_target(session, target) for target in targets))
    return [finding for row in rows for finding in row]

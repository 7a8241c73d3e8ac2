"""Examines every target: whether it answers, and whether its clock is right."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from daemon.configuration.configuration import Configuration
from daemon.data_directory import DataDirectory
from daemon.doctor.findings import Finding, Verdict
from daemon.store_access import opened_records
from scraper.configuration.static_targets import static_targets
from scraper.discovery.job_targets import job_targets
from scraper.fetching.http_session import failure_message
from storage.api.hosts import Host

_TIMEOUT_S = 5.0
_CONNECTIONS = 20
# With a larger skew, `rate` over two hosts and the times of alerts become misleading.
_MAX_SKEW_S = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target to fetch.

    Attributes:
        name: its job and instance.
        error: why the server's last scrape failed, "" if it did not.
        is_up: whether the server's last scrape succeeded.
    """

    name: str
    url: str
    error: str = ""
    is_up: bool = False


def server_endpoints(targets: Iterable[Mapping[str, Any]]) -> Sequence[Endpoint]:
    """Return the targets of the running server, given in the form of `/api/v1/targets`."""
    return [
        Endpoint(
            f"{target['labels'].get('job', '')} {target['labels'].get('instance', '')}",
            target["scrapeUrl"],
            target["lastError"] if target["health"] == "down" else "",
            target["health"] == "up",
        )
        for target in targets
    ]


async def configured_endpoints(
    configuration: Configuration, directory: DataDirectory
) -> Sequence[Endpoint]:
    """Return the registered hosts and the static targets of the configuration.

    Raises:
        StorageError, DataDirectoryError: the registered hosts cannot be read.
    """
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
    if target.error:
        return [_failure(target, target.error)]
    began_s = time.time()
    try:
        async with session.get(target.url) as response:
            date = response.headers.get("Date")
            await response.read()
            ended_s = time.time()
            if response.status != 200:
                # The server has the target's credentials, this command does not.
                if target.is_up:
                    return [Finding(Verdict.GOOD, subject, "the server scrapes it")]
                return [_failure(target, f"HTTP status {response.status}")]
    except TimeoutError:
        return [_failure(target, f"no answer within {_TIMEOUT_S:g} s")]
    except (aiohttp.ClientError, OSError) as exc:
        # The server has the client certificate and the authority, this command does not. In
        # TLS 1.3 a missing certificate is refused after the handshake, as a closed connection.
        if target.is_up and target.url.startswith("https:"):
            return [Finding(Verdict.GOOD, subject, "the server scrapes it")]
        return [_failure(target, failure_message(exc))]
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


def _failure(target: Endpoint, error: str) -> Finding:
    remedy = "is the exporter running there, and does its firewall let this machine in?"
    if "HTTP status" in error:
        remedy = "open that URL: is it the exporter's, and does it need a login?"
    return Finding(Verdict.BAD, f"target {target.name}", f"{target.url}: {error}", remedy)


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

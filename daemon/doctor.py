"""What `redshank doctor` looks at: each examination says what it found and what to do."""

import asyncio
import importlib.metadata
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path

import aiohttp

from daemon.configuration.configuration import Configuration
from daemon.control import ServerAddress, with_control
from daemon.data_directory import DataDirectory
from daemon.errors import ControlError, DataDirectoryError
from model.addresses import ListenAddress
from scraper.configuration.settings import all_targets
from scraper.discovery.jobs import job_targets
from storage.api.errors import StorageError
from storage.api.hosts import Host
from storage.files import FILE_KINDS, FileKind
from storage.records.records import Records

_LEAST_FREE_BYTES = 512 * 2**20
# Above this, `rate` over two hosts and alerts' times no longer agree with people's watches.
_WORST_SKEW_S = 5.0
_SLOWEST_ANSWER_S = 5.0


class Verdict(StrEnum):
    """How bad a finding is."""

    GOOD = "ok"
    WARNING = "warn"
    BAD = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, how it is, and what to do about it."""

    verdict: Verdict
    subject: str
    detail: str
    remedy: str = ""


def examine_packages() -> Iterable[Finding]:
    """Look for the interpreter and every required package."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(Verdict.GOOD, "python", f"{version} ({sys.executable})")
    missing = []
    for requirement in importlib.metadata.requires("redshank") or ():
        name, _, condition = requirement.partition(";")
        if 'extra == "dev"' in condition or "extra == 'dev'" in condition:
            continue
        package = re.split(r"[^A-Za-z0-9._-]", name.strip(), maxsplit=1)[0]
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        yield Finding(
            Verdict.BAD,
            "packages",
            f"missing: {', '.join(missing)}",
            "install them: pip install 'redshank[server]', or remove .venv and call ./run",
        )
    else:
        yield Finding(Verdict.GOOD, "packages", "all installed")


def examine_data_directory(
    directory: DataDirectory, kinds: Sequence[FileKind] = FILE_KINDS
) -> Iterable[Finding]:
    """Check the data directory's permissions, its free space and its files."""
    path = directory.path
    if not path.exists():
        yield Finding(Verdict.GOOD, "data directory", f"{path} will be made on first start")
        return
    mode = path.stat().st_mode & 0o077
    if mode:
        yield Finding(
            Verdict.WARNING,
            "data directory",
            f"{path} is open to other users",
            f"chmod 700 {path}",
        )
    free_bytes = shutil.disk_usage(path).free
    if free_bytes < _LEAST_FREE_BYTES:
        yield Finding(
            Verdict.BAD,
            "disk",
            f"{free_bytes / 2**20:.0f} MiB free below {path}",
            "free some space, or lower storage.retention in the configuration",
        )
    else:
        yield Finding(Verdict.GOOD, "disk", f"{free_bytes / 2**30:.1f} GiB free below {path}")
    for kind in kinds:
        if kind.check is not None:
            for file in kind.paths(path):
                yield _examine_file(path, file, kind.check)


def _examine_file(directory: Path, file: Path, check: Callable[[Path], Sequence[str]]) -> Finding:
    noun = "database" if file.suffix == ".db" else "file"
    name = f"{noun} {file.relative_to(directory)}"
    try:
        problems = check(file)
    except StorageError as exc:
        problems = [str(exc)]
    if not problems:
        return Finding(Verdict.GOOD, name, f"sound, {file.stat().st_size / 2**20:.1f} MiB")
    return Finding(
        Verdict.BAD,
        name,
        problems[0],
        "stop the server and put back a backup of this file; the others are not affected",
    )


async def examine_listen(listen: str) -> Finding:
    """Look whether the server's address is free, or answered by a Redshank server."""
    address = ListenAddress.parse(listen)
    subject = f"listen {address}"
    health = await _get_json(address.local_url + "/health")
    if health is not None and {"ok", "version", "uptime_s"} <= health.keys():
        return Finding(Verdict.GOOD, subject, "a Redshank server answers")
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as exc:
        return Finding(
            Verdict.BAD,
            subject,
            f"cannot be used: {exc.strerror}",
            "stop what listens there, or choose another address with --listen",
        )
    return Finding(Verdict.GOOD, subject, "free; no server runs")


async def _get_json(url: str) -> dict[str, object] | None:
    timeout = aiohttp.ClientTimeout(total=_SLOWEST_ANSWER_S)
    try:
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            session.get(url) as response,
        ):
            document = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A target to try: what people call it, and its URL."""

    name: str
    url: str


async def scraped_endpoints(
    configuration: Configuration, directory: DataDirectory
) -> Sequence[Endpoint]:
    """Return what is scraped: as the running server says, else as files and records do."""
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
    targets = all_targets(configuration.settings.scrape, registered)
    # Only what is listed in the file: looking others up is the server's business.
    targets += [each for job in configuration.jobs for each in job_targets(job, job.static).targets]
    return [Endpoint(f"{target.job} {target.instance}", target.url) for target in targets]


async def _registered_hosts(directory: DataDirectory) -> Sequence[Host]:
    if not directory.records.exists():
        return ()
    records = Records(directory.records)
    # The lock keeps a server from starting meanwhile: one connection writes a file.
    with directory.locked():
        await asyncio.to_thread(records.open)
        try:
            return await records.hosts.all()
        finally:
            await asyncio.to_thread(records.close)


async def examine_target(session: aiohttp.ClientSession, target: Endpoint) -> Sequence[Finding]:
    """Fetch a target once; compare its clock, as its `Date` header tells it, with ours."""
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
    if skew_s is not None and abs(skew_s) > _WORST_SKEW_S:
        findings.append(
            Finding(
                Verdict.WARNING,
                subject,
                f"its clock is {skew_s:+.0f} s off this machine's",
                "run a time service (chrony, systemd-timesyncd) on both",
            )
        )
    return findings


def _skew_s(date: str | None, began_s: float, ended_s: float) -> float | None:
    """Return how far the other clock is ahead, seconds; its header tells whole seconds."""
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
    """Fetch every target once, some at a time."""
    timeout = aiohttp.ClientTimeout(total=_SLOWEST_ANSWER_S)
    connector = aiohttp.TCPConnector(limit=20, resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        rows = await asyncio.gather(*(examine_target(session, target) for target in targets))
    return [finding for row in rows for finding in row]


async def examine(configuration: Configuration, directory: DataDirectory) -> Sequence[Finding]:
    """Look at everything."""
    findings = [*examine_packages(), *await asyncio.to_thread(_data_findings, directory)]
    findings.append(await examine_listen(configuration.settings.server.listen))
    try:
        endpoints = await scraped_endpoints(configuration, directory)
    except (StorageError, DataDirectoryError) as exc:
        return [*findings, Finding(Verdict.BAD, "targets", str(exc))]
    return [*findings, *await examine_targets(endpoints)]


def _data_findings(directory: DataDirectory) -> list[Finding]:
    return list(examine_data_directory(directory))

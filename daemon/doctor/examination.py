"""Runs every examination."""

import asyncio
from collections.abc import Sequence

from daemon.configuration.configuration import Configuration
from daemon.data_directory import DataDirectory
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Finding, Verdict
from daemon.doctor.listening import examine_listen
from daemon.doctor.packages import examine_packages
from daemon.doctor.targets import examine_targets, scraped_endpoints
from daemon.errors import DataDirectoryError
from storage.api.errors import StorageError


async def examine(configuration: Configuration, directory: DataDirectory) -> Sequence[Finding]:
    """Return the findings about packages, files, the server's address and all targets."""
    of_files = await asyncio.to_thread(lambda: list(examine_data_directory(directory)))
    findings = [*examine_packages(), *of_files]
    findings.append(await examine_listen(configuration.settings.server.listen))
    try:
        endpoints = await scraped_endpoints(configuration, directory)
    except (StorageError, DataDirectoryError) as exc:
        return [*findings, Finding(Verdict.BAD, "targets", str(exc))]
    return [*findings, *await examine_targets(endpoints)]

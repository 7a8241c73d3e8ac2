"""Runs every examination."""

import asyncio
from collections.abc import Sequence

from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.doctor.configuration import examine_configuration
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Finding, Verdict
from daemon.doctor.listening import examine_listen
from daemon.doctor.packages import examine_packages
from daemon.doctor.running import examine_server, running_server
from daemon.doctor.targets import configured_endpoints, examine_targets, server_endpoints
from daemon.errors import ControlError, DataDirectoryError
from storage.api.errors import StorageError


async def examine(source: ConfigurationSource, directory: DataDirectory) -> Sequence[Finding]:
    """Return the findings about packages, configuration, files, the server and all targets.

    A server that uses the data directory reports its address and targets itself, because
    it may have been started with other options than this command.
    """
    of_files = await asyncio.to_thread(lambda: list(examine_data_directory(directory)))
    configuration, of_configuration = await asyncio.to_thread(examine_configuration, source)
    findings = [*examine_packages(), *of_configuration, *of_files]
    try:
        server = await running_server(directory)
    except ControlError as exc:
        remedy = "run this command as the server's user or as root; if it is stuck, restart it"
        return [*findings, Finding(Verdict.BAD, "server", str(exc), remedy)]
    if server is not None:
        findings += await examine_server(server)
        return [*findings, *await examine_targets(server_endpoints(server.targets))]
    if configuration is None:
        return findings
    return [*findings, *await _without_server(configuration, directory)]


async def _without_server(
    configuration: Configuration, directory: DataDirectory
) -> Sequence[Finding]:
    listening = await examine_listen(configuration.settings.server.listen)
    try:
        endpoints = await configured_endpoints(configuration, directory)
    except (StorageError, DataDirectoryError) as exc:
        return [listening, Finding(Verdict.BAD, "targets", str(exc))]
    return [listening, *await examine_targets(endpoints)]

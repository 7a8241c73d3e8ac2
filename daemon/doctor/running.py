"""Asks the server that uses a data directory about itself, over its control socket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.control import Control, ServerAddress, with_control
from daemon.data_directory import DataDirectory
from daemon.doctor.findings import Finding, Verdict
from daemon.doctor.listening import redshank_answers
from daemon.errors import ControlError, DataDirectoryError
from model.addresses import ListenAddress
from model.durations import format_duration


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server and its state.

    Attributes:
        conditions: what is wrong with it, in the form of `/health`.
        targets: its active targets, in the form of `/api/v1/targets`.
    """

    version: str
    uptime_s: int
    listen: str
    conditions: Sequence[Mapping[str, Any]]
    targets: Sequence[Mapping[str, Any]]


async def running_server(directory: DataDirectory) -> ServerState | None:
    """Return the server that uses a data directory, None if no server does.

    Raises:
        ControlError: a server uses it, and does not answer.
    """
    try:
        return await with_control(ServerAddress(directory), _state)
    except ControlError:
        # The socket is missing, or a server that was killed has left it behind.
        if not _is_locked(directory):
            return None
        raise
    except OSError as exc:
        raise ControlError(f"{directory.control_socket}: {exc.strerror}") from exc


async def _state(control: Control) -> ServerState:
    health = await control.request("GET", "/health")
    flags = await control.request("GET", "/api/v1/status/flags")
    targets = await control.request("GET", "/api/v1/targets")
    return ServerState(
        health["version"],
        health["uptime_s"],
        flags["data"]["web.listen-address"],
        # Missing in the answer of a server that has not been restarted since an upgrade.
        health.get("conditions", ()),
        targets["data"]["activeTargets"],
    )


def _is_locked(directory: DataDirectory) -> bool:
    if not directory.is_used:
        return False
    try:
        with directory.locked():
            return False
    except DataDirectoryError:
        return True


async def examine_server(server: ServerState) -> Sequence[Finding]:
    """Report the server's version, its conditions, and whether it answers at its address."""
    uptime = format_duration(server.uptime_s * 1000)
    findings = [Finding(Verdict.GOOD, "server", f"version {server.version}, up for {uptime}")]
    findings += [_condition_finding(condition) for condition in server.conditions]
    address = ListenAddress.parse(server.listen)
    if not address.port:
        # The system has chosen the port.
        return findings
    if await redshank_answers(address):
        return [*findings, Finding(Verdict.GOOD, f"listen {address}", "the server answers")]
    refusal = Finding(
        Verdict.BAD,
        f"listen {address}",
        "the server runs, but does not answer at its address",
        "look at its log; if it is stuck, restart it",
    )
    return [*findings, refusal]


def _condition_finding(condition: Mapping[str, Any]) -> Finding:
    verdict = Verdict.BAD if condition["severity"] == "critical" else Verdict.WARNING
    detail = ": ".join(filter(None, (condition["summary"], condition["reason"])))
    return Finding(verdict, f"condition {condition['condition']}", detail, condition["fix"])

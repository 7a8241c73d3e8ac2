"""The annotations of the alerts of host checks."""

from alerting.check_settings import CheckName
from alerting.checks.host_check import HostCheck
from model.durations import format_duration
from model.labels import Labels
from storage.api.alerts import Severity

_SUBJECTS = {CheckName.CPU: "CPU", CheckName.MEMORY: "Memory"}


def annotations_of(
    check: HostCheck, severity: Severity, target: Labels, host: str, value: float | None
) -> Labels:
    """Return summary and description of an alert.

    Args:
        check: the check as it applies to the host.
        severity: the alert's severity.
        target: the host's labels, and `mountpoint` if the alert is about a filesystem.
        host: the host's name.
        value: percent, or `up`; None without a value.
    """
    if check.check is CheckName.DOWN:
        waited = format_duration(check.timing.for_ms)
        return Labels.of(
            summary=f"{host} is down",
            description=f"{target.get('instance')} could not be scraped for {waited}.",
        )
    subject = _SUBJECTS.get(check.check) or f"Disk {target.get('mountpoint')}"
    if value is None:
        waited = format_duration(check.timing.no_data_for_ms)
        return Labels.of(
            summary=f"No data about {subject} of {host}",
            description=f"The host is up and has not reported it for {waited}.",
        )
    held = f" for {format_duration(check.timing.for_ms)}" if check.timing.for_ms else ""
    return Labels.of(
        summary=f"{subject} of {host} at {value:.0f} %",
        description=f"Above {check.threshold(severity):g} %{held}; "
        f"over below {check.recovery_of(severity):g} %.",
    )

"""The annotations of the alerts of host checks."""

from collections.abc import Mapping

from alerting.check_settings import CheckName
from alerting.checks.expressions import LONGEST_FORECAST_H
from alerting.checks.host_check import HostCheck
from model.durations import format_duration
from model.labels import Labels
from storage.api.alerts import Severity


def annotations_of(
    check: HostCheck,
    severity: Severity,
    target: Labels,
    host: str,
    value: float | None,
    bounds: Mapping[str, float],
    processes: str = "",
) -> Labels:
    """Return summary and description of an alert.

    Args:
        check: the check as it applies to the host.
        severity: the alert's severity.
        target: the host's labels, and those of the part that the alert is about.
        host: the host's name.
        value: the value of the check's expression, or `up`; None without a value.
        bounds: the bounds of the value by name, see `CheckKind.bounds`.
        processes: a sentence about the host's top processes, "" if none are known.
    """
    kind, waited = check.kind, format_duration(check.timing.for_ms)
    if check.check is CheckName.DOWN:
        return Labels.of(
            summary=kind.summary_of(target, host, 0.0),
            description=f"{target.get('instance')} could not be scraped for {waited}.",
        )
    if value is None:
        missing = format_duration(check.timing.no_data_for_ms)
        about = f"{kind.title} {kind.part(target)}".rstrip()
        return Labels.of(
            summary=f"No data about {about} of {host}",
            description=f"The host is up and has not reported it for {missing}.",
        )
    described = [_threshold(check, severity), _bounds(check, bounds), processes]
    return Labels.of(
        summary=kind.summary_of(target, host, value),
        description=" ".join(sentence for sentence in described if sentence),
    )


def _threshold(check: HostCheck, severity: Severity) -> str:
    threshold, held = check.threshold(severity), ""
    if check.timing.for_ms:
        held = f" for {format_duration(check.timing.for_ms)}"
    if threshold is None:
        return f"It has been so{held}." if held else ""
    unit = f" {check.kind.unit}".rstrip()
    beyond, back = ("Below", "above") if check.kind.falling else ("Above", "below")
    recovery = check.recovery_of(severity)
    return f"{beyond} {threshold:g}{unit}{held}; ends {back} {recovery:g}{unit}."


def _bounds(check: HostCheck, bounds: Mapping[str, float]) -> str:
    """Return the sentence about the interval of a forecast, "" if none is known."""
    soonest, latest = bounds.get("soonest"), bounds.get("latest")
    if soonest is None or latest is None:
        return ""
    written = check.kind.unit.written
    if latest >= LONGEST_FORECAST_H:
        return f"At the soonest in {written(soonest)}; it may also stop filling (95 % interval)."
    return f"Between {written(soonest)} and {written(latest)} from now (95 % interval)."

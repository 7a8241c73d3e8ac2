"""Examines the configuration: its errors, and settings without an effect."""

from collections.abc import Sequence

from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.doctor.findings import Finding, Verdict
from daemon.errors import ConfigurationError


def examine_configuration(
    source: ConfigurationSource,
) -> tuple[Configuration | None, Sequence[Finding]]:
    """Return the configuration, None if it is invalid, and one finding for each problem."""
    try:
        configuration = source.read()
    except ConfigurationError as exc:
        remedy = "correct it; a running server keeps the configuration that it has"
        return None, [
            Finding(Verdict.BAD, "configuration", line, remedy) for line in str(exc).splitlines()
        ]
    files = ", ".join(map(str, configuration.files)) or "no file, the defaults"
    findings = [Finding(Verdict.GOOD, "configuration", files)]
    findings += [
        Finding(Verdict.WARNING, "configuration", warning) for warning in configuration.warnings
    ]
    return configuration, findings

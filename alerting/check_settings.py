"""The `alerting.checks` section: the host checks, other settings by label, checks of the server.

Durations are written in Prometheus's notation (`for: 5m`) and kept in milliseconds.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from alerting.host_check_settings import (
    AlertingSection,
    CertificateSettings,
    CheckSettings,
    ClockSettings,
    CollectorSettings,
    CpuSettings,
    DiskFullSettings,
    DiskSettings,
    DownSettings,
    InodeSettings,
    LoadSettings,
    MemorySettings,
    NetworkSettings,
    NotNegative,
    OomSettings,
    ReadOnlySettings,
    RebootSettings,
    SwapSettings,
    TemperatureSettings,
    ThresholdSettings,
    UnitSettings,
    UsageSettings,
)
from model.quantities import DurationMs, PositiveDurationMs
from promql.api import ParseError
from promql.syntax.parser import parse_selector
from storage.api.alerts import Severity


def _selector(selector: str) -> str:
    try:
        parse_selector(selector)
    except ParseError as exc:
        raise ValueError(f'{exc}; write it as {{role="db"}}') from None
    return selector


Selector = Annotated[str, AfterValidator(_selector)]
"""A PromQL selector, such as `{role="db"}`."""


class CheckName(StrEnum):
    """The host checks, by their keys in the configuration and in `CheckOverride.check`."""

    DOWN = "down"
    CPU = "cpu"
    LOAD = "load"
    MEMORY = "memory"
    SWAP = "swap"
    OOM = "oom"
    DISK = "disk"
    DISK_FULL = "disk_full"
    INODES = "inodes"
    READ_ONLY = "read_only"
    NETWORK = "network"
    TEMPERATURE = "temperature"
    CLOCK = "clock"
    UNITS = "units"
    COLLECTORS = "collectors"
    CERTIFICATES = "certificates"
    REBOOT = "reboot"


class ServerCheckSettings(CheckSettings):
    """Settings of the check of the server itself, which raises an alert for each condition.

    The alert keeps firing for a minute, so that a disk on the verge of full sends one
    notification, not one for each commit.
    """

    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=60_000, alias="keep_firing_for")


class ProbeCheckSettings(CheckSettings):
    """Settings of the check of the server's probes; each probe sets its own severity."""

    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=0, alias="keep_firing_for")


class SelfCheckName(StrEnum):
    """The checks of the server itself, by their keys in the configuration."""

    EVALUATION = "evaluation"
    LOOP = "loop"


class LagSettings(CheckSettings):
    """Settings of a check of the server itself: how late it may be.

    Attributes:
        warning_ms, critical_ms: `warning` and `critical`; the alert's condition holds above
            this lag. None for no such alert.
    """

    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=60_000, alias="keep_firing_for")
    warning_ms: PositiveDurationMs | None = Field(default=30_000, alias="warning")
    critical_ms: PositiveDurationMs | None = Field(default=120_000, alias="critical")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        thresholds = [value for value in (self.warning_ms, self.critical_ms) if value is not None]
        if not thresholds and self.enabled:
            raise ValueError("give warning or critical, or set enabled: false")
        if thresholds != sorted(thresholds):
            raise ValueError("warning must not be above critical")
        return self


class LoopLagSettings(LagSettings):
    """Settings of the check that the event loop runs."""

    warning_ms: PositiveDurationMs | None = Field(default=5_000, alias="warning")
    critical_ms: PositiveDurationMs | None = Field(default=30_000, alias="critical")


class CheckChange(AlertingSection):
    """The changes of a selector to one check; a field that is left out keeps its default."""

    enabled: bool = True
    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=0, alias="keep_firing_for")
    warning: NotNegative | None = None
    critical: NotNegative | None = None
    recovery: NotNegative = 0.0
    severity: Severity = Severity.WARNING

    def applied_to(self, settings: CheckSettings) -> CheckSettings:
        """Return settings with the changes.

        Raises:
            ValueError: the check has no such field, or the numbers do not fit together.
        """
        fields = type(settings).model_fields
        if unknown := self.model_fields_set - fields.keys():
            raise ValueError(f"has no {', '.join(sorted(unknown))}")
        changed = settings.model_copy(
            update={name: getattr(self, name) for name in self.model_fields_set}
        )
        if isinstance(changed, UsageSettings):
            given = (changed.warning, changed.critical, changed.recovery)
            if max(value for value in given if value is not None) > 100:
                raise ValueError("thresholds must be between 0 and 100 percent")
        if isinstance(changed, ThresholdSettings):
            changed.require_order()
        return changed


class HostSelectorSettings(AlertingSection):
    """Other settings for the hosts that a selector matches.

    Attributes:
        match: a PromQL selector of the hosts' labels: `{role="db"}`.
        checks: the changes by check.
    """

    match: Selector
    checks: dict[CheckName, CheckChange] = Field(min_length=1)


class HostCheckSettings(AlertingSection):
    """The host checks and their defaults, and the checks of the server itself.

    Attributes:
        selectors: other settings for hosts with certain labels; of several selectors that
            match a host, the first counts.
        server: an alert for each condition that degrades the server. No host has an
            override for it, nor for `evaluation` and `loop`.
        evaluation: host checks and rules are evaluated on time.
        loop: the event loop, which does everything else, runs.
        probes: an alert for each probe that fails after its retries.
        no_data_for_ms: an alert becomes *no data* when its check has had no data for so
            long while the host is up.
        no_data_limit_ms: an alert that has fired is resolved after so long without data.
    """

    down: DownSettings = DownSettings()
    cpu: CpuSettings = CpuSettings()
    load: LoadSettings = LoadSettings()
    memory: MemorySettings = MemorySettings()
    swap: SwapSettings = SwapSettings()
    oom: OomSettings = OomSettings()
    disk: DiskSettings = DiskSettings()
    disk_full: DiskFullSettings = DiskFullSettings()
    inodes: InodeSettings = InodeSettings()
    read_only: ReadOnlySettings = ReadOnlySettings()
    network: NetworkSettings = NetworkSettings()
    temperature: TemperatureSettings = TemperatureSettings()
    clock: ClockSettings = ClockSettings()
    units: UnitSettings = UnitSettings()
    collectors: CollectorSettings = CollectorSettings()
    certificates: CertificateSettings = CertificateSettings()
    reboot: RebootSettings = RebootSettings()
    selectors: tuple[HostSelectorSettings, ...] = ()
    server: ServerCheckSettings = ServerCheckSettings()
    evaluation: LagSettings = LagSettings()
    loop: LoopLagSettings = LoopLagSettings()
    probes: ProbeCheckSettings = ProbeCheckSettings()
    no_data_for_ms: DurationMs = Field(default=300_000, alias="no_data_for")
    no_data_limit_ms: DurationMs = Field(default=86_400_000, alias="no_data_limit")

    @model_validator(mode="after")
    def _selectors_fit(self) -> Self:
        for position, selector in enumerate(self.selectors):
            for check, change in selector.checks.items():
                try:
                    change.applied_to(getattr(self, check))
                except ValueError as exc:
                    raise ValueError(f"selectors.{position}.checks.{check}: {exc}") from None
        return self

    def selected(self, selector: HostSelectorSettings) -> Self:
        """Return the settings of the hosts that a selector matches."""
        return self.model_copy(
            update={
                check: change.applied_to(getattr(self, check))
                for check, change in selector.checks.items()
            }
        )

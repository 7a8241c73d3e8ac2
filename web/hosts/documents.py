"""JSON documents of hosts' checks and charts."""

from collections.abc import Mapping
from typing import Literal, NotRequired

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.alerts import Severity
from web.fleet.documents import FleetHostDocument
from web.hosts.charts.chart_parts import ChartUnit
from web.hosts.checks import HostCheckView


class HostsDocument(TypedDict):
    """Hosts."""

    hosts: list[FleetHostDocument]


class AddedHostDocument(FleetHostDocument):
    """A new host; `key`, the secret of one that pushes, is returned only once.

    `install` is the shell command that installs the exporter on the host; `install_warning`
    is there if the command works on the server's own machine only.
    """

    key: NotRequired[str]
    install: NotRequired[str]
    install_warning: NotRequired[str]


class CheckDefaultsDocument(TypedDict):
    """A check as it is without settings of a host's own."""

    enabled: bool
    warning: float | None
    critical: float | None
    recovery: float | None
    for_s: float


class CheckDocument(CheckDefaultsDocument):
    """A check of one host; `own` is true if it has settings of its own.

    `unit` is that of the thresholds, "" for a check without.
    `conditions` is the PromQL of its alerts, by severity.
    """

    check: str
    title: str
    unit: str
    own: bool
    conditions: Mapping[Severity, str]
    default: CheckDefaultsDocument


class ChecksDocument(TypedDict):
    """A host's checks."""

    checks: list[CheckDocument]


class ChartLineDocument(TypedDict):
    """One line; `values` lie on the charts' shared times.

    `before` has the values of a day or a week earlier, null if nothing is compared.
    """

    name: str
    mirrored: bool
    values: list[float | None]
    before: list[float | None] | None


class ChartDocument(TypedDict):
    """One chart, and the PromQL that it shows.

    `window_ms` is the time that each value averages over, null for samples as they are.
    `full` is true if the axis ends at 100 %, and `left_out` counts lines beyond the most.
    """

    key: str
    title: str
    unit: ChartUnit
    stacked: bool
    full: bool
    left_out: int
    window_ms: int | None
    queries: list[str]
    lines: list[ChartLineDocument]


class ChartMarkDocument(TypedDict):
    """An event of the host or of all hosts; times are Unix milliseconds."""

    time: int
    timeEnd: int
    text: str
    kind: Literal["annotation", "alert", "reboot"]


class ChartsDocument(TypedDict):
    """A host's charts on the times `start_ms`, `start_ms + step_ms`, … `end_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int
    charts: list[ChartDocument]
    annotations: list[ChartMarkDocument]


class ChartTitleDocument(TypedDict):
    """A chart that the host has."""

    key: str
    title: str


class ChartSectionDocument(TypedDict):
    """Charts of one subject."""

    title: str
    charts: list[ChartTitleDocument]


class SectionsDocument(TypedDict):
    """The charts that the host has in a range, by section; `metrics` counts its metrics."""

    metrics: int
    sections: list[ChartSectionDocument]


def check_document(view: HostCheckView) -> CheckDocument:
    """Return a check of a host: what holds, and what would without its own settings."""
    return {
        "check": view.check,
        "title": view.title,
        "unit": view.unit,
        "enabled": view.enabled,
        "warning": view.warning,
        "critical": view.critical,
        "recovery": view.recovery,
        "for_s": view.for_s,
        "own": view.own,
        "conditions": view.conditions,
        "default": {
            "enabled": view.default.enabled,
            "warning": view.default.warning,
            "critical": view.default.critical,
            "recovery": view.default.recovery,
            "for_s": view.default.timing.for_ms / 1000,
        },
    }

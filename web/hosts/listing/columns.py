"""The columns of the hosts page: titles, sort keys, and which are shown at first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from web.fleet.hosts import FleetHost, HostState


def _status_rank(host: FleetHost) -> tuple[int, int, int]:
    state = {HostState.DOWN: 2, HostState.PENDING: 1, HostState.UP: 0}[host.state]
    return state, host.alerts.critical, host.alerts.warning


def _traffic(host: FleetHost) -> float | None:
    figures = host.figures
    if figures.receive_bytes_per_s is None and figures.transmit_bytes_per_s is None:
        return None
    return (figures.receive_bytes_per_s or 0.0) + (figures.transmit_bytes_per_s or 0.0)


def _load_per_core(host: FleetHost) -> float | None:
    figures = host.figures
    return None if figures.load1 is None else figures.load1 / (figures.cores or 1.0)


def _tags(host: FleetHost) -> str | None:
    return " ".join(f"{name}={value}" for name, value in host.tags).casefold() or None


SortKey = Callable[[FleetHost], float | tuple[int, ...] | str | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        descending: the order after the first click on its title.
        shown: whether it is shown to a reader who has chosen no columns.
        figure: whether a host that is not up has no value in it.
        narrow: whether it is shown in narrow windows too (`hosts.css`).
    """

    key: str
    title: str
    sort_key: SortKey
    descending: bool = True
    shown: bool = True
    figure: bool = True
    narrow: bool = True


NAME: Final = Column(
    "name", "Host", lambda host: host.name.casefold(), descending=False, figure=False
)
"""The column that is always shown."""

COLUMNS: Final = (
    NAME,
    Column("status", "Status", _status_rank, figure=False),
    Column("tags", "Tags", _tags, descending=False, shown=False, figure=False),
    Column("cpu", "CPU", lambda host: host.figures.cpu_used_ratio),
    Column("trend", "CPU, last hour", lambda host: host.figures.cpu_used_ratio, shown=False),
    Column("memory", "Memory", lambda host: host.figures.memory_used_ratio),
    Column("disk", "Disk", lambda host: host.figures.disk_used_ratio),
    Column("load", "Load", _load_per_core),
    Column("network", "Network", _traffic, narrow=False),
    Column("uptime", "Uptime", lambda host: host.figures.uptime_s, narrow=False),
    Column(
        "alerts",
        "Alerts",
        lambda host: (host.alerts.critical, host.alerts.warning),
        figure=False,
    ),
    Column("seen", "Seen", lambda host: host.last_seen_ms, figure=False, narrow=False),
)
BY_KEY: Final = {column.key: column for column in COLUMNS}
SHOWN_AT_FIRST: Final = tuple(column for column in COLUMNS if column.shown)


def chosen_columns(keys: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns with these keys in their usual order; those at first if none is known."""
    wanted = set(keys)
    chosen = tuple(column for column in COLUMNS if column.key in wanted and column is not NAME)
    return (NAME, *chosen) if chosen else SHOWN_AT_FIRST

"""The fleet table: its columns, order and filters, which are kept in the URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from web.fleet.hosts import FleetHost, FleetView, HostState


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


SortKey = Callable[[FleetHost], float | tuple[int, ...] | str | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `descending` is the order after the first click on its title."""

    key: str
    title: str
    sort_key: SortKey
    descending: bool = True


COLUMNS: Final = (
    Column("name", "Host", lambda host: host.name.casefold(), descending=False),
    Column("status", "Status", _status_rank),
    Column("cpu", "CPU", lambda host: host.figures.cpu_used_ratio),
    Column("memory", "Memory", lambda host: host.figures.memory_used_ratio),
    Column("disk", "Disk", lambda host: host.figures.disk_used_ratio),
    Column("load", "Load", _load_per_core),
    Column("network", "Network", _traffic),
    Column("uptime", "Uptime", lambda host: host.figures.uptime_s),
    Column("alerts", "Alerts", lambda host: (host.alerts.critical, host.alerts.warning)),
    Column("seen", "Seen", lambda host: host.last_seen_ms),
)
_BY_KEY: Final = {column.key: column for column in COLUMNS}
DEFAULT_SORT: Final = "name"

_FILTERS: Final[Mapping[str, Callable[[FleetHost], bool]]] = {
    "up": lambda host: host.state is HostState.UP,
    "down": lambda host: host.state is HostState.DOWN,
    "pending": lambda host: host.state is HostState.PENDING,
    "alerting": lambda host: host.alerts.critical + host.alerts.warning > 0,
}


@dataclass(frozen=True, slots=True)
class TableState:
    """The order and the filters of the table; invalid values in the URL are ignored."""

    sort: str = DEFAULT_SORT
    descending: bool = False
    search: str = ""
    show: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "TableState":
        """Return the state in the query of a URL."""
        sort = query.get("sort", "")
        column = _BY_KEY.get(sort) or _BY_KEY[DEFAULT_SORT]
        order = query.get("order", "")
        descending = order == "desc" if order in ("asc", "desc") else column.descending
        show = query.get("state", "")
        return cls(
            column.key,
            descending,
            query.get("q", "").strip()[:100],
            show if show in _FILTERS else "",
        )

    def link(self, **changes: str) -> str:
        """Return the URL of the table with some parameters changed."""
        parameters = {
            "q": self.search,
            "state": self.show,
            "sort": self.sort,
            "order": "desc" if self.descending else "asc",
        } | changes
        if parameters["sort"] == DEFAULT_SORT and parameters["order"] == "asc":
            del parameters["sort"], parameters["order"]
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"/?{query}" if query else "/"

    def sort_link(self, column: Column) -> str:
        """Return the URL that sorts by a column, or reverses its order."""
        descending = not self.descending if column.key == self.sort else column.descending
        return self.link(sort=column.key, order="desc" if descending else "asc")

    def rows(self, view: FleetView) -> list[FleetHost]:
        """Return the hosts to show, in order; hosts without the figure come last."""
        hosts = [host for host in view.hosts if self._shows(host)]
        sort_key = _BY_KEY[self.sort].sort_key
        known = [host for host in hosts if sort_key(host) is not None]
        # The sort is stable: hosts of equal rank stay ordered by name.
        known.sort(key=sort_key, reverse=self.descending)  # type: ignore[arg-type]
        return known + [host for host in hosts if sort_key(host) is None]

    def _shows(self, host: FleetHost) -> bool:
        if self.show and not _FILTERS[self.show](host):
            return False
        texts = (host.name, host.instance, *(value for _, value in host.labels))
        wanted = self.search.casefold().split()
        return all(any(word in text.casefold() for text in texts) for word in wanted)


@dataclass(frozen=True, slots=True)
class HostCounts:
    """The number of hosts in each state."""

    total: int
    up: int
    down: int
    pending: int
    alerting: int


def count_hosts(view: FleetView) -> HostCounts:
    """Return the number of hosts in each state."""
    counts = {
        name: sum(1 for host in view.hosts if keeps(host)) for name, keeps in _FILTERS.items()
    }
    return HostCounts(len(view.hosts), **counts)

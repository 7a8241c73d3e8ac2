"""The hosts page's search, order, groups, columns and shape, which are kept in the URL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import urlencode

from web.fleet.hosts import FleetHost, FleetView, HostState
from web.hosts.listing.columns import (
    BY_KEY,
    NAME,
    SHOWN_AT_FIRST,
    Column,
    chosen_columns,
)
from web.hosts.listing.search import LONGEST_SEARCH, HostSearch, label_of

TABLE: Final = "table"
GRID: Final = "grid"
_MOST_GROUP_LABELS: Final = 30

_FILTERS: Final[Mapping[str, Callable[[FleetHost], bool]]] = {
    "up": lambda host: host.state is HostState.UP,
    "down": lambda host: host.state is HostState.DOWN,
    "pending": lambda host: host.state is HostState.PENDING,
    "alerting": lambda host: host.alerts.critical + host.alerts.warning > 0,
}


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts with one value of the label that the page groups by; without groups, all of them."""

    value: str
    hosts: Sequence[FleetHost]

    @property
    def down(self) -> int:
        """How many of them are down."""
        return sum(host.state is HostState.DOWN for host in self.hosts)


@dataclass(frozen=True, slots=True)
class TableState:
    """The state of the page, from its URL; invalid values are ignored.

    Attributes:
        group: the label to group by, "" for none.
        shape: `TABLE` or `GRID`.
    """

    sort: str = NAME.key
    descending: bool = False
    search: str = ""
    show: str = ""
    group: str = ""
    shape: str = TABLE
    columns: tuple[Column, ...] = SHOWN_AT_FIRST

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "TableState":
        """Return the state in the query of a URL."""
        column = BY_KEY.get(query.get("sort", "")) or NAME
        order = query.get("order", "")
        descending = order == "desc" if order in ("asc", "desc") else column.descending
        show = query.get("state", "")
        return cls(
            column.key,
            descending,
            query.get("q", "").strip()[:LONGEST_SEARCH],
            show if show in _FILTERS else "",
            query.get("group", "")[:LONGEST_SEARCH],
            GRID if query.get("view") == GRID else TABLE,
            chosen_columns(query.get("columns", "").split(",")),
        )

    def parameters(self, **changes: str) -> dict[str, str]:
        """Return the parameters of the URL, some of them changed; defaults are left out."""
        found = {
            "q": self.search,
            "state": self.show,
            "group": self.group,
            "view": self.shape if self.shape != TABLE else "",
            "columns": ""
            if self.columns == SHOWN_AT_FIRST
            else ",".join(column.key for column in self.columns if column is not NAME),
            "sort": self.sort,
            "order": "desc" if self.descending else "asc",
        } | changes
        if found["sort"] == NAME.key and found["order"] == "asc":
            del found["sort"], found["order"]
        return {name: value for name, value in found.items() if value}

    def query(self, **changes: str) -> str:
        """Return the query of the URL with some parameters changed."""
        return urlencode(self.parameters(**changes))

    def link(self, **changes: str) -> str:
        """Return the URL of the page with some parameters changed."""
        query = self.query(**changes)
        return f"/?{query}" if query else "/"

    def sort_link(self, column: Column) -> str:
        """Return the URL that sorts by a column, or reverses its order."""
        descending = not self.descending if column.key == self.sort else column.descending
        return self.link(sort=column.key, order="desc" if descending else "asc")

    def rows(self, view: FleetView) -> list[FleetHost]:
        """Return the hosts to show, in order; hosts without the figure come last."""
        search, keeps = HostSearch.parse(self.search), _FILTERS.get(self.show)
        hosts = [
            host for host in view.hosts if (keeps is None or keeps(host)) and search.matches(host)
        ]
        sort_key = BY_KEY[self.sort].sort_key
        known = [host for host in hosts if sort_key(host) is not None]
        # The sort is stable: hosts of equal rank stay ordered by name.
        known.sort(key=sort_key, reverse=self.descending)  # type: ignore[arg-type]
        return known + [host for host in hosts if sort_key(host) is None]

    def groups(self, hosts: Sequence[FleetHost]) -> Iterator[HostGroup]:
        """Yield the hosts by the label that they are grouped by; those without it come last."""
        if not self.group:
            yield HostGroup("", hosts)
            return

        def value(host: FleetHost) -> str:
            return label_of(host, self.group)

        ordered = sorted(hosts, key=lambda host: (not value(host), value(host).casefold()))
        for _, group in groupby(ordered, lambda host: value(host).casefold()):
            members = list(group)
            yield HostGroup(value(members[0]), members)


def group_labels(view: FleetView) -> list[str]:
    """Return the names of the labels to group by: `job`, and the tags of the hosts."""
    names = {name for host in view.hosts for name, _ in host.tags}
    jobs = {host.labels.get("job") for host in view.hosts}
    return sorted(names)[:_MOST_GROUP_LABELS] + (["job"] if len(jobs) > 1 else [])


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

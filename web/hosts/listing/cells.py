"""The cells of the hosts page as HTML; cells that look alike are made once."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from alerting.check_settings import CheckName
from web.fleet.hosts import FleetHost, HostState
from web.hosts.checks import Levels
from web.hosts.listing.fleet_table import HostGroup, TableState
from web.http import filters
from web.http.viewing.texts import gettext
from web.http.viewing.view import VIEW

_MOST: Final = 20_000
"""The cells of 1,000 hosts are some 4,000 different ones."""


class HostCells:
    """Makes cells by the macros of `hosts/row.html`, which escape every value.

    A macro takes 5 to 30 us, and a gauge has a few hundred states.
    """

    def __init__(self, macros: Any) -> None:
        self._macros = macros
        self._kept: dict[Hashable, str] = {}

    def start(self, host: FleetHost, selectable: bool) -> str:
        """Return the start of a row, with the host's name."""
        key = ("start", host.element_id, host.name, host.state, selectable)
        return self._once(
            key,
            lambda: self._macros.row_start(host) + self._macros.name_cells(host, selectable),
        )

    def reason(self, host: FleetHost, columns: int) -> str:
        """Return the cell of a host without figures."""
        return str(self._macros.reason_cell(host, columns))

    def empty(self, key: str) -> str:
        """Return an empty cell of a column."""
        return str(self._macros.empty_cell(key))

    def group_row(self, group: HostGroup, table: TableState, selectable: bool) -> str:
        """Return the heading row of a group of hosts."""
        return str(self._macros.group_row(group, table, selectable))

    def cell(self, key: str, host: FleetHost, levels: Mapping[str, str]) -> str:
        """Return the cell of a host in a column."""
        figures, macros = host.figures, self._macros
        match key:
            case CheckName.CPU:
                return self._gauge(key, gettext("CPU"), figures.cpu_used_ratio, levels)
            case CheckName.MEMORY:
                return self._gauge(key, gettext("Memory"), figures.memory_used_ratio, levels)
            case CheckName.DISK:
                note = figures.disk_mount or ""
                return self._gauge(key, gettext("Disk"), figures.disk_used_ratio, levels, note)
            case "load":
                shown = filters.number(figures.load1), figures.cores
                return self._once((key, shown), lambda: macros.load_cell(*shown))
            case "network":
                flows = (figures.receive_bytes_per_s, figures.transmit_bytes_per_s)
                texts = tuple(map(filters.speed, flows))
                return self._once((key, texts), lambda: macros.network_cell(*texts))
            case "uptime":
                text = filters.FILTERS["span"](figures.uptime_s)
                return self._once((key, text), lambda: macros.uptime_cell(text))
            case "alerts":
                return self._once((key, host.alerts), lambda: macros.alerts_cell(host.alerts))
            case "status":
                return self._once((key, host.state), lambda: macros.status_cell(host))
            case "seen":
                # An age would change the row with every scrape.
                return str(macros.seen_cell(host.last_seen_ms, host.state is HostState.UP))
            case "tags":
                return self._once((key, host.labels), lambda: macros.tags_cell(host))
            case _:
                return str(macros.trend_cell(host))

    def _gauge(
        self,
        key: str,
        title: str,
        ratio: float | None,
        levels: Mapping[str, str],
        note: str = "",
    ) -> str:
        # A bar is 110 pixels wide: whole percents.
        shown = None if ratio is None else round(ratio, 2)
        parts = (key, title, shown, levels[key], note)
        return self._once(parts, lambda: self._macros.gauge_cell(*parts))

    def _once(self, key: Hashable, make: Callable[[], Any]) -> str:
        key = (VIEW.get().language, key)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            found = self._kept[key] = str(make())
        return found


def levels_of(host: FleetHost, levels: Levels) -> dict[str, str]:
    """Return the severity of each figure that has a check."""
    figures = host.figures
    ratios = {
        CheckName.CPU.value: figures.cpu_used_ratio,
        CheckName.MEMORY.value: figures.memory_used_ratio,
        CheckName.DISK.value: figures.disk_used_ratio,
    }
    return {name: levels.of(host.instance, name, ratio) for name, ratio in ratios.items()}

"""The rows of the hosts page as HTML, made again only for hosts that changed."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from threading import Lock
from typing import Final

from web.fleet.hosts import FleetHost, HostState
from web.hosts.checks import Levels
from web.hosts.listing.cells import HostCells, levels_of
from web.hosts.listing.fleet_table import HostGroup, TableState
from web.http import filters
from web.http.rendering import Renderer
from web.http.viewing.view import VIEW

_MOST_VARIANTS: Final = 8
"""Readers who choose other columns, or another language, have other rows."""

_Kept = dict[str, tuple[Hashable, str]]


class HostRows:
    """Makes rows, and keeps them for the next update and for other readers."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._lock = Lock()
        self._variants: OrderedDict[Hashable, _Kept] = OrderedDict()

    def render(
        self, groups: Iterable[HostGroup], table: TableState, levels: Levels, *, selectable: bool
    ) -> Mapping[str, str]:
        """Return the row of each host by its element's id, after those of its group; blocks."""
        variant = (VIEW.get().language, table.columns, selectable)
        before = self._variants.get(variant, {})
        kept: _Kept = {}
        rows: dict[str, str] = {}
        for group in groups:
            if table.group:
                rows[f"group-{group.value}"] = self.cells.group_row(group, table, selectable)
            for host in group.hosts:
                key, shown = host.element_id, levels_of(host, levels)
                state, row = _state(host, shown), before.get(key)
                if row is None or row[0] != state:
                    row = state, self._html(host, shown, table, selectable)
                kept[key] = row
                rows[key] = row[1]
        self._keep(variant, kept)
        return rows

    @cached_property
    def cells(self) -> HostCells:
        """The cells; blocks at its first use."""
        return HostCells(self._renderer.module("hosts/row.html"))

    def _html(
        self, host: FleetHost, levels: Mapping[str, str], table: TableState, selectable: bool
    ) -> str:
        cells = self.cells
        parts = [cells.start(host, selectable)]
        # One cell for the figures says why there are none. It spans no column that narrow
        # windows hide: the table would be wider than the window.
        figures = [column for column in table.columns if column.figure]
        spanned = [column for column in figures if column.narrow] or figures
        for column in table.columns[1:]:
            if host.state is HostState.UP or not column.figure:
                parts.append(cells.cell(column.key, host, levels))
            elif column is spanned[0]:
                parts.append(cells.reason(host, len(spanned)))
            elif column not in spanned:
                parts.append(cells.empty(column.key))
        return "".join(parts) + "</tr>"

    def _keep(self, variant: Hashable, rows: _Kept) -> None:
        """Keep rows beside those of hosts that another search shows."""
        # Readers render in several threads.
        with self._lock:
            self._variants[variant] = {**self._variants.pop(variant, {}), **rows}
            while len(self._variants) > _MOST_VARIANTS:
                self._variants.popitem(last=False)

    def drop_others(self, known: Iterable[str]) -> None:
        """Drop the rows of hosts that no longer exist."""
        present = set(known)
        with self._lock:
            for variant, rows in self._variants.items():
                if len(rows) > len(present):
                    self._variants[variant] = {key: rows[key] for key in rows if key in present}


def _state(host: FleetHost, levels: Mapping[str, str]) -> Hashable:
    """Return all of a host that its row shows."""
    seen_ms = None if host.state is HostState.UP else host.last_seen_ms
    own = (host.name, host.state, host.reason, host.labels, host.alerts, seen_ms)
    figures = host.figures
    ratios = (figures.cpu_used_ratio, figures.memory_used_ratio, figures.disk_used_ratio)
    rates = (figures.receive_bytes_per_s, figures.transmit_bytes_per_s)
    # The uptime as it is shown: in seconds it grows with every update.
    others = (figures.disk_mount, figures.load1, figures.cores, filters.span(figures.uptime_s))
    return (*own, *ratios, *rates, *others, *levels.values())

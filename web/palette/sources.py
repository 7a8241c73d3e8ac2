"""Everything that the command palette finds, for one reader."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import quote, urlencode

from storage.api.dashboards.stored import DashboardSummary
from web.fleet.fleet import Fleet
from web.http.routing import Access, Principal
from web.http.viewing.texts import gettext
from web.live.shell import Shell
from web.palette.documents import PaletteKind
from web.projects.access import ProjectAccess
from web.services import Services

ListDashboards = Callable[[], Awaitable[Sequence[tuple[DashboardSummary, bool]]]]
"""Returns all dashboards, each with whether it is shipped."""

_NAMES_FRESH_MS: Final = 30_000
_MOST_NAMES: Final = 50_000
_NAMES_SPAN_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """Something to open or to do.

    Attributes:
        others: further texts that a reader may type for it.
    """

    kind: PaletteKind
    title: str
    detail: str = ""
    href: str | None = None
    action: Literal["theme", "shortcuts", "logout"] | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Action:
    access: Access
    entry: PaletteEntry


def _doing(access: Access, title: str, href: str, *others: str) -> _Action:
    return _Action(access, PaletteEntry("action", title, "", href, None, others))


_ACTIONS: Final = (
    _doing(Access.EDITOR, "Add a host", "/add-host", "new host exporter install"),
    _doing(Access.EDITOR, "New silence", "/silences/new", "mute suppress"),
    _doing(Access.EDITOR, "New maintenance window", "/maintenance/new", "downtime"),
    _doing(Access.EDITOR, "New dashboard", "/dashboards#title", "create make"),
    _doing(Access.EDITOR, "Import a dashboard from Grafana", "/dashboards#import", "json"),
    _doing(Access.EDITOR, "Write or back-test rules", "/alert-rules/backtest", "simulate"),
    _doing(Access.USER, "New project", "/projects#field-name", "create"),
    _doing(Access.ADMIN, "Add a user", "/users#field-name", "new account invite"),
    _Action(
        Access.VIEWER,
        PaletteEntry("action", "Switch the theme", "", None, "theme", ("dark light colour mode",)),
    ),
    _Action(
        Access.VIEWER,
        PaletteEntry("action", "Keyboard shortcuts", "", None, "shortcuts", ("keys help",)),
    ),
    _Action(
        Access.USER,
        PaletteEntry("action", "Log out", "", None, "logout", ("sign out leave",)),
    ),
)
_DONE_BY_ACTIONS: Final = frozenset(action.entry.href for action in _ACTIONS)


class PaletteSources:
    """Reads the entries of one reader; metric names are kept for half a minute."""

    def __init__(
        self,
        services: Services,
        fleet: Fleet,
        shell: Shell,
        dashboards: ListDashboards,
        access: ProjectAccess,
    ) -> None:
        self._services, self._fleet, self._shell = services, fleet, shell
        self._dashboards, self._access = dashboards, access
        self._names: tuple[PaletteEntry, ...] = ()
        self._names_ms: int | None = None

    def first(self, reader: Principal) -> Iterator[PaletteEntry]:
        """Yield what is offered before anything is typed: pages, then actions."""
        for page in self._shell.pages(reader):
            # The title of an action says more than that of its page.
            if page.path not in _DONE_BY_ACTIONS:
                yield _in_readers_language(PaletteEntry("page", page.title, page.path, page.path))
        for action in _ACTIONS:
            if reader.may(action.access):
                yield _in_readers_language(action.entry)

    async def all(self, reader: Principal) -> AsyncIterator[Iterable[PaletteEntry]]:
        """Yield groups of entries that this reader may see, metric names last."""
        yield self.first(reader)
        view = await self._fleet.view()
        yield (
            PaletteEntry("host", host.name, host.instance, host.path, None, _labels(host.labels))
            for host in view.hosts
        )
        yield (
            PaletteEntry(
                "alert",
                f"{alert.labels.get('alertname')} {alert.labels.get('instance')}".strip(),
                alert.annotations.get("summary"),
                f"/alerts/{alert.id}",
                None,
                (alert.state.value, alert.labels.get("severity")),
            )
            for alert in view.alerts
        )
        yield (
            PaletteEntry("rule", rule.name, group.name, "/alert-rules", None, (rule.query,))
            for group in self._services.alerting.rules()
            for rule in group.rules
        )
        yield [
            PaletteEntry(
                "dashboard",
                one.title,
                ", ".join(one.tags),
                f"/dashboards/{quote(one.uid, safe='')}",
            )
            for one, _ in await self._dashboards()
        ]
        if reader.user is not None:
            yield [
                PaletteEntry("project", one.settings.name, one.key, f"/projects/{one.key}")
                for one in await self._access.visible_to(reader)
            ]
        yield await self._metrics()

    async def _metrics(self) -> tuple[PaletteEntry, ...]:
        now_ms = self._services.clock()
        if self._names_ms is None or not 0 <= now_ms - self._names_ms < _NAMES_FRESH_MS:
            engine = self._services.engine
            names = await engine.label_values(
                "__name__", (), now_ms - _NAMES_SPAN_MS, now_ms, _MOST_NAMES
            )
            metadata = await engine.metadata()
            self._names = tuple(
                PaletteEntry(
                    "metric",
                    name,
                    next((one.help for one in metadata.get(name, ())), ""),
                    f"/explore?{urlencode({'query': name})}",
                )
                for name in names
            )
            self._names_ms = now_ms
        return self._names


def _in_readers_language(entry: PaletteEntry) -> PaletteEntry:
    """Return an entry with its title translated; the English one finds it too."""
    title = gettext(entry.title)
    if title == entry.title:
        return entry
    return replace(entry, title=title, others=(*entry.others, entry.title))


def action_titles() -> Iterator[str]:
    """Yield the titles of all actions, for translators."""
    return (action.entry.title for action in _ACTIONS)


def _labels(labels: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in labels)

"""The content of a status page at one time."""

from dataclasses import dataclass

from storage.api.status.pages import Incident
from web.status_pages.days import Bar, ComponentState, Uptime
from web.status_pages.definition import StatusPage
from web.status_pages.measuring import ResponseTimes


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component: its state now, its last days, and its response times."""

    id: str
    name: str
    state: ComponentState
    bars: tuple[Bar, ...]
    uptime: Uptime
    response: ResponseTimes | None


@dataclass(frozen=True, slots=True)
class StatusGroupView:
    """Components under one heading."""

    name: str
    components: tuple[ComponentView, ...]


@dataclass(frozen=True, slots=True)
class MaintenanceView:
    """A planned maintenance: whether it is open, and when that changes next."""

    title: str
    components: tuple[str, ...]
    is_open: bool
    changes_ms: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A status page as of one time.

    Attributes:
        state: the worst of the components.
        has_logo: whether it has an image.
        incidents: open ones, and those of the last two weeks.
    """

    page: StatusPage
    time_ms: int
    state: ComponentState
    has_logo: bool
    groups: tuple[StatusGroupView, ...]
    maintenance: tuple[MaintenanceView, ...]
    incidents: tuple[Incident, ...]

    def component(self, component_id: str) -> ComponentView | None:
        """Return a component, None if the page has none with this id."""
        for group in self.groups:
            for one in group.components:
                if one.id == component_id:
                    return one
        return None

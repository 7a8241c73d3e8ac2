"""Projects: whose events are kept apart from all others', and who may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ProjectRole(StrEnum):
    """The role of a member in a project; an admin of the server is an owner of all."""

    VIEWER = "viewer"
    """See the reports."""
    EDITOR = "editor"
    """Also save reports, and change the settings."""
    OWNER = "owner"
    """Also manage members and keys, and delete the project."""


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """The exclusions of a project for events of web pages.

    Attributes:
        origins: the origins whose pages may send, such as `https://shop.example`; empty for
            pages of any origin.
        excluded_addresses: networks whose visitors are not counted, such as `192.0.2.0/24`.
        excluded_agents: parts of user agents that are not counted; the case is ignored.
    """

    origins: tuple[str, ...] = ()
    excluded_addresses: tuple[str, ...] = ()
    excluded_agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """The settings of a project that its editors can change.

    Attributes:
        name: shown to people.
        time_zone: the IANA name of the zone whose dates make days, weeks and months.
        week_start: the first day of a week, 1 for Monday to 7 for Sunday.
        retention_days: how long events are kept; 0 for as long as the project exists.
        is_active: whether it takes events and answers reports.
        session_idle_s: the time without an event after which the next one begins a session.
        collection: which events of web pages it takes.
        events_per_second: the most events and tracked requests a second; 0 for the limit of the
            server, which counts as well if it is lower.
    """

    name: str
    time_zone: str = "UTC"
    week_start: int = 1
    retention_days: int = 0
    is_active: bool = True
    session_idle_s: int = 1800
    collection: CollectionSettings = CollectionSettings()
    events_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Project:
    """One project.

    Attributes:
        id: the number under which the event store knows it.
        key: the public name with which SDKs send events; it permits nothing else.
        created_ms: when it was created.
        settings: what an editor can change.
    """

    id: int
    key: str
    created_ms: int
    settings: ProjectSettings


@dataclass(frozen=True, slots=True)
class Member:
    """A user's role in a project."""

    user: str
    role: ProjectRole


class ProjectRecords(Protocol):
    """All projects and their members."""

    async def add(
        self, key: str, settings: ProjectSettings, owner_id: int | None, now_ms: int
    ) -> Project:
        """Create a project; the owner becomes its first member.

        Args:
            key: its key.
            settings: its settings.
            owner_id: the id of a user; None if nobody is logged in.
            now_ms: the time of creation.

        Raises:
            TakenError: another project has the key.
            NotFoundError: no user has this id.
        """

    async def all(self) -> Sequence[Project]:
        """Return every project, oldest first."""

    async def of_user(self, user_id: int) -> Sequence[tuple[Project, ProjectRole]]:
        """Return the projects of which a user is a member, oldest first."""

    async def find(self, key: str) -> Project | None:
        """Return the project with this key, None if there is none."""

    async def role(self, project_id: int, user_id: int) -> ProjectRole | None:
        """Return a user's role in a project, None without one."""

    async def change(self, project_id: int, settings: ProjectSettings) -> Project:
        """Replace the settings.

        Raises:
            NotFoundError: no project has this id.
        """

    async def remove(self, project_id: int) -> None:
        """Delete a project, its members and its keys; an unknown id is ignored."""

    async def members(self, project_id: int) -> Sequence[Member]:
        """Return the members of a project, by name."""

    async def set_member(self, project_id: int, user: str, role: ProjectRole) -> None:
        """Give a user a role in a project.

        Raises:
            NotFoundError: no user has this name.
            LastOwnerError: the project would have no owner.
        """

    async def remove_member(self, project_id: int, user: str) -> None:
        """End a membership; an unknown one is ignored.

        Raises:
            LastOwnerError: the project would have no owner.
        """

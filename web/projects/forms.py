"""Bodies and forms that create and change projects."""

from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from analytics.product.collection.exclusion import checked_agents, checked_networks
from model.base_models import DeferredModel
from storage.api.projects import ProjectRole, ProjectSettings
from web.settings import normal_origin

ProjectName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
WeekStart = Annotated[int, Field(ge=1, le=7)]
RetentionDays = Annotated[int, Field(ge=0, le=36_500)]


SessionIdle = Annotated[int, Field(ge=60, le=86_400)]
Origin = Annotated[str, StringConstraints(max_length=300), AfterValidator(normal_origin)]
Part = Annotated[str, StringConstraints(max_length=300)]


_SETTING_OF: Final = {
    "name": "name",
    "timeZone": "time_zone",
    "weekStart": "week_start",
    "retentionDays": "retention_days",
    "isActive": "is_active",
    "sessionIdleSeconds": "session_idle_s",
    "eventsPerSecond": "events_per_second",
}


class ProjectChange(DeferredModel):
    """Settings to change; a missing one stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ProjectName | None = None
    timeZone: ZoneName | None = None
    weekStart: WeekStart | None = None
    retentionDays: RetentionDays | None = None
    isActive: bool | None = None
    sessionIdleSeconds: SessionIdle | None = None
    eventsPerSecond: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    origins: Annotated[list[Origin], Field(max_length=200)] | None = None
    excludedAddresses: list[Part] | None = None
    excludedUserAgents: list[Part] | None = None

    def applied_to(self, settings: ProjectSettings) -> ProjectSettings:
        """Return the settings with the changes.

        Raises:
            ExclusionError: an address or a part of a user agent is invalid.
        """
        given = self.model_dump(exclude_none=True)
        collection = settings.collection
        if self.origins is not None:
            collection = replace(collection, origins=tuple(dict.fromkeys(self.origins)))
        if self.excludedAddresses is not None:
            networks = checked_networks(self.excludedAddresses)
            collection = replace(collection, excluded_addresses=networks)
        if self.excludedUserAgents is not None:
            agents = checked_agents(self.excludedUserAgents)
            collection = replace(collection, excluded_agents=agents)
        direct = {_SETTING_OF[name]: given[name] for name in given.keys() & _SETTING_OF.keys()}
        return replace(settings, collection=collection, **direct)


class NewMemberForm(DeferredModel):
    """A user and the role in the project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    role: ProjectRole = ProjectRole.VIEWER


class MemberRoleForm(DeferredModel):
    """A role in the project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: ProjectRole

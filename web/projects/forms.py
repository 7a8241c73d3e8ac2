"""Bodies and forms that create and change projects."""

from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from storage.api.projects import ProjectRole, ProjectSettings

ProjectName = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
WeekStart = Annotated[int, Field(ge=1, le=7)]
RetentionDays = Annotated[int, Field(ge=0, le=36_500)]


_SETTING_OF: Final = {
    "name": "name",
    "timeZone": "time_zone",
    "weekStart": "week_start",
    "retentionDays": "retention_days",
    "isActive": "is_active",
}


class ProjectChange(BaseModel):
    """Settings to change; a missing one stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ProjectName | None = None
    timeZone: ZoneName | None = None
    weekStart: WeekStart | None = None
    retentionDays: RetentionDays | None = None
    isActive: bool | None = None

    def applied_to(self, settings: ProjectSettings) -> ProjectSettings:
        """Return the settings with the changes."""
        given = self.model_dump(exclude_none=True)
        return replace(settings, **{_SETTING_OF[name]: value for name, value in given.items()})


class NewMemberForm(BaseModel):
    """A user and the role in the project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    role: ProjectRole = ProjectRole.VIEWER


class MemberRoleForm(BaseModel):
    """A role in the project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: ProjectRole

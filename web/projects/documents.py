"""The answers about projects' settings and members."""

from collections.abc import Iterable

from typing_extensions import TypedDict

from storage.api.projects import Member, Project, ProjectRole
from storage.api.reports.schema_notes import SchemaNote
from web.projects.schema_notes import SchemaNotesDocument, schema_notes_document
from web.projects.times import iso


class ProjectSettingsDocument(TypedDict):
    """A project with its settings and descriptions, and the sender's role in it."""

    projectKey: str
    name: str
    timeZone: str
    weekStart: int
    retentionDays: int
    isActive: bool
    sessionIdleSeconds: int
    eventsPerSecond: int
    origins: list[str]
    excludedAddresses: list[str]
    excludedUserAgents: list[str]
    schema: SchemaNotesDocument
    createdAt: str
    role: ProjectRole


class MemberDocument(TypedDict):
    """A member of a project."""

    user: str
    role: ProjectRole


class MembersDocument(TypedDict):
    """The members of a project, by name."""

    members: list[MemberDocument]


def project_settings_document(
    project: Project, role: ProjectRole, notes: Iterable[SchemaNote]
) -> ProjectSettingsDocument:
    """Return a project with its settings."""
    settings = project.settings
    return ProjectSettingsDocument(
        projectKey=project.key,
        name=settings.name,
        timeZone=settings.time_zone,
        weekStart=settings.week_start,
        retentionDays=settings.retention_days,
        isActive=settings.is_active,
        sessionIdleSeconds=settings.session_idle_s,
        eventsPerSecond=settings.events_per_second,
        origins=list(settings.collection.origins),
        excludedAddresses=list(settings.collection.excluded_addresses),
        excludedUserAgents=list(settings.collection.excluded_agents),
        schema=schema_notes_document(notes),
        createdAt=iso(project.created_ms),
        role=role,
    )


def member_document(member: Member) -> MemberDocument:
    """Return a member."""
    return MemberDocument(user=member.user, role=member.role)

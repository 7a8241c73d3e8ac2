"""Users who share a server and not their projects."""

from dataclasses import dataclass
from typing import Any

from analytics.requests.keys import IssuedProjectKey
from storage.api.accounts import CredentialKind, Role
from storage.api.project_keys import KeyScope
from storage.api.projects import Project, ProjectRole, ProjectSettings
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.identity.secret_hashes import secret_hash


@dataclass(frozen=True)
class Tenant:
    """A viewer of the server, who owns a project.

    Attributes:
        session: the header of a session in the browser.
        token: the header of a token.
        key: an API key of the project that tracks requests.
        read_key: one that reads reports.
    """

    name: str
    project: Project
    session: dict[str, str]
    token: dict[str, str]
    key: IssuedProjectKey
    read_key: IssuedProjectKey

    @property
    def pages(self) -> str:
        return f"/projects/{self.project.key}"

    @property
    def api(self) -> str:
        return f"/v1/projects/{self.project.key}"


async def add_tenant(world: World, name: str, project_name: str = "Shop") -> Tenant:
    """Add a user with a project."""
    user = await world.user(name, Role.VIEWER)
    secrets = {}
    for kind in (CredentialKind.SESSION, CredentialKind.BEARER):
        secrets[kind] = f"{kind}-of-{name}"
        await world.accounts.add_credential(
            user.id, kind, secret_hash(secrets[kind]), "test", NOW_MS, NOW_MS + 86_400_000
        )
    analytics = world.services.analytics
    project = await analytics.projects.create(ProjectSettings(project_name), user.id)
    return Tenant(
        name,
        project,
        {"Cookie": f"redshank_session={secrets[CredentialKind.SESSION]}"},
        {"Authorization": f"Bearer {secrets[CredentialKind.BEARER]}"},
        await analytics.keyring.issue(project, "web server"),
        await analytics.keyring.issue(project, "report", frozenset({KeyScope.READ})),
    )


async def add_member(world: World, tenant: Tenant, name: str, role: ProjectRole) -> Tenant:
    """Add a user with a project of their own, who is also a member of another's."""
    member = await add_tenant(world, name, f"{name}'s")
    records = world.services.analytics.projects.records
    await records.set_member(tenant.project.id, name, role)
    return member


async def send(world: World, tenant: Tenant, *events: dict[str, Any]) -> None:
    """Store events of a project."""
    batch = await world.services.analytics.batches.store(tenant.project, events)
    assert not batch.errors

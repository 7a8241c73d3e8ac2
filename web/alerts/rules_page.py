"""The page of rules: every group with its health, and where it comes from."""

from typing import Any, Final

from aiohttp import web

from alerting.rules.stored_groups import STORED_FILE
from alerting.views import GroupView
from storage.api.rules.stored_groups import StoredRuleGroup
from web.alerts.rule_editor.group_forms import RemovedRuleGroupQuery
from web.alerts.rule_editor.groups_api import changeable, note_change
from web.http.pages import Page
from web.http.parameters import read_form, read_query, record_id
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell
from web.management.rule_groups import ManagedRuleGroups
from web.services import Alerting

RULES: Final = Page(
    path="/alert-rules",
    title="Rules",
    template="alerts/rules_page.html",
    parent="/alerts",
    notices={
        "rules-stored": "The rules are stored, and evaluated from now on.",
        "rules-removed": "The group is deleted, and its alerts are resolved.",
    },
)


class RulesPages:
    """Shows the rules, and deletes stored groups."""

    def __init__(self, alerting: Alerting, managed: ManagedRuleGroups | None, shell: Shell) -> None:
        self._alerting, self._managed, self._shell = alerting, managed, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        remove = "/alert-rules/groups/{id}/remove"
        return (
            self._shell.route(RULES, self.show),
            Route("POST", remove, self.remove, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """List the groups with their rules."""
        managed = self._managed
        stored = {} if managed is None else {each.name: each for each in managed.all()}
        groups: list[dict[str, Any]] = [
            {"group": group, "place": place, "stored": _stored(group, stored)}
            for place, group in enumerate(self._alerting.rules())
        ]
        idle = []
        if managed is not None:
            problems = ((each, managed.problem(each.id)) for each in stored.values())
            idle = [(each, problem) for each, problem in problems if problem]
        return await self._shell.page(
            request,
            RULES,
            groups=groups,
            idle=idle,
            stored_count=len(stored),
            may_store=managed is not None,
        )

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a stored group in the version that the form shows, and redirect to the list."""
        version = read_query(await read_form(request), RemovedRuleGroupQuery).version
        removed = await changeable(self._managed).remove(record_id(request), version)
        note_change(request, "rule_group.remove", removed)
        raise web.HTTPSeeOther(f"{RULES.path}?notice=rules-removed")


def _stored(group: GroupView, stored: dict[str, StoredRuleGroup]) -> StoredRuleGroup | None:
    """Return the stored group that a running group is, None for others."""
    return stored.get(group.name) if group.file == str(STORED_FILE) else None

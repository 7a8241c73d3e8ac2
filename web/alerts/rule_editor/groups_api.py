"""`/api/rules/groups`: viewers read, editors change; rule files in and out."""

import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from storage.api.rules.stored_groups import StoredRuleGroup
from web.alerts.rule_editor.group_forms import (
    NewRuleGroupForm,
    RemovedRuleGroupQuery,
    RuleFileDocument,
    RuleGroupChangeForm,
    RuleGroupPath,
    RuleImportForm,
    RuleImportQuery,
    StoredRuleGroupDocument,
    StoredRuleGroupEntry,
    group_document,
    group_entry,
)
from web.http.audit_trail import note
from web.http.errors import BadRequestError, ConflictError
from web.http.operations import Operation
from web.http.parameters import read_body, read_json, read_query, record_id
from web.http.responses import body_response, json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.management.rule_groups import LONGEST_RULES, ManagedRuleGroups

_TAG: Final = "alerts"
YAML: Final = "application/yaml"
_YAML_TYPES: Final = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_BODY_BYTES: Final = 2 * 2**20


def changeable(managed: ManagedRuleGroups | None) -> ManagedRuleGroups:
    """Return the stored groups.

    Raises:
        ConflictError: this server keeps none.
    """
    if managed is None:
        raise ConflictError("this server stores no rule groups; write them to a rule file")
    return managed


class RuleGroupsApi:
    """Stored rule groups as JSON. A change names the version that it starts from."""

    def __init__(self, managed: ManagedRuleGroups | None) -> None:
        self._given = managed

    @property
    def _managed(self) -> ManagedRuleGroups:
        return changeable(self._given)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, one = "/api/rules/groups", "/api/rules/groups/{id}"
        at, entries = RuleGroupPath, list[StoredRuleGroupEntry]
        document, errors = StoredRuleGroupDocument, (400, 404, 409)
        add = Operation(_TAG, document, NewRuleGroupForm, status=201, errors=(409,))
        change = Operation(_TAG, document, RuleGroupChangeForm, path=at, errors=errors)
        remove = Operation(_TAG, None, None, RemovedRuleGroupQuery, at, 204, errors=errors)
        taken = Operation(
            _TAG,
            entries,
            RuleImportForm,
            RuleImportQuery,
            status=201,
            other_bodies={YAML: str},
            errors=(409,),
        )
        file = Operation(_TAG, RuleFileDocument, media_type=YAML, errors=(409,))
        file_of_one = Operation(_TAG, RuleFileDocument, path=at, media_type=YAML, errors=errors)
        shown = Operation(_TAG, document, path=at, errors=errors)
        viewer, editor = Access.VIEWER, Access.EDITOR
        return json_routes(
            ("GET", path, self.listed, viewer, Operation(_TAG, entries, errors=(409,))),
            ("POST", path, self.add, editor, add),
            ("GET", "/api/rules/export", self.export, viewer, file),
            ("POST", "/api/rules/import", self.take_file, editor, taken),
            ("GET", one, self.show, viewer, shown),
            ("PUT", one, self.change, editor, change),
            ("DELETE", one, self.remove, editor, remove),
            ("GET", f"{one}/export", self.export_one, viewer, file_of_one),
            body_limit_bytes=_BODY_BYTES,
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the stored rule groups by name, without their rules."""
        managed = self._managed
        return json_response([group_entry(each, managed) for each in managed.all()])

    async def add(self, request: web.Request) -> web.Response:
        """Store a rule group and evaluate it from now on."""
        form = await read_json(request, NewRuleGroupForm)
        added = await self._managed.add(form.group.definition(), principal_of(request).name)
        note_change(request, "rule_group.add", added)
        return json_response(group_document(added, self._managed), 201)

    async def show(self, request: web.Request) -> web.Response:
        """Return a stored rule group with its rules."""
        return json_response(group_document(self._managed.get(record_id(request)), self._managed))

    async def change(self, request: web.Request) -> web.Response:
        """Replace a stored rule group; 409 if `version` is not the newest one."""
        form = await read_json(request, RuleGroupChangeForm)
        changed = await self._managed.change(
            record_id(request), form.version, form.group.definition(), principal_of(request).name
        )
        note_change(request, "rule_group.change", changed)
        return json_response(group_document(changed, self._managed))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a stored rule group and resolve its alerts."""
        version = read_query(request.query, RemovedRuleGroupQuery).version
        removed = await self._managed.remove(record_id(request), version)
        note_change(request, "rule_group.remove", removed)
        return web.Response(status=204)

    async def export(self, request: web.Request) -> web.Response:
        """Return all stored rule groups as a rule file."""
        return self._file(self._managed.all(), "rules")

    async def export_one(self, request: web.Request) -> web.Response:
        """Return a stored rule group as a rule file."""
        stored = self._managed.get(record_id(request))
        return self._file([stored], stored.name)

    def _file(self, groups: Sequence[StoredRuleGroup], name: str) -> web.Response:
        safe = _NOT_IN_NAMES.sub("-", name).strip("-.")[:80] or "rules"
        headers = {"Content-Disposition": f'attachment; filename="{safe}.yml"'}
        return body_response(self._managed.rule_file(groups).encode(), YAML, headers=headers)

    async def take_file(self, request: web.Request) -> web.Response:
        """Store all groups of a rule file, or none; the body is JSON, or the file itself."""
        text, overwrite = await _rule_file(request)
        author = principal_of(request).name
        stored = await self._managed.add_file(text, author, overwrite=overwrite)
        for each in stored:
            note_change(request, "rule_group.import", each)
        return json_response([group_entry(each, self._managed) for each in stored], 201)


def note_change(request: web.Request, action: str, group: StoredRuleGroup) -> None:
    """Record a change of a group in the audit log."""
    note(request, action, group.name, id=str(group.id), version=str(group.version))


async def _rule_file(request: web.Request) -> tuple[str, bool]:
    """Return the rule file in the body, and whether it replaces groups."""
    if request.content_type not in _YAML_TYPES:
        form = await read_json(request, RuleImportForm)
        return form.rules, form.overwrite
    overwrite = read_query(request.query, RuleImportQuery).overwrite
    body = await read_body(request)
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise BadRequestError(f"rules: the file is not UTF-8: {exc}", "rules") from exc
    if len(text) > LONGEST_RULES:
        raise BadRequestError(f"rules: at most {LONGEST_RULES:,} characters", "rules")
    return text, overwrite

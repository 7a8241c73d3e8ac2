"""Jira: one issue for each group, found again by a label, and moved to its status.

Source: Alertmanager 0.33, notify/jira; Atlassian documentation, "Jira REST API".
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from alerting.errors import DeliveryError
from alerting.receivers.exchanges.exchange import SendRequest, answered
from alerting.receivers.rendered import NotificationTexts
from alerting.receivers.request_values import ReceiverRequest, group_hash, is_firing, shortened
from alerting.receivers.webhook_body import WebhookBody
from alerting.templates.language.literals import go_quote

_HEADERS = {"Accept-Language": "en"}
_MOST_SUMMARY, _MOST_DESCRIPTION = 255, 32_767
_NOT_DONE = "statusCategory != Done and "
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class JiraIssue:
    """An issue that Jira found; `category` is that of its status, None if Jira does not say."""

    key: str
    category: str | None


async def jira(own: Any, body: WebhookBody, texts: NotificationTexts, send: SendRequest) -> None:
    """Create or update the issue of a group, and reopen or resolve it."""
    fires = is_firing(body)
    label = f"ALERT{{{group_hash(body)}}}"
    project = await texts.text(own.project)
    issue = await _existing(own, _query(own, project, label, fires=fires), send)
    if issue is None and not fires:
        # The end of what has no issue, or whose issue is done, needs none.
        return
    fields = await _fields(own, texts, project, label)
    if issue is None:
        await send(_request(own, "issue", {"fields": fields}))
        return
    for name in ("summary", "description"):
        if not getattr(getattr(own, name), "enable_update", True):
            fields.pop(name, None)
    path = f"issue/{quote(issue.key, safe='')}"
    await send(_request(own, path, {"fields": fields}, "PUT"))
    await _move(own, issue, f"{path}/transitions", send, fires=fires)


def _request(own: Any, path: str, message: Any = None, method: str = "POST") -> ReceiverRequest:
    url = f"{own.api_url.rstrip('/')}/{path}"
    return ReceiverRequest(url, message, _HEADERS, method=method)


def _query(own: Any, project: str, label: str, *, fires: bool) -> str:
    """Return the query in JQL that finds the issue of a group of alerts."""
    parts = []
    if own.wont_fix_resolution:
        resolution = go_quote(own.wont_fix_resolution)
        parts.append(f"(resolution is EMPTY or resolution != {resolution}) and ")
    minutes = own.reopen_duration // _MINUTE_MS
    if fires and own.reopen_transition and minutes > 0:
        parts.append(f"(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and ")
    else:
        parts.append(_NOT_DONE)
    parts.append(f"project={go_quote(project)} and labels={go_quote(label)}")
    return "".join(parts) + " order by status ASC,resolutiondate DESC"


async def _existing(own: Any, jql: str, send: SendRequest) -> JiraIssue | None:
    """Return the first issue that a query finds, None without one."""
    search = {"jql": jql, "maxResults": 2, "fields": ["status"]}
    request = _request(own, "search", search)
    host = urlsplit(own.api_url).netloc
    is_cloud = own.api_type == "auto" and host.endswith("atlassian.net")
    if is_cloud or own.api_type == "cloud":
        # Jira Cloud has no other search any more; Data Center does not have this one.
        found = _request(own, "search/jql", search)
        url = found.url.replace("/rest/api/2/", "/rest/api/3/", 1)
        request = ReceiverRequest(url, search, _HEADERS)
    issues = answered(await send(request), "Jira").get("issues") or ()
    for issue in issues:
        status = (issue.get("fields") or {}).get("status")
        category = None if status is None else (status.get("statusCategory") or {}).get("key", "")
        return JiraIssue(str(issue.get("key", "")), category)
    return None


async def _fields(own: Any, texts: NotificationTexts, project: str, label: str) -> dict[str, Any]:
    """Return the fields of the issue of a group."""
    labels = [await texts.text(each) for each in own.labels]
    fields: dict[str, Any] = {
        "project": {"key": project},
        "issuetype": {"name": await texts.text(own.issue_type)},
        "summary": shortened(await texts.text(_template(own.summary)), _MOST_SUMMARY),
        "labels": sorted([*labels, label]),
    }
    text = shortened(await texts.text(_template(own.description)), _MOST_DESCRIPTION)
    if description := _description(own, text):
        fields["description"] = description
    if priority := await texts.text(own.priority):
        fields["priority"] = {"name": priority}
    return fields | {name: await texts.structure(value) for name, value in own.fields.items()}


def _template(field: Any) -> str:
    return field if isinstance(field, str) else field.template


def _description(own: Any, text: str) -> Any:
    """Return the description: a text, or a document for version 3 of the API."""
    if not urlsplit(own.api_url).path.rstrip("/").endswith("/3"):
        return text
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as exc:
        message = "description: version 3 of Jira's API takes a document in JSON, not a text"
        raise DeliveryError(message, retryable=False) from exc


async def _move(own: Any, issue: JiraIssue, path: str, send: SendRequest, *, fires: bool) -> None:
    """Reopen an issue that is done, or resolve one that is not."""
    is_done = issue.category == "done"
    name = own.reopen_transition if fires else own.resolve_transition
    if issue.category is None or fires is not is_done or not name:
        return
    known = answered(await send(_request(own, path, method="GET")), "Jira")
    for transition in known.get("transitions") or ():
        if transition.get("name") == name:
            await send(_request(own, path, {"transition": {"id": transition.get("id", "")}}))
            return
    raise DeliveryError(f"{issue.key} has no transition {name!r} from its status", retryable=False)

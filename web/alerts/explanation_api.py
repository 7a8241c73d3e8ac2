"""`/api/alerts/{id}/explanation`, `/api/alerts/what-if` and `/api/silences/preview`."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from model.labels import Labels
from model.matchers import MatchOperator
from storage.api.alerts import AlertRecords
from web.alerts.explanation_documents import (
    ExplanationDocument,
    SilencePreviewDocument,
    WhatIfDocument,
    route_documents,
    sentence_documents,
)
from web.alerts.explanations import Explainer
from web.alerts.matched_alerts import matched_alerts, read_matchers
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.parameters import Parameters, RecordPath, read_query, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.services import Alerting

_MOST_MATCHED: Final = 1000


class WhatIfQuery(Parameters):
    """The labels of an alert: `{alertname="HostDown", severity="critical"}`."""

    labels: Annotated[str, Field(min_length=1, max_length=10_000)]


class PreviewQuery(Parameters):
    """The matchers of a silence: `{alertname="HostDown", instance=~"db-.*"}`."""

    matchers: Annotated[str, Field(min_length=1, max_length=10_000)]


class ExplanationApi:
    """Explanations as JSON."""

    def __init__(self, alerts: AlertRecords, alerting: Alerting, explainer: Explainer) -> None:
        self._alerts, self._alerting, self._explainer = alerts, alerting, explainer

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag = "alerts"
        one = Operation(tag, ExplanationDocument, path=RecordPath, errors=(404,))
        what_if = Operation(tag, WhatIfDocument, query=WhatIfQuery)
        preview = Operation(tag, SilencePreviewDocument, query=PreviewQuery)
        viewer = Access.VIEWER
        return json_routes(
            ("GET", "/api/alerts/what-if", self.what_if, viewer, what_if),
            ("GET", "/api/alerts/{id}/explanation", self.explanation, viewer, one),
            ("GET", "/api/silences/preview", self.preview, viewer, preview),
        )

    async def explanation(self, request: web.Request) -> web.Response:
        """Explain why an alert is in its state and why it was or was not notified."""
        alert = await self._alerts.alert(record_id(request))
        found = await self._explainer.of_alert(alert)
        document: ExplanationDocument = {
            "alert_id": alert.id,
            "state": sentence_documents(found.state),
            "routes": route_documents(found.routes),
        }
        return json_response(document)

    async def what_if(self, request: web.Request) -> web.Response:
        """Say what would happen to an alert with these labels that fires now."""
        labels = read_labels(read_query(request.query, WhatIfQuery).labels)
        routes = await self._explainer.of_labels(labels)
        document: WhatIfDocument = {
            "labels": dict(labels),
            "receivers": list(dict.fromkeys(each.route.receiver for each in routes)),
            "routes": route_documents(routes),
        }
        return json_response(document)

    async def preview(self, request: web.Request) -> web.Response:
        """List the open alerts that matchers match now, at most 1000."""
        matchers = read_matchers(read_query(request.query, PreviewQuery).matchers)
        found = matched_alerts(self._alerting, matchers)
        document: SilencePreviewDocument = {
            "count": len(found),
            "alerts": [
                {"alert_id": each.alert_id, "labels": dict(each.labels)}
                for each in found[:_MOST_MATCHED]
            ],
        }
        return json_response(document)


def read_labels(text: str) -> Labels:
    """Return the labels of a text, written as matchers with `=`.

    Raises:
        BadRequestError: the text is malformed, or has another operator.
    """
    try:
        matchers = read_matchers(text)
    except BadRequestError as exc:
        raise BadRequestError(f"labels: {exc.message}", "labels") from exc
    for each in matchers:
        if each.operator is not MatchOperator.EQUAL:
            raise BadRequestError(f'labels: write {each.name}="…": a label has one value', "labels")
    return Labels.of((each.name, each.value) for each in matchers)

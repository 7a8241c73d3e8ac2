"""`/api/v2/alerts`, `/api/v2/alerts/groups`, `/api/v2/receivers` and `/api/v2/status`."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from alerting.notifications.router import AlertRouter
from alerting.routing.alerts import RoutedAlert
from alerting.routing.muting import Muting, MutingKind
from alerting.routing.tree import AlertRoute
from model.clock import Clock
from model.labels import Labels
from model.matchers import compile_pattern, matches_all
from web.alertmanager.documents import (
    AlertGroupDocument,
    AlertmanagerStatusDocument,
    AlertStatusDocument,
    ReceiverNameDocument,
    RoutedAlertDocument,
    alert_document_of,
    moment,
)
from web.alertmanager.filters import is_on, matchers_of
from web.alertmanager.forms import POSTED_ALERTS, time_ms
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_TAG: Final = "alertmanager"
_SURFACE: Final = Surface.ALERTMANAGER
_OPEN_END_MS: Final = 300_000


class AlertmanagerAlertsApi:
    """Takes alerts of peers, and lists alerts and groups."""

    def __init__(self, router: AlertRouter, clock: Clock, version: str) -> None:
        self._router, self._clock, self._version = router, clock, version
        self._started_ms = clock()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        alerts = Operation(_TAG, list[RoutedAlertDocument], errors=(400,))
        groups = Operation(_TAG, list[AlertGroupDocument], errors=(400,))
        receivers = Operation(_TAG, list[ReceiverNameDocument])
        status = Operation(_TAG, AlertmanagerStatusDocument)
        post = Operation(_TAG, status=200, errors=(400,))
        return tuple(
            Route(method, f"/api/v2/{path}", handler, access, _SURFACE, operation=operation)
            for method, path, handler, access, operation in (
                ("GET", "alerts", self.alerts, Access.VIEWER, alerts),
                ("POST", "alerts", self.post_alerts, Access.PUSH, post),
                ("GET", "alerts/groups", self.groups, Access.VIEWER, groups),
                ("GET", "receivers", self.receivers, Access.VIEWER, receivers),
                ("GET", "status", self.status, Access.VIEWER, status),
            )
        )

    async def post_alerts(self, request: web.Request) -> web.Response:
        """Take alerts that a peer reports."""
        try:
            forms = POSTED_ALERTS.validate_json(await request.read())
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise BadRequestError(f"{where}: {first['msg']}") from exc
        now_ms = self._clock()
        found = []
        for number, form in enumerate(forms):
            labels = Labels.of(form.labels)
            starts_ms, ends_ms = time_ms(form.startsAt), time_ms(form.endsAt)
            if starts_ms is None:
                starts_ms = now_ms if ends_ms is None else min(ends_ms, now_ms)
            if not labels:
                raise BadRequestError(f"{number}.labels: at least one label needs a value")
            if ends_ms is not None and ends_ms < starts_ms:
                raise BadRequestError(f"{number}.endsAt: must not be before startsAt")
            annotations = Labels.with_empty(form.annotations)
            url = form.generatorURL
            found.append(RoutedAlert(labels, annotations, starts_ms, ends_ms, now_ms, url))
        self._router.report(found)
        return web.Response()

    def _status(self, alert: RoutedAlert, routes: tuple[AlertRoute, ...]) -> AlertStatusDocument:
        now_ms = self._clock()
        status: AlertStatusDocument = {
            "state": "active",
            "silencedBy": [],
            "inhibitedBy": [],
            "mutedBy": [],
        }
        mutings = [self._router.dispatcher.muting(alert, route, now_ms) for route in routes]
        for muting in filter(None, mutings):
            _add(status, muting)
        if routes and all(mutings):
            status["state"] = "suppressed"
        return status

    def _document(self, alert: RoutedAlert) -> RoutedAlertDocument:
        routes = self._router.dispatcher.configuration.route.matching(alert.labels)
        receivers = sorted({route.receiver for route in routes})
        ends_ms = alert.ends_ms if alert.ends_ms is not None else self._clock() + _OPEN_END_MS
        return alert_document_of(alert, receivers, self._status(alert, routes), ends_ms)

    def _wanted(self, request: web.Request) -> Callable[[RoutedAlertDocument], bool]:
        query = request.query
        filters = matchers_of(query.getall("filter", []))
        active, silenced = is_on(query.get("active")), is_on(query.get("silenced"))
        inhibited, muted = is_on(query.get("inhibited")), is_on(query.get("muted"))
        try:
            receiver = compile_pattern(query["receiver"]) if query.get("receiver") else None
        except ValueError as exc:
            raise BadRequestError(f"receiver: {exc}") from exc

        def wanted(alert: RoutedAlertDocument) -> bool:
            status = alert["status"]
            names = [each["name"] for each in alert["receivers"]]
            return (
                (active or status["state"] != "active")
                and (silenced or not status["silencedBy"])
                and (inhibited or not status["inhibitedBy"])
                and (muted or not status["mutedBy"])
                and matches_all(filters, Labels.of(alert["labels"]))
                and (receiver is None or any(receiver.fullmatch(name) for name in names))
            )

        return wanted

    async def alerts(self, request: web.Request) -> web.Response:
        """List the alerts that fire."""
        wanted = self._wanted(request)
        found = [self._document(alert) for alert in self._router.firing()]
        found.sort(key=lambda each: each["fingerprint"])
        return json_response([each for each in found if wanted(each)])

    async def groups(self, request: web.Request) -> web.Response:
        """List the groups with their alerts."""
        wanted = self._wanted(request)
        now_ms = self._clock()
        found: list[AlertGroupDocument] = []
        for group in self._router.dispatcher.groups:
            alerts = [
                self._document(each) for each in group.ordered() if not each.is_resolved(now_ms)
            ]
            shown = [each for each in alerts if wanted(each)]
            if shown:
                receiver: ReceiverNameDocument = {"name": group.route.receiver}
                labels = dict(group.labels)
                found.append({"labels": labels, "receiver": receiver, "alerts": shown})
        found.sort(key=lambda each: (sorted(each["labels"].items()), each["receiver"]["name"]))
        return json_response(found)

    async def receivers(self, request: web.Request) -> web.Response:
        """List the receivers."""
        names = self._router.dispatcher.configuration.integrations
        return json_response([{"name": name} for name in names])

    async def status(self, request: web.Request) -> web.Response:
        """Return the server's state; it is no cluster."""
        document: AlertmanagerStatusDocument = {
            "cluster": {"status": "disabled", "peers": []},
            "versionInfo": {
                "version": self._version,
                "revision": "",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            },
            # The file holds secrets, so only its tree is shown.
            "config": {"original": self._router.outline()},
            "uptime": moment(self._started_ms),
        }
        return json_response(document)


def _add(status: AlertStatusDocument, muting: Muting) -> None:
    key = {MutingKind.INHIBITION: "inhibitedBy", MutingKind.SILENCE: "silencedBy"}
    names = status[key.get(muting.kind, "mutedBy")]  # type: ignore[literal-required]
    names += [name for name in muting.by if name not in names]

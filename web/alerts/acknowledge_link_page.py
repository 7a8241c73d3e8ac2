"""The page behind a link of a notification: acknowledges one alert, without a login.

A GET changes nothing, because mail gateways and chats open links to look at them.
"""

from aiohttp import web

from alerting.errors import BadLinkError
from alerting.notifications.acknowledge_links import AcknowledgeLink, AcknowledgeLinks
from storage.api.alerts import Acknowledgement, Alert, AlertRecords
from storage.api.errors import NotFoundError
from web.alerts.api import alert_name
from web.http.audit_trail import note
from web.http.parameters import read_form
from web.http.rendering import Renderer
from web.http.routing import Access, Route, Surface, principal_of
from web.services import Alerting

_PATH = "/acknowledge/{token}"


class AcknowledgeLinkPages:
    """Shows what a link acknowledges, and acknowledges it."""

    def __init__(self, alerts: AlertRecords, alerting: Alerting, renderer: Renderer) -> None:
        self._alerts, self._alerting, self._renderer = alerts, alerting, renderer

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route(method, _PATH, handler, Access.PUBLIC, Surface.PAGE)
            for method, handler in (("GET", self.show), ("POST", self.acknowledge))
        )

    @property
    def _links(self) -> AcknowledgeLinks:
        return self._alerting.router.links

    async def show(self, request: web.Request) -> web.Response:
        """Show the alert of a link, and a button."""
        try:
            _, alert = await self._alert_of(request)
        except BadLinkError as exc:
            return self._page(request, None, str(exc), 403)
        return self._page(request, alert, "")

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Acknowledge the alert of a link, which counts once."""
        form = await read_form(request)
        try:
            link, alert = await self._alert_of(request)
            if not alert.is_open or alert.acknowledged_by is not None:
                return self._page(request, alert, "")
            await self._links.use(link)
        except BadLinkError as exc:
            return self._page(request, None, str(exc), 403)
        user = principal_of(request).user
        actor = f"{link.receiver} (link)" if user is None else user.name
        terms = Acknowledgement(form.get("comment", "").strip()[:2000])
        try:
            alert = await self._alerting.acknowledge(alert.id, actor, terms)
        except NotFoundError:
            alert = await self._alerts.alert(alert.id)
        note(request, "alert.acknowledge", alert_name(alert), id=str(alert.id), by=actor)
        return self._page(request, alert, "")

    async def _alert_of(self, request: web.Request) -> tuple[AcknowledgeLink, Alert]:
        link = self._links.read(request.match_info["token"])
        try:
            return link, await self._alerts.alert(link.alert_id)
        except NotFoundError:
            raise BadLinkError("the alert of this link is no longer kept") from None

    def _page(
        self, request: web.Request, alert: Alert | None, problem: str, status: int = 200
    ) -> web.Response:
        response = self._renderer.page(
            request,
            "alerts/acknowledge_link_page.html",
            status,
            alert=alert,
            name="" if alert is None else alert_name(alert),
            problem=problem,
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        return response

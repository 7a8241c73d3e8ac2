"""`/-/reload`: reloads the configuration, as in Prometheus."""

from aiohttp import web

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.services import RunningConfiguration


class ReloadDocument(TypedDict):
    """The changed settings that only a restart applies."""

    restart_needed: list[str]


class ConfigurationApi:
    """Reloads the configuration."""

    def __init__(self, configuration: RunningConfiguration) -> None:
        self._configuration = configuration

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        # 500 for an invalid file, as in Prometheus.
        operation = Operation("health", ReloadDocument, errors=(500,))
        return tuple(
            Route(method, "/-/reload", self.reload, Access.ADMIN, Surface.JSON, operation=operation)
            for method in ("POST", "PUT")
        )

    async def reload(self, request: web.Request) -> web.Response:
        """Reload the configuration; return the changed settings that need a restart."""
        waiting = await self._configuration.reload()
        note(request, "configuration.reload", restart_needed=" ".join(waiting))
        return json_response({"restart_needed": list(waiting)})

"""The page of a form with matchers, beside the alerts that they match now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from web.alerts.matched_alerts import matched_alerts, read_matchers
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.live.shell import Shell
from web.services import Alerting

_MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class PreviewedForm:
    """Renders a form that has the field `matchers`.

    Attributes:
        alerting: has the open alerts.
        shell: the frame around the page.
        choices: what the form offers, by the names that its template uses.
    """

    alerting: Alerting
    shell: Shell
    choices: Mapping[str, Any]

    async def page(
        self,
        request: web.Request,
        page: Page,
        action: str,
        given: Mapping[str, str],
        problems: Mapping[str, str],
        status: int = 200,
    ) -> web.Response:
        """Return the page with the form.

        Args:
            request: the request for it.
            page: the page.
            action: the path that the form is sent to.
            given: the text of each field.
            problems: what is wrong with each field.
            status: the status of the response.
        """
        return await self.shell.page(
            request,
            page,
            status,
            given=given,
            problems=problems,
            action=action,
            **self.choices,
            **preview_values(self.alerting, given.get("matchers", "")),
        )


def preview_values(alerting: Alerting, text: str) -> dict[str, Any]:
    """Return what the template of the preview shows for the text of matchers."""
    found, problem = [], ""
    if text.strip():
        try:
            found = matched_alerts(alerting, read_matchers(text))
        except BadRequestError as exc:
            problem = exc.message
    return {
        "preview": found[:_MOST_SHOWN],
        "preview_count": len(found),
        "preview_problem": problem,
        "preview_asked": bool(text.strip()),
    }

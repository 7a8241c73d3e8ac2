"""`/api/audit`: who changed what."""

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from web.account_documents import AuditDocument, audit_entry_document
from web.answers import json_answer
from web.operations import Operation
from web.parameters import LARGEST_ID, read_integer
from web.routing import Access, Route, Surface
from web.services import Services

PAGE_LENGTH = 100
LONGEST_PAGE = 1000


class AuditQuery(BaseModel):
    """One page of the log; `before` is the last id of the page before."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    limit: int = Field(default=PAGE_LENGTH, ge=1, le=LONGEST_PAGE)
    before: int | None = Field(default=None, ge=1, le=LARGEST_ID)


class AuditApi:
    """The audit log as JSON."""

    def __init__(self, services: Services) -> None:
        self._records = services.audit

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        operation = Operation("audit", AuditDocument, query=AuditQuery)
        return (
            Route(
                "GET", "/api/audit", self.entries, Access.ADMIN, Surface.JSON, operation=operation
            ),
        )

    async def entries(self, request: web.Request) -> web.Response:
        """List what was changed, newest first."""
        found = await self._records.entries(*audit_page(request))
        return json_answer({"entries": [audit_entry_document(each) for each in found]})


def audit_page(request: web.Request) -> tuple[int, int | None]:
    """Return the parameters `limit` and `before`.

    Raises:
        BadRequestError: one is no number, or out of range.
    """
    limit = read_integer(request.query, "limit", PAGE_LENGTH, high=LONGEST_PAGE)
    return limit, read_integer(request.query, "before", 0) or None

"""Takes the events of SDKs and web pages: whose they are, and whether that sender may send."""

import math
from typing import Final

from aiohttp import web

from analytics.product.batches import StoredBatch
from analytics.product.collection.submission import EventSender, Submission
from analytics.product.collection.visitors import Visitor
from analytics.service import Analytics
from model.clock import Clock
from model.limits import LimitName, Refusals
from storage.api.projects import Project
from web.events.documents import batch_document
from web.http.errors import BadRequestError, ForbiddenError, TooManyRequestsError
from web.http.network import client_address
from web.http.quotas import Quota
from web.http.responses import json_response
from web.projects.access import ProjectAccess
from web.projects.event_rates import require_rate
from web.settings import WebSettings

BODY_LIMIT_BYTES: Final = 32 * 2**20


class EventCollection:
    """Stores the events of any sender that has a project's public key."""

    def __init__(
        self,
        analytics: Analytics,
        access: ProjectAccess,
        settings: WebSettings,
        clock: Clock,
        refusals: Refusals,
    ) -> None:
        self._analytics, self._access = analytics, access
        self._settings, self._clock, self._refusals = settings, clock, refusals
        per_minute = settings.rate_limits.push.key_per_minute
        self._quota = Quota(per_minute) if per_minute else None

    async def project(self, request: web.Request, key: str) -> Project:
        """Return the project to which a request sends.

        Raises:
            BadRequestError: the key is missing.
            ForbiddenError: no active project has it, or pages of this origin may not send.
            TooManyRequestsError: the key is over its quota.
        """
        project = await self._access.for_sending(key)
        self._take_quota(project)
        origins = project.settings.collection.origins
        origin = request.headers.get("Origin")
        if origins and origin is not None and origin.lower() not in origins:
            raise ForbiddenError(f"the project takes no events from pages of {origin[:200]}")
        return project

    async def take(self, request: web.Request, key: str, submission: Submission) -> StoredBatch:
        """Store a submission; returns after it has been synced to disk.

        Raises:
            WebError: as `project`, or the batch has no event or too many.
            TooManyRequestsError: the project sends too many events a second.
            StorageError: nothing was stored.
        """
        project = await self.project(request, key)
        most = self._analytics.settings.batch_events
        if not submission.items:
            raise BadRequestError("the batch has no event", "events")
        if len(submission.items) > most:
            self._refusals.count(LimitName.BATCH_EVENTS)
            raise BadRequestError(f"more than {most} events; send several batches", "events")
        require_rate(self._analytics, project, len(submission.items))
        batches = self._analytics.batches
        is_page = _is_from_page(request)
        if submission.is_plain and not is_page:
            # Programs send most events; completing them would take half the time of parsing.
            return await batches.store(project, submission.items)
        sender = EventSender(_device_of(request, self._settings), is_page)
        return await batches.collect(project, submission, sender)

    def _take_quota(self, project: Project) -> None:
        if self._quota is None:
            return
        state = self._quota.take(project.key, self._clock())
        if state.wait_ms:
            self._refusals.count(LimitName.KEY_QUOTA)
            raise TooManyRequestsError(
                f"more than {state.limit} requests a minute with this project key",
                math.ceil(state.wait_ms / 1000),
            )


def _is_from_page(request: web.Request) -> bool:
    """Return whether a web page sends a request.

    Browsers add `Origin` to every request that a script of a page sends with a body, and
    nobody but browsers and bots calls itself Mozilla.
    """
    headers = request.headers
    return "Origin" in headers or headers.get("User-Agent", "").startswith("Mozilla/")


def _device_of(request: web.Request, settings: WebSettings) -> Visitor:
    headers = request.headers
    return Visitor(
        client_address(request, settings),
        headers.get("User-Agent", ""),
        headers.get("Sec-CH-UA", ""),
        headers.get("Sec-CH-UA-Platform", ""),
        headers.get("Sec-CH-UA-Mobile", ""),
    )


def batch_response(batch: StoredBatch) -> web.Response:
    """Return the answer to a batch: 400 if no item was accepted."""
    document = batch_document(batch)
    if not batch.is_refused:
        return json_response(document)
    first = batch.errors[0]
    error = f"events[{first.index}].{first.field}: {first.error}"
    return json_response({"error": error, "field": "events", **document}, 400)

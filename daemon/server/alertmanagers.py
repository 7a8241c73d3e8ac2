"""Discovers external Alertmanagers, and connects the notifier to them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from alerting.alertmanagers.notifier import AlertmanagerNotifier
from alerting.alertmanagers.queue import AlertmanagerEndpoint
from alerting.errors import DeliveryError
from alerting.service import AlertingService
from daemon.configuration.configuration import Configuration
from model.clock import Clock
from model.labels import Labels
from scraper.discovery.manager import DiscoveryManager
from scraper.errors import FetchError
from scraper.fetching.http_session import HttpSession, failure_message
from scraper.fetching.targets import ScrapeTarget
from scraper.relabel import RelabelRule, relabel

if TYPE_CHECKING:
    from scraper.discovery.jobs import AlertmanagerJob

_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


class Alertmanagers:
    """The external Alertmanagers of the configuration.

    Attributes:
        notifier: sends the alerts.
    """

    def __init__(
        self, configuration: Configuration, alerting: AlertingService, clock: Clock
    ) -> None:
        self.notifier = AlertmanagerNotifier(
            lambda: [item.alert for item in alerting.open_alerts()],
            alerting.rule_groups.origins,
            lambda: alerting.rule_groups.settings.external_url,
            clock,
        )
        alerting.subscribe(self.notifier.observe)
        self._session = HttpSession()
        self._discovery = DiscoveryManager(self._connect)
        self._jobs: Mapping[str, AlertmanagerJob] = {}
        self._external_labels = Labels()
        self.apply(configuration)

    def apply(self, configuration: Configuration) -> None:
        """Send to the Alertmanagers of a new configuration."""
        self._jobs = {each.job.name: each for each in configuration.alertmanagers}
        self._external_labels = configuration.external_labels
        self._discovery.apply([each.job for each in self._jobs.values()])

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Discover and send until the block ends."""
        await self._session.open()
        sending = tasks.create_task(self.notifier.run(), name="send alerts to Alertmanagers")
        try:
            async with self._discovery:
                await self._connect()
                yield
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            await self._session.close()

    async def _connect(self) -> None:
        targets = [target for target in self._discovery.targets() if not target.refused]
        self.notifier.connect({target.url: self._endpoint(target) for target in targets})

    def _endpoint(self, target: ScrapeTarget) -> AlertmanagerEndpoint:
        rules = self._jobs[target.pool].alert_rules
        rewrite = partial(_rewritten, rules, self._external_labels)
        return AlertmanagerEndpoint(target.url, rewrite, partial(self._post, target))

    async def _post(self, target: ScrapeTarget, body: bytes) -> None:
        """Send alerts to one Alertmanager.

        Raises:
            DeliveryError: it did not accept them.
        """
        headers = {"Content-Type": "application/json"}
        try:
            async with asyncio.timeout(target.timeout_s):
                response = await self._session.send(
                    target.url, target.access, headers, method="POST", data=body
                )
                async with response:
                    status = response.status
        except TimeoutError as exc:
            raise DeliveryError(f"no answer in {target.timeout_s:g} s") from exc
        except (FetchError, aiohttp.ClientError, OSError) as exc:
            raise DeliveryError(failure_message(exc)) from exc
        if status // 100 != 2:
            retryable = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
            raise DeliveryError(f"answered {status}", retryable=retryable)


def _rewritten(
    rules: tuple[RelabelRule, ...], external_labels: Labels, labels: Labels
) -> Labels | None:
    """Return the labels of an alert for an Alertmanager, None if a rule drops it."""
    found = dict(external_labels) | dict(labels)
    return Labels.of(found) if relabel(found, rules) else None

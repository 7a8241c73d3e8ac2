"""The dead man's switch: a call to a URL at each interval, while the alarm really works.

The service behind the URL raises an alert when the calls stop: this server cannot report
that it is dead. A call goes out only if host checks and rules are evaluated on time and the
outbox is delivered.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog

from alerting.errors import DeliveryError
from alerting.receivers.receiver import masked
from alerting.settings import HeartbeatSettings
from alerting.time_source import Sleep

log = structlog.get_logger(__name__)


class Heartbeat:
    """Calls the URL of a dead man's switch.

    Attributes:
        calls: calls that were accepted.
        failures: calls that failed.
        withheld: calls that were left out, because the alarm did not work.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        problem: Callable[[], str],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Prepare.

        Args:
            session: sends the requests.
            problem: returns why no call may go out, "" if nothing is wrong.
            sleep: replaced in tests.
        """
        self.calls = self.failures = self.withheld = 0
        self._session, self._problem, self._sleep = session, problem, sleep
        self._trouble = ""

    async def run(self, settings: HeartbeatSettings) -> None:
        """Call at each interval until cancelled."""
        while True:
            await self._sleep(settings.interval_ms / 1000)
            problem = self._problem()
            if problem:
                self.withheld += 1
                self._note("heartbeat_withheld", problem)
                continue
            try:
                await self._call(settings)
            except DeliveryError as exc:
                self.failures += 1
                self._note("heartbeat_failed", str(exc))
            else:
                self.calls += 1
                self._note("heartbeat_sent", "")

    async def _call(self, settings: HeartbeatSettings) -> None:
        shown = masked(settings.url)
        timeout = aiohttp.ClientTimeout(total=settings.timeout_ms / 1000)
        try:
            async with self._session.request(
                settings.method, settings.url.get_secret_value(), timeout=timeout
            ) as response:
                status = response.status
        except TimeoutError as exc:
            raise DeliveryError(f"{shown}: no answer in {timeout.total:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            # The error's text may hold the URL, and the URL is a secret.
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None
        if status >= 300:
            raise DeliveryError(f"{shown}: answered {status}")

    def _note(self, event: str, trouble: str) -> None:
        """Log when calls begin to fail or to be withheld, and when they go out again."""
        if trouble and not self._trouble:
            log.warning(event, reason=trouble)
        elif self._trouble and not trouble:
            log.info("heartbeat_recovered")
        self._trouble = trouble

"""Back-tests of rules, as `POST /api/rules/backtest` and for the page of rules."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from alerting.errors import BacktestTooLargeError, RuleFileError
from alerting.rules.files import parse_rule_file
from alerting.simulation.backtest import (
    Backtest,
    BacktestRange,
    FiredInTest,
    RuleBacktest,
)
from alerting.simulation.immediate_engine import ImmediateEngine
from model.base_models import DeferredModel
from model.clock import Clock
from model.quantities import DurationMs
from promql.engine import EngineSettings
from promql.syntax.parser import parse
from storage.api.samples import SampleReader
from web.fleet.documents import finite
from web.http.errors import BadRequestError, ConflictError
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_LONGEST_S: Final = 100.0
"""A back-test that takes longer is refused; a proxy gives up on an answer after about as long."""
_MAX_SAMPLES: Final = 20_000_000
_DAY_MS: Final = 86_400_000


def _written(duration: str) -> Any:
    """Return a default as a client writes it, and as the OpenAPI document shows it."""
    return Field(default=duration, validate_default=True)


class BacktestForm(DeferredModel):
    """Rules to test on stored samples.

    Attributes:
        rules: a rule file.
        since: how far back, up to `until`.
        until_ms: the end, by default now.
        interval: of groups that have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    since: Annotated[DurationMs, Field(gt=0, le=3660 * _DAY_MS)] = _written("30d")
    until_ms: Annotated[int, Field(ge=0)] | None = None
    interval: Annotated[DurationMs, Field(ge=1_000)] = _written("1m")


class BacktestAlertDocument(TypedDict):
    """An alert that would have fired; `resolved_ms` is null if it fires at the end."""

    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    active_ms: int
    fired_ms: int
    resolved_ms: int | None


class BacktestRuleDocument(TypedDict):
    """The result of one rule.

    `alerts` lists the first 1,000 of the `fired` ones. `problem` says why the rule failed.
    """

    group: str
    name: str
    type: Literal["alerting", "recording"]
    series: int
    fired: int
    firing_s: float
    problem: str
    alerts: list[BacktestAlertDocument]


class BacktestDocument(TypedDict):
    """The result of a back-test."""

    start_ms: int
    end_ms: int
    rules: list[BacktestRuleDocument]


class RuleBacktests:
    """Runs back-tests, one at a time, in a thread.

    Args:
        samples: the stored samples.
        clock: the time of now.
    """

    def __init__(self, samples: SampleReader, clock: Clock) -> None:
        self._samples, self._clock = samples, clock
        self._running = False

    async def run(self, form: BacktestForm) -> BacktestDocument:
        """Return when each rule would have fired.

        Raises:
            BadRequestError: the rules are invalid, or the test is too large.
            ConflictError: another back-test runs.
        """
        if self._running:
            raise ConflictError("another back-test runs: wait until it is done")
        until_ms = self._clock() if form.until_ms is None else form.until_ms
        span = BacktestRange(until_ms - form.since, until_ms, form.interval)
        self._running, cancelled = True, threading.Event()
        try:
            results = await asyncio.to_thread(self._results, form.rules, span, cancelled)
        except RuleFileError as exc:
            raise BadRequestError(f"rules: {exc}", field="rules") from exc
        except BacktestTooLargeError as exc:
            raise BadRequestError(f"since: {exc}", field="since") from exc
        finally:
            cancelled.set()
            self._running = False
        return {
            "start_ms": span.start_ms,
            "end_ms": span.end_ms,
            "rules": [_rule_document(each) for each in results],
        }

    def _results(
        self, rules: str, span: BacktestRange, cancelled: threading.Event
    ) -> list[RuleBacktest]:
        groups = parse_rule_file(rules, Path("rules"), parse)
        deadline_s = time.monotonic() + _LONGEST_S

        def stopping() -> str:
            if cancelled.is_set():
                return "the client has gone"
            if time.monotonic() > deadline_s:
                return f"it takes longer than {_LONGEST_S:g} s: test a shorter time or fewer rules"
            return ""

        return asyncio.run(Backtest(groups, span, self._samples, _engine, stopping=stopping).run())


def _engine(samples: SampleReader, step_ms: int) -> ImmediateEngine:
    settings = EngineSettings(
        timeout_s=_LONGEST_S, max_samples=_MAX_SAMPLES, threads=1, default_step_ms=step_ms
    )
    return ImmediateEngine(samples, settings)


def _rule_document(result: RuleBacktest) -> BacktestRuleDocument:
    return {
        "group": result.group,
        "name": result.name,
        "type": "alerting" if result.is_alerting else "recording",
        "series": result.series,
        "fired": result.fired,
        "firing_s": result.firing_ms / 1000,
        "problem": result.problem,
        "alerts": [_alert_document(each) for each in result.alerts],
    }


def _alert_document(alert: FiredInTest) -> BacktestAlertDocument:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "value": finite(alert.value),
        "active_ms": alert.active_ms,
        "fired_ms": alert.fired_ms,
        "resolved_ms": alert.resolved_ms,
    }


class BacktestApi:
    """Back-tests as JSON."""

    def __init__(self, backtests: RuleBacktests) -> None:
        self._backtests = backtests

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        operation = Operation("alerts", BacktestDocument, BacktestForm, errors=(409,))
        path = "/api/rules/backtest"
        return (
            Route("POST", path, self.backtest, Access.EDITOR, Surface.JSON, operation=operation),
        )

    async def backtest(self, request: web.Request) -> web.Response:
        """Say when rules would have fired on the stored samples."""
        return json_response(await self._backtests.run(await read_json(request, BacktestForm)))

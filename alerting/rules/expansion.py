"""Expands the templates of a rule: at once if they are simple, else bounded.

A template that runs a query is expanded up to the query; the query runs in the engine, and
the template is expanded again with its result. Templates that take long move to a thread.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from alerting.errors import RuleEvaluationError
from alerting.evaluation.queries import instant_vector
from alerting.rules.definitions import ALERT_NAME, AlertingRule, Templates
from alerting.rules.quick_templates import QuickData
from alerting.rules.templates import NO_LABELS, Template, TemplateData
from alerting.templates.budget import IN_THREAD, ON_LOOP
from alerting.templates.expansion import Expansion, QueryNeededError
from alerting.templates.functions.prometheus import query_result
from alerting.templates.values.values import LimitExceededError, SliceValue
from model.labels import METRIC_NAME, Labels
from model.limits import LimitName, Refusals
from promql.api import PromQLError, QueryEngine

log = structlog.get_logger(__name__)

MAX_QUERIES = 100
"""The number of different queries of one expansion."""

_MAX_RESULTS = 1_000
_MAX_SAMPLES = 50_000
# Between two looks at other tasks.
_SLICE_S = 0.01

Samples = Sequence[tuple[Labels, float]]


class TemplateExpander:
    """Expands the templates of rules.

    Args:
        engine: answers the queries of templates.
        external_url: the address under which people reach this server.
        external_labels: of this server.
        refusals: counts the templates that exceed a limit.
    """

    def __init__(
        self,
        engine: QueryEngine,
        external_url: str = "",
        external_labels: Labels = NO_LABELS,
        refusals: Refusals | None = None,
    ) -> None:
        self._engine, self._refusals = engine, refusals or Refusals()
        self._external_url, self._external_labels = external_url, external_labels

    async def alert_labels(self, rule: AlertingRule, samples: Samples, now_ms: int) -> list[Labels]:
        """Return the labels of the alert of each series of the result."""
        own = await self._expanded(rule.labels, samples, now_ms)
        return [
            Labels.of({**dict(sample.drop({METRIC_NAME})), **texts, ALERT_NAME: rule.name})
            for (sample, _), texts in zip(samples, own, strict=True)
        ]

    async def annotations(self, rule: AlertingRule, samples: Samples, now_ms: int) -> list[Labels]:
        """Return the annotations of the alert of each series of the result."""
        found = await self._expanded(rule.annotations, samples, now_ms)
        return list(map(Labels.with_empty, found))

    async def _expanded(
        self, templates: Templates, samples: Samples, now_ms: int
    ) -> list[dict[str, str]]:
        """Return the texts of all templates for each series."""
        work = _Work(self._engine, now_ms, self._refusals)
        found, slice_end_s = [], time.monotonic() + _SLICE_S
        for labels, value in samples:
            data = QuickData(labels, value, self._external_url, self._external_labels)
            texts = {}
            for name, template in templates.items():
                text = template.quick(data) if template.quick is not None else None
                texts[name] = await work.expanded(template, data) if text is None else text
            found.append(texts)
            if time.monotonic() > slice_end_s:
                await asyncio.sleep(0)
                slice_end_s = time.monotonic() + _SLICE_S
        return found


class _Work:
    """The expansions of one rule at one time; they share the results of queries."""

    def __init__(self, engine: QueryEngine, now_ms: int, refusals: Refusals) -> None:
        self._engine, self._now_ms, self._refusals = engine, now_ms, refusals
        self._results: dict[str, SliceValue | str] = {}

    async def expanded(self, template: Template, quick: QuickData) -> str:
        """Return the text of a template."""
        data = TemplateData(*quick)
        if len(self._results) > _MAX_RESULTS:
            self._results.clear()
        budget, in_thread, queries = ON_LOOP.start(), False, 0
        while True:
            expansion = Expansion(budget, self._now_ms, data.external_url, self._results)
            try:
                if in_thread:
                    return await asyncio.to_thread(template.expand, data, expansion)
                return template.expand(data, expansion)
            except QueryNeededError as exc:
                queries += 1
                if queries > MAX_QUERIES:
                    return self._refused(
                        template, LimitExceededError(LimitName.TEMPLATE_QUERIES, "too many queries")
                    )
                self._results[exc.query] = await self._answer(exc.query)
                budget.restart()
            except LimitExceededError as exc:
                if in_thread:
                    return self._refused(template, exc)
                budget, in_thread = IN_THREAD.start(), True

    def _refused(self, template: Template, error: LimitExceededError) -> str:
        self._refusals.count(error.limit)
        log.warning("template_refused", template=template.name, limit=error.limit, error=str(error))
        return template.failed(error)

    async def _answer(self, query: str) -> SliceValue | str:
        """Return the result of a query, or the text of its error."""
        try:
            vector = await instant_vector(self._engine, query, self._now_ms)
        except RuleEvaluationError:
            return "rule result is not a vector or scalar"
        except PromQLError as exc:
            return str(exc)
        if len(vector.labels) > _MAX_SAMPLES:
            return f"the result has more than {_MAX_SAMPLES} series"
        return query_result(list(zip(vector.labels, vector.values.tolist(), strict=True)))

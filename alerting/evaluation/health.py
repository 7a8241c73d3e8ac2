"""The health of rules, logged when it changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from alerting.errors import AlertingError
from model.clock import Clock
from model.process.worker_threads import drop_tracebacks
from promql.api import PromQLError
from storage.api.errors import StorageError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RuleHealth:
    """The outcome of a rule's last evaluation.

    Attributes:
        error: why it failed, "" if it succeeded.
        evaluated_ms: its time, None before the first.
        duration_ms: how long it took.
    """

    error: str = ""
    evaluated_ms: int | None = None
    duration_ms: int = 0

    @property
    def word(self) -> str:
        """Prometheus's word for it: `ok`, `err` or `unknown`."""
        if self.evaluated_ms is None:
            return "unknown"
        return "err" if self.error else "ok"


class HealthBoard:
    """The health of all rules and groups, by name.

    Args:
        clock: the time of evaluations.
        logs_changes: whether a rule that begins or ends to fail is logged.
    """

    def __init__(self, clock: Clock, *, logs_changes: bool = True) -> None:
        self._clock, self._logs_changes = clock, logs_changes
        self._health: dict[str, RuleHealth] = {}

    def __getitem__(self, rule: str) -> RuleHealth:
        """Return the health of a rule, `unknown` before its first evaluation."""
        return self._health.get(rule, RuleHealth())

    def forget(self, rule: str) -> None:
        """Forget the health of a rule that is removed or replaced."""
        self._health.pop(rule, None)

    @contextmanager
    def watching(self, rule: str, before_ms: int = 0) -> Iterator[None]:
        """Record the outcome of the evaluation in the `with` block, and suppress its errors.

        `before_ms` is how long a part of the evaluation took before the block. Unexpected
        exceptions are suppressed too: one rule must not stop the others.
        """
        started_ms, error = self._clock() - before_ms, ""
        try:
            yield
        except (PromQLError, AlertingError, StorageError) as exc:
            error = str(exc) or type(exc).__name__
            drop_tracebacks(exc)  # of an error that belongs to a query of a batch
        except Exception as exc:
            error = f"{type(exc).__name__}: {exc}"
            if error != self[rule].error:
                log.exception("rule_evaluation_crashed", rule=rule)
        before = self[rule].error
        self._health[rule] = RuleHealth(error, started_ms, self._clock() - started_ms)
        if not self._logs_changes:
            return
        if error and not before:
            log.warning("rule_evaluation_failed", rule=rule, error=error)
        elif before and not error:
            log.info("rule_evaluation_recovered", rule=rule)
